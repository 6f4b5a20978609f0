"""Picture features: what a model's backbone and a glance tell of each image, in one pass of the fenced pool.

    Example -> a worker -> features, size, fingerprint; or the code of an error

Only workers decode: a fingerprint is made of the pixels of a thumbnail that a worker sends.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from datasets.duplicates import READ_SIDE, Fingerprint, fingerprint_of
from datasets.manifest import Example
from logo_detection.artifact import Artifact
from logo_detection.errors import ItemError
from logo_detection.fetch.byte_budget import ByteBudget
from logo_detection.files import MAX_FILE_BYTES, held_file
from logo_detection.pool.messages import Scored, Thumbnail, WorkerConfig
from logo_detection.pool.pool import ScoringPool
from logo_detection.scoring import (
    AHEAD_PER_WORKER,
    DECODE_TIMEOUT_S,
    MAX_HELD_BYTES,
    Input,
    Result,
    score_all,
)


@dataclass(frozen=True, slots=True)
class PictureFeatures:
    """What is known of an image that could be read.

    Attributes:
        features: What the model's head is given, float32[width].
        width: Of the image as it came, pixels.
        height: Likewise.
        fingerprint: To compare it with others; None where it shows nothing.
    """

    features: NDArray[np.float32]
    width: int
    height: int
    fingerprint: Fingerprint | None


@dataclass(frozen=True, slots=True)
class Picture:
    """An image, and what a worker saw in it; or the code of its error."""

    example: Example
    seen: PictureFeatures | None
    error: str | None


def read_pictures(
    artifact: Artifact,
    examples: Sequence[Example],
    workers: int,
    each: Callable[[], object] = lambda: None,
) -> list[Picture]:
    """Read images, in their order.

    Args:
        artifact: Its backbone makes the features.
        examples: The images.
        workers: Processes that read.
        each: Called when one more image is done.

    Raises:
        HeadNotFound: The model has no features to give.
        WorkerStartError: No worker comes up.
    """
    return asyncio.run(_read_all(artifact, examples, workers, each))


async def _read_all(
    artifact: Artifact, examples: Sequence[Example], workers: int, each: Callable[[], object]
) -> list[Picture]:
    memory, found = ByteBudget(MAX_HELD_BYTES), list[Picture]()
    inputs = [
        Input(str(example.path), partial(held_file, example.path, memory=memory)) for example in examples
    ]
    config = WorkerConfig(replace(artifact.model_source(), embed=True), max_image_bytes=MAX_FILE_BYTES)
    async with ScoringPool(config, workers=workers, decode_timeout_s=DECODE_TIMEOUT_S) as pool:
        scoring = score_all(inputs, pool, ahead=AHEAD_PER_WORKER * workers, thumbnail_side=READ_SIDE)
        async with aclosing(scoring) as results:
            async for result in results:
                found.append(_picture(examples[len(found)], result))
                each()
    return found


def _picture(example: Example, result: Result) -> Picture:
    if isinstance(result.outcome, ItemError):
        return Picture(example, None, result.outcome.code)
    return Picture(example, _seen(result.outcome), None)


def _seen(scored: Scored) -> PictureFeatures:
    shown = _fingerprint(scored.thumbnail) if scored.thumbnail else None
    return PictureFeatures(np.frombuffer(scored.features, "<f4"), scored.width, scored.height, shown)


def _fingerprint(thumbnail: Thumbnail) -> Fingerprint | None:
    shape = (thumbnail.height, thumbnail.width, 3)
    return fingerprint_of(np.frombuffer(thumbnail.pixels, np.uint8).reshape(shape).astype(np.float32))
