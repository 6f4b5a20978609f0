"""The report: metrics of a set in each of its recodings, and how often recoding alone changes the answer."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from evaluation.arrays import Floats, Ints
from evaluation.metrics import THRESHOLD, ScoreMetrics, measure, predict_classes, target_of

AS_IS = "as is"
"""The recoding of a set that has none."""

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


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The metrics of a model on a set of images.

    Attributes:
        by_recoding: Metrics of the same images in each recoding, such as `png` and `jpeg`; `as is` without.
        recoding_flips: The share of images that are not classified the same in all recodings.
        score_shift: The target's highest probability among the recodings less its lowest, on average.
        unscored: Files that are in no metric, by the reason: an error's code, or `partner_unscored` where
            another recoding of the same image has no score.
    """

    by_recoding: Mapping[str, ScoreMetrics]
    recoding_flips: float | None
    score_shift: float | None
    unscored: Mapping[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with four significant digits."""
        rounded: dict[str, Any] = _rounded(asdict(self))
        return rounded


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}") if isinstance(value, float) else value


def make_report(
    scores_by_recoding: Mapping[str, Floats],
    truth: Ints,
    labels: Sequence[str],
    categories: Sequence[str],
    unscored: Mapping[str, int] | None = None,
) -> Evaluation:
    """Of each recoding's probabilities, float[N, classes], of the same images in the same order.

    Raises:
        ValueError: There is no recoding, one lacks images, or `measure` refuses them.
    """
    if not scores_by_recoding or len({scores.shape for scores in scores_by_recoding.values()}) > 1:
        raise ValueError("every recoding of every image is needed")
    several = len(scores_by_recoding) > 1
    return Evaluation(
        by_recoding={
            name: measure(scores, truth, labels, categories) for name, scores in scores_by_recoding.items()
        },
        recoding_flips=flip_rate(scores_by_recoding, labels) if several else None,
        score_shift=_score_shift(scores_by_recoding, labels) if several else None,
        unscored=dict(unscored or {}),
    )


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
    return lines + "".join(f"\n{sentence}\n" for sentence in remarks(values))


def headline_table(evaluation: Mapping[str, Any]) -> str:
    """Markdown of the headline of an `Evaluation.as_dict()`: a row per metric, a column per recoding."""
    by_recoding = evaluation["by_recoding"]
    columns = list(by_recoding.values())
    rows = [["", *map(cell, by_recoding)], ["---", *("---:" for _ in columns)]]
    rows.append(["images", *(f"{column['images']:,}" for column in columns)])
    rows += [[title, *(f"{column[key]:.4f}" for column in columns)] for key, title in HEADLINE.items()]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def cell(text: str) -> str:
    """Text inside a Markdown table, on a terminal too; names of categories are strangers' text."""
    line = "".join(character for character in " ".join(text.split()) if character.isprintable())
    return line.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")


def when_predicted(evaluation: Mapping[str, Any]) -> str:
    """The condition under which `predict_classes` gives a class, in words that follow "right" or "found"."""
    first = next(iter(evaluation["by_recoding"].values()))
    return f"at {THRESHOLD}" if len(first["classes"]) == 2 else "where it is the likeliest"


def remarks(evaluation: Mapping[str, Any]) -> list[str]:
    """What an `Evaluation.as_dict()` says beside its metrics, in sentences."""
    said = []
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
