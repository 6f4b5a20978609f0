"""The search: trials, the comparison of the best with the first, and what is written of both.

images/FOLD/                           the images that all runs on a fold share
trials/NUMBER/                         a run of logo-train, without its checkpoints
comparison/trial-NUMBER/seed-SEED/     likewise
study.db                               Optuna's, unless --storage says where else
best.toml  result.json  report.html    the results
"""

import argparse
import json
import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from optuna.study import Study
from optuna.trial import FrozenTrial

from datasets.lock import lock
from search.comparison import Gain, compare
from search.errors import SearchError
from search.jobs import Job, Launcher, Outcome, run_all
from search.process import LocalLauncher
from search.recipe_text import read_text, with_values
from search.report import result_of, summary_of, write_report
from search.space import read_space
from search.trials import COMPARED_FOLD, TRIAL_FOLD, Plan, open_study, trials_of

LOG = logging.getLogger(__name__)

SPACE_SUFFIX = ".search.toml"
DATABASE = "study.db"


def run_search(options: argparse.Namespace) -> None:
    """Search, or go on with a search, with the options of `search.__main__`.

    Raises:
        LogoDetectionError: The recipe, the space or the search contradict each other, or the recipe itself
            cannot be trained.
    """
    plan = plan_of(options)
    with locked(plan.directory), launcher_of(options) as launcher:
        storage = options.storage or f"sqlite:///{plan.directory / DATABASE}"
        search(plan, open_study(plan, storage, options.study), launcher, LocalLauncher(plan.workers))


def search(plan: Plan, study: Study, launcher: Launcher, here: Launcher) -> None:
    """Run what a study lacks, compare, and write the results.

    Args:
        plan: What is searched.
        study: Of `open_study`.
        launcher: Starts the trainings.
        here: Starts what makes the images.

    Raises:
        SearchError: The recipe itself, or a run of the comparison, cannot be trained.
    """
    prepare(plan, TRIAL_FOLD, here)
    run_all(trials_of(plan, study), launcher, plan.at_once)
    best, gain = study.best_trial, None
    if best.number > 0 and plan.seeds:
        prepare(plan, COMPARED_FOLD, here)
        gain = compare(plan, best.number, best.params, launcher)
    write_results(plan, study, best, gain)


def plan_of(options: argparse.Namespace) -> Plan:
    """What the options say. Raises SearchError."""
    recipe = read_text(options.recipe)
    space = options.space or options.recipe.with_name(options.recipe.stem + SPACE_SUFFIX)
    workers = max(1, options.workers // options.at_once)
    data = ("--data", str(options.data.resolve()), "--workers", str(workers))
    return Plan(
        directory=options.to.resolve(),
        recipe=recipe,
        space=read_space(space, recipe),
        arguments=(*data, *options.training),
        trials=options.trials,
        folds=options.folds,
        measure=options.measure,
        seed=options.seed,
        seeds=options.seeds,
        timeout_s=options.timeout_s,
        prune=options.prune,
        at_once=options.at_once,
        workers=options.workers,
    )


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """The directory of a search for one process alone. Raises SearchError where another has it."""
    directory.mkdir(parents=True, exist_ok=True)
    try:
        file = lock(directory / "lock")
    except BlockingIOError:
        raise SearchError(f"another logo-search is at work in {directory}") from None
    with file:
        yield


def launcher_of(options: argparse.Namespace) -> AbstractContextManager[Launcher]:
    """Starts trainings where the options say."""
    if options.launcher == "local":
        return nullcontext(LocalLauncher(max(1, options.workers // options.at_once)))
    from batch.spark import Session
    from search.spark import spark_launcher

    conf = tuple(options.conf)
    session = Session(
        options.master,
        options.archive,
        options.java_home,
        conf,
        options.at_once,
        "logo-search",
        options.verbose,
    )
    return spark_launcher(session)


class PreparedImages:
    """A run that makes the images of a fold, and does not train."""

    def __init__(self, job: Job) -> None:
        self.job = job

    def is_hopeless(self) -> bool:
        """Never."""
        return False

    def ended(self, outcome: Outcome) -> None:
        """Raises SearchError where there are no images."""
        if outcome is not Outcome.DONE:
            raise SearchError(f"making the images is {outcome.value}: see {self.job.log}")


def prepare(plan: Plan, fold: int, here: Launcher) -> None:
    """Make the images of a fold, unless they are there. Raises SearchError."""
    options = ("--prepare", "--workers", str(plan.workers))
    job = plan.job(plan.images(fold), plan.recipe, fold, plan.seed, *options)
    run_all(iter([PreparedImages(job)]), here, 1)


def write_results(plan: Plan, study: Study, best: FrozenTrial, gain: Gain | None) -> None:
    """Write the best recipe, what it gains, and the page; say the same."""
    result = result_of(plan, study, best, gain)
    comment = "".join(f"# {line}\n" for line in summary_of(result))
    (plan.directory / "best.toml").write_text(comment + "\n" + with_values(plan.recipe, best.params))
    (plan.directory / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    write_report(plan.directory / "report.html", result, study)
    LOG.info("%s\nthe best recipe: %s", "\n".join(summary_of(result)), plan.directory / "best.toml")
