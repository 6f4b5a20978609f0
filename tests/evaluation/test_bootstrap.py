"""The bootstrap: as many images as there are, groups whole, the same draws each time."""

import numpy as np
import pytest

from evaluation.bootstrap import RESAMPLES, percentile_interval, resamples

IS_TARGET = np.array([True, False, True, False, False, True])
ALONE = np.arange(6)


def drawn(is_target: np.ndarray, groups: np.ndarray) -> np.ndarray:
    return np.concatenate(list(resamples(is_target, groups)))


def test_targets_and_others_are_drawn_apart_with_replacement() -> None:
    counts = drawn(IS_TARGET, ALONE)
    assert counts.shape == (RESAMPLES, 6)
    assert (counts[:, IS_TARGET].sum(axis=1) == 3).all()
    assert (counts[:, ~IS_TARGET].sum(axis=1) == 3).all()
    assert counts.max() == 3
    np.testing.assert_allclose(counts.mean(axis=0), 1, atol=0.1)


def test_images_of_a_group_are_drawn_together() -> None:
    counts = drawn(IS_TARGET, np.array([7, 7, 7, 1, 2, 0]))
    np.testing.assert_array_equal(counts[:, 0], counts[:, 2])
    assert (counts[:, 0] != counts[:, 1]).any()  # the one is a target, the other is none
    assert (counts[:, [0, 5]].sum(axis=1) == 2).all()


def test_the_draws_are_the_same_each_time_and_differ_among_each_other() -> None:
    many = np.arange(1000) % 3 == 0
    counts = drawn(many, np.arange(1000))
    np.testing.assert_array_equal(counts, drawn(many, np.arange(1000)))
    assert len(np.unique(counts, axis=0)) == RESAMPLES


def test_an_interval_leaves_out_a_fortieth_on_either_side() -> None:
    low, high = percentile_interval(np.stack([np.arange(1001.0), np.zeros(1001)], axis=1))
    assert low.tolist() == pytest.approx([25, 0])
    assert high.tolist() == pytest.approx([975, 0])
