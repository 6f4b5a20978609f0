"""Work: what takes long, and is done by the runner: rows that are claimed, told of, and finished."""
