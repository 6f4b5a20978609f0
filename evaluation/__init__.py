"""How the model is judged: metrics and reports."""
