"""Inspection: the fenced pool looks at files, and says what is in them.

Nothing else in the studio decodes a file: all that people see of one is made of the pixels that come from it.
"""

import asyncio
import io
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datasets.duplicates import Fingerprint, fingerprint_of
from evaluation.metrics import target_of
from logo_detection.artifact import OUT_OF_DOMAIN, Artifact
from logo_detection.classifier import Contrast
from logo_detection.errors import ItemError
from logo_detection.fetch.byte_budget import ByteBudget
from logo_detection.files import held_file
from logo_detection.overlay import draw_overlay
from logo_detection.pool.messages import Explanation, Scored, WorkerConfig
from logo_detection.pool.pool import ScoringPool
from logo_detection.scoring import AHEAD_PER_WORKER, MAX_HELD_BYTES, Input, score_all

PREVIEW_SIDE = 512  # pixels
THUMBNAIL_SIDE = 192
JPEG_QUALITY = 85

Uint8Array = NDArray[np.uint8]
Float32Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Inspected:
    """What is in a file.

    Attributes:
        format: A value of `logo_detection.decode.header.Format`.
        width: As it came, pixels.
        height: Likewise.
        preview: uint8[height, width, 3], of which the longer is PREVIEW_SIDE.
        scores: Probabilities, by the model's labels.
        heat_map: float32[rows, columns], positive where the image looks like the class that was asked for;
            None where none was, or the model has no heat maps.
    """

    format: str
    width: int
    height: int
    preview: Uint8Array
    scores: dict[str, float]
    heat_map: Float32Array | None = None

    @property
    def thumbnail(self) -> Uint8Array:
        """The same picture, of THUMBNAIL_SIDE."""
        height, width, _ = self.preview.shape
        size = tuple(max(1, round(side * THUMBNAIL_SIDE / PREVIEW_SIDE)) for side in (width, height))
        return np.asarray(Image.fromarray(self.preview).resize((size[0], size[1]), Image.Resampling.BOX))

    @property
    def overlay(self) -> bytes | None:
        """The heat map over the picture, a PNG: drawn here, as what a fenced process drew is a stranger's."""
        if self.heat_map is None:
            return None
        return draw_overlay(self.preview.astype(np.float32), self.heat_map)

    @property
    def fingerprint(self) -> Fingerprint | None:
        """What near duplicates are found by."""
        return fingerprint_of(self.thumbnail.astype(np.float32))


def encode_jpeg(pixels: Uint8Array) -> bytes:
    """Pixels as a file for a browser."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()


class Inspector:
    """So many fenced processes with a model, for the length of a `with` block of one thread.

    Args:
        artifact: The model.
        workers: Processes.
        decode_timeout_s: For one file.
        max_file_bytes: Of one file.
    """

    def __init__(
        self, artifact: Artifact, workers: int, decode_timeout_s: float, max_file_bytes: int
    ) -> None:
        config = WorkerConfig(artifact.model_source(), max_image_bytes=max_file_bytes)
        self.model = f"{artifact.name} {artifact.version}"
        self._labels = artifact.labels
        self.target = artifact.labels[target_of(artifact.labels)]
        self._workers = workers
        self._max_file_bytes = max_file_bytes
        self._pool = ScoringPool(config, workers=workers, decode_timeout_s=decode_timeout_s)
        self._loop = asyncio.Runner()
        self._is_started = False
        self._memory = ByteBudget(max(MAX_HELD_BYTES, 2 * max_file_bytes))

    def __enter__(self) -> Self:
        """Nothing is started before there is something to look at."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes."""
        if self._is_started:
            self._loop.run(self._pool.__aexit__())
        self._loop.close()

    def look(self, paths: Sequence[Path], explain: str | None = None) -> list[Inspected | ItemError]:
        """Look at files. Returns what is in each, in their order, or why nobody can tell.

        Args:
            paths: The files.
            explain: A class whose heat maps are asked for: what speaks for it and not for OUT_OF_DOMAIN.

        Raises:
            WorkerStartError: No process comes up.
        """
        if not paths:
            return []
        if not self._is_started:
            self._loop.run(self._pool.__aenter__())
            self._is_started = True
        return self._loop.run(self._look(paths, explain))

    async def _look(self, paths: Sequence[Path], explain: str | None) -> list[Inspected | ItemError]:
        opened = partial(held_file, memory=self._memory, max_bytes=self._max_file_bytes)
        inputs = (Input(path.name, partial(opened, path)) for path in paths)
        ahead = AHEAD_PER_WORKER * self._workers
        contrast = contrast_of(self._pool, self._labels, explain) if explain else None
        results = score_all(inputs, self._pool, ahead=ahead, contrast=contrast, thumbnail_side=PREVIEW_SIDE)
        async with aclosing(results):
            return [inspected_of(result.outcome, self._labels) async for result in results]


def contrast_of(pool: ScoringPool, labels: Sequence[str], target: str) -> Contrast | None:
    """What asks a pool for heat maps of a class; None: it has none to give."""
    if not pool.explains or target not in labels:
        return None
    return Contrast(labels.index(target), labels.index(OUT_OF_DOMAIN))


def inspected_of(outcome: Scored | ItemError, labels: Sequence[str]) -> Inspected | ItemError:
    """What came of a file that was scored with a thumbnail of PREVIEW_SIDE, by a model of such labels."""
    if isinstance(outcome, ItemError):
        return outcome
    shown = outcome.thumbnail
    assert shown is not None  # noqa: S101  it was asked for, and the pool checks what it is sent
    pixels = np.frombuffer(shown.pixels, np.uint8).reshape(shown.height, shown.width, 3)
    scores = dict(zip(labels, outcome.scores, strict=True))
    heat_map = _heat_map(outcome.explanation)
    return Inspected(outcome.format, outcome.width, outcome.height, pixels, scores, heat_map)


def _heat_map(explanation: Explanation | None) -> Float32Array | None:
    return None if explanation is None else np.array(explanation.values, np.float32)
