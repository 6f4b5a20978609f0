"""Materialise: from example files and drawings to files as people upload them, and to the pixels of those.

Every picture is written to a file in memory (PNG, JPEG, WebP) and read back with
`logo_detection.decode.image.load_image`, so that a model learns from exactly the pixels it will serve.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datasets.manifest import Example
from datasets.parallel import parallel_map
from datasets.progress import Progress
from logo_detection.artifact import OUT_OF_DOMAIN
from logo_detection.decode.image import load_image, open_picture
from logo_detection.decode.spec import ImageSpec
from logo_detection.errors import ItemError
from logo_detection.files import read_file
from synthetic.catalogue import Drawing
from synthetic.flag_hybrids import recombine
from synthetic.stateless_random import seeded
from training.degradation import plainly, present, recodings, record

VECTOR_SIDE = 512  # pixels: the longer side of a rendered SVG
PHOTO_SIDE = 1024  # pixels: photos are read at about this size, which is all that 224 can show
LEAST_CONTRAST = 8  # of 255: what varies by less shows nothing

AS_IT_IS = "as it is"  # beside `presentation.FORMS`: in every recoding, as it is judged
WORN = "worn"  # the one recoding of a picture that is learnt from

Bytes = NDArray[np.uint8]
Picture: TypeAlias = Example | Drawing


@dataclass(frozen=True, slots=True)
class Task:
    """One picture to be made.

    Attributes:
        picture: What it shows.
        form: How it comes to an upload: one of `presentation.FORMS`, or AS_IT_IS.
        variant: Which presentation of this picture.
        seed: The recipe's.
        second: Another picture to combine it with.
    """

    picture: Picture
    form: str
    variant: int
    seed: int
    second: Example | None = None

    @property
    def label(self) -> str:
        """Whatever is drawn is out of domain."""
        return self.picture.label if isinstance(self.picture, Example) else OUT_OF_DOMAIN

    @property
    def name(self) -> str:
        """What tells the picture from all others."""
        if isinstance(self.picture, Example):
            return self.picture.sha256
        return f"{self.picture.category}/{self.picture.kind}/{self.picture.seed}"


@dataclass(frozen=True, slots=True)
class Made:
    """The files of a task by recoding, each with its pixels, uint8[height, width, 3]."""

    task: Task
    files: Mapping[str, bytes]
    pixels: Mapping[str, Bytes]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A task that came to nothing, and why."""

    task: Task
    reason: str

    @property
    def picture(self) -> str:
        """The file, or what was to be drawn."""
        return str(self.task.picture.path) if isinstance(self.task.picture, Example) else self.task.name


def read_picture(example: Example) -> Image.Image:
    """An example as RGBA (vector drawings, and whatever has transparency) or RGB, upright.

    Raises:
        ItemError: It cannot be read, or the server would not admit it.
    """
    return open_picture(read_file(example.path), PHOTO_SIDE, VECTOR_SIDE)


def files_of(task: Task) -> dict[str, bytes]:
    """The files of a task, by recoding: one that is worn, or the picture as it is in two formats."""
    picture = task.picture.draw() if isinstance(task.picture, Drawing) else read_picture(task.picture)
    if task.form == AS_IT_IS:
        return recodings(plainly(picture.convert("RGBA")))
    rng = seeded(task.seed, task.variant, task.name)
    if task.second is not None:
        picture = recombine(rng, _flat(picture), _flat(read_picture(task.second)))
    return {WORN: record(rng, present(rng, picture, task.form))}


def _flat(picture: Image.Image) -> Image.Image:
    return plainly(picture) if picture.mode == "RGBA" else picture


def make(task: Task, spec: ImageSpec) -> Made | LeftOut:
    """What comes of a task; nothing where a picture cannot be read or shows nothing."""
    try:
        files = files_of(task)
        pixels = {name: np.round(load_image(data, spec)).astype(np.uint8) for name, data in files.items()}
    except (ItemError, OSError, ValueError, UnicodeDecodeError) as error:
        return LeftOut(task, f"{type(error).__name__}: {error}")
    is_blank = all(np.ptp(array) < LEAST_CONTRAST for array in pixels.values())
    if is_blank and isinstance(task.picture, Example):
        return LeftOut(task, "shows nothing")
    return Made(task, files, pixels)


def make_all(tasks: Sequence[Task], spec: ImageSpec, workers: int, what: str) -> Iterator[Made | LeftOut]:
    """What comes of all tasks, in their order, by several processes."""
    with Progress(what, len(tasks), "pictures") as progress:
        for made in parallel_map(partial(make, spec=spec), tasks, workers):
            yield made
            progress.advance()
