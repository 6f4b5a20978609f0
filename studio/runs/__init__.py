"""Runs: trainings of a version of a data set by a recipe."""
