"""Duplicates: files of the same bytes, and pictures that look the same (near duplicates).

Near duplicates are two pictures of one shape whose thumbnails of 16 × 16 colours correlate and are about as
light. They may not be on both sides of a split.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datasets.manifest import Example
from datasets.parallel import parallel_map
from datasets.progress import Progress
from datasets.splits import Split
from logo_detection.decode.image import load_thumbnail
from logo_detection.decode.spec import Pixels
from logo_detection.errors import ItemError
from logo_detection.files import read_file

READ_SIDE = 128  # pixels: the longer side at which files are read
THUMBNAIL_SIDE = 16  # pixels: the side at which pictures are compared

# Measured on 5,399 logos, flags, photos and screenshots: 684 pairs are within these bounds. Of about a
# hundred that were looked at, each was one picture, its edition in another language, or the next of a series;
# below 0.98 began C and C++, Italy and Mexico. A perceptual hash of 256 bits (pHash) found 547 of the 684. It
# missed symmetric marks, half of whose frequencies are 0, so that the sign of their noise decides over the
# bits; and without the colours it took the flags of France and Mali for one.
MIN_CORRELATION = 0.98
MAX_LEVELS = 16  # of 255, on average
MAX_STRETCH = 0.05  # of the natural logarithm of width / height

MIN_CONTRAST = 8  # levels; flatter pictures (white marks on white) look alike and need not be
BLOCK = 256  # rows compared with all others at a time

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What of a picture is compared: uint8[16 * 16 * 3], and ln(width / height)."""

    colours: NDArray[np.uint8]
    stretch: float


def drop_duplicates(parts: Split, workers: int) -> Split:
    """Drop duplicates from a split.

    Of files with the same bytes one stays, in training if one is there; none if their labels differ. Near
    duplicates of training pictures leave validation.

    Args:
        parts: The split. Its files are read where there are two to compare.
        workers: Processes that read.
    """
    contradictory = _contradictory(chain(parts.training, parts.validation))
    training = _distinct(parts.training, contradictory)
    known = contradictory | {example.sha256 for example in training}
    validation = _distinct(parts.validation, known)
    seen = {index for index, _ in near_duplicates(validation, training, workers)}
    unseen = tuple(example for index, example in enumerate(validation) if index not in seen)
    LOG.info(
        "duplicates: %d files have two labels; %d left training; %d, and %d that look alike, left validation",
        len(contradictory),
        len(parts.training) - len(training),
        len(parts.validation) - len(validation),
        len(seen),
    )
    return Split(training, unseen)


def near_duplicates(left: Sequence[Example], right: Sequence[Example], workers: int) -> list[tuple[int, int]]:
    """Pairs of indices of near duplicates, one on the left and one on the right, in order.

    A picture that cannot be read, or shows nothing, has none.
    """
    if not left or not right:
        return []
    paths = [example.path for example in (*left, *right)]
    found = []
    with Progress("comparing pictures", len(paths), "files") as progress:
        for one in parallel_map(fingerprint, paths, workers):
            found.append(one)
            progress.advance()
    return list(alike(found[: len(left)], found[len(left) :]))


def fingerprint(path: Path) -> Fingerprint | None:
    """The fingerprint of a picture; None if it cannot be read or shows nothing."""
    try:
        return fingerprint_of(load_thumbnail(read_file(path), READ_SIDE))
    except ItemError as error:
        LOG.warning("not compared: %s: %s", path, error)
        return None


def fingerprint_of(pixels: Pixels) -> Fingerprint | None:
    """The fingerprint of a thumbnail, float32[height, width, 3], 0..255; None if it shows nothing."""
    if np.ptp(pixels) < MIN_CONTRAST:
        return None
    picture = Image.fromarray(np.round(pixels).clip(0, 255).astype(np.uint8))
    colours = np.asarray(picture.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX)).ravel()
    return Fingerprint(colours, float(np.log(picture.width / picture.height)))


def _contradictory(examples: Iterable[Example]) -> set[str]:
    """SHA-256 of files that have two labels."""
    labels: dict[str, set[str]] = defaultdict(set)
    for example in examples:
        labels[example.sha256].add(example.label)
    return {digest for digest, of_file in labels.items() if len(of_file) > 1}


def _distinct(examples: Iterable[Example], without: Iterable[str]) -> tuple[Example, ...]:
    """The first of each file, in their order."""
    dropped = set(without)
    kept = []
    for example in examples:
        if example.sha256 not in dropped:
            dropped.add(example.sha256)
            kept.append(example)
    return tuple(kept)


def alike(
    left: Sequence[Fingerprint | None], right: Sequence[Fingerprint | None]
) -> Iterator[tuple[int, int]]:
    """Pairs of indices of near duplicates, one on the left and one on the right, in order; None has none."""
    rows = [(index, known) for index, known in enumerate(left) if known is not None]
    columns = [(index, known) for index, known in enumerate(right) if known is not None]
    if not rows or not columns:
        return
    patterns = _patterns([known for _, known in columns])
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK]
        correlation = _patterns([known for _, known in block]) @ patterns.T
        for row, column in np.argwhere(correlation >= MIN_CORRELATION):
            if _looks_alike(block[row][1], columns[column][1]):
                yield block[row][0], columns[column][0]


def _patterns(pictures: Sequence[Fingerprint]) -> NDArray[np.float32]:
    """float32[N, 768], each without its mean colour and of length 1: their products are correlations."""
    colours = np.stack([known.colours for known in pictures]).reshape(len(pictures), -1, 3).astype(np.float32)
    patterns = (colours - colours.mean(1, keepdims=True)).reshape(len(pictures), -1)
    # What is flat once it is shrunk has length 0, and correlates with nothing.
    length = np.linalg.norm(patterns, axis=1, keepdims=True)
    normal: NDArray[np.float32] = patterns / np.maximum(length, 1)
    return normal


def _looks_alike(left: Fingerprint, right: Fingerprint) -> bool:
    """Whether two pictures of one pattern have the same shape, and much the same colours."""
    levels = np.abs(left.colours.astype(np.int16) - right.colours).mean()
    return bool(levels <= MAX_LEVELS) and abs(left.stretch - right.stretch) <= MAX_STRETCH
