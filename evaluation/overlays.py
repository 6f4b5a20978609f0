"""Overlays: the heat maps of the worst errors, over their pictures, by the fenced pool that serves."""

import asyncio
import base64
from collections.abc import Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from evaluation.metrics import target_of
from evaluation.outcomes import results_of
from evaluation.pictures import Picture, WorstErrors, jpeg_uri
from logo_detection.artifact import OUT_OF_DOMAIN, Artifact
from logo_detection.classifier import Contrast
from logo_detection.decode.image import load_thumbnail
from logo_detection.errors import ItemError
from logo_detection.scoring import Result

EXPLAINED = 12
"""Of the worst errors of either kind: each adds a second picture to the page."""

OVERLAY_PIXELS = 160
QUALITY = 70
"""A map is smooth, and its picture stands beside it."""


def add_overlays(worst: WorstErrors, artifact: Artifact, workers: int) -> WorstErrors:
    """The same pictures, the first EXPLAINED of either kind with their overlays.

    A picture whose file cannot be scored now has none, nor has any where the model has no heat maps.

    Args:
        worst: As `pictures.worst` finds them.
        artifact: The model.
        workers: Processes that score.

    Raises:
        WorkerStartError: No worker comes up.
    """
    chosen = [one for kind in (worst.others, worst.targets) for one in kind[:EXPLAINED] if one.uri]
    paths = [one.example.path for one in chosen]
    drawn = dict(zip(paths, asyncio.run(_draw(artifact, paths, workers)), strict=True)) if paths else {}
    return WorstErrors(_with(worst.others, drawn), _with(worst.targets, drawn))


def _with(pictures: Iterable[Picture], drawn: dict[Path, str | None]) -> tuple[Picture, ...]:
    return tuple(replace(one, overlay=drawn.get(one.example.path)) for one in pictures)


async def _draw(artifact: Artifact, paths: Sequence[Path], workers: int) -> list[str | None]:
    contrast = Contrast(target_of(artifact.labels), artifact.labels.index(OUT_OF_DOMAIN))
    async with aclosing(results_of(artifact, paths, min(workers, len(paths)), contrast)) as results:
        return [_uri(result) async for result in results]


def _uri(result: Result) -> str | None:
    if isinstance(result.outcome, ItemError) or result.outcome.explanation is None:
        return None
    pixels = load_thumbnail(base64.b64decode(result.outcome.explanation.overlay), OVERLAY_PIXELS)
    return jpeg_uri(Image.fromarray(pixels.round().astype(np.uint8)), QUALITY)
