"""The comparison: what the best trial's recipe gains over the one that the search began with.

The best of many trials looks better than it is: it was chosen for its number, noise included. So both recipes
are trained anew on a fold that no trial was validated on, several times, with the same seeds of fitting.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student

from datasets.replacement import replacing
from search.errors import SearchError
from search.jobs import Job, Launcher, Outcome, run_all
from search.recipe_text import Value, with_values
from search.trials import COMPARED_FOLD, Plan, drop_checkpoints, read_history

CONFIDENCE = 0.95
RESULT = "result.json"


@dataclass(frozen=True, slots=True)
class Gain:
    """The difference of two recipes in a measure, over the same seeds.

    Attributes:
        first: Of the recipe that the search began with, by seed.
        best: Of the best trial's, likewise.
        mean: Of the differences, the best less the first.
        low: End of the mean's interval (Student's t, 95 %).
        high: The other end.
    """

    first: tuple[float, ...]
    best: tuple[float, ...]
    mean: float
    low: float
    high: float

    @property
    def is_shown(self) -> bool:
        """Whether the whole interval is above 0."""
        return self.low > 0

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def gain_of(first: Sequence[float], best: Sequence[float]) -> Gain:
    """The gain, from two or more results of each, in the order of the seeds."""
    differences = np.array(best) - np.array(first)
    mean, count = float(differences.mean()), len(differences)
    error = float(differences.std(ddof=1)) / math.sqrt(count)
    reach = float(student.ppf((1 + CONFIDENCE) / 2, count - 1)) * error
    return Gain(tuple(first), tuple(best), mean, mean - reach, mean + reach)


def compare(plan: Plan, best: int, values: Mapping[str, Value], launcher: Launcher) -> Gain:
    """Train both recipes with every seed, but for the runs that are there.

    Args:
        plan: The search.
        best: The number of the best trial.
        values: What it has changed in the recipe.
        launcher: Starts the runs.

    Raises:
        SearchError: A run fails.
    """
    texts = {0: plan.recipe, best: with_values(plan.recipe, values)}
    run_all(_missing_runs(plan, texts), launcher, plan.at_once)
    return gain_of(*([_result(_run(plan, trial, seed)) for seed in _seeds(plan)] for trial in texts))


class ComparedRun:
    """A run of one recipe with one seed."""

    def __init__(self, plan: Plan, job: Job) -> None:
        self._plan, self.job = plan, job

    def is_hopeless(self) -> bool:
        """Never: all are wanted whole."""
        return False

    def ended(self, outcome: Outcome) -> None:
        """Keep the result. Raises SearchError where there is none."""
        values = read_history(self.job.directory, self._plan.measure)
        if outcome is not Outcome.DONE or not values or not math.isfinite(values[-1]):
            raise SearchError(f"a run of the comparison is {outcome.value}: see {self.job.log}")
        with replacing(self.job.directory / RESULT) as unfinished:
            unfinished.write_text(json.dumps(values[-1]))
        drop_checkpoints(self.job.directory)


def _missing_runs(plan: Plan, texts: Mapping[int, str]) -> Iterator[ComparedRun]:
    for seed in _seeds(plan):
        for trial, text in texts.items():
            run = _run(plan, trial, seed)
            if not (run / RESULT).exists():
                yield ComparedRun(plan, plan.job_with_images(run, text, COMPARED_FOLD, seed))


def _seeds(plan: Plan) -> range:
    return range(plan.seed, plan.seed + plan.seeds)


def _run(plan: Plan, trial: int, seed: int) -> Path:
    return plan.directory / "comparison" / f"trial-{trial}" / f"seed-{seed}"


def _result(run: Path) -> float:
    return float(json.loads((run / RESULT).read_text()))
