"""The comparison: how much more one model finds than another of the same images, at few false alarms.

Both models' scores are of the very same files, so an image that is hard for one is often hard for the other:
the interval of the difference is narrower than two intervals beside each other suggest.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from datasets.manifest import Example
from evaluation.document import describe_data, read_document
from evaluation.errors import EvaluationError
from evaluation.false_alarms import PairedDifference, paired_differences
from evaluation.metrics import targets_of
from evaluation.outcomes import PARTNER_UNSCORED, Aligned, Outcome, align, read_scores
from evaluation.report import TOGETHER, rounded


@dataclass(frozen=True, slots=True)
class OtherEvaluation:
    """Another model's evaluation of the same files: its document, and its outcomes in the same order."""

    document: dict[str, Any]
    outcomes: Sequence[Outcome]


@dataclass(frozen=True, slots=True)
class ComparedImages:
    """The differences of a target in one recoding, or in all together, by rate of false alarms."""

    target: str
    recoding: str
    differences: tuple[PairedDifference, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A model beside another.

    Attributes:
        name: Of the other model.
        version: Of the other model.
        images: How many both have scored.
        compared: What is found, by target and recoding.
    """

    name: str
    version: str
    images: int
    compared: tuple[ComparedImages, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with four significant digits."""
        values: dict[str, Any] = rounded(asdict(self))
        return values


def read_other(
    path: Path, predictions: Path, examples: Sequence[Example], root: Path, labels: Sequence[str]
) -> OtherEvaluation:
    """Read the results that `logo-evaluate` wrote of another model.

    Args:
        path: Of its `evaluation.json`.
        predictions: Its table of scores, as `read_scores` reads it.
        examples: The files to be evaluated now.
        root: The dataset's folder.
        labels: Of the model to be evaluated now; the other one has these, too.

    Raises:
        EvaluationError: They cannot be read, are of other files, or lack a class.
    """
    document = read_document(path)
    if document["data"]["sha256"] != describe_data(examples)["sha256"]:
        raise EvaluationError(f"{path} is of other files: models are compared on the very same ones")
    return OtherEvaluation(document, read_scores(predictions, examples, root, labels))


def compare(outcomes: Sequence[Outcome], other: OtherEvaluation, labels: Sequence[str]) -> Comparison:
    """Compare what two models find of the images that both have scored.

    Raises:
        EvaluationError: There are none.
    """
    one, another = (align(part, labels) for part in scored_by_both(outcomes, other.outcomes))
    recodings = {name: [name] for name in one.scores}
    if len(recodings) > 1:
        recodings = {TOGETHER: list(recodings)} | recodings
    return Comparison(
        other.document["model"]["name"],
        other.document["model"]["version"],
        len(one.truth),
        tuple(
            ComparedImages(labels[target], recoding, _differences(one, another, target, names))
            for target in targets_of(labels)
            if 0 < (one.truth == target).sum() < len(one.truth)
            for recoding, names in recodings.items()
        ),
    )


def _differences(
    one: Aligned, another: Aligned, target: int, recodings: Sequence[str]
) -> tuple[PairedDifference, ...]:
    times = len(recodings)
    return paired_differences(
        np.concatenate([one.scores[name][:, target] for name in recodings]),
        np.concatenate([another.scores[name][:, target] for name in recodings]),
        np.tile(one.truth == target, times),
        np.tile(one.groups, times),
        times,
    )


def scored_by_both(*outcomes: Sequence[Outcome]) -> tuple[list[Outcome], ...]:
    """The outcomes of each model; what one of them has not scored is unscored in all."""
    whole = [all(one.scores is not None for one in same) for same in zip(*outcomes, strict=True)]
    return tuple(
        [
            one if scored else replace(one, scores=None, error=PARTNER_UNSCORED)
            for one, scored in zip(part, whole, strict=True)
        ]
        for part in outcomes
    )
