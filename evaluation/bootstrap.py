"""The bootstrap: how much a number would change, had other images of the same kinds been drawn.

Efron and Tibshirani, "An Introduction to the Bootstrap" (1993): images are drawn anew, with replacement, from
those that there are; the 2.5 % and 97.5 % percentiles of the number over all such draws are its interval.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from evaluation.arrays import Bools, Floats, Ints
from evaluation.base_rates import CONFIDENCE

RESAMPLES = 1_000
SEED = 20_260_113  # any number; the same one, so that an evaluation can be repeated
CELLS = 200_000
"""The most numbers of a block of resamples: larger ones miss the processor's cache."""


def resamples(is_target: Bools, groups: Ints) -> Iterator[NDArray[np.int64]]:
    """How often each image is in each resample: blocks of int64[some, N], RESAMPLES rows in all.

    Targets and others are drawn apart, each as many groups as they have. The images of a group (a brand, a
    photographer, the recodings of one picture) are alike, so they are drawn together.

    Args:
        is_target: Of the images, bool[N].
        groups: The number of each image's group, int[N].
    """
    pairs, group_of = np.unique(np.stack([is_target, groups]), axis=1, return_inverse=True)
    group_of = group_of.reshape(-1)
    count, others = pairs.shape[1], int((pairs[0] == 0).sum())  # the others' groups come before the targets'
    rng = np.random.default_rng(SEED)
    rows = max(1, CELLS // len(groups))
    for start in range(0, RESAMPLES, rows):
        shape = (min(rows, RESAMPLES - start), count)
        drawn = np.empty(shape, np.int64)
        drawn[:, :others] = rng.integers(0, others, (shape[0], others))
        drawn[:, others:] = rng.integers(others, count, (shape[0], count - others))
        drawn += np.arange(shape[0])[:, None] * count
        counts = np.bincount(drawn.ravel(), minlength=shape[0] * count).reshape(shape)
        yield counts[:, group_of]


def percentile_interval(values: Floats) -> tuple[Floats, Floats]:
    """Low and high of each column of float[RESAMPLES, ...]."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, (tail, 1 - tail), axis=0)
    return low, high
