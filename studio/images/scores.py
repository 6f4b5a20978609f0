"""Scores: the numbers by which images are filtered and ordered, as they follow from probabilities."""

from collections.abc import Mapping
from dataclasses import dataclass

from logo_detection.artifact import OUT_OF_DOMAIN
from studio.images.models import UNKNOWN, Image


@dataclass(frozen=True, slots=True)
class Numbers:
    """See `studio.images.models.Image`."""

    score: float
    uncertainty: float
    disagreement: float


def numbers_of(scores: Mapping[str, float], label: str | None) -> Numbers:
    """The numbers of an image with these probabilities by class, and this label.

    What a model does not say of, as of a class that it does not know, is UNKNOWN.
    """
    if not scores:
        return Numbers(UNKNOWN, UNKNOWN, UNKNOWN)
    score = 1 - scores[OUT_OF_DOMAIN] if OUT_OF_DOMAIN in scores else UNKNOWN
    return Numbers(score, 1 - max(scores.values()), disagreement_of(scores, label))


def disagreement_of(scores: Mapping[str, float], label: str | None) -> float:
    """How much a model speaks against a label."""
    return 1 - scores[label] if label is not None and label in scores else UNKNOWN


def set_numbers(image: Image, scores: Mapping[str, float], label: str | None) -> None:
    """Give an image, which is not saved by it, the numbers that follow."""
    numbers = numbers_of(scores, label)
    image.score, image.uncertainty, image.disagreement = (
        numbers.score,
        numbers.uncertainty,
        numbers.disagreement,
    )
