"""The trials: trainings by recipes that Optuna suggests, whose results it is told.

    ask → recipe → logo-train on a fold → history → report, prune or tell

Optuna's storage and the runs' directories hold all that is known, so that a search goes on after its process
was killed: a trial that was running then goes on, too, by the same recipe, from its own checkpoint.
"""

import csv
import hashlib
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.pruners import MedianPruner, NopPruner
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from search.errors import SearchError
from search.jobs import Job, Outcome, Work
from search.recipe_text import on_fold, with_values
from search.space import Space

LOG = logging.getLogger(__name__)

HISTORY = "history.csv"
MEASURES = ("auc_pr", "auc_roc", "balanced_accuracy")
TRIAL_FOLD, COMPARED_FOLD = 0, 1
UNPRUNED_TRIALS = 5
"""Trials that go to their end before any is compared with their median."""

STARTED = (TrialState.RUNNING, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is searched, and how.

    Attributes:
        directory: Of the search, absolute: runs, results and, unless it is elsewhere, Optuna's storage.
        recipe: The text of the recipe that the search begins with.
        space: What may change in it.
        arguments: Of `logo-train` in every run: the data, and more.
        trials: How many, with the recipe itself as the first; those that fail or are stopped count.
        folds: Into which the training groups are cut: trials are validated on the first, and the recipe is
            compared with the best one on the second.
        measure: Of the validation: one of MEASURES.
        seed: Of Optuna's choices and, with 0 to `seeds` - 1 added in the comparison, of fitting.
        seeds: Runs of either recipe in the comparison.
        timeout_s: Of a run.
        prune: Whether trials are stopped that are worse than the median of those before.
        at_once: Runs.
        workers: Processes that make the images, on this machine.
    """

    directory: Path
    recipe: str
    space: Space
    arguments: tuple[str, ...]
    trials: int
    folds: int
    measure: str
    seed: int
    seeds: int
    timeout_s: float
    prune: bool
    at_once: int
    workers: int

    def images(self, fold: int) -> Path:
        """The run whose images are those of all runs on a fold."""
        return self.directory / "images" / str(fold)

    def job(self, run: Path, text: str, fold: int, fit_seed: int, *options: str) -> Job:
        """A run by a recipe, which is written there."""
        run.mkdir(parents=True, exist_ok=True)
        recipe = run / "wanted.toml"
        recipe.write_text(on_fold(text, fold, self.folds, fit_seed))
        own = ("--recipe", str(recipe), "--run", str(run))
        return Job(run, (*self.arguments, *own, *options), self.timeout_s)

    def job_with_images(self, run: Path, text: str, fold: int, fit_seed: int) -> Job:
        """A run that uses the images of its fold."""
        return self.job(run, text, fold, fit_seed, "--images", str(self.images(fold)))


def open_study(plan: Plan, storage: str, name: str) -> Study:
    """The study of a search, which may have begun before.

    Raises:
        SearchError: It has begun with another recipe or space, other folds or another measure.
    """
    study = optuna.create_study(
        storage=storage,
        study_name=name,
        direction="maximize",
        pruner=MedianPruner(n_startup_trials=UNPRUNED_TRIALS) if plan.prune else NopPruner(),
        load_if_exists=True,
    )
    identity = {
        "recipe": _digest(plan.recipe),
        "space": _digest(repr(plan.space)),
        "folds": plan.folds,
        "measure": plan.measure,
        "seed": plan.seed,
    }
    for key, value in identity.items():
        if study.user_attrs.setdefault(key, value) != value:
            raise SearchError(f"study {name} has begun with another {key}: choose another --to, or --study")
        study.set_user_attr(key, value)
    if not study.get_trials(deepcopy=False):
        study.enqueue_trial(plan.space.defaults())
    return study


def trials_of(plan: Plan, study: Study) -> Iterator[Work]:
    """The trials that were running when the search was killed, and those that it lacks."""
    for frozen in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        yield TrialWork(plan, study, Trial(study, frozen._trial_id))
    while (number := len(study.get_trials(deepcopy=False, states=STARTED))) < plan.trials:
        # A sampler for each trial: what it suggests depends on the trials that there are, and not on how many
        # this process has asked for.
        study.sampler = TPESampler(seed=plan.seed + number)
        yield TrialWork(plan, study, study.ask())


class TrialWork:
    """A trial of Optuna's as a training."""

    def __init__(self, plan: Plan, study: Study, trial: Trial) -> None:
        self._plan, self._study, self._trial = plan, study, trial
        run = plan.directory / "trials" / str(trial.number)
        text = with_values(plan.recipe, plan.space.suggest(trial))
        self.job = plan.job_with_images(run, text, TRIAL_FOLD, plan.seed)
        trial.set_user_attr("fit_seed", plan.seed)
        trial.set_user_attr("sampler_seed", plan.seed + trial.number)
        self._reported = len(_frozen(study, trial).intermediate_values)

    def is_hopeless(self) -> bool:
        """Report what is new; whether the trial is to be pruned. The recipe itself never is."""
        values = read_history(self.job.directory, self._plan.measure)
        new = range(self._reported, len(values))
        for step in new:
            self._trial.report(values[step], step)
        self._reported = len(values)
        return bool(new) and self._trial.number > 0 and self._trial.should_prune()

    def ended(self, outcome: Outcome) -> None:
        """Tell Optuna.

        Raises:
            SearchError: The recipe itself failed; its trial is begun again by the same command.
        """
        self.is_hopeless()  # reports the last values
        values = read_history(self.job.directory, self._plan.measure)
        is_measured = outcome is Outcome.DONE and bool(values) and math.isfinite(values[-1])
        if self._trial.number == 0 and not is_measured:
            raise SearchError(f"the recipe itself is {outcome.value}: see {self.job.log}")
        LOG.info("trial %d of %d: %s", self._trial.number, self._plan.trials, outcome.value)
        if is_measured:
            self._study.tell(self._trial, values[-1])
        elif outcome is Outcome.HOPELESS:
            self._study.tell(self._trial, state=TrialState.PRUNED)
        else:
            self._trial.set_user_attr("failure", outcome.value)
            self._study.tell(self._trial, state=TrialState.FAIL)
        drop_checkpoints(self.job.directory)


def read_history(run: Path, measure: str) -> list[float]:
    """A measure of a run after each part of its training, so far."""
    path = run / HISTORY
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [float(row[measure]) for row in csv.DictReader(file) if row[measure]]


def drop_checkpoints(run: Path) -> None:
    """Remove what only a run that goes on needs: it is most of its size."""
    for checkpoint in run.glob("checkpoint-*.keras"):
        checkpoint.unlink()


def _frozen(study: Study, trial: Trial) -> FrozenTrial:
    return study.get_trials(deepcopy=False)[trial.number]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
