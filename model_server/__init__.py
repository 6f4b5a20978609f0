"""How the model is served: settings, schema, admission, KServe, metrics."""
