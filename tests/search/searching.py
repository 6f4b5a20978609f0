"""A search of a moment, as a process to be killed: `python -m tests.search.searching DIRECTORY`."""

import sys
from dataclasses import replace
from pathlib import Path

from search import jobs
from search.pipeline import locked, search
from search.process import LocalLauncher
from search.space import Choice, Range, Space
from search.trials import Plan, open_study
from tests.search.trainer import COMMAND

RECIPE = 'name = "made up"\ndropout = 0.1 # of features\nwarm_up = 2\n'
SPACE = Space((Range("dropout", 0.0, 0.5, 0.1), Range("warm_up", 1, 9, 2, whole=True)))
TRIALS = 12
POLL_S = 0.02  # what takes hours need not be looked at so often


def plan_in(directory: Path, **changes: object) -> Plan:
    plan = Plan(
        directory=directory,
        recipe=RECIPE,
        space=SPACE,
        arguments=("--data", str(directory), "--workers", "1"),
        trials=TRIALS,
        folds=3,
        measure="auc_pr",
        seed=4,
        seeds=3,
        timeout_s=60.0,
        prune=True,
        at_once=1,
        workers=1,
    )
    return replace(plan, **changes)  # type: ignore[arg-type]


def storage_in(directory: Path) -> str:
    return f"sqlite:///{directory}/study.db"


def run(plan: Plan) -> None:
    jobs.POLL_S = POLL_S
    launcher = LocalLauncher(1, COMMAND)
    with locked(plan.directory):
        search(plan, open_study(plan, storage_in(plan.directory), "made up"), launcher, launcher)


def with_warm_up(*values: int) -> Space:
    """A space in which some trials end otherwise than well."""
    return Space((Choice("warm_up", values, values[0]),))


if __name__ == "__main__":
    run(plan_in(Path(sys.argv[1])))
