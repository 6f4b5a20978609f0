"""Figures: the numbers of an evaluation that its page shows, each share with its interval of 95 %."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.base_rates import Share, share_of
from evaluation.bootstrap import percentile_interval, resamples
from evaluation.false_alarms import CHOOSING_RATES
from evaluation.metrics import predict_classes, target_of
from evaluation.outcomes import Aligned
from evaluation.report import HEADLINE, found_text, point_at, rate_text

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: what it is, and a text for each column."""

    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Figures by recoding."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much one model's share of right images exceeds another's, and the interval of that."""

    by: float
    low: float
    high: float

    def __str__(self) -> str:
        by, low, high = (f"{100 * value:+.1f}" for value in (self.by, self.low, self.high))
        return f"{by} percentage points ({low} to {high})"


def table_of(document: Document) -> Table:
    """Shares with their intervals, what is found at few false alarms, and the report's headline."""
    evaluation = document["evaluation"]
    labels = document["model"]["labels"]
    columns = evaluation["by_recoding"]
    rows = [_row("images", [f"{metrics['images']:,}" for metrics in columns.values()])]
    rows += [_row("right", [share_text(_right(metrics)) for metrics in columns.values()])]
    for label in labels:
        found = [_found(metrics, labels, label) for metrics in columns.values()]
        rows.append(_row(f"{label}: right", [share_text(each) if each else "none" for each in found]))
    for target in evaluation["rate_points"]:
        for rate in CHOOSING_RATES:
            points = [
                point_at(found[target], rate) for found in evaluation["rate_points_by_recoding"].values()
            ]
            rows.append(
                _row(f"{target}: found at {rate_text(rate)} false alarms", [found_text(p) for p in points])
            )
    for key, title in HEADLINE.items():
        rows.append(_row(title, [f"{metrics[key]:.4f}" for metrics in columns.values()]))
    return Table(tuple(columns), tuple(rows))


def side_by_side(one: Document, other: Document) -> Table:
    """Two evaluations of the same files, each a column; of the recoding that both have."""
    tables = table_of(one), table_of(other)
    others = {row.name: row.cells[0] for row in tables[1].rows}
    rows = [Row(row.name, (row.cells[0], others.get(row.name, "none"))) for row in tables[0].rows]
    return Table(("this run", "the other run"), tuple(rows))


def difference_of(one: Aligned, other: Aligned, labels: Sequence[str]) -> Difference:
    """How many more images one model has right than another, as a share; both have scored the same ones."""
    recoding = next(iter(one.scores))
    right = [predict_classes(each.scores[recoding], labels) == each.truth for each in (one, other)]
    gained = right[0].astype(np.float64) - right[1]
    drawn = resamples(one.truth == target_of(labels), one.groups)
    means = np.concatenate([counts @ gained / counts.sum(axis=1) for counts in drawn])
    low, high = percentile_interval(means)
    return Difference(float(gained.mean()), float(low), float(high))


def confusion_of(document: Document) -> Table:
    """How many images of each label, by row, are predicted as which class, by column; of one recoding."""
    labels, evaluation = document["model"]["labels"], document["evaluation"]
    matrix = next(iter(evaluation["by_recoding"].values()))["confusion"]
    rows = (_row(label, [f"{count:,}" for count in row]) for label, row in zip(labels, matrix, strict=True))
    return Table(tuple(labels), tuple(rows))


def share_text(share: Share) -> str:
    """A share with its interval."""
    return f"{share.share:.1%} ({share.low:.1%} to {share.high:.1%})"


def _row(name: str, cells: Sequence[str]) -> Row:
    return Row(name, tuple(cells))


def _right(metrics: Mapping[str, Any]) -> Share:
    matrix = metrics["confusion"]
    return share_of(sum(row[place] for place, row in enumerate(matrix)), metrics["images"])


def _found(metrics: Mapping[str, Any], labels: Sequence[str], label: str) -> Share | None:
    """Of the images of a label; None where there are none."""
    place = labels.index(label)
    row = metrics["confusion"][place]
    return share_of(row[place], sum(row)) if sum(row) else None
