"""How the model is evaluated: metrics and reports."""
