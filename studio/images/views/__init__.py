"""Pages about images."""
