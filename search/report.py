"""The report: what a search found, as a document, in sentences, and as one page for people to read.

The page forbids itself scripts and any request (a Content-Security-Policy in it).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from optuna.study import Study
from optuna.trial import FrozenTrial

from search.comparison import Gain
from search.plots import plots_of
from search.trials import Plan

SCHEMA_VERSION = 1


def result_of(plan: Plan, study: Study, best: FrozenTrial, gain: Gain | None) -> dict[str, Any]:
    """The document: every trial with its values and seeds; the best one, and its gain if it was measured."""
    return {
        "schema_version": SCHEMA_VERSION,
        "measure": plan.measure,
        "folds": plan.folds,
        "seed": plan.seed,
        "best": best.number,
        "changes": {
            key: {"from": default, "to": best.params[key]}
            for key, default in plan.space.defaults().items()
            if best.params[key] != default
        },
        "gain": gain.as_dict() if gain else None,
        "trials": [_trial(trial) for trial in study.get_trials(deepcopy=False)],
    }


def _trial(trial: FrozenTrial) -> dict[str, Any]:
    return {
        "number": trial.number,
        "state": trial.state.name.lower(),
        "value": trial.value,
        "values": trial.params,
        "reported": list(trial.intermediate_values.values()),
        "seconds": trial.duration.total_seconds() if trial.duration else None,
        **trial.user_attrs,
    }


def summary_of(result: Mapping[str, Any]) -> list[str]:
    """What was found, in sentences."""
    best, measure, gain = result["best"], result["measure"], result["gain"]
    value = result["trials"][best]["value"]
    found = f"Trial {best} of {len(result['trials'])} is the best on its fold: {measure} {value:.4f}."
    if best == 0:
        return [found, "It is the recipe itself: the search found none that is better."]
    if gain is None:
        return [found, "Whether it gains anything on other images was not measured."]
    span = f"{gain['mean']:+.4f} ({gain['low']:+.4f} to {gain['high']:+.4f}, 95 %)"
    compared = f"On another fold, with {len(gain['best'])} seeds, it changes {measure} by {span}."
    verdict = "It gains." if gain["low"] > 0 else "No gain is shown: the interval has 0 in it, or is below."
    return [found, compared, verdict]


def write_report(path: Path, result: Mapping[str, Any], study: Study) -> None:
    """Write the page."""
    keys = list(result["trials"][0]["values"])
    path.write_text(
        _environment()
        .get_template("report.html")
        .render(result=result, keys=keys, summary=summary_of(result), plots=plots_of(study)),
        encoding="utf-8",
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("search"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"short": _short, "listed": _listed}
    return environment


def _short(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.4f}" for value in values)
