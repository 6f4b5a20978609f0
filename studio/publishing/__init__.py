"""Publishing: a run's model becomes an artifact version through the gate, and one version is active."""
