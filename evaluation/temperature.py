"""The temperature of a model: chosen so that it helps on images that it was not fitted on.

A temperature that is fitted and measured on the same few images always seems to help. So the images are
divided into FOLDS, each fold is scaled by a temperature that was fitted on the others, and a temperature is
kept only where these cross-fitted probabilities are better.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.arrays import Floats, Ints
from evaluation.calibration import apply_temperature, fit_temperature, log_loss, prior_weights
from evaluation.metrics import balanced_calibration_error

FOLDS, SEED = 5, 0


@dataclass(frozen=True, slots=True)
class TemperatureChoice:
    """A temperature, and what temperatures do to images that they were not fitted on.

    Attributes:
        temperature: Fitted on all images; 1 where the cross-fitted probabilities are no better.
        error_before: ECE, classes weighed equally, of the scores as they are.
        error_after: The same of the cross-fitted probabilities.
    """

    temperature: float
    error_before: float
    error_after: float

    def as_dict(self) -> dict[str, float]:
        """The errors, as a manifest has them."""
        return {"ece_before": self.error_before, "ece_after": self.error_after}


def choose_temperature(
    scores: Floats, truth: Ints, labels: Sequence[str], priors: Sequence[float], groups: Ints
) -> TemperatureChoice:
    """Fit a temperature, and keep it where log loss and calibration error both fall on other images.

    Args:
        scores: Probabilities, float[N, classes].
        truth: The index of each image's class, int[N].
        labels: Of the classes.
        priors: The share of each class at which the probabilities are to hold.
        groups: The number of each image's group, int[N]: a group is in one fold.
    """
    weights = prior_weights(truth, priors)
    crossed = _cross_fitted(scores, truth, weights, groups)
    before, after = (balanced_calibration_error(each, truth, labels) for each in (scores, crossed))
    helps = after < before and log_loss(crossed, truth, weights) < log_loss(scores, truth, weights)
    return TemperatureChoice(fit_temperature(scores, truth, weights) if helps else 1.0, before, after)


def _cross_fitted(scores: Floats, truth: Ints, weights: Floats, groups: Ints) -> Floats:
    """Each fold's probabilities at the temperature of the others; as they are, where there is one fold."""
    folds, scaled = _folds(truth, groups), np.array(scores, np.float64)
    for fold in np.unique(folds) if len(np.unique(folds)) > 1 else ():
        held, rest = folds == fold, folds != fold
        temperature = fit_temperature(scores[rest], truth[rest], weights[rest])
        scaled[held] = apply_temperature(scores[held], temperature)
    return scaled


def _folds(truth: Ints, groups: Ints) -> Ints:
    """The fold of each image, int[N]; of each class the folds have equally many groups, give or take one."""
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    mixed = np.random.default_rng(SEED).random(len(first))  # what is wrong may come in a pattern
    order = np.lexsort((mixed, truth[first]))
    fold_of_group = np.empty(len(order), np.int64)
    fold_of_group[order] = np.arange(len(order)) % FOLDS
    folds: Ints = fold_of_group[group]
    return folds
