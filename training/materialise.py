"""Materialise: example files and drawings become files as people upload them, and the pixels of those files.

Every picture is written to a file in memory (PNG, JPEG, WebP) and read back with
`logo_detection.decode.image.load_image`, as the server reads them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datasets.duplicates import MIN_CONTRAST
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
from training.degradation import degrade, encode_degraded, flatten, recode

VECTOR_SIDE = 512  # pixels: the longer side of a rendered SVG
PHOTO_SIDE = 1024  # pixels: photos are read at about this size, which is all that 224 can show

UNDEGRADED = "undegraded"  # beside `degradation.FORMS`: in every recoding, as it is evaluated
DEGRADED = "degraded"  # the one recoding of a training picture

Uint8Array = NDArray[np.uint8]
ImageSource: TypeAlias = Example | Drawing


@dataclass(frozen=True, slots=True)
class ImageTask:
    """One picture to materialise.

    Attributes:
        picture: What it shows.
        form: How it is degraded: one of `degradation.FORMS`, or UNDEGRADED.
        variant: Which degradation of this picture.
        seed: The recipe's.
        second: Another picture to combine it with.
    """

    picture: ImageSource
    form: str
    variant: int
    seed: int
    second: Example | None = None

    @property
    def label(self) -> str:
        """An example's label; a drawing is out of domain."""
        return self.picture.label if isinstance(self.picture, Example) else OUT_OF_DOMAIN

    @property
    def name(self) -> str:
        """Identifies the picture."""
        if isinstance(self.picture, Example):
            return self.picture.sha256
        return f"{self.picture.category}/{self.picture.kind}/{self.picture.seed}"


@dataclass(frozen=True, slots=True)
class MaterialisedImage:
    """The files of a task by recoding, and the pixels of each, uint8[height, width, 3]."""

    task: ImageTask
    files: Mapping[str, bytes]
    pixels: Mapping[str, Uint8Array]


@dataclass(frozen=True, slots=True)
class LeftOutImage:
    """A task that gave no image, and why."""

    task: ImageTask
    reason: str

    @property
    def picture(self) -> str:
        """The path of the file, or the name of the drawing."""
        return str(self.task.picture.path) if isinstance(self.task.picture, Example) else self.task.name


def read_picture(example: Example) -> Image.Image:
    """An example as RGBA (vector drawings, and whatever has transparency) or RGB, upright.

    Raises:
        ItemError: It cannot be read, or the server would not admit it.
    """
    return open_picture(read_file(example.path), PHOTO_SIDE, VECTOR_SIDE)


def files_of(task: ImageTask) -> dict[str, bytes]:
    """The files of a task, by recoding: one that is degraded, or two of the undegraded picture."""
    picture = task.picture.draw() if isinstance(task.picture, Drawing) else read_picture(task.picture)
    if task.form == UNDEGRADED:
        return recode(flatten(picture.convert("RGBA")))
    rng = seeded(task.seed, task.variant, task.name)
    if task.second is not None:
        picture = recombine(rng, _flat(picture), _flat(read_picture(task.second)))
    return {DEGRADED: encode_degraded(rng, degrade(rng, picture, task.form))}


def _flat(picture: Image.Image) -> Image.Image:
    return flatten(picture) if picture.mode == "RGBA" else picture


def materialise(task: ImageTask, spec: ImageSpec) -> MaterialisedImage | LeftOutImage:
    """Materialise a task; it is skipped where a picture cannot be read, or shows nothing."""
    try:
        files = files_of(task)
        pixels = {name: np.round(load_image(data, spec)).astype(np.uint8) for name, data in files.items()}
    except (ItemError, OSError, ValueError, UnicodeDecodeError) as error:
        return LeftOutImage(task, f"{type(error).__name__}: {error}")
    is_blank = all(np.ptp(array) < MIN_CONTRAST for array in pixels.values())
    if is_blank and isinstance(task.picture, Example):
        return LeftOutImage(task, "shows nothing")
    return MaterialisedImage(task, files, pixels)


def materialise_all(
    tasks: Sequence[ImageTask], spec: ImageSpec, workers: int, what: str
) -> Iterator[MaterialisedImage | LeftOutImage]:
    """Materialise tasks in their order, by several processes; `what` names them in the progress."""
    with Progress(what, len(tasks), "pictures") as progress:
        for made in parallel_map(partial(materialise, spec=spec), tasks, workers):
            yield made
            progress.advance()
