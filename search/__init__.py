"""Which recipe is best: many trainings by recipes that differ in a few numbers, compared on folds."""
