"""Metrics: how well scores tell logos from everything else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics as sk

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]

THRESHOLD = 0.5
CALIBRATION_BINS = 15


@dataclass(frozen=True, slots=True)
class Recall:
    """How much of a category is called what it is, of how many images."""

    share: float
    images: int


@dataclass(frozen=True, slots=True)
class Metrics:
    """Of one set of scores. Shares are of 1; the threshold is 0.5."""

    images: int
    auc_roc: float
    auc_pr: float
    accuracy: float
    balanced_accuracy: float
    logo_recall: float
    other_recall: float
    calibration_error: float
    recall_by_category: Mapping[str, Recall]


def measure(scores: Floats, is_logo: Bools, categories: Sequence[str]) -> Metrics:
    """Metrics of scores float[N] (probability of a logo) against bool[N], sliced by category.

    Raises:
        ValueError: The three differ in length, or one of the classes is missing.
    """
    if not len(scores) == len(is_logo) == len(categories):
        raise ValueError("as many scores as labels as categories")
    if is_logo.all() or not is_logo.any():
        raise ValueError("both logos and other images are needed")
    called = scores >= THRESHOLD
    correct = called == is_logo
    return Metrics(
        images=len(scores),
        auc_roc=float(sk.roc_auc_score(is_logo, scores)),
        auc_pr=float(sk.average_precision_score(is_logo, scores)),
        accuracy=float(correct.mean()),
        balanced_accuracy=float(sk.balanced_accuracy_score(is_logo, called)),
        logo_recall=float(correct[is_logo].mean()),
        other_recall=float(correct[~is_logo].mean()),
        calibration_error=calibration_error(scores, is_logo),
        recall_by_category=_recall_by_category(correct, categories),
    )


def _recall_by_category(correct: Bools, categories: Sequence[str]) -> dict[str, Recall]:
    names = np.asarray(categories)
    slices = {name: correct[names == name] for name in sorted(set(categories))}
    return {name: Recall(float(part.mean()), len(part)) for name, part in slices.items()}


def calibration_error(scores: Floats, is_logo: Bools, bins: int = CALIBRATION_BINS) -> float:
    """Expected calibration error: how far mean score and share of logos lie apart, over equal-width bins."""
    index = np.minimum((scores * bins).astype(int), bins - 1)
    gaps = np.zeros(bins)
    for bin_index in range(bins):
        inside = index == bin_index
        if inside.any():
            gaps[bin_index] = inside.mean() * abs(
                float(scores[inside].mean()) - float(is_logo[inside].mean())
            )
    return float(gaps.sum())


def flip_rate(first: Floats, second: Floats) -> float:
    """Share of images that two recodings of one file call differently, float[N] each."""
    if first.shape != second.shape:
        raise ValueError("both recodings of every image are needed")
    return float(((first >= THRESHOLD) != (second >= THRESHOLD)).mean())
