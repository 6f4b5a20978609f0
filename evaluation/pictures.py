"""Pictures: the images that a model is most wrong about, small enough to stand inside a page.

They are decoded in this process. What bounds that: only files that a fenced worker has just decoded within
its limits come here, a few dozen of them, through the same gate.
"""

import base64
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from datasets.manifest import Example
from evaluation.metrics import predict_class, target_of
from evaluation.outcomes import Outcome
from evaluation.report import AS_IS
from logo_detection.artifact import OUT_OF_DOMAIN
from logo_detection.decode.image import load_thumbnail
from logo_detection.errors import ItemError
from logo_detection.files import read_file

PICTURE_PIXELS = 192  # pixels
QUALITY = 80
SHOWN = 24
SHOWN_OF_CLASS = 8
"""Of each class beside the target."""

SAMPLES = 20


@dataclass(frozen=True, slots=True)
class Picture:
    """An image with its score.

    Attributes:
        uri: A `data:` URI, or None where no picture can be made of it.
        overlay: Likewise, of the picture with its heat map over it, where there is one.
    """

    example: Example
    recoding: str | None
    score: float
    is_wrong: bool
    uri: str | None
    overlay: str | None = None


@dataclass(frozen=True, slots=True)
class WorstErrors:
    """Others with the highest scores of the target, and the target's images with the lowest."""

    others: tuple[Picture, ...]
    targets: tuple[Picture, ...]


def worst_by_class(outcomes: Sequence[Outcome], labels: Sequence[str]) -> dict[str, WorstErrors]:
    """The worst of each class beside the target and `out_of_domain`; none where there are two classes."""
    if len(labels) == 2:
        return {}
    others = [label for label in labels if label not in (OUT_OF_DOMAIN, labels[target_of(labels)])]
    return {label: worst(outcomes, labels, SHOWN_OF_CLASS, label) for label in others}


def worst(
    outcomes: Sequence[Outcome], labels: Sequence[str], shown: int = SHOWN, label: str | None = None
) -> WorstErrors:
    """The worst of the scored files; of one image's recodings the first is looked at.

    Args:
        outcomes: Of all files.
        labels: Of the model.
        shown: Pictures of either kind, at most.
        label: The class that is looked for; the target by default.
    """
    target = target_of(labels) if label is None else labels.index(label)
    first = max((outcome.recoding for outcome in outcomes), default=AS_IS)
    scored = [(one.scores, one) for one in outcomes if one.scores is not None and one.recoding == first]
    scored.sort(key=lambda pair: pair[0][target])
    targets = [pair for pair in scored if pair[1].example.label == labels[target]]
    others = [pair for pair in reversed(scored) if pair[1].example.label != labels[target]]

    def pictures(pairs: Sequence[tuple[tuple[float, ...], Outcome]]) -> tuple[Picture, ...]:
        return tuple(
            _picture(one, scores[target], predict_class(scores, labels)) for scores, one in pairs[:shown]
        )

    return WorstErrors(pictures(others), pictures(targets))


@dataclass(frozen=True, slots=True)
class SampleImage:
    """An image, its predicted class, and the probability of that class."""

    picture: Picture
    verdict: str


def samples(
    outcomes: Sequence[Outcome], labels: Sequence[str], pictured: bool = True
) -> tuple[SampleImage, ...]:
    """SAMPLES of the scored files, the same ones each time, chosen without a look at their scores.

    Args:
        outcomes: All of them.
        labels: Of the model.
        pictured: Whether their pictures are shown, too.
    """
    scored = [(one.scores, one) for one in outcomes if one.scores is not None]
    scored.sort(key=lambda pair: _random_key(pair[1]))
    return tuple(
        _sample(one, scores, labels, _uri(one.example) if pictured else None)
        for scores, one in scored[:SAMPLES]
    )


def _random_key(outcome: Outcome) -> bytes:
    return hashlib.sha256(outcome.example.original.encode()).digest()


def _sample(
    outcome: Outcome, scores: tuple[float, ...], labels: Sequence[str], uri: str | None
) -> SampleImage:
    predicted = predict_class(scores, labels)
    is_wrong = predicted != outcome.example.label
    picture = Picture(outcome.example, None, scores[labels.index(predicted)], is_wrong, uri)
    return SampleImage(picture, predicted)


def _picture(outcome: Outcome, score: float, predicted: str) -> Picture:
    example = outcome.example
    recoding = None if outcome.recoding == AS_IS else outcome.recoding
    return Picture(example, recoding, score, predicted != example.label, _uri(example))


def _uri(example: Example) -> str | None:
    try:
        pixels = load_thumbnail(read_file(example.path), PICTURE_PIXELS)
    except ItemError:  # it is gone, or TensorFlow reads what Pillow does not
        return None
    return jpeg_uri(Image.fromarray(pixels.round().astype(np.uint8)), QUALITY)


def jpeg_uri(image: Image.Image, quality: int) -> str:
    """An image as a `data:` URI of a JPEG."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
