"""The recipe's text: values of a recipe are read and replaced in its TOML, whose comments stay.

A key names a value of a recipe by its path: `dropout`, `distillation.weight`, `stages.2.rate` (the second
stage's), `stages.*.rate` (that of every stage).
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import tomlkit
from tomlkit.exceptions import TOMLKitError

from search.errors import SearchError

Value: TypeAlias = bool | int | float | str
EVERY = "*"
OF_TRIALS = ("fold", "fit_seed")
"""Fields of a recipe that a search writes itself."""


def read_text(path: Path) -> str:
    """A TOML file's text.

    Raises:
        SearchError: It cannot be read, or is no TOML.
    """
    try:
        text = path.read_text()
        tomlkit.parse(text)
    except OSError as error:
        raise SearchError(f"cannot read {path}: {error.strerror}") from error
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise SearchError(f"{path}: {error}") from error
    return text


def values_at(text: str, key: str) -> list[Any]:
    """The values that a key names; none where the recipe has no such key."""
    return [table[name] for table, name in _places(tomlkit.parse(text).unwrap(), key)]


def with_values(text: str, values: Mapping[str, Value]) -> str:
    """A recipe with other values; those of a key with `*` are multiplied, and whole ones stay whole."""
    document = tomlkit.parse(text)
    for key, value in values.items():
        for table, name in _places(document, key):
            table[name] = _multiplied(table[name], value) if EVERY in key.split(".") else value
    return tomlkit.dumps(document)


def _multiplied(own: Any, factor: Any) -> Value:
    product: float = own * factor
    return max(1, round(product)) if isinstance(own, int) else product


def on_fold(text: str, fold: int, folds: int, fit_seed: int) -> str:
    """A recipe that is validated on a fold of its training images, with a seed of fitting."""
    return f"fold = {{ number = {fold}, of = {folds} }}\nfit_seed = {fit_seed}\n\n{text}"


def _places(recipe: Any, key: str) -> list[tuple[Any, str]]:
    """The tables that have what a key names, and its name there."""
    *path, last = key.split(".")
    tables = [recipe]
    for part in path:
        tables = [child for table in tables for child in _children(table, part)]
    return [(table, last) for table in tables if isinstance(table, Mapping) and last in table]


def _children(table: Any, part: str) -> Iterator[Any]:
    if isinstance(table, list):
        numbered = enumerate(table, 1)
        yield from (child for number, child in numbered if part in (EVERY, str(number)))
    elif isinstance(table, Mapping) and part in table:
        yield table[part]
