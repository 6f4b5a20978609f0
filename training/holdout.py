"""The hold-out: what training never sees, as a folder of images that any artifact can be judged by.

    manifest.csv                   written last: a folder without it was not finished
    LABEL/NUMBER.png, .jpeg        every picture in both recodings

`evaluation.dataset` reads it. Beside a manifest's own columns there are `recoding`, `pair` (what names the
picture behind its recodings, unlike all others) and `kind` (of a generated picture).
"""

import argparse
import hashlib
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.dataset import Example, read_examples, write_manifest
from evaluation.scoring import PAIR, RECODING
from evaluation.splits import Split, split
from logo_detection.errors import LogoDetectionError
from logo_detection.image import ImageSpec, load_image
from training.duplicates import drop_leaks
from training.hands import Hands
from training.materialise import Bytes, LeftOut, Made, make_all
from training.plan import validation_tasks
from training.progress import Progress
from training.recipe import Recipe, read_recipe

KIND = "kind"
MANIFEST = "manifest.csv"
GENERATED = "generated"  # the source of what the generators drew
OWN_LICENCE = "Apache-2.0"  # the project's, and so of all that it draws

LOG = logging.getLogger(__name__)


def split_data(recipe: Recipe, data: Path, workers: int) -> Split:
    """A recipe's two parts of a set of images, without pictures that are in both. Raises DatasetInvalid."""
    return drop_leaks(split(read_examples(data), recipe.hold_out), workers)


def write_holdout(
    recipe: Recipe, examples: Sequence[Example], directory: Path, hands: Hands
) -> list[LeftOut]:
    """Write the folder of a recipe's validation pictures, and say what came to nothing.

    Args:
        recipe: Says what is drawn beside them.
        examples: Those held out.
        directory: What is in it of an earlier, unfinished time is written over.
        hands: Make the pictures.
    """
    left_out: list[LeftOut] = []
    (directory / MANIFEST).unlink(missing_ok=True)
    made = make_all(validation_tasks(recipe, examples), recipe.spec, hands, "validation")
    directory.mkdir(parents=True, exist_ok=True)
    write_manifest(directory / MANIFEST, list(_written(directory, made, left_out)))
    return left_out


def _written(directory: Path, made: Iterable[Made | LeftOut], left_out: list[LeftOut]) -> Iterator[Example]:
    for number, item in enumerate(made):
        if isinstance(item, LeftOut):
            left_out.append(item)
            continue
        for recoding, data in item.files.items():
            pair = f"{item.task.label}/{number:06}"
            path = directory / f"{pair}.{recoding}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            example = replace(_described(item), path=path, sha256=hashlib.sha256(data).hexdigest())
            yield replace(example, metadata={**example.metadata, RECODING: recoding, PAIR: pair})


def _described(made: Made) -> Example:
    """What is known of a picture, in whatever recoding."""
    picture = made.task.picture
    if isinstance(picture, Example):
        return replace(picture, metadata={**picture.metadata, KIND: ""})
    return Example(
        path=Path(),
        label=made.task.label,
        category=picture.category,
        source=GENERATED,
        original=made.task.name,
        licence=OWN_LICENCE,
        author="",
        sha256="",
        metadata={KIND: picture.kind},
    )


def is_whole(directory: Path) -> bool:
    """Has `write_holdout` come to its end here?"""
    return (directory / MANIFEST).exists()


@dataclass(frozen=True, slots=True)
class Validation:
    """A dataset, decoded once and kept in memory: uint8[N, height, width, 3], which is 150 kB an image."""

    examples: tuple[Example, ...]
    pixels: Bytes

    def truth(self, labels: Sequence[str]) -> NDArray[np.int64]:
        """The index of each image's label, int[N]."""
        return np.array([labels.index(example.label) for example in self.examples])


def read_validation(directory: Path, spec: ImageSpec, hands: Hands) -> Validation:
    """Decode the files that a folder's manifest names. Raises ItemError where one cannot be."""
    examples = tuple(read_examples(directory))
    pixels = np.empty((len(examples), spec.height, spec.width, 3), np.uint8)
    with Progress("decoding", len(examples), "images") as progress:
        for index, image in enumerate(hands.in_order(partial(_decode, spec=spec), examples)):
            pixels[index] = image
            progress.advance()
    return Validation(examples, pixels)


def _decode(example: Example, spec: ImageSpec) -> Bytes:
    return np.round(load_image(example.path.read_bytes(), spec)).astype(np.uint8)


def main(arguments: Sequence[str] | None = None) -> int:
    """`logo-holdout`: only the folder to judge by, without any training. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="logo-holdout", description="Write the images that a recipe holds out, for logo-evaluate --data."
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="images: with a manifest, or a folder per class")
    add("--recipe", type=Path, required=True)
    add("--to", type=Path, required=True, help="directory to write; what is there is written anew")
    add("--workers", type=int, default=os.cpu_count() or 1, help="processes that make the images")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        recipe = read_recipe(options.recipe)
        examples = split_data(recipe, options.data, options.workers).validation
        with Hands(options.workers) as hands:
            for item in write_holdout(recipe, examples, options.to, hands):
                LOG.warning("left out %s: %s", item.picture, item.reason)
    except LogoDetectionError as error:
        sys.stderr.write(f"logo-holdout: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
