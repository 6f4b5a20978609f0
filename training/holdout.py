"""The hold-out: what training never sees, as a folder of images that any artifact can be judged by.

    manifest.csv                   written last: a folder without it was not finished
    LABEL/NUMBER.png, .jpeg        every picture in both recodings

`datasets.manifest` reads it. Beside a manifest's own columns there are `recoding`, `pair` (what names the
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

from datasets.duplicates import drop_leaks
from datasets.manifest import Example, read_examples, write_manifest
from datasets.parallel import parallel_map
from datasets.progress import Progress
from datasets.splits import Split, split
from evaluation.scoring import PAIR, RECODING
from logo_detection.artifact import read_manifest
from logo_detection.decode.image import load_image
from logo_detection.decode.spec import ImageSpec
from logo_detection.errors import LogoDetectionError
from training.errors import TrainingError
from training.materialise import Bytes, LeftOut, Made, make_all
from training.plan import check_parts, validation_tasks
from training.recipe import Recipe, hold_out_of, read_recipe

KIND = "kind"
MANIFEST = "manifest.csv"
GENERATED = "generated"  # the source of what the generators drew
OWN_LICENCE = "Apache-2.0"  # the project's, and so of all that it draws

LOG = logging.getLogger(__name__)


def split_data(recipe: Recipe, examples: Iterable[Example], workers: int) -> Split:
    """A recipe's two parts of a set of images, without pictures that are in both.

    Raises:
        DatasetInvalid: The set has a label that the recipe has not, or nothing to judge one of its labels by.
    """
    parts = split(examples, recipe.hold_out)
    check_parts(recipe, parts)  # before all files are compared, too
    parts = drop_leaks(parts, workers)
    check_parts(recipe, parts)
    return parts


def check_unseen(recipe: Recipe, examples: Sequence[Example], model: Path) -> None:
    """Raises TrainingError where a model learnt from what a recipe, other than its own, holds out.

    Args:
        recipe: What the model is to be judged by.
        examples: The set of images, some of which the recipe holds out.
        model: An artifact. A `.keras`, and one that does not name its recipe, is not refused.
    """
    training = {} if model.is_file() else read_manifest(model).training
    if not (own := training.get("recipe")):
        return
    hold_out, kinds = hold_out_of(own)
    sources = training.get("sources", {}).get("training", {})
    known = (one for one in examples if one.source in sources)
    learnt = {one.path for one in split(known, hold_out).training}
    images = sum(one.path in learnt for one in split(examples, recipe.hold_out).validation)
    drawn = {kind for kind in recipe.held_out_kinds - kinds if own.get("drawn", {}).get(kind.split("/")[0])}
    if images or drawn:
        raise TrainingError(
            f"{model} learnt, by its recipe {own.get('name')}, from {images} images and {len(drawn)} kinds of"
            f" drawings that recipe {recipe.name} holds out: judge it by its own"
        )


def write_holdout(
    recipe: Recipe, examples: Sequence[Example], directory: Path, workers: int
) -> list[LeftOut]:
    """Write the folder of a recipe's validation pictures, and say what came to nothing.

    Args:
        recipe: Says what is drawn beside them.
        examples: Those held out.
        directory: What is in it of an earlier, unfinished time is written over.
        workers: Processes that make the pictures.
    """
    left_out: list[LeftOut] = []
    (directory / MANIFEST).unlink(missing_ok=True)
    made = make_all(validation_tasks(recipe, examples), recipe.spec, workers, "validation")
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


def read_validation(directory: Path, spec: ImageSpec, workers: int) -> Validation:
    """Decode the files that a folder's manifest names. Raises ItemError where one cannot be."""
    examples = tuple(read_examples(directory))
    pixels = np.empty((len(examples), spec.height, spec.width, 3), np.uint8)
    with Progress("decoding", len(examples), "images") as progress:
        for index, image in enumerate(parallel_map(partial(_decode, spec=spec), examples, workers)):
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
    add("--model", type=Path, help="an artifact that is to be judged: refused if it learnt from these images")
    add("--workers", type=int, default=os.cpu_count() or 1, help="processes that make the images")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        recipe = read_recipe(options.recipe)
        examples = read_examples(options.data)
        if options.model:
            check_unseen(recipe, examples, options.model)
        judged = split_data(recipe, examples, options.workers).validation
        for item in write_holdout(recipe, judged, options.to, options.workers):
            LOG.warning("left out %s: %s", item.picture, item.reason)
    except LogoDetectionError as error:
        sys.stderr.write(f"logo-holdout: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
