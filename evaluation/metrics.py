"""Metrics: how well a set of scores tells the classes apart."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn import metrics as sk

from evaluation.arrays import Bools, Floats, Ints
from evaluation.base_rates import (
    BASE_RATES,
    Goal,
    OperatingPoint,
    Share,
    goals,
    operating_points,
    share_of,
)
from evaluation.calibration import Bin, calibration_error, prior_weights, reliability_bins
from logo_detection.artifact import LOGO, OUT_OF_DOMAIN

THRESHOLD = 0.5
SUM_TOLERANCE = 1e-2
"""By how much an image's probabilities may miss 1: rounded scores are accepted."""


@dataclass(frozen=True, slots=True)
class ClassReport:
    """Of one class against all others. The areas are None where every image is, or none is, of the class."""

    precision: float
    recall: float
    f1: float
    support: int
    auc_roc: float | None
    auc_pr: float | None


@dataclass(frozen=True, slots=True)
class ClassThresholds:
    """What a threshold on the probability of one class means, and whether that probability is right.

    Attributes:
        operating_points: As `ScoreMetrics` has them of the target.
        goals: Likewise.
        calibration_error: ECE of this class's probability.
        calibration: Its bins.
    """

    operating_points: tuple[OperatingPoint, ...]
    goals: tuple[Goal, ...]
    calibration_error: float
    calibration: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class ScoreMetrics:
    """Of one set of scores. Shares are of 1; predicted classes are those of `predict_classes`.

    Attributes:
        images: How many.
        accuracy: The share classified rightly.
        balanced_accuracy: The mean recall of the classes.
        precision: Weighted by the classes' images, like the next two.
        recall: Weighted.
        f1: Weighted.
        auc_roc: From probabilities; of the target class, or with more than two classes their mean.
        auc_pr: Likewise; the average precision.
        log_loss: Natural logarithm.
        brier: 0..1: half the squared distance between probabilities and truth.
        calibration_error: ECE over 15 bins of equal width: of the target's probability, or with more than two
            classes of the highest one's.
        balanced_calibration_error: The same with the classes weighed equally, which is the base rate that
            most artifacts are calibrated for.
        calibration: The bins, as the set is.
        classes: By label, in the model's order.
        confusion: Images, a row per true class, a column per predicted class, in the labels' order.
        by_category: The share classified rightly.
        operating_points: What each threshold on the target's probability means where logos are rare.
        goals: The thresholds for a wanted precision.
        by_class: Of each class but `out_of_domain`, where there are more than two classes and the set has
            images of it and of others.
    """

    images: int
    accuracy: float
    balanced_accuracy: float
    precision: float
    recall: float
    f1: float
    auc_roc: float
    auc_pr: float
    log_loss: float
    brier: float
    calibration_error: float
    balanced_calibration_error: float
    calibration: tuple[Bin, ...]
    classes: Mapping[str, ClassReport]
    confusion: tuple[tuple[int, ...], ...]
    by_category: Mapping[str, Share]
    operating_points: tuple[OperatingPoint, ...]
    goals: tuple[Goal, ...]
    by_class: Mapping[str, ClassThresholds] = field(default_factory=dict)


def target_of(labels: Sequence[str]) -> int:
    """The index of the class that is asked for: `logo`, or else the first that is not `out_of_domain`."""
    return targets_of(labels)[0]


def targets_of(labels: Sequence[str]) -> tuple[int, ...]:
    """The classes whose false alarms are counted: `logo`, or else each that is not `out_of_domain`."""
    if LOGO in labels:
        return (labels.index(LOGO),)
    return tuple(index for index, label in enumerate(labels) if label != OUT_OF_DOMAIN)


def predict_class(scores: Sequence[float], labels: Sequence[str]) -> str:
    """The predicted class of one image."""
    return labels[int(predict_classes(np.array([scores]), labels)[0])]


def predict_classes(scores: Floats, labels: Sequence[str]) -> Ints:
    """The predicted class of each image, int[N]: of two the target from 0.5 on, of more the likeliest."""
    if len(labels) > 2:
        likeliest: Ints = scores.argmax(axis=1)
        return likeliest
    target = target_of(labels)
    return np.where(scores[:, target] >= THRESHOLD, target, 1 - target)


def measure(
    scores: Floats,
    truth: Ints,
    labels: Sequence[str],
    categories: Sequence[str],
    base_rates: Sequence[float] = BASE_RATES,
) -> ScoreMetrics:
    """Metrics of probabilities against the truth, sliced by category.

    Args:
        scores: Probabilities, float[N, classes], in the order of the labels.
        truth: The index of each image's label, int[N].
        labels: Of the classes.
        categories: Of the images.
        base_rates: Of a class among uploads.

    Raises:
        ValueError: They do not fit together, a score is no probability, or all images are of one class, or
            all are of the target class or none.
    """
    scores = np.asarray(scores, np.float64)
    _check(scores, truth, labels, categories)
    target = target_of(labels)
    predicted = predict_classes(scores, labels)
    precision, recall, f1 = _weighted(truth, predicted)
    classes = dict(zip(labels, _class_reports(scores, truth, predicted), strict=True))
    right = predicted == truth
    probability, is_it = _calibrated_probability(scores, truth, predicted, target)
    indices = range(len(labels))
    return ScoreMetrics(
        images=len(scores),
        accuracy=float(right.mean()),
        balanced_accuracy=float(np.mean([right[truth == index].mean() for index in np.unique(truth)])),
        precision=precision,
        recall=recall,
        f1=f1,
        auc_roc=_area(scores, truth, sk.roc_auc_score, target),
        auc_pr=_area(scores, truth, sk.average_precision_score, target),
        log_loss=float(sk.log_loss(truth, scores / scores.sum(axis=1, keepdims=True), labels=indices)),
        brier=float(((scores - np.eye(len(labels))[truth]) ** 2).sum(axis=1).mean() / 2),
        calibration_error=calibration_error(probability, is_it),
        balanced_calibration_error=calibration_error(probability, is_it, _equal_weights(truth, labels)),
        calibration=reliability_bins(probability, is_it),
        classes=classes,
        confusion=tuple(tuple(row) for row in sk.confusion_matrix(truth, predicted, labels=indices).tolist()),
        by_category=_by_category(right, categories),
        operating_points=operating_points(scores[:, target], truth == target, base_rates=base_rates),
        goals=goals(scores[:, target], truth == target, base_rates=base_rates),
        by_class=dict(_by_class(scores, truth, labels, base_rates)) if len(labels) > 2 else {},
    )


def _by_class(
    scores: Floats, truth: Ints, labels: Sequence[str], base_rates: Sequence[float]
) -> Iterator[tuple[str, ClassThresholds]]:
    for index, label in enumerate(labels):
        is_it = truth == index
        if label == OUT_OF_DOMAIN or is_it.all() or not is_it.any():
            continue
        probability = scores[:, index]
        thresholds = ClassThresholds(
            operating_points(probability, is_it, base_rates=base_rates),
            goals(probability, is_it, base_rates=base_rates),
            calibration_error(probability, is_it),
            reliability_bins(probability, is_it),
        )
        yield label, thresholds


def balanced_calibration_error(scores: Floats, truth: Ints, labels: Sequence[str]) -> float:
    """`ScoreMetrics.balanced_calibration_error` of probabilities float[N, classes]; see `measure`."""
    predicted = predict_classes(scores, labels)
    probability, is_it = _calibrated_probability(scores, truth, predicted, target_of(labels))
    return calibration_error(probability, is_it, _equal_weights(truth, labels))


def _equal_weights(truth: Ints, labels: Sequence[str]) -> Floats:
    return prior_weights(truth, [1 / len(labels)] * len(labels))


def _check(scores: Floats, truth: Ints, labels: Sequence[str], categories: Sequence[str]) -> None:
    if scores.shape != (len(truth), len(labels)) or len(categories) != len(truth):
        raise ValueError("there must be as many scores as truths as categories, and a score per label")
    if not np.isfinite(scores).all() or (scores < 0).any():
        raise ValueError("a score is a probability")
    if np.abs(scores.sum(axis=1) - 1).max(initial=0) > SUM_TOLERANCE:
        raise ValueError("an image's probabilities sum to 1")
    is_target = np.asarray(truth) == target_of(labels)
    if is_target.all() or not is_target.any():
        raise ValueError(f"images of {labels[target_of(labels)]} and of something else are needed")


def _weighted(truth: Ints, predicted: Ints) -> tuple[float, float, float]:
    precision, recall, f1, _ = sk.precision_recall_fscore_support(
        truth, predicted, average="weighted", zero_division=0
    )
    return float(precision), float(recall), float(f1)


def _class_reports(scores: Floats, truth: Ints, predicted: Ints) -> Iterator[ClassReport]:
    indices = range(scores.shape[1])
    columns = sk.precision_recall_fscore_support(truth, predicted, labels=indices, zero_division=0)
    for index, (precision, recall, f1, support) in enumerate(zip(*columns, strict=True)):
        is_it = truth == index
        both = is_it.any() and not is_it.all()
        yield ClassReport(
            float(precision),
            float(recall),
            float(f1),
            int(support),
            float(sk.roc_auc_score(is_it, scores[:, index])) if both else None,
            float(sk.average_precision_score(is_it, scores[:, index])) if both else None,
        )


def _area(scores: Floats, truth: Ints, area: Any, target: int) -> float:
    """Of two classes the target's, of more the mean of those that occur."""
    is_binary = scores.shape[1] == 2
    indices = [target] if is_binary else np.unique(truth)
    return float(np.mean([area(truth == index, scores[:, index]) for index in indices]))


def _calibrated_probability(
    scores: Floats, truth: Ints, predicted: Ints, target: int
) -> tuple[Floats, Bools]:
    """The probability whose calibration is measured, float[N]; and whether its class is true, bool[N]."""
    if scores.shape[1] == 2:
        return scores[:, target], truth == target
    return scores.max(axis=1), predicted == truth


def _by_category(right: Bools, categories: Sequence[str]) -> dict[str, Share]:
    images = Counter(categories)
    rights = Counter(category for category, is_right in zip(categories, right, strict=True) if is_right)
    return {name: share_of(rights[name], images[name]) for name in sorted(images)}
