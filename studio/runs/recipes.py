"""Recipes: those of `training/recipes`, and the numbers of them that a run may change, within bounds.

A number's place is its name, or its table and name, or its stage and name: `warm_up`, `hold_out.share`,
`stages.0.images`. Nothing else of a recipe can be changed but its labels, which are those of the data set.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import AoT, Table

from training.errors import RecipeInvalid
from training.recipe import read_recipe, shipped_recipes


@dataclass(frozen=True, slots=True)
class Bounds:
    """The lowest and the highest value of a number; a whole number where both are."""

    low: float
    high: float

    @property
    def is_integer(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)


BOUNDS: Mapping[str, Bounds] = {
    "seed": Bounds(0, 2**31 - 1),
    "warm_up": Bounds(1, 100_000),
    "weight_decay": Bounds(0.0, 1.0),
    "label_smoothing": Bounds(0.0, 0.5),
    "dropout": Bounds(0.0, 0.9),
    "skip_dropout": Bounds(0.0, 0.9),
    "ema": Bounds(0.0, 0.9999),
    "hold_out.share": Bounds(0.05, 0.5),
    "stages.images": Bounds(1, 10_000_000),
    "stages.batch": Bounds(1, 512),
    "stages.rate": Bounds(0.0, 1.0),
    "stages.last_rate": Bounds(0.0, 1.0),
}


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a recipe that may be changed: its place, its value there, and its bounds."""

    place: str
    value: float
    bounds: Bounds


@cache
def recipe_names() -> tuple[str, ...]:
    """The recipes that need no teacher, by name; they do not change while the studio runs."""
    found = shipped_recipes().items()
    return tuple(name for name, path in found if read_recipe(path).distillation is None)


def read_text(name: str) -> str:
    """A recipe as it stands in its file.

    Raises:
        RecipeInvalid: There is none of that name.
    """
    if name not in recipe_names():
        raise RecipeInvalid(f"recipe: there is no {name!r}; there are {', '.join(recipe_names())}")
    return shipped_recipes()[name].read_text()


def numbers_of(text: str) -> list[Number]:
    """The numbers of a recipe that may be changed, in its order."""
    values = _values(tomlkit.parse(text))
    return [Number(place, value, BOUNDS[kind]) for place, kind, value in values if kind in BOUNDS]


def change(text: str, changes: Mapping[str, float], labels: Sequence[str]) -> str:
    """A recipe with other numbers, and with the labels of a data set.

    Raises:
        RecipeInvalid: A number is none that may be changed, or is out of its bounds; or the recipe would
            contradict itself. Names the place.
    """
    known = {number.place: number for number in numbers_of(text)}
    document = tomlkit.parse(text)
    for place, value in changes.items():
        if place not in known:
            raise RecipeInvalid(f"{place}: is no number of this recipe that may be changed")
        _set(document, place, _checked(place, value, known[place].bounds))
    if list(document.get("labels", ())) != list(labels):
        document["labels"] = list(labels)
    changed = tomlkit.dumps(document)
    _check(changed)
    return changed


def _checked(place: str, value: float, bounds: Bounds) -> float:
    if not bounds.low <= value <= bounds.high:
        raise RecipeInvalid(f"{place}: {value:g} is not {bounds.low:g} to {bounds.high:g}")
    if not bounds.is_integer:
        return float(value)
    if value != int(value):
        raise RecipeInvalid(f"{place}: {value:g} is not a whole number")
    return int(value)


def _values(document: tomlkit.TOMLDocument) -> Iterator[tuple[str, str, float]]:
    """Place, kind and value of every number: of the recipe, of its tables, and of its stages."""
    yield from ((name, name, value) for name, value in _own(document))
    for name, item in document.items():
        if isinstance(item, AoT):
            for index, stage in enumerate(item):
                yield from ((f"{name}.{index}.{key}", f"{name}.{key}", value) for key, value in _own(stage))
        elif isinstance(item, Table):
            yield from ((f"{name}.{key}", f"{name}.{key}", value) for key, value in _own(item))


def _own(table: Mapping[str, object]) -> Iterator[tuple[str, float]]:
    for key, value in table.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield key, value


def _set(document: Any, place: str, value: float) -> None:
    *outer, name = place.split(".")
    table = document
    for part in outer:
        table = table[int(part)] if isinstance(table, AoT) else table[part]
    table[name] = value


def _check(text: str) -> None:
    """Have it read as training reads it."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "recipe.toml"
        path.write_text(text)
        try:
            read_recipe(path)
        except RecipeInvalid as error:
            raise RecipeInvalid(str(error).removeprefix(f"{path}: ")) from error
