"""The steps as a chain: from categories or a manifest to a model, evaluated, exported and tried."""
