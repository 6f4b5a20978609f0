"""Calibration: whether probabilities mean what they say, and the temperature that helps them to.

Temperature scaling, and the error that measures it: Guo, Pleiss, Sun and Weinberger, "On Calibration of
Modern Neural Networks" (ICML 2017).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from evaluation.arrays import Floats, Ints

BINS = 15
LEAST_TEMPERATURE, MOST_TEMPERATURE = 0.05, 20.0
"""Where a minimum is looked for: scores that are always right would be sharpened for ever."""

_LEAST_SCORE = 1e-12  # whose logarithm still is a number; float32 rounds a softmax's tail to 0


@dataclass(frozen=True, slots=True)
class Bin:
    """Of the images with a probability from `low` to below `high`: how many, their mean, how many are it."""

    low: float
    high: float
    images: int
    mean_probability: float
    share_right: float


def fit_temperature(scores: Floats, truth: Ints, weights: Floats | None = None) -> float:
    """The temperature with the least log loss.

    Logarithms of probabilities are logits up to a constant, which softmax ignores: no logits are needed.

    Args:
        scores: Probabilities, float[N, classes].
        truth: The index of each image's class, int[N].
        weights: What each image counts, float[N]; `prior_weights` make a base rate.

    Returns:
        Above 1 where the model is too sure of itself.
    """
    logits = _logits(scores)

    def loss(log_temperature: float) -> float:
        return _log_loss(logits / np.exp(log_temperature), truth, weights)

    bounds = np.log((LEAST_TEMPERATURE, MOST_TEMPERATURE))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-5}).x))


def apply_temperature(scores: Floats, temperature: float) -> Floats:
    """Probabilities float[N, classes] at another temperature; the order within an image stays."""
    if not temperature > 0:
        raise ValueError(f"a temperature is above 0, not {temperature}")
    scaled: Floats = softmax(_logits(scores) / temperature, axis=1)
    return scaled


def log_loss(scores: Floats, truth: Ints, weights: Floats | None = None) -> float:
    """Of probabilities float[N, classes], natural logarithm; what `fit_temperature` makes least."""
    return _log_loss(_logits(scores), truth, weights)


def _log_loss(logits: Floats, truth: Ints, weights: Floats | None) -> float:
    likelihoods = log_softmax(logits, axis=1)[np.arange(len(truth)), truth]
    return -float(np.average(likelihoods, weights=weights))


def _logits(scores: Floats) -> Floats:
    return np.log(np.maximum(np.asarray(scores, np.float64), _LEAST_SCORE))


def prior_weights(truth: Ints, priors: Sequence[float]) -> Floats:
    """Weights float[N] with which each class has its share of the whole; the mean weight is 1.

    Args:
        truth: The index of each image's class, int[N].
        priors: The share of each class. One that no image is of counts for nothing.
    """
    counts = np.bincount(truth, minlength=len(priors))
    shares = np.where(counts > 0, priors, 0.0)
    weights = shares / shares.sum() * len(truth) / np.maximum(counts, 1)
    chosen: Floats = weights[truth]
    return chosen


def reliability_bins(probability: Floats, is_right: NDArray[np.bool_], bins: int = BINS) -> tuple[Bin, ...]:
    """Images by their probability float[N], in bins of equal width; empty ones are left out."""
    index = _bin_of(probability, bins)
    inside = [(number, index == number) for number in range(bins)]
    return tuple(
        Bin(
            number / bins,
            (number + 1) / bins,
            int(chosen.sum()),
            float(probability[chosen].mean()),
            float(is_right[chosen].mean()),
        )
        for number, chosen in inside
        if chosen.any()
    )


def calibration_error(
    probability: Floats, is_right: NDArray[np.bool_], weights: Floats | None = None, bins: int = BINS
) -> float:
    """ECE: how far mean probability and share right lie apart, on average over bins of equal width."""
    weights = np.ones(len(probability)) if weights is None else weights
    index = _bin_of(probability, bins)
    gaps = np.bincount(index, weights * (np.asarray(probability, np.float64) - is_right), bins)
    return float(np.abs(gaps).sum() / weights.sum())


def _bin_of(probability: Floats, bins: int) -> NDArray[np.intp]:
    return np.minimum((probability * bins).astype(np.intp), bins - 1)
