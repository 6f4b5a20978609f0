"""Journeys: what a new user does from the documentation alone, from the first command to the last."""
