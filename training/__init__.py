"""How the model is made: datasets, generators, recipes, training, export."""
