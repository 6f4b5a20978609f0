"""Inputs: the images and the recipe of a training, checked against each other before anything is loaded.

Imports nothing heavy: who misspelt a folder is told within a second.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.manifest import DatasetInvalid, Example, read_examples
from datasets.survey import check_names, lines_of, survey_of
from logo_detection.artifact import OUT_OF_DOMAIN
from logo_detection.commands import hint
from training.recipe import Recipe, read_recipe

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Inputs:
    """A set of images, and a recipe for its labels."""

    examples: tuple[Example, ...]
    recipe: Recipe


def read_inputs(data: Path, recipe: Path) -> Inputs:
    """Read a set and a recipe, and log what is in the set and what of the recipe applies to it.

    Raises:
        DatasetInvalid: There is no such set, or its labels are not those that the recipe names.
        RecipeInvalid: The recipe is invalid.
    """
    read_recipe(recipe)
    examples = read_examples(data)
    survey = survey_of(data, examples)
    check_names(list(survey.labels))
    read = read_recipe(recipe, survey.labels)
    check_labels(read, examples, recipe)
    for line in (*lines_of(survey), *applied(read, examples)):
        LOG.info("%s: %s", data, line)
    return Inputs(tuple(examples), read)


def check_labels(recipe: Recipe, examples: Sequence[Example], path: Path) -> None:
    """Raise DatasetInvalid where the labels of images are not those that a recipe names.

    A recipe without `labels` has those of the data, and nothing is to be checked.
    """
    key = f"edit labels in {path}, or remove the line: then they are those of the images"
    for example in examples:
        if example.label not in recipe.labels:
            known = ", ".join(recipe.labels)
            nearest = hint(example.label, recipe.labels)
            raise DatasetInvalid(
                f"{example.path}: label {example.label!r} is none of the recipe's: {known}{nearest}; {key}"
            )
    present = {example.label for example in examples}
    drawn = {OUT_OF_DOMAIN} if any(recipe.drawings.values()) else set()
    if missing := [label for label in recipe.trained_labels if label not in present | drawn]:
        raise DatasetInvalid(f"no image of {', '.join(missing)}; {key}")


def applied(recipe: Recipe, examples: Sequence[Example]) -> Iterator[str]:
    """What of a recipe's variants and generators applies to a set, in sentences."""
    kinds = Counter(example.category for example in examples) + Counter(one.label for one in examples)
    variants = {name: count for name, count in recipe.variants.items() if name in kinds}
    named = ", ".join(f"{name} {count}" for name, count in variants.items())
    yield f"each image is degraded once, but for these: {named}" if named else "each image is degraded once"
    if total := sum(recipe.drawn.values()):
        if recipe.draws:
            yield f"{total:,} pictures of {', '.join(recipe.drawn)} are drawn beside them"
        else:
            yield f"the recipe's {total:,} drawings show what is no logo: none is drawn for these classes"
