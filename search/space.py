"""The space: which values of a recipe a search changes, and within what bounds, as a TOML file says it.

    [floats]
    weight_decay = { low = 1e-3, high = 0.1, log = true }

    [factors]                                # each of the numbers is multiplied
    "stages.*.rate" = { low = 0.3, high = 3.0, log = true }

    [ints]
    warm_up = { low = 10, high = 200 }

    [choices]
    mixed_precision = [true, false]

`search.recipe_text` says what a key is.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import tomlkit
from optuna.trial import Trial

from search.errors import SearchError
from search.recipe_text import EVERY, OF_TRIALS, Value, read_text, values_at

FLOATS, FACTORS, INTS, CHOICES = "floats", "factors", "ints", "choices"
KINDS = (FLOATS, FACTORS, INTS, CHOICES)
FIELDS = frozenset(
    (
        "backbone",
        "class_shares",
        "class_weights",
        "distillation",
        "dropout",
        "ema",
        "label_smoothing",
        "mixed_precision",
        "network",
        "skip_dropout",
        "stages",
        "warm_up",
        "weight_decay",
    )
)
"""Fields of a recipe that decide no image: all trials share theirs."""


@dataclass(frozen=True, slots=True)
class Range:
    """A number from `low` to `high`, both included.

    Attributes:
        default: The recipe's; 1 for a factor.
        log: Whether its logarithm is drawn evenly.
        whole: Whether it is an int.
    """

    key: str
    low: float
    high: float
    default: float
    log: bool = False
    whole: bool = False

    def suggest(self, trial: Trial) -> Value:
        """The trial's value."""
        if self.whole:
            return trial.suggest_int(self.key, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(self.key, self.low, self.high, log=self.log)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values."""

    key: str
    values: tuple[Value, ...]
    default: Value

    def suggest(self, trial: Trial) -> Value:
        """The trial's value."""
        return cast(Value, trial.suggest_categorical(self.key, self.values))


Dimension = Range | Choice


@dataclass(frozen=True, slots=True)
class Space:
    """What a search may change."""

    dimensions: tuple[Dimension, ...]

    def suggest(self, trial: Trial) -> dict[str, Value]:
        """A trial's values, by key; the same every time for the same trial."""
        return {dimension.key: dimension.suggest(trial) for dimension in self.dimensions}

    def defaults(self) -> dict[str, Value]:
        """The recipe's own values."""
        return {dimension.key: dimension.default for dimension in self.dimensions}


def read_space(path: Path, recipe: str) -> Space:
    """Read a space for the recipe of a text.

    Raises:
        SearchError: It cannot be read, or a key is none of the recipe's or has bounds that do not fit; names
            the file, the table and the key.
    """
    tables = tomlkit.parse(read_text(path)).unwrap()
    try:
        for name in OF_TRIALS:
            if values_at(recipe, name):
                raise ValueError(f"the recipe has a {name} of its own, which a search sets")
        dimensions = tuple(_dimensions(tables, recipe))
        keys = [dimension.key for dimension in dimensions]
        if twice := [key for key in keys if keys.count(key) > 1]:
            raise ValueError(f"{twice[0]} is in two tables")
        if not keys:
            raise ValueError("names no key")
    except ValueError as error:
        raise SearchError(f"{path}: {error}") from error
    return Space(dimensions)


def _dimensions(tables: Mapping[str, Any], recipe: str) -> Iterator[Dimension]:
    """All dimensions. Raises ValueError, as all functions below."""
    for kind, table in tables.items():
        if kind not in KINDS or not isinstance(table, dict):
            raise ValueError(f"{kind} is none of the tables {', '.join(KINDS)}")
        for key, given in table.items():
            try:
                yield _dimension(kind, key, given, recipe)
            except ValueError as error:
                raise ValueError(f"[{kind}] {key}: {error}") from error


def _dimension(kind: str, key: str, given: Any, recipe: str) -> Dimension:
    own = _own_values(kind, key, recipe)
    if kind == CHOICES:
        return _choice(key, given, own[0])
    low, high, log = _bounds(given)
    whole = kind == INTS
    default = 1 if kind == FACTORS else own[0]
    numbers = {"low": low, "high": high, "the recipe's own": default}
    for name, number in numbers.items():
        if whole and not isinstance(number, int):
            raise ValueError(f"{name} {number!r} is not a whole number")
    if not low <= default <= high:
        raise ValueError(f"the recipe's own {default!r} is not in {low!r} to {high!r}: it is the first trial")
    return Range(key, low, high, default, log, whole)


def _own_values(kind: str, key: str, recipe: str) -> list[Any]:
    if (field := key.partition(".")[0]) not in FIELDS:
        raise ValueError(f"{field} is none of {', '.join(sorted(FIELDS))}")
    own = values_at(recipe, key)
    if not own:
        raise ValueError("the recipe has no such key")
    if (EVERY in key.split(".")) != (kind == FACTORS):
        raise ValueError(f"a key with {EVERY} stands in [{FACTORS}], and no other does")
    if kind != CHOICES and not all(_is_number(value) for value in own):
        raise ValueError(f"the recipe's own {own[0]!r} is not a number")
    return own


def _bounds(given: Any) -> tuple[float, float, bool]:
    if not isinstance(given, dict) or not {"low", "high"} <= given.keys() <= {"low", "high", "log"}:
        raise ValueError("is not { low = ..., high = ..., log = true or false }")
    low, high, log = given["low"], given["high"], given.get("log", False)
    if not (_is_number(low) and _is_number(high) and low < high):
        raise ValueError(f"low {low!r} and high {high!r} are not two numbers, the lower one first")
    if not isinstance(log, bool):
        raise ValueError(f"log {log!r} is neither true nor false")
    if log and low <= 0:
        raise ValueError(f"low {low!r} has no logarithm")
    return low, high, log


def _choice(key: str, given: Any, own: Any) -> Choice:
    if not isinstance(given, list) or len(given) < 2 or any(given.count(value) > 1 for value in given):
        raise ValueError("is not a list of two or more different values")
    for value in given:
        if type(value) is not type(own) or not isinstance(value, Value):
            raise ValueError(f"{value!r} is not of the type of the recipe's own {own!r}")
    if own not in given:
        raise ValueError(f"the recipe's own {own!r} is not among them: it is the first trial")
    return Choice(key, tuple(given), own)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
