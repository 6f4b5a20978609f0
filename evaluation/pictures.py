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
from evaluation.metrics import classify, target_of
from evaluation.outcomes import Outcome
from evaluation.report import AS_IS
from logo_detection.decode.image import load_thumbnail
from logo_detection.errors import ItemError
from logo_detection.files import read_file

PICTURE_SIDE = 192  # pixels
QUALITY = 80
SHOWN = 24
SAMPLES = 20


@dataclass(frozen=True, slots=True)
class Picture:
    """An image with its score; `uri` is a `data:` URI, or None where no picture can be made of it."""

    example: Example
    recoding: str | None
    score: float
    is_wrong: bool
    uri: str | None


@dataclass(frozen=True, slots=True)
class WorstErrors:
    """Others with the highest scores of the target, and the target's images with the lowest."""

    others: tuple[Picture, ...]
    targets: tuple[Picture, ...]


def worst(outcomes: Sequence[Outcome], labels: Sequence[str], shown: int = SHOWN) -> WorstErrors:
    """The worst of the scored files; of one image's recodings the first is looked at."""
    target = target_of(labels)
    first = max((outcome.recoding for outcome in outcomes), default=AS_IS)
    scored = [
        _Scored(outcome, outcome.scores[target], labels[int(classify(np.array([outcome.scores]), labels)[0])])
        for outcome in outcomes
        if outcome.scores is not None and outcome.recoding == first
    ]
    scored.sort(key=lambda one: one.score)
    targets = [one for one in scored if one.outcome.example.label == labels[target]]
    others = [one for one in reversed(scored) if one.outcome.example.label != labels[target]]
    return WorstErrors(tuple(map(_picture, others[:shown])), tuple(map(_picture, targets[:shown])))


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
    scored = [outcome for outcome in outcomes if outcome.scores is not None]
    return tuple(_sample(outcome, labels, pictured) for outcome in sorted(scored, key=_draw_key)[:SAMPLES])


def _draw_key(outcome: Outcome) -> bytes:
    return hashlib.sha256(outcome.example.original.encode()).digest()


def _sample(outcome: Outcome, labels: Sequence[str], pictured: bool) -> SampleImage:
    scores = np.array([outcome.scores])
    predicted = int(classify(scores, labels)[0])
    uri = _uri(outcome.example) if pictured else None
    wrong = labels[predicted] != outcome.example.label
    return SampleImage(
        Picture(outcome.example, None, float(scores[0, predicted]), wrong, uri), labels[predicted]
    )


@dataclass(frozen=True, slots=True)
class _Scored:
    outcome: Outcome
    score: float
    verdict: str


def _picture(scored: _Scored) -> Picture:
    example, recoding = scored.outcome.example, scored.outcome.recoding
    return Picture(
        example,
        None if recoding == AS_IS else recoding,
        scored.score,
        scored.verdict != example.label,
        _uri(example),
    )


def _uri(example: Example) -> str | None:
    try:
        pixels = load_thumbnail(read_file(example.path), PICTURE_SIDE)
    except ItemError:  # it is gone, or TensorFlow reads what Pillow does not
        return None
    out = io.BytesIO()
    Image.fromarray(pixels.round().astype(np.uint8)).save(out, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"
