"""The report: metrics of a set in two recodings, and how often recoding alone changes the answer."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from evaluation.metrics import Bools, Floats, Metrics, flip_rate, measure


@dataclass(frozen=True, slots=True)
class Report:
    """Metrics per recoding; the share of images called differently by the two, and their mean difference."""

    by_recoding: Mapping[str, Metrics]
    recoding_flips: float
    score_shift: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, to four decimals."""
        return {name: _rounded(value) for name, value in asdict(self).items()}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return round(value, 4) if isinstance(value, float) else value


def make_report(scores: Mapping[str, Floats], is_logo: Bools, categories: Sequence[str]) -> Report:
    """Of two recodings' scores, float[N] each, of the same images in the same order."""
    first, second = scores.values()
    return Report(
        by_recoding={name: measure(values, is_logo, categories) for name, values in scores.items()},
        recoding_flips=flip_rate(first, second),
        score_shift=float(np.abs(first - second).mean()),
    )


def render(report: Report) -> str:
    """A Markdown table: one row per metric and category, one column per recoding."""
    names = list(report.by_recoding)
    rows = [["", *names], ["---", *("---:" for _ in names)]]
    for field in ("images", "auc_roc", "auc_pr", "accuracy", "balanced_accuracy", "calibration_error"):
        rows.append(
            [field.replace("_", " "), *(_number(getattr(report.by_recoding[name], field)) for name in names)]
        )
    for category in report.by_recoding[names[0]].recall_by_category:
        slices = [report.by_recoding[name].recall_by_category[category] for name in names]
        rows.append([f"{category} ({slices[0].images})", *(f"{part.share:.1%}" for part in slices)])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{table}\n\nCalled differently by recoding: {report.recoding_flips:.1%}\n"


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.4f}"
