"""Another head on the same features: trained by Spark ML, exported as an artifact."""
