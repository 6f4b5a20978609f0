"""Base rates: what a threshold is worth where logos are rare.

A test set is a third or a half logos; of the uploads to Commons 0.13 to 0.5 % are. Of all that is measured,
only two shares carry over from the one to the other: how many logos are found (recall), and how many of the
other images are called logos (false alarms). Precision follows from them and the base rate.

What is here is as coarse as the second share: at 0.13 %, one false alarm in a thousand others makes almost
every second alarm a false one, and a thousand others are what a test set has. So every share has its
interval, and every precision its range.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from evaluation.arrays import Bools, Floats

BASE_RATES = (0.0013, 0.003, 0.005)
"""Shares of logos among uploads to Commons: UploadWizard, mobile, and cross-wiki (Phabricator T368167)."""

REPORTED_THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
PRECISIONS = (0.1, 0.25, 0.5)
"""From "one alarm in ten is right" to "every second one is"."""

CONFIDENCE = 0.95
PER_UPLOADS = 100_000
DECIMALS = 4
STEP = 10**-DECIMALS
"""Between thresholds that are tried: the server's answers have four decimals."""


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of`, and the interval in which the true share lies with 95 % confidence."""

    share: float
    low: float
    high: float
    count: int
    of: int


@dataclass(frozen=True, slots=True)
class Alarms:
    """What a threshold does at a base rate.

    Attributes:
        base_rate: The share of logos among the uploads.
        precision: The share of alarms that are right; 1 where no false one was counted, which proves little.
        precision_low: The same with the least recall and the most false alarms that the intervals allow.
        precision_high: The other way round.
        true_alarms: Logos found, per 100,000 uploads.
        false_alarms: Others called logos, per 100,000 uploads.
        false_alarms_high: The most of these that the interval allows.
    """

    base_rate: float
    precision: float
    precision_low: float
    precision_high: float
    true_alarms: float
    false_alarms: float
    false_alarms_high: float


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A threshold: the logos it finds, what it takes for logos, and what that means at each base rate."""

    threshold: float
    recall: Share
    false_alarms: Share
    at: tuple[Alarms, ...]


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a goal is reached: the threshold, and the share of logos found there."""

    threshold: float
    recall: float


@dataclass(frozen=True, slots=True)
class Goal:
    """The lowest threshold with a precision at a base rate.

    Attributes:
        base_rate: The share of logos among the uploads.
        precision: What is to be reached.
        measured: Where it is reached as counted; None if nowhere.
        assured: Where even `precision_low` reaches it; None if nowhere, often for want of images.
    """

    base_rate: float
    precision: float
    measured: Reached | None
    assured: Reached | None


def interval(count: Any, of: int) -> tuple[Floats, Floats]:
    """The exact 95 % interval of a share, of Clopper and Pearson (Biometrika 26, 1934).

    Where none or all were counted, the one-sided bound: about 3/n, the "rule of three" of Hanley and
    Lippman-Hand (JAMA 249, 1983).

    Args:
        count: int, or int[N].
        of: At least 1.

    Returns:
        Low and high, of count's shape.
    """
    count = np.asarray(count)
    tail = (1 - CONFIDENCE) / 2
    one_sided = (1 - CONFIDENCE) ** (1 / of)
    low = stats.beta.ppf(tail, np.maximum(count, 1), of - count + 1)
    high = stats.beta.ppf(1 - tail, count + 1, np.maximum(of - count, 1))
    low = np.where(count == 0, 0.0, np.where(count == of, one_sided, low))
    high = np.where(count == of, 1.0, np.where(count == 0, 1 - one_sided, high))
    return low, high


def share_of(count: int, of: int) -> Share:
    """A share with its interval; `of` is at least 1."""
    low, high = interval(count, of)
    return Share(count / of, float(low), float(high), count, of)


def precision_at(base_rate: float, recall: Any, false_alarms: Any) -> Any:
    """The share of alarms that are right (Bayes); 1 where there are none. Floats, or float[N]."""
    true, false = base_rate * np.asarray(recall), (1 - base_rate) * np.asarray(false_alarms)
    with np.errstate(invalid="ignore"):
        return np.where(true + false > 0, true / (true + false), 1.0)


def convert(probability: Any, calibrated_at: float, base_rate: float) -> Any:
    """What a probability that holds at one base rate is at another.

    Saerens, Latinne and Decaestecker, "Adjusting the outputs of a classifier to new a priori probabilities"
    (Neural Computation 14, 2002). It takes logos to look alike at both, and others too.

    Args:
        probability: Of the class, float or float[N], 0..1.
        calibrated_at: The base rate at which it holds, between 0 and 1.
        base_rate: The base rate at hand, between 0 and 1.
    """
    if not (0 < calibrated_at < 1 and 0 < base_rate < 1):
        raise ValueError("a base rate lies between 0 and 1")
    probability = np.asarray(probability, np.float64)
    is_it = probability * base_rate / calibrated_at
    is_other = (1 - probability) * (1 - base_rate) / (1 - calibrated_at)
    return is_it / (is_it + is_other)


def operating_points(
    scores: Floats,
    is_target: Bools,
    thresholds: Iterable[float] = REPORTED_THRESHOLDS,
    base_rates: Sequence[float] = BASE_RATES,
) -> tuple[OperatingPoint, ...]:
    """What each threshold does to scores float[N] of which bool[N] are the target's; some are, some not."""
    served = as_served(scores)
    return tuple(_point(served, is_target, threshold, base_rates) for threshold in thresholds)


def as_served(scores: Floats) -> Floats:
    """Scores as the server answers them, float64[N]: a caller compares these with a threshold."""
    served: Floats = np.round(np.asarray(scores, np.float64), DECIMALS)
    return served


def step_above(scores: Floats) -> Floats:
    """The lowest threshold that leaves out an image with such a score, as the server answers it."""
    above: Floats = np.round(scores + STEP, DECIMALS)
    return above


def _point(scores: Floats, is_target: Bools, threshold: float, base_rates: Sequence[float]) -> OperatingPoint:
    called = scores >= threshold
    recall = share_of(int(called[is_target].sum()), int(is_target.sum()))
    false_alarms = share_of(int(called[~is_target].sum()), int((~is_target).sum()))
    return OperatingPoint(
        threshold, recall, false_alarms, tuple(_alarms(rate, recall, false_alarms) for rate in base_rates)
    )


def _alarms(base_rate: float, recall: Share, false_alarms: Share) -> Alarms:
    return Alarms(
        base_rate=base_rate,
        precision=float(precision_at(base_rate, recall.share, false_alarms.share)),
        precision_low=float(precision_at(base_rate, recall.low, false_alarms.high)),
        precision_high=float(precision_at(base_rate, recall.high, false_alarms.low)),
        true_alarms=PER_UPLOADS * base_rate * recall.share,
        false_alarms=PER_UPLOADS * (1 - base_rate) * false_alarms.share,
        false_alarms_high=PER_UPLOADS * (1 - base_rate) * false_alarms.high,
    )


def goals(
    scores: Floats,
    is_target: Bools,
    precisions: Sequence[float] = PRECISIONS,
    base_rates: Sequence[float] = BASE_RATES,
) -> tuple[Goal, ...]:
    """The lowest threshold for each precision, at each base rate."""
    served = as_served(scores)
    candidates = _candidates(served[~is_target])
    found, wrong = _called(served[is_target], candidates), _called(served[~is_target], candidates)
    candidates, found, wrong = candidates[found > 0], found[found > 0], wrong[found > 0]
    targets, others = int(is_target.sum()), int((~is_target).sum())
    least, most = interval(found, targets)[0], interval(wrong, others)[1]

    def lowest(reached: Bools) -> Reached | None:
        index = int(reached.argmax())
        return Reached(float(candidates[index]), float(found[index] / targets)) if reached.any() else None

    return tuple(
        Goal(
            rate,
            precision,
            measured=lowest(precision_at(rate, found / targets, wrong / others) >= precision),
            assured=lowest(precision_at(rate, least, most) >= precision),
        )
        for rate in base_rates
        for precision in precisions
    )


def _called(scores: Floats, thresholds: Floats) -> NDArray[np.intp]:
    """How many of the scores reach each threshold."""
    return len(scores) - np.searchsorted(np.sort(scores), thresholds, side="left")


def _candidates(others: Floats) -> Floats:
    """The steps above each score, and 0: between two of these, precision only falls."""
    candidates = np.unique(np.append(step_above(others), 0.0))
    return candidates[candidates <= 1]
