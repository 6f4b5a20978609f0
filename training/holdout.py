"""The hold-out: the images that training never sees, as a folder that any artifact can be evaluated on.

    manifest.csv                   written last: a folder without it was not finished
    LABEL/NUMBER.png, .jpeg        every picture in both recodings

`datasets.manifest` reads it. Beside a manifest's own columns there are `recoding`, `pair` (the name of the
picture, the same for both of its recodings), `original_sha256` (of the file that the picture was made of) and
`kind` (of a generated picture).
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

from datasets.duplicates import drop_duplicates
from datasets.manifest import CSV_NAME, Example, read_examples, write_examples
from datasets.parallel import parallel_map
from datasets.progress import Progress
from datasets.splits import Split, assign_folds, split
from evaluation.outcomes import PAIR, RECODING
from logo_detection.artifact import MANIFEST, read_manifest
from logo_detection.commands import Parser, run_command
from logo_detection.decode.image import load_image
from logo_detection.decode.spec import ImageSpec
from training.errors import TrainingError
from training.materialise import LeftOutImage, MaterialisedImage, Uint8Array, materialise_all
from training.plan import check_parts, validation_tasks
from training.recipe import Fold, Recipe, hold_out_of, read_recipe, recipe_of

KIND = "kind"
ORIGINAL_SHA256 = "original_sha256"
GENERATED = "generated"  # the source of drawings
OWN_LICENCE = "Apache-2.0"  # of drawings: the project's

LOG = logging.getLogger(__name__)


def split_data(recipe: Recipe, examples: Iterable[Example], workers: int) -> Split:
    """Split a set of images as a recipe says, without pictures that are in both parts.

    Of a recipe with a fold, its training images are split once more, and those that it holds out are in
    neither part.

    Raises:
        DatasetInvalid: The set has a label that the recipe has not, or no validation image of a label.
    """
    parts = split(examples, recipe.hold_out)
    if recipe.fold is not None:
        parts = split_fold(parts.training, recipe.fold, recipe.hold_out.seed)
    check_parts(recipe, parts)  # first without the minutes that it takes to compare all files
    parts = drop_duplicates(parts, workers)
    check_parts(recipe, parts)
    return parts


def split_fold(examples: Sequence[Example], fold: Fold, seed: int) -> Split:
    """The groups of one fold, to validate on, and those of the others."""
    numbers = assign_folds(examples, fold.of, seed)
    pairs = list(zip(examples, numbers, strict=True))
    return Split(
        tuple(example for example, number in pairs if number != fold.number),
        tuple(example for example, number in pairs if number == fold.number),
    )


def check_unseen(recipe: Recipe, examples: Sequence[Example], model: Path) -> None:
    """Refuse a model that was trained on images or kinds of drawings that a recipe holds out.

    Args:
        recipe: Its hold-out is to evaluate the model.
        examples: The set of images, some of which the recipe holds out.
        model: An artifact. A `.keras` file, and an artifact that does not name its recipe, is not refused.

    Raises:
        TrainingError: The model was trained on some of them.
    """
    training = {} if model.is_file() else read_manifest(model).training
    if not (own := training.get("recipe")):
        return
    hold_out, kinds = hold_out_of(own)
    sources = training.get("sources", {}).get("training", {})
    known = (one for one in examples if one.source in sources)
    train_paths = {one.path for one in split(known, hold_out).training}
    images = sum(one.path in train_paths for one in split(examples, recipe.hold_out).validation)
    drawn = {kind for kind in recipe.held_out_kinds - kinds if own.get("drawn", {}).get(kind.split("/")[0])}
    if images or drawn:
        raise TrainingError(
            f"{model} was trained, by its recipe {own.get('name')}, on {images} images and {len(drawn)} kinds"
            f" of drawings that recipe {recipe.name} holds out: give its own (--recipe, of make RECIPE=)"
            " or other images (logo-evaluate --data, of make IMAGES=)"
        )


def write_holdout(
    recipe: Recipe, examples: Sequence[Example], directory: Path, workers: int
) -> list[LeftOutImage]:
    """Write the folder of a recipe's validation pictures; return the tasks that gave no image.

    Args:
        recipe: Says what is drawn beside the examples.
        examples: Those held out.
        directory: Files in it, of an earlier attempt, are overwritten.
        workers: Processes that make the pictures.
    """
    left_out: list[LeftOutImage] = []
    (directory / CSV_NAME).unlink(missing_ok=True)
    images = materialise_all(validation_tasks(recipe, examples), recipe.spec, workers, "validation")
    directory.mkdir(parents=True, exist_ok=True)
    write_examples(directory / CSV_NAME, list(_written(directory, images, left_out)))
    return left_out


def _written(
    directory: Path, images: Iterable[MaterialisedImage | LeftOutImage], left_out: list[LeftOutImage]
) -> Iterator[Example]:
    for number, item in enumerate(images):
        if isinstance(item, LeftOutImage):
            left_out.append(item)
            continue
        for recoding, data in item.files.items():
            pair = f"{item.task.label}/{number:06}"
            path = directory / f"{pair}.{recoding}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            example = replace(_described(item), path=path, sha256=hashlib.sha256(data).hexdigest())
            yield replace(example, metadata={**example.metadata, RECODING: recoding, PAIR: pair})


def _described(image: MaterialisedImage) -> Example:
    """What is known of a picture, in whatever recoding."""
    picture = image.task.picture
    if isinstance(picture, Example):
        return replace(picture, metadata={**picture.metadata, KIND: "", ORIGINAL_SHA256: picture.sha256})
    return Example(
        path=Path(),
        label=image.task.label,
        category=picture.category,
        source=GENERATED,
        original=image.task.name,
        licence=OWN_LICENCE,
        author="",
        sha256="",
        metadata={KIND: picture.kind, ORIGINAL_SHA256: ""},
    )


def holdout_is_complete(directory: Path) -> bool:
    """Whether `write_holdout` finished in a directory."""
    return (directory / CSV_NAME).exists()


@dataclass(frozen=True, slots=True)
class ValidationSet:
    """Examples and their pixels in memory: uint8[N, height, width, 3], which is 150 kB an image."""

    examples: tuple[Example, ...]
    pixels: Uint8Array

    def truth(self, labels: Sequence[str]) -> NDArray[np.int64]:
        """The index of each image's label, int[N]."""
        return np.array([labels.index(example.label) for example in self.examples])

    def sample(self, pictures: int) -> "ValidationSet":
        """About so many of the pictures, evenly picked, each in all recodings; all if there are no more."""
        names = list(dict.fromkeys(example.metadata.get(PAIR, "") for example in self.examples))
        kept = set(names[:: max(1, len(names) // pictures)])
        rows = [row for row, example in enumerate(self.examples) if example.metadata.get(PAIR, "") in kept]
        return ValidationSet(tuple(self.examples[row] for row in rows), self.pixels[rows])


def read_validation(directory: Path, spec: ImageSpec, workers: int) -> ValidationSet:
    """Decode the files that a folder's manifest names. Raises ItemError where one cannot be."""
    examples = tuple(read_examples(directory))
    pixels = np.empty((len(examples), spec.height, spec.width, 3), np.uint8)
    with Progress("decoding", len(examples), "images") as progress:
        for index, image in enumerate(parallel_map(partial(_decode, spec=spec), examples, workers)):
            pixels[index] = image
            progress.advance()
    return ValidationSet(examples, pixels)


def _decode(example: Example, spec: ImageSpec) -> Uint8Array:
    return np.round(load_image(example.path.read_bytes(), spec)).astype(np.uint8)


def main(arguments: Sequence[str] | None = None) -> int:
    """`logo-holdout`: write the hold-out, without any training. Returns the exit status."""
    parser = Parser(
        prog="logo-holdout", description="Write the images that a recipe holds out, for logo-evaluate --data."
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="images: with a manifest, or a folder per class")
    add("--recipe", type=Path, help="by default the one in the model's manifest")
    add("--to", type=Path, required=True, help="directory to write; what is there is written anew")
    add("--model", type=Path, help="an artifact to be evaluated: refused if it was trained on these images")
    add("--workers", type=int, default=os.cpu_count() or 1, help="processes that make the images")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    return run_command("logo-holdout", partial(_write_holdout_of, options))


def own_recipe(model: Path | None) -> Recipe:
    """The recipe that an artifact was trained by. Raises TrainingError where it does not say."""
    if model is None:
        raise TrainingError("--recipe or --model is needed: what is held out, a recipe says")
    own = {} if model.is_file() else read_manifest(model).training.get("recipe")
    if not own:
        raise TrainingError(f"{model} does not say by which recipe it was trained: name one by --recipe")
    return recipe_of(model / MANIFEST, own)


def _write_holdout_of(options: argparse.Namespace) -> None:
    examples = read_examples(options.data)
    labels = {example.label for example in examples}
    recipe = read_recipe(options.recipe, labels) if options.recipe else own_recipe(options.model)
    if options.model:
        check_unseen(recipe, examples, options.model)
    held_out = split_data(recipe, examples, options.workers).validation
    for item in write_holdout(recipe, held_out, options.to, options.workers):
        LOG.warning("left out %s: %s", item.picture, item.reason)


if __name__ == "__main__":
    sys.exit(main())
