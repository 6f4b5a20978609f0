"""How the steps are chained: from categories or a manifest to a model that is judged, exported and tried."""
