"""How the model is applied to many files: the classify command."""
