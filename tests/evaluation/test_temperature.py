"""A temperature is kept where it helps on images that it was not fitted on, and nowhere else."""

import numpy as np
import pytest
from scipy.special import softmax

from evaluation.calibration import apply_temperature
from evaluation.temperature import TemperatureChoice, choose_temperature

LABELS = ("out_of_domain", "a", "b")
EQUAL = (1 / 3, 1 / 3, 1 / 3)


def honest(images: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores that mean what they say, and the truth."""
    rng = np.random.default_rng(seed)
    scores = softmax(rng.normal(scale=2, size=(images, 3)), axis=1)
    return scores, (rng.random((images, 1)) > scores.cumsum(axis=1)).sum(axis=1)


def choose(scores: np.ndarray, truth: np.ndarray, groups: np.ndarray | None = None) -> TemperatureChoice:
    groups = np.arange(len(truth)) if groups is None else groups
    return choose_temperature(scores, truth, LABELS, EQUAL, groups)


def test_scores_that_are_too_sure_are_cooled_down() -> None:
    scores, truth = honest(2_000, 1)
    chosen = choose(apply_temperature(scores, 0.4), truth)
    assert chosen.temperature == pytest.approx(2.5, rel=0.1)
    assert chosen.error_after < chosen.error_before / 2


def test_few_scores_that_mean_what_they_say_are_mostly_left_alone() -> None:
    choices = [choose(*honest(40, seed)) for seed in range(20)]
    assert sum(chosen.temperature == 1 for chosen in choices) > 10
    assert all(chosen.error_after < chosen.error_before for chosen in choices if chosen.temperature != 1)


def test_images_of_one_group_are_in_one_fold() -> None:
    """Of four images twenty copies: a temperature that is fitted on a copy helps the others, no more."""
    scores = np.tile(softmax([[0, 2, 0], [0, 0, 2], [2, 0, 0], [0, 2, 0]], axis=1), (20, 1))
    truth, groups = np.tile([1, 2, 0, 2], 20), np.tile(np.arange(4), 20)
    assert choose(scores, truth, groups).temperature == 1
    assert choose(scores, truth).temperature != 1


def test_one_group_alone_shows_nothing() -> None:
    scores, truth = honest(10, 3)
    chosen = choose(scores, truth, np.zeros(10, int))
    assert chosen == TemperatureChoice(1.0, chosen.error_before, chosen.error_before)
