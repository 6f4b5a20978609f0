"""The recipe: everything that decides a training run, as one TOML file says it."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from training.datasets import HoldOut


@dataclass(frozen=True, slots=True)
class Stage:
    """One size at which to train: pixels, images to see, how many at a time, first and last learning rate."""

    size: int
    images: int
    batch: int
    rate: float
    last_rate: float


@dataclass(frozen=True, slots=True)
class Network:
    """The stages of an EfficientNetV2, one number per stage; by default those of B0."""

    repeats: tuple[int, ...] = (1, 2, 2, 3, 5, 8)
    input_filters: tuple[int, ...] = (32, 16, 32, 48, 96, 112)
    output_filters: tuple[int, ...] = (16, 32, 48, 96, 112, 192)
    expansions: tuple[int, ...] = (1, 4, 4, 4, 6, 6)
    squeezes: tuple[float, ...] = (0, 0, 0, 0.25, 0.25, 0.25)
    strides: tuple[int, ...] = (1, 2, 2, 2, 1, 2)
    kinds: tuple[str, ...] = ("fused", "fused", "fused", "unfused", "unfused", "unfused")


@dataclass(frozen=True, slots=True)
class Recipe:
    """See `training/recipes/*.toml`, where each field is explained by its value."""

    name: str
    version: str
    labels: tuple[str, ...]
    seed: int
    hold_out: HoldOut
    held_out_kinds: frozenset[str]
    variants: MappingProxyType[str, int]
    drawn: MappingProxyType[str, int]
    drawn_validation: MappingProxyType[str, int]
    stages: tuple[Stage, ...]
    warm_up: int
    weight_decay: float
    label_smoothing: float
    dropout: float
    skip_dropout: float
    ema: float
    mixed_precision: bool
    network: Network


def read_recipe(path: Path) -> Recipe:
    """Parse a recipe; a field that is missing or unknown raises TypeError or KeyError."""
    values: dict[str, Any] = tomllib.loads(path.read_text())
    held = values.pop("hold_out")
    return Recipe(
        hold_out=HoldOut(frozenset(held["sources"]), MappingProxyType(held["shares"]), values["seed"]),
        held_out_kinds=frozenset(held["kinds"]),
        labels=tuple(values.pop("labels")),
        variants=MappingProxyType(values.pop("variants")),
        drawn=MappingProxyType(values.pop("drawn")),
        drawn_validation=MappingProxyType(values.pop("drawn_validation")),
        stages=tuple(Stage(**stage) for stage in values.pop("stages")),
        network=Network(**{name: tuple(numbers) for name, numbers in values.pop("network", {}).items()}),
        **values,
    )
