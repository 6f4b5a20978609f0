"""False alarms: how many targets are found where few of the others may be called so.

Logos are 0.13 to 0.5 % of the uploads. With one false alarm in a hundred others, two thirds to nine tenths of
the alarms are false, so models are chosen by the logos that they find at one and at three in a thousand.

Recall at a rate r of false alarms is the share of targets at or above the lowest threshold that at most a
share r of the others reach. Thresholds are steps of the four decimals that the server answers. Nothing is
interpolated, and a target with the score of another that is left out is left out with it.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.arrays import Bools, Floats, Ints
from evaluation.base_rates import (
    BASE_RATES,
    OperatingPoint,
    Share,
    as_served,
    operating_points,
    share_of,
    step_above,
)
from evaluation.bootstrap import percentile_interval, resamples

FALSE_ALARM_RATES = (0.01, 0.003, 0.001)
CHOOSING_RATES = (0.003, 0.001)
"""Those by which models are compared."""

_ROUNDING = 1e-9  # 0.29 * 100 is a little less than 29


@dataclass(frozen=True, slots=True)
class RatePoint:
    """What is found at a rate of false alarms.

    Attributes:
        false_alarm_rate: At most this share of the others is called the target.
        others: How many other images there are to count false alarms among.
        recall: The share of targets found; `low` and `high` are the bootstrap's, in which the threshold is
            chosen anew in each resample. (Where all are found in each, both are 1: of few images that proves
            little.) None with fewer others than `least_others`.
        point: The threshold, and what it does where logos are rare. None without a recall, and where so many
            others are served as 1 that no threshold leaves them out.
        by_category: The share of its images that are rightly found, or rightly left alone, at the threshold.
        false_alarms_by_category: How many of the false alarms each category makes, if any.
    """

    false_alarm_rate: float
    others: int
    recall: Share | None
    point: OperatingPoint | None
    by_category: Mapping[str, Share]
    false_alarms_by_category: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """How much more one model finds than another of the same images, at a rate of false alarms.

    Attributes:
        false_alarm_rate: Of both, each by its own threshold.
        recall: Of the one.
        other_recall: Of the other.
        by: The difference.
        low: Of its interval; both models see the same resamples.
        high: Likewise. Where the interval has 0 in it, the images do not tell which is better.
    """

    false_alarm_rate: float
    recall: float
    other_recall: float
    by: float
    low: float
    high: float


def least_others(rate: float) -> int:
    """How many others it takes to count a rate of false alarms."""
    return math.ceil(1 / rate)


def rate_points(
    scores: Floats,
    is_target: Bools,
    categories: Sequence[str],
    groups: Ints,
    recodings: int = 1,
    base_rates: Sequence[float] = BASE_RATES,
) -> tuple[RatePoint, ...]:
    """What is found at each of FALSE_ALARM_RATES.

    Args:
        scores: The target's probabilities, float[N].
        is_target: Which images are the target's, bool[N]; some are, some not.
        categories: Of the images.
        groups: The number of each image's group, int[N]: `evaluation.bootstrap` draws them together.
        recodings: How often each image is among them; its recodings are of one group.
        base_rates: Of the target among uploads.
    """
    served = as_served(scores)
    found = np.concatenate([recalls(served, is_target, counts) for counts in resamples(is_target, groups)])
    intervals = zip(*percentile_interval(found), strict=True)
    others = int((~is_target).sum()) // recodings
    return tuple(
        _rate_point(served, is_target, categories, rate, others, (float(low), float(high)), base_rates)
        if others >= least_others(rate)
        else RatePoint(rate, others, None, None, {}, {})
        for rate, (low, high) in zip(FALSE_ALARM_RATES, intervals, strict=True)
    )


def _rate_point(
    served: Floats,
    is_target: Bools,
    categories: Sequence[str],
    rate: float,
    others: int,
    interval: tuple[float, float],
    base_rates: Sequence[float],
) -> RatePoint:
    falling = np.sort(served[~is_target])[::-1]
    threshold = float(step_above(falling[_allowed(rate, len(falling))]))
    if threshold > 1:
        return RatePoint(rate, others, Share(0.0, *interval, 0, int(is_target.sum())), None, {}, {})
    (point,) = operating_points(served, is_target, [threshold], base_rates)
    recall = Share(point.recall.share, *interval, point.recall.count, point.recall.of)
    called = served >= threshold
    right = _counted(categories, called == is_target)
    false = _counted(categories, called & ~is_target)
    return RatePoint(
        rate,
        others,
        recall,
        point,
        {name: share_of(right[name], of) for name, of in sorted(Counter(categories).items())},
        dict(false.most_common()),
    )


def _counted(categories: Sequence[str], chosen: Bools) -> Counter[str]:
    return Counter(name for name, is_chosen in zip(categories, chosen, strict=True) if is_chosen)


def _allowed(rate: float, others: int) -> int:
    """How many of the others may be called the target."""
    return math.floor(rate * others + _ROUNDING)


def paired_differences(
    scores: Floats, other_scores: Floats, is_target: Bools, groups: Ints, recodings: int = 1
) -> tuple[PairedDifference, ...]:
    """By how much recall differs between two models' scores, float[N] each, of the same images.

    At those of FALSE_ALARM_RATES for which there are others enough; the arguments are those of `rate_points`.
    """
    pair = as_served(scores), as_served(other_scores)
    once = np.ones((1, len(is_target)), np.int64)
    recall, other_recall = (recalls(served, is_target, once)[0] for served in pair)
    by = np.concatenate(
        [
            recalls(pair[0], is_target, counts) - recalls(pair[1], is_target, counts)
            for counts in resamples(is_target, groups)
        ]
    )
    columns = (recall, other_recall, recall - other_recall, *percentile_interval(by))
    others = int((~is_target).sum()) // recodings
    return tuple(
        PairedDifference(rate, *values)
        for rate, *values in zip(FALSE_ALARM_RATES, *(column.tolist() for column in columns), strict=True)
        if others >= least_others(rate)
    )


def recalls(served: Floats, is_target: Bools, counts: Ints) -> Floats:
    """Recall at each of FALSE_ALARM_RATES in each resample.

    Args:
        served: The target's probabilities, float[N], as served.
        is_target: bool[N].
        counts: How often each image is in each resample, int[resamples, N]; in each are some targets and
            some others.

    Returns:
        float64[resamples, rates].
    """
    falling = np.argsort(-served, kind="stable")
    targets, others = falling[is_target[falling]], falling[~is_target[falling]]
    found = np.pad(counts[:, targets].cumsum(axis=1), ((0, 0), (1, 0)))  # by the targets that are called so
    false = counts[:, others].cumsum(axis=1)
    rows = np.arange(len(counts))
    columns = []
    for rate in FALSE_ALARM_RATES:
        allowed = np.floor(rate * false[:, -1] + _ROUNDING)
        left_out = served[others[(false > allowed[:, None]).argmax(axis=1)]]  # the highest other that is
        called = np.searchsorted(-served[targets], -left_out, side="left")  # targets with a higher score
        columns.append(found[rows, called] / found[:, -1])
    return np.stack(columns, axis=1)
