"""Trying: one picture, scored by the active model, of which nothing is kept."""
