"""Progress: how far a run is, as its folder tells; nothing is written to the database for it."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from studio.background.work_log import read_tail
from studio.runs.models import Run
from studio.runs.process import LOG, RECIPE
from training.recipe import read_recipe, steps_of

CURVES = ("loss", "accuracy", "auc_pr", "balanced_accuracy")
WIDTH, HEIGHT, MARGIN = 320, 184, 24  # of a drawn curve, in pixels

Line = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Curve:
    """A number of the history, drawn: points for an SVG polyline, its lowest, highest and last value."""

    name: str
    points: str
    low: float
    high: float
    last: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        step: That it was trained to, as of the last checkpoint.
        steps: Of all stages.
        curves: One point for each checkpoint.
        log: The end of what it says.
    """

    step: int
    steps: int
    curves: tuple[Curve, ...]
    log: str


def read_progress(run: Run, data: Path) -> Progress:
    """Read a run's folder, which need not be there yet."""
    folder = run.folder(data)
    recipe = folder / RECIPE
    steps = sum(map(steps_of, read_recipe(recipe).stages)) if recipe.exists() else 0
    history = _read_history(folder / "history.csv")
    step = int(history[-1]["step"]) if history else 0
    curves = (draw(name, history) for name in CURVES if history and name in history[0])
    return Progress(step, steps, tuple(curves), read_tail(folder / LOG))


def draw(name: str, history: Sequence[Line]) -> Curve:
    """Draw a number of a history, which has a line at least, over the steps."""
    steps, values = [line["step"] for line in history], [line[name] for line in history]
    low, high = min(values), max(values)
    points = (
        f"{_scaled(step, 0, steps[-1], WIDTH):.1f},{HEIGHT - _scaled(value, low, high, HEIGHT):.1f}"
        for step, value in zip(steps, values, strict=True)
    )
    return Curve(name, " ".join(points), low, high, values[-1])


def _scaled(value: float, low: float, high: float, length: int) -> float:
    span = high - low
    return MARGIN + (length - 2 * MARGIN) * ((value - low) / span if span else 0.5)


def _read_history(path: Path) -> list[Line]:
    """The lines that are whole."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        lines = [line for line in csv.DictReader(file) if all(line.values())]
    return [{name: float(value) for name, value in line.items()} for line in lines]
