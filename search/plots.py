"""Plots: Optuna's own of a study, as SVG that stands inside a page."""

import io
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import matplotlib as mpl
import optuna.visualization.matplotlib as of_optuna
from matplotlib import pyplot
from optuna.exceptions import ExperimentalWarning
from optuna.study import Study
from optuna.trial import TrialState

LEAST_TRIALS = 4  # complete ones: of fewer, importance says nothing
_STYLE = {"svg.fonttype": "none", "font.family": "sans-serif", "text.parse_math": False}


def plots_of(study: Study) -> dict[str, str]:
    """SVG by heading; where there are few trials, of the history alone."""
    drawn: Mapping[str, Callable[[Study], Any]] = {"History": of_optuna.plot_optimization_history}
    if len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))) >= LEAST_TRIALS:
        drawn = {
            **drawn,
            "Importance": of_optuna.plot_param_importances,
            "Parallel coordinates": of_optuna.plot_parallel_coordinate,
        }
    return {heading: _svg(draw, study, heading) for heading, draw in drawn.items()}


def _svg(draw: Callable[[Study], Any], study: Study, salt: str) -> str:
    """The `<svg>` element alone, which refers to nothing outside itself."""
    out = io.StringIO()
    with mpl.rc_context({**_STYLE, "svg.hashsalt": salt, "backend": "agg"}), warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # all of its plots are
        figure = draw(study).figure
        figure.savefig(
            out,
            format="svg",
            bbox_inches="tight",
            metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")),
        )
        pyplot.close(figure)
    text = out.getvalue()
    return text[text.index("<svg") :]
