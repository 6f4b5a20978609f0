"""The page: `report.html`, one file for people to read, with nothing in it that comes from elsewhere.

Names of files, categories and sources come from anywhere: the template escapes all it is given, but for the
SVG of `evaluation.plots`. The page forbids itself scripts and any request (a Content-Security-Policy in it).
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from evaluation import plots
from evaluation.base_rates import BASE_RATES, PER_UPLOADS, convert, share_of
from evaluation.document import differences
from evaluation.false_alarms import CHOOSING_RATES, least_others
from evaluation.metrics import THRESHOLD
from evaluation.outcomes import Aligned
from evaluation.pictures import SampleImage, WorstErrors
from evaluation.report import (
    HEADLINE,
    difference_text,
    point_at,
    rate_rows,
    rate_text,
    remarks,
    share_of_false_alarms,
    told_targets,
    untold_targets,
    when_predicted,
)

TEMPLATE = "report.html"
EXPLAINED_SCORES = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)
"""Scores that the page converts to each base rate."""

EXPLAINED_THRESHOLDS = (0.5, 0.9, 0.99)
"""Thresholds that the page explains in words."""


def render_page(
    document: Mapping[str, Any],
    aligned: Aligned,
    worst: WorstErrors,
    former: Mapping[str, Any] | None = None,
    samples: Sequence[SampleImage] = (),
    worst_by_class: Mapping[str, WorstErrors] = MappingProxyType({}),
) -> str:
    """HTML of an evaluation.

    Args:
        document: As `make_document` makes it.
        aligned: The scores behind it, for the curves.
        worst: The pictures.
        former: Another evaluation's document, as `read_document` reads it, to compare with.
        samples: Some of the images, with their predicted classes.
        worst_by_class: The pictures of the classes beside the target.
    """
    evaluation = document["evaluation"]
    return _environment().get_template(TEMPLATE).render(
        document=document,
        model=document["model"],
        data=document["data"],
        evaluation=evaluation,
        by_recoding=evaluation["by_recoding"],
        first=next(iter(evaluation["by_recoding"].values())),
        headline=HEADLINE,
        remarks=remarks(evaluation),
        threshold=THRESHOLD,
        when_predicted=when_predicted(evaluation),
        base_rates=document["base_rates"],
        is_of_commons=tuple(document["base_rates"]) == BASE_RATES,
        worst_by_class=worst_by_class,
        per_uploads=PER_UPLOADS,
        choosing_rates=CHOOSING_RATES,
        rate_rows=list(rate_rows(evaluation)),
        told_targets=told_targets(evaluation),
        untold_targets=untold_targets(evaluation),
        explained=_explained(evaluation),
        unseen=_unseen(evaluation),
        meanings=_meanings(document["model"]["calibration"], document["base_rates"]),
        label_of=_label_of(document["data"]["parts"]),
        plots=_plots(document, aligned),
        worst=worst,
        samples=samples,
        former=former,
        differences=differences(document, former) if former else [],
    )  # fmt: skip


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "number": number,
        "count": count,
        "one_in": one_in,
        "rate": _spaced_rate,
        "least_others": least_others,
        "point_at": point_at,
        "difference_text": difference_text,
        "share_of_false_alarms": share_of_false_alarms,
    }
    environment.globals["span"] = span
    return environment


def _plots(document: Mapping[str, Any], aligned: Aligned) -> dict[str, str]:
    labels = document["model"]["labels"]
    lines = plots.lines_of(aligned.scores, aligned.truth, labels)
    by_recoding = document["evaluation"]["by_recoding"]
    first = next(iter(aligned.scores.values()))
    matrix = next(iter(by_recoding.values()))["confusion"]
    return {
        "confusion": plots.confusion(matrix, labels) if len(labels) > 2 else "",
        "roc": plots.roc(lines),
        "precision_recall": plots.precision_recall(lines),
        "reliability": plots.reliability(
            {name: metrics["calibration"] for name, metrics in by_recoding.items()}
        ),
        "histograms": plots.histograms(first, aligned.truth, labels, THRESHOLD),
    }


def _explained(evaluation: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    first = next(iter(evaluation["by_recoding"].values()))
    return [point for point in first["operating_points"] if point["threshold"] in EXPLAINED_THRESHOLDS]


def _unseen(evaluation: Mapping[str, Any]) -> float:
    """The rate of false alarms that may be there though none was seen."""
    first = next(iter(evaluation["by_recoding"].values()))
    return share_of(0, first["operating_points"][0]["false_alarms"]["of"]).high


def _meanings(calibration: Mapping[str, float] | None, base_rates: Sequence[float]) -> list[dict[str, Any]]:
    """What scores mean at each base rate; nothing where it is not known at which they hold."""
    if calibration is None:
        return []
    base_rate = calibration["base_rate"]
    return [
        {"score": score, "at": [float(convert(score, base_rate, rate)) for rate in base_rates]}
        for score in EXPLAINED_SCORES
    ]


def _label_of(parts: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The label of each category; several, where images of several are in it."""
    labels: dict[str, set[str]] = {}
    for part in parts:
        labels.setdefault(part["category"], set()).add(part["label"])
    return {category: ", ".join(sorted(names)) for category, names in labels.items()}


def percent(share: float, digits: int = 1) -> str:
    """A share as people write it; a narrow space keeps number and sign together."""
    return f"{share:.{digits}%}".replace("%", "\u202f%")


def _spaced_rate(rate: float) -> str:
    return rate_text(rate).replace("%", "\u202f%")


def span(low: float, high: float, digits: int = 1) -> str:
    """From one share to another."""
    return f"{100 * low:.{digits}f}–{percent(high, digits)}"


def number(value: float | None, digits: int = 4) -> str:
    """A metric; a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


def count(images: float) -> str:
    """How many images, in whole ones."""
    return f"{images:,.0f}"


def one_in(precision: float) -> str:
    """How many alarms are right, in words that need no arithmetic."""
    if precision >= 0.5:
        tenths = round(precision * 10)
        return f"{tenths} alarms in 10 are right" if tenths < 10 else "more than 9 alarms in 10 are right"
    return f"1 alarm in {round(1 / precision)} is right" if precision > 0 else "no alarm is right"
