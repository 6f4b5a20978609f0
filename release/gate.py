"""The gate: which models may be exported, by what `logo-evaluate` found."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from evaluation.false_alarms import FALSE_ALARM_RATES
from evaluation.report import point_at, rate_text
from logo_detection.commands import hint
from release.errors import GateClosed, ThresholdsInvalid

RECALL_RATES = {f"min_recall_at_{1000 * rate:g}_in_1000": rate for rate in FALSE_ALARM_RATES}
"""Rates of false alarms, by the threshold that a model's recall there must reach, if one is given."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a model must reach in every recoding of the hold-out. All are shares, save the number of images.

    By default somewhat less than the shipped model has, so that what fails is worse than what is there.

    Attributes:
        min_balanced_accuracy: The mean recall of the classes.
        min_auc_pr: The average precision, at the hold-out's own share of logos.
        min_recall_at_10_in_1000: Of each target, at one false alarm in a hundred. None: it is not looked at.
        min_recall_at_3_in_1000: At three in a thousand.
        min_recall_at_1_in_1000: At one in a thousand.
        min_class_recall: Of each class.
        max_calibration_error: ECE with the classes weighed equally.
        max_recoding_flips: Images that are not classified the same in all recodings.
        max_unscored: Files of the hold-out that have no score, and so are in none of the other numbers.
        min_class_images: Of each class: with fewer, the numbers say little.

    Raises:
        ThresholdsInvalid: One is no number, or no share.
    """

    min_balanced_accuracy: float = 0.9
    min_auc_pr: float = 0.9
    min_class_recall: float = 0.85
    max_calibration_error: float = 0.1
    max_recoding_flips: float = 0.05
    max_unscored: float = 0.01
    min_class_images: float = 50
    min_recall_at_10_in_1000: float | None = None
    min_recall_at_3_in_1000: float | None = None
    min_recall_at_1_in_1000: float | None = None

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            most = math.inf if name == "min_class_images" else 1
            if value is None and name in RECALL_RATES:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
                raise ThresholdsInvalid(f"thresholds: {name}: {value!r} is not a number from 0 to {most:g}")


def thresholds_of(values: Mapping[str, Any]) -> Thresholds:
    """Those that are given, and of the others the defaults.

    Raises:
        ThresholdsInvalid: There is no threshold of a name, or its value is no share.
    """
    known = [field.name for field in fields(Thresholds)]
    if unknown := sorted(set(values) - set(known)):
        raise ThresholdsInvalid(
            f"thresholds: {unknown[0]} is none of {', '.join(known)}{hint(unknown[0], known)}"
        )
    return Thresholds(**values)


@dataclass(frozen=True, slots=True)
class Finding:
    """A number that the gate looks at, and how far from its threshold it may be.

    Attributes:
        name: With its recoding or class.
        value: None or NaN where it could not be measured, which is a miss.
        least: Or None.
        most: Or None.
    """

    name: str
    value: float | None
    least: float | None = None
    most: float | None = None

    def is_missed(self) -> bool:
        """A number that was not measured reaches nothing."""
        if self.value is None or math.isnan(self.value):
            return True
        return not (self.least is None or self.value >= self.least) or not (
            self.most is None or self.value <= self.most
        )

    def __str__(self) -> str:
        value = "not measured" if self.value is None else f"{self.value:.4g}"
        wanted = f"at least {self.least:g}" if self.least is not None else f"at most {self.most:g}"
        return f"{self.name}: {value}, wanted {wanted}"


def findings(document: Mapping[str, Any], thresholds: Thresholds) -> Iterator[Finding]:
    """All that the gate looks at in an `evaluation.json`."""
    evaluation = document["evaluation"]
    for recoding, metrics in evaluation["by_recoding"].items():
        yield from _of_recoding(recoding, metrics, document["model"]["labels"], thresholds)
    for name, rate in RECALL_RATES.items():
        if (least := getattr(thresholds, name)) is not None:
            yield from _at_rate(evaluation, rate, least)
    if len(evaluation["by_recoding"]) > 1:
        flips = evaluation["recoding_flips"]
        yield Finding("images called otherwise when recoded", flips, most=thresholds.max_recoding_flips)
    unscored = sum(evaluation["unscored"].values()) / document["data"]["files"]
    yield Finding("files without a score", unscored, most=thresholds.max_unscored)


def _at_rate(evaluation: Mapping[str, Any], rate: float, least: float) -> Iterator[Finding]:
    for recoding, targets in evaluation["rate_points_by_recoding"].items():
        for target, points in targets.items():
            recall = point_at(points, rate)["recall"]
            name = f"{target} found at {rate_text(rate)} false alarms ({recoding})"
            yield Finding(name, recall and recall["share"], least=least)


def _of_recoding(
    recoding: str, metrics: Mapping[str, Any], labels: list[str], thresholds: Thresholds
) -> Iterator[Finding]:
    yield Finding(
        f"balanced accuracy ({recoding})",
        metrics["balanced_accuracy"],
        least=thresholds.min_balanced_accuracy,
    )
    yield Finding(f"AUC-PR ({recoding})", metrics["auc_pr"], least=thresholds.min_auc_pr)
    yield Finding(
        f"calibration error ({recoding})",
        metrics["balanced_calibration_error"],
        most=thresholds.max_calibration_error,
    )
    for label in labels:
        found = metrics["classes"][label]
        yield Finding(f"recall of {label} ({recoding})", found["recall"], least=thresholds.min_class_recall)
        images = Finding(
            f"images of {label} ({recoding})", found["support"], least=thresholds.min_class_images
        )
        yield images


def check_thresholds(document: Mapping[str, Any], thresholds: Thresholds) -> list[Finding]:
    """What was looked at, if nothing of it is missed.

    Raises:
        GateClosed: Something is; names each.
    """
    found = list(findings(document, thresholds))
    refuse_missed(f"{document['model']['name']} {document['model']['version']}", found)
    return found


def refuse_missed(model: str, found: Sequence[Finding]) -> None:
    """Raise GateClosed if something of what was found is missed."""
    if missed := [finding for finding in found if finding.is_missed()]:
        lines = "".join(f"\n  {finding}" for finding in missed)
        raise GateClosed(f"the gate is closed to {model}, which misses {len(missed)} of {len(found)}:{lines}")
