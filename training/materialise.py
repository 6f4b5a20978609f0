"""Materialise: from files and drawings to the arrays that training reads, through the server's own decoder.

Every image is written to a file in memory (PNG, JPEG, WebP) and read back with
`logo_detection.image.load_image`, so that a model learns from exactly the pixels it will serve.
"""

import csv
import io
import logging
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass, replace
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image, ImageOps

from logo_detection.errors import ItemError
from logo_detection.image import ImageSpec, load_image
from training.datasets import Example
from training.generators.catalogue import Drawing
from training.generators.chance import seeded
from training.presentation import plainly, present_drawn, present_logo, present_photo, recodings, record

VECTOR_SIDE = 512  # pixels: the longer side of a rendered SVG
PHOTO_SIDE = 1024  # pixels: photos are read at about this size, which is all that 224 can show

IMAGES = "images.npy"
TABLE = "rows.csv"
LOG = logging.getLogger(__name__)

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Task:
    """One row to make: a picture in its `variant`-th presentation, or (variant -1) as it is."""

    picture: Example | Drawing
    variant: int
    seed: int


@dataclass(frozen=True, slots=True)
class Row:
    """What a row of the arrays shows."""

    label: str
    category: str
    source: str
    name: str
    recoding: str


@dataclass(frozen=True, slots=True)
class Shard:
    """Rows on disk: uint8[N, height, width, 3], and what each shows."""

    images: Bytes
    rows: tuple[Row, ...]

    def is_logo(self) -> NDArray[np.bool_]:
        """bool[N]."""
        return np.array([row.label == "logo" for row in self.rows])


def read_picture(example: Example) -> Image.Image:
    """An example as RGBA (vector drawings, and whatever has transparency) or RGB, upright.

    These are a training set's files, which its owner chose; strangers' files go through `load_image`.
    """
    data = example.path.read_bytes()
    if example.path.suffix.lower() == ".svg":
        data = bytes(
            resvg_py.svg_to_bytes(svg_string=data.decode(), width=VECTOR_SIDE, skip_system_fonts=True)
        )
    picture: Image.Image = Image.open(io.BytesIO(data))
    picture.draft("RGB", (PHOTO_SIDE, PHOTO_SIDE))
    picture = ImageOps.exif_transpose(picture)
    picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    picture.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
    return picture


def _identity(picture: Example | Drawing) -> str:
    return (
        picture.sha256
        if isinstance(picture, Example)
        else f"{picture.category}/{picture.kind}/{picture.seed}"
    )


def present(task: Task) -> dict[str, bytes]:
    """The files of a task, by recoding: one that is worn, or the picture as it is in two formats."""
    rng = seeded(task.seed, task.variant, _identity(task.picture))
    if isinstance(task.picture, Drawing):
        picture, category = task.picture.draw(), task.picture.category
    else:
        picture, category = read_picture(task.picture), task.picture.category
    if task.variant < 0:
        return recodings(plainly(picture.convert("RGBA")))
    if category == "brand":
        return {"worn": record(rng, present_logo(rng, picture.convert("RGBA")))}
    flat = plainly(picture) if picture.mode == "RGBA" else picture
    return {"worn": record(rng, (present_photo if category == "photo" else present_drawn)(rng, flat))}


def make(task: Task, spec: ImageSpec) -> list[tuple[Row, Bytes]]:
    """The rows of a task; none where a picture shows nothing or cannot be read."""
    picture = task.picture
    try:
        files = present(task)
        pixels = {
            recoding: np.round(load_image(data, spec)).astype(np.uint8) for recoding, data in files.items()
        }
    except (ItemError, OSError, ValueError, UnicodeDecodeError) as error:
        LOG.warning("left out %s: %s", picture, error)
        return []
    if isinstance(picture, Drawing):
        row = Row("out_of_domain", picture.category, f"generated/{picture.kind}", str(picture.seed), "")
    else:
        row = Row(picture.label, picture.category, picture.repository, picture.path.name, "")
        if all(np.ptp(array) < 8 for array in pixels.values()):
            return []
    return [(replace(row, recoding=recoding), array) for recoding, array in pixels.items()]


def materialise(tasks: Sequence[Task], spec: ImageSpec, directory: Path, workers: int) -> Shard:
    """Make the rows of all tasks, in their order, and keep them in a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    capacity = sum(2 if task.variant < 0 else 1 for task in tasks)
    shape = (capacity, spec.height, spec.width, 3)
    images = np.lib.format.open_memmap(directory / IMAGES, "w+", np.uint8, shape)
    rows: list[Row] = []
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for made in pool.map(make, tasks, repeat(spec), chunksize=16):
            for row, array in made:
                images[len(rows)] = array
                rows.append(row)
            if len(rows) % 1000 < len(made):
                LOG.info("%s: %d of %d rows", directory.name, len(rows), capacity)
    images.flush()
    # Written last: a table stands for a shard that is whole.
    with (directory / TABLE).open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(Row.__dataclass_fields__)
        table.writerows(astuple(row) for row in rows)
    return read_shard(directory)


def is_whole(directory: Path) -> bool:
    """Has `materialise` come to its end here?"""
    return (directory / TABLE).exists()


def read_shard(directory: Path) -> Shard:
    """What `materialise` kept."""
    with (directory / TABLE).open(newline="") as file:
        rows = tuple(Row(**row) for row in csv.DictReader(file))
    return Shard(np.load(directory / IMAGES, mmap_mode="r")[: len(rows)], rows)
