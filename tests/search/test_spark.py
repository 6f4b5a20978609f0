"""Trials as tasks of Spark: executors in processes of their own, a folder that all see."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from optuna.trial import TrialState

from batch.spark import Session
from search.jobs import Job, Outcome, run_all
from search.pipeline import locked, search
from search.process import LocalLauncher
from search.spark import SparkLauncher, spark_launcher
from search.trials import open_study
from tests.harness.process import until
from tests.search.searching import plan_in, storage_in
from tests.search.test_jobs import SLEEPING, Noted, is_alive, job_in
from tests.search.test_trials import study_in
from tests.search.trainer import COMMAND

TIMEOUT_S = 120.0
TRIALS = 6

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def launcher() -> Iterator[SparkLauncher]:
    """On two executors with a core each."""
    small = (("spark.executor.memory", "512m"), ("spark.driver.host", "127.0.0.1"))
    with spark_launcher(Session("local-cluster[2,1,512]", conf=small, name="tests")) as started:
        yield started


def with_command(launcher: SparkLauncher, *command: str) -> SparkLauncher:
    return SparkLauncher(launcher._context, command)


def test_a_search_runs_its_trials_as_tasks(launcher: SparkLauncher, tmp_path: Path) -> None:
    plan = plan_in(tmp_path, trials=TRIALS, at_once=2, seeds=2)
    with locked(tmp_path):
        study = open_study(plan, storage_in(tmp_path), "made up")
        search(plan, study, with_command(launcher, *COMMAND), LocalLauncher(1, COMMAND))
    trials = study_in(tmp_path).trials
    assert len(trials) == TRIALS
    assert {trial.state for trial in trials} <= {TrialState.COMPLETE, TrialState.PRUNED}
    assert (tmp_path / "report.html").exists()


def test_two_tasks_run_at_once(launcher: SparkLauncher, tmp_path: Path) -> None:
    meet = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch();"
    meet += "\nwhile not pathlib.Path(sys.argv[2]).exists(): time.sleep(0.05)"
    names = [str(tmp_path / name) for name in ("one.up", "two.up")]
    works = [
        Noted(job_in(tmp_path / "one", *names, timeout_s=TIMEOUT_S)),
        Noted(job_in(tmp_path / "two", *reversed(names), timeout_s=TIMEOUT_S)),
    ]
    run_all(iter(works), with_command(launcher, sys.executable, "-c", meet), 2)
    assert [work.outcome for work in works] == [Outcome.DONE] * 2


def test_a_task_that_is_stopped_ends_its_process_and_a_failed_one_says_so(
    launcher: SparkLauncher, tmp_path: Path
) -> None:
    python, pid = with_command(launcher, sys.executable, "-c"), tmp_path / "pid"
    started = python.start(Job(tmp_path, (SLEEPING, str(pid))))
    until(pid.exists, TIMEOUT_S)
    started.stop()
    assert started.status() != 0
    until(lambda: not is_alive(int(pid.read_text())), TIMEOUT_S)
    failing = Noted(job_in(tmp_path / "failing", "raise SystemExit(3)", timeout_s=TIMEOUT_S))
    run_all(iter([failing]), python, 1)
    assert failing.outcome is Outcome.FAILED


def test_connections_to_java_are_not_logged(
    launcher: SparkLauncher, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        work = Noted(job_in(tmp_path, timeout_s=TIMEOUT_S))
        run_all(iter([work]), with_command(launcher, sys.executable, "-c", ""), 1)
    assert work.outcome == Outcome.DONE
    assert not [one for one in caplog.records if one.name.startswith("py4j")]
