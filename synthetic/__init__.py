"""Generated pictures: the kinds that no source of the training set has, drawn from a seed.

Every kind is a function `(Rng) -> RGB image`. The catalogue names them by category and kind, so
that a recipe can hold whole kinds out of training.
"""
