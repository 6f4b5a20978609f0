"""Results: how good a run's model is, what it gets wrong, and what another run's gets right instead."""
