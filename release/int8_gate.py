"""The gate of int8: whether a model in int8 may go out beside itself in f32.

Both models' scores are of the very same images, so what changes is the numbers' doing alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import average_precision_score

from evaluation.arrays import Bools, Floats
from evaluation.bootstrap import percentile_interval, resamples
from evaluation.false_alarms import paired_differences
from evaluation.metrics import predict_classes, targets_of
from evaluation.outcomes import Aligned
from evaluation.report import rate_text
from release.gate import Finding

FALSE_ALARM_RATE = 0.003
"""At which recall is compared."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that int8 may lose, in every recoding of the images.

    Attributes:
        auc_pr: Of the average precision of a target.
        recall: Of the share of a target that is found at FALSE_ALARM_RATE.
        flips: The share of images whose predicted class changes.
    """

    auc_pr: float = 0.001
    recall: float = 0.01
    flips: float = 0.01


@dataclass(frozen=True, slots=True)
class Loss:
    """What a number loses from f32 to int8, and the interval of that loss over resamples of the images."""

    f32: float
    int8: float
    by: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class TargetLosses:
    """The losses of one target in one recoding; no recall where there are too few others to count alarms."""

    target: str
    recoding: str
    auc_pr: Loss
    recall: Loss | None


@dataclass(frozen=True, slots=True)
class Losses:
    """All that is compared, of so many images; flips by recoding."""

    images: int
    targets: tuple[TargetLosses, ...]
    flips: dict[str, float]


def compare_precisions(f32: Aligned, int8: Aligned, labels: Sequence[str]) -> Losses:
    """Compare the scores of the same images in f32 and in int8."""
    return Losses(
        images=len(f32.truth),
        targets=tuple(
            _target_losses(f32, int8, target, labels[target], recoding)
            for target in targets_of(labels)
            for recoding in f32.scores
        ),
        flips={
            recoding: float(
                (predict_classes(scores, labels) != predict_classes(int8.scores[recoding], labels)).mean()
            )
            for recoding, scores in f32.scores.items()
        },
    )


def _target_losses(f32: Aligned, int8: Aligned, target: int, label: str, recoding: str) -> TargetLosses:
    wide, narrow = (each.scores[recoding][:, target] for each in (f32, int8))
    is_target = f32.truth == target
    recalls = [
        Loss(one.other_recall, one.recall, -one.by, -one.high, -one.low)
        for one in paired_differences(narrow, wide, is_target, f32.groups)
        if one.false_alarm_rate == FALSE_ALARM_RATE
    ]
    return TargetLosses(
        label, recoding, _auc_pr_loss(wide, narrow, f32, is_target), recalls[0] if recalls else None
    )


def _auc_pr_loss(wide: Floats, narrow: Floats, images: Aligned, is_target: Bools) -> Loss:
    def lost(counts: Floats | None) -> float:
        of_f32, of_int8 = (
            average_precision_score(is_target, scores, sample_weight=counts) for scores in (wide, narrow)
        )
        return float(of_f32 - of_int8)

    drawn = [
        lost(counts.astype(np.float64)) for some in resamples(is_target, images.groups) for counts in some
    ]
    low, high = percentile_interval(np.array(drawn))
    before, after = (float(average_precision_score(is_target, scores)) for scores in (wide, narrow))
    return Loss(before, after, before - after, float(low), float(high))


def findings(losses: Losses, bounds: Bounds) -> Iterator[Finding]:
    """All that the gate looks at: the losses themselves, whatever their intervals."""
    for one in losses.targets:
        where = f"{one.target} in int8 ({one.recoding})"
        yield Finding(f"AUC-PR lost of {where}", one.auc_pr.by, most=bounds.auc_pr)
        recall = f"recall at {rate_text(FALSE_ALARM_RATE)} false alarms lost of {where}"
        yield Finding(recall, one.recall.by if one.recall else None, most=bounds.recall)
    for recoding, share in losses.flips.items():
        yield Finding(f"images called otherwise in int8 ({recoding})", share, most=bounds.flips)
