"""The report: what a model finds at few false alarms, its metrics in each recoding, what recoding changes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from typing import Any

import numpy as np

from evaluation.arrays import Floats, Ints
from evaluation.base_rates import BASE_RATES, PER_UPLOADS
from evaluation.false_alarms import CHOOSING_RATES, FALSE_ALARM_RATES, RatePoint, least_others, rate_points
from evaluation.metrics import (
    THRESHOLD,
    ScoreMetrics,
    measure,
    predict_classes,
    target_of,
    targets_of,
)
from logo_detection.artifact import LOGO

AS_IS = "as is"
"""The recoding of a set that has none."""

TOGETHER = "together"
"""All recodings of a set that has several."""

COMMONS_KINDS = frozenset(
    {
        "arms", "cartoon", "chart", "chemistry", "diagram", "document", "emoji", "flag", "handwriting",
        "icon", "map", "medical", "music", "painting", "photo", "poster", "satellite", "screenshot", "seal",
    }
)  # fmt: skip
"""Categories of others that uploads to Commons have, as the training images are named."""

SIGNIFICANT_DIGITS = 4
"""Of the shares in the JSON: two machines' scores differ in the sixth."""

HEADLINE = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "precision": "precision, weighted",
    "recall": "recall, weighted",
    "f1": "F1, weighted",
    "auc_roc": "AUC-ROC",
    "auc_pr": "AUC-PR",
    "log_loss": "log loss",
    "brier": "Brier score",
    "calibration_error": "ECE",
    "balanced_calibration_error": "ECE, classes weighed equally",
}

RatePoints = Mapping[str, tuple[RatePoint, ...]]
"""By target."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The metrics of a model on a set of images.

    Attributes:
        by_recoding: Metrics of the same images in each recoding, such as `png` and `jpeg`; `as is` without.
        rate_points: What is found at each rate of false alarms, by target (`metrics.targets_of`): of all
            recodings together, since uploads are of all. This is what models are chosen by.
        rate_points_by_recoding: The same in each recoding, each with thresholds of its own.
        recoding_flips: The share of images that are not classified the same in all recodings.
        score_shift: The target's highest probability among the recodings less its lowest, on average.
        unscored: Files that are in no metric, by the reason: an error's code, or `partner_unscored` where
            another recoding of the same image has no score.
    """

    by_recoding: Mapping[str, ScoreMetrics]
    rate_points: RatePoints
    rate_points_by_recoding: Mapping[str, RatePoints]
    recoding_flips: float | None
    score_shift: float | None
    unscored: Mapping[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with four significant digits."""
        values: dict[str, Any] = rounded(asdict(self))
        return values


def rounded(value: Any) -> Any:
    """Plain values, with four significant digits."""
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}") if isinstance(value, float) else value


def make_report(
    scores_by_recoding: Mapping[str, Floats],
    truth: Ints,
    labels: Sequence[str],
    categories: Sequence[str],
    groups: Ints | None = None,
    unscored: Mapping[str, int] | None = None,
    base_rates: Sequence[float] = BASE_RATES,
) -> Evaluation:
    """Evaluate each recoding's probabilities, of the same images in the same order.

    Args:
        scores_by_recoding: float[N, classes] each.
        truth: The index of each image's label, int[N].
        labels: Of the classes.
        categories: Of the images.
        groups: The number of each image's group, int[N]; without, each image is one of its own.
        unscored: Files that have no score, by the reason.
        base_rates: Shares of a class among uploads, at which thresholds are told.

    Raises:
        ValueError: There is no recoding, one lacks images, or `measure` refuses them.
    """
    if not scores_by_recoding or len({scores.shape for scores in scores_by_recoding.values()}) > 1:
        raise ValueError("every recoding of every image is needed")
    several = len(scores_by_recoding) > 1
    groups = np.arange(len(truth)) if groups is None else groups
    by_recoding = {
        name: measure(scores, truth, labels, categories, base_rates)
        for name, scores in scores_by_recoding.items()
    }
    points = {
        name: _rate_points([scores], truth, labels, categories, groups, base_rates)
        for name, scores in scores_by_recoding.items()
    }
    every = list(scores_by_recoding.values())
    return Evaluation(
        by_recoding=by_recoding,
        rate_points=(
            _rate_points(every, truth, labels, categories, groups, base_rates)
            if several
            else next(iter(points.values()))
        ),
        rate_points_by_recoding=points,
        recoding_flips=flip_rate(scores_by_recoding, labels) if several else None,
        score_shift=_score_shift(scores_by_recoding, labels) if several else None,
        unscored=dict(unscored or {}),
    )


def _rate_points(
    recodings: Sequence[Floats],
    truth: Ints,
    labels: Sequence[str],
    categories: Sequence[str],
    groups: Ints,
    base_rates: Sequence[float],
) -> RatePoints:
    """Of each target that some images show and some do not; an image counts once in each recoding."""
    scores, times = np.concatenate(recodings), len(recodings)
    truth, groups = np.tile(truth, times), np.tile(groups, times)
    return {
        labels[target]: rate_points(
            scores[:, target], truth == target, [*categories] * times, groups, times, base_rates
        )
        for target in targets_of(labels)
        if 0 < (truth == target).sum() < len(truth)
    }


def flip_rate(scores_by_recoding: Mapping[str, Floats], labels: Sequence[str]) -> float:
    """The share of images that are not classified the same in all recodings."""
    predicted = np.stack([predict_classes(scores, labels) for scores in scores_by_recoding.values()])
    return float((predicted != predicted[0]).any(axis=0).mean())


def _score_shift(scores_by_recoding: Mapping[str, Floats], labels: Sequence[str]) -> float:
    scores = np.stack([scores[:, target_of(labels)] for scores in scores_by_recoding.values()])
    return float(np.ptp(scores, axis=0).mean())


def render_markdown(evaluation: Evaluation) -> str:
    """Markdown, for a terminal: the headline, a row per category, and what else there is to say."""
    values = evaluation.as_dict()
    columns = list(values["by_recoding"].values())
    lines = headline_table(values)
    for category, part in columns[0]["by_category"].items():
        shares = " | ".join(f"{column['by_category'][category]['share']:.1%}" for column in columns)
        lines += f"| {cell(category)}: right {when_predicted(values)}, of {part['of']:,} | {shares} |\n"
    tables = [lines, rates_table(values), *kinds_tables(values)]
    return "\n".join([*tables, *(f"{sentence}\n" for sentence in remarks(values))])


def render_comparison(compared: Mapping[str, Any]) -> str:
    """Markdown of a `Comparison.as_dict()`: a row per rate, a column per recoding."""
    rows: dict[tuple[str, float], list[str]] = {}
    headings: dict[str, None] = {}
    for one in compared["compared"]:
        headings[cell(one["recoding"])] = None
        for difference in one["differences"]:
            row = rows.setdefault((one["target"], difference["false_alarm_rate"]), [])
            row.append(difference_text(difference))
    title = cell(f"beside {compared['name']} {compared['version']}")
    table = _table(
        [title, *headings],
        [[f"{cell(target)} at {rate_text(rate)}", *cells] for (target, rate), cells in rows.items()],
    )
    return f"{table}\nFound more (+) or less, in percentage points, on {compared['images']:,} images.\n"


def difference_text(difference: Mapping[str, Any]) -> str:
    """By how many percentage points recall differs, with the interval."""
    by, low, high = (100 * difference[key] for key in ("by", "low", "high"))
    return f"{by:+.1f} ({low:+.1f} to {high:+.1f})"


def headline_table(evaluation: Mapping[str, Any]) -> str:
    """Markdown of the headline of an `Evaluation.as_dict()`: a row per metric, a column per recoding."""
    by_recoding = evaluation["by_recoding"]
    columns = list(by_recoding.values())
    rows = [["images", *(f"{column['images']:,}" for column in columns)]]
    for target, rate in product(told_targets(evaluation), CHOOSING_RATES):
        title = f"{cell(target)}: found at {rate_text(rate)} false alarms"
        points = [point_at(found[target], rate) for found in evaluation["rate_points_by_recoding"].values()]
        rows.append([title, *(found_text(point) for point in points)])
    rows += [[title, *(f"{column[key]:.4f}" for column in columns)] for key, title in HEADLINE.items()]
    return _table(["", *map(cell, by_recoding)], rows)


def rates_table(evaluation: Mapping[str, Any]) -> str:
    """Markdown: what is found at each rate of false alarms, and how many alarms that makes among uploads."""
    rows = [
        [
            f"{cell(target)}: at most {rate_text(point['false_alarm_rate'])}",
            cell(recoding),
            f"{point['point']['threshold']:.4f}" if point["point"] else "none",
            found_text(point),
            *_alarms(point["point"], len(base_rates_of(evaluation))),
        ]
        for target, recoding, points in rate_rows(evaluation)
        for point in points
    ]
    base_rates = base_rates_of(evaluation)
    headings = [f"alarms at {rate:.2%}" for rate in base_rates]
    table = _table(["false alarms", "images", "threshold", "found (95 % interval)", *headings], rows)
    of = "logos" if LOGO in evaluation["rate_points"] else "the class"
    told = f"{table}\nAlarms are per {PER_UPLOADS:,} uploads, true + false, at these shares of {of}.\n"
    said = [told] if rows else []
    if untold := untold_targets(evaluation):
        said.append(f"{cell(untold)}\n")
    return "\n".join(said)


def told_targets(evaluation: Mapping[str, Any]) -> list[str]:
    """The targets whose rates of false alarms are told: of several, those that have others enough for one.

    A set of somebody's own classes often has too few for any, and rows without a number would hide the rest.
    """
    points = evaluation["rate_points"]
    return [
        target
        for target, found in points.items()
        if len(points) == 1 or any(point["recall"] is not None for point in found)
    ]


def untold_targets(evaluation: Mapping[str, Any]) -> str:
    """A sentence about the other targets; nothing where there is none."""
    told = told_targets(evaluation)
    untold = [target for target in evaluation["rate_points"] if target not in told]
    if not untold:
        return ""
    least = least_others(max(FALSE_ALARM_RATES))
    return (
        f"Few false alarms cannot be told of {', '.join(untold)}:"
        f" that takes {least:,} images of other classes, or more."
    )


def rate_rows(evaluation: Mapping[str, Any]) -> Iterator[tuple[str, str, Sequence[Mapping[str, Any]]]]:
    """Told target, recoding and points: of all recodings together, and of each if there are several."""
    several = len(evaluation["rate_points_by_recoding"]) > 1
    for target in told_targets(evaluation):
        points = evaluation["rate_points"][target]
        yield target, TOGETHER if several else AS_IS, points
        if several:
            for recoding, found in evaluation["rate_points_by_recoding"].items():
                yield target, recoding, found[target]


def base_rates_of(evaluation: Mapping[str, Any]) -> list[float]:
    """The base rates at which an `Evaluation.as_dict()` tells of thresholds."""
    first = next(iter(evaluation["by_recoding"].values()))
    return [alarms["base_rate"] for alarms in first["operating_points"][0]["at"]]


def _alarms(point: Mapping[str, Any] | None, base_rates: int) -> list[str]:
    if point is None:
        return ["–"] * base_rates
    return [f"{alarms['true_alarms']:,.0f} + {alarms['false_alarms']:,.0f}" for alarms in point["at"]]


def kinds_tables(evaluation: Mapping[str, Any]) -> Iterator[str]:
    """Markdown of each target: by category the share found or left alone, and that of the false alarms."""
    categories = next(iter(evaluation["by_recoding"].values()))["by_category"]
    for target, points in evaluation["rate_points"].items():
        if measured := [point for point in points if point["point"]]:
            yield _kinds_table(target, measured, categories)


def _kinds_table(
    target: str, points: Sequence[Mapping[str, Any]], categories: Mapping[str, Mapping[str, Any]]
) -> str:
    rates = [rate_text(point["false_alarm_rate"]) for point in points]
    rows = []
    for category, part in categories.items():
        right = [f"{point['by_category'][category]['share']:.1%}" for point in points]
        shares = [share_of_false_alarms(point, category) for point in points]
        rows.append([cell(category), f"{part['of']:,}", *right, *(f"{share:.0%}" for share in shares)])
    headings = [f"right at {rate}" for rate in rates] + [f"of false alarms at {rate}" for rate in rates]
    return _table([f"{cell(target)}: category", "images", *headings], rows)


def share_of_false_alarms(point: Mapping[str, Any], category: str) -> float:
    """The share of a `RatePoint`'s false alarms that a category makes; 0 where there are none."""
    alarms = point["false_alarms_by_category"]
    return float(alarms.get(category, 0) / max(sum(alarms.values()), 1))


def point_at(points: Sequence[Mapping[str, Any]], rate: float) -> Mapping[str, Any]:
    """The point of a rate."""
    return next(point for point in points if point["false_alarm_rate"] == rate)


def found_text(point: Mapping[str, Any]) -> str:
    """The share found at a rate, with its interval; or that there are too few others to tell."""
    if point["recall"] is None:
        return f"fewer than {least_others(point['false_alarm_rate']):,} others"
    recall = point["recall"]
    return f"{recall['share']:.1%} ({recall['low']:.1%} to {recall['high']:.1%})"


def rate_text(rate: float) -> str:
    """A rate of false alarms in percent, as short as it is."""
    return f"{100 * rate:g}%"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---", *("---:" for _ in headings[1:])], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cell(text: str) -> str:
    """Text inside a Markdown table, on a terminal too; names of categories come from anywhere."""
    line = "".join(character for character in " ".join(text.split()) if character.isprintable())
    return line.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def when_predicted(evaluation: Mapping[str, Any]) -> str:
    """The condition under which `predict_classes` gives a class, in words that follow "right" or "found"."""
    first = next(iter(evaluation["by_recoding"].values()))
    return f"at {THRESHOLD}" if len(first["classes"]) == 2 else "where it is the likeliest"


def remarks(evaluation: Mapping[str, Any]) -> list[str]:
    """What an `Evaluation.as_dict()` says beside its metrics, in sentences."""
    said = []
    first = next(iter(evaluation["by_recoding"].values()))
    if LOGO in first["classes"] and (missing := COMMONS_KINDS - set(first["by_category"])):
        kinds = ", ".join(sorted(missing))
        said.append(f"Of these categories, which Commons has, the set has no image: {kinds}.")
    if evaluation["recoding_flips"] is not None:
        recodings = " and ".join(map(cell, evaluation["by_recoding"]))
        said.append(
            f"Recoded ({recodings}), {evaluation['recoding_flips']:.1%} of the images are called differently;"
            f" the score moves by {evaluation['score_shift']:.4f} on average."
        )
    if evaluation["unscored"]:
        reasons = ", ".join(f"{count:,} {code}" for code, count in evaluation["unscored"].items())
        said.append(f"Not scored, and in none of these numbers: {reasons}.")
    return said
