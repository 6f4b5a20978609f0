"""Runs: real trainings, by a real runner, which is killed in the middle."""

import csv
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
from django.db import connections
from django.test import Client
from django.utils import timezone

from logo_detection.artifact import load_artifact
from studio.background.attempts import MAX_ATTEMPTS
from studio.background.models import State
from studio.background.process import marked
from studio.django_settings import STUDIO
from studio.images.models import Dataset, Version
from studio.images.store import FileStore
from studio.images.versions import make_version
from studio.people.models import AuditEntry, User
from studio.runs.asking import ask_for_run, cancel_run, resume_run
from studio.runs.jobs import run_next_training
from studio.runs.models import Run
from studio.runs.progress import read_progress
from tests.harness.process import ROOT, until
from tests.studio.world import HTMX, fill, pattern

pytestmark = pytest.mark.slow

SHORT = {"stages.0.images": 96, "stages.1.images": 96, "stages.0.batch": 32, "stages.1.batch": 32}
MANY, FEW = 200, 4
TRAINING_TIMEOUT_S = 600.0


def make_images(dataset: Dataset, administrator: User, count: int) -> Version:
    """Red ones are logos, blue ones are not."""
    files = {
        f"{label}/{number}.png": pattern(number, colour)
        for number in range(count // 2)
        for label, colour in (("logo", (220, 30, 30)), ("out_of_domain", (30, 30, 220)))
    }
    fill(dataset, administrator, files)
    return make_version(administrator, dataset, "", FileStore(STUDIO.data))


@pytest.fixture
def long_run(dataset: Dataset, administrator: User) -> Run:
    """One that waits, and ends well."""
    version = make_images(dataset, administrator, MANY)
    return ask_for_run(administrator, version, "quick", SHORT)


@pytest.fixture
def run(dataset: Dataset, administrator: User) -> Run:
    """One that waits, and nobody trains to its end."""
    version = make_images(dataset, administrator, FEW)
    return ask_for_run(administrator, version, "quick", SHORT)


@contextmanager
def runner(log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A runner in a process of its own."""
    with log.open("ab") as told:
        process = subprocess.Popen([sys.executable, "-m", "studio.runner"], cwd=ROOT, stderr=told)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def state(run: Run) -> str:
    run.refresh_from_db()
    return run.state


def history(run: Run) -> list[int]:
    """The steps of its checkpoints."""
    path = run.folder(STUDIO.data) / "history.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return [int(line["step"]) for line in csv.DictReader(file)]


def forget_the_heartbeat(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(heartbeat=timezone.now() - timedelta(hours=1))


def test_a_training_whose_runner_is_killed_goes_on_from_its_checkpoint_to_an_artifact(
    long_run: Run, browser: Client, tmp_path: Path
) -> None:
    run = long_run
    folder, address = run.folder(STUDIO.data), f"/datasets/signs/runs/{run.pk}"
    with runner(tmp_path / "log") as first:
        until(lambda: history(run) or state(run) == "failed", TRAINING_TIMEOUT_S)
        assert state(run) == "running", run.message
        first.kill()
        until(lambda: not list(marked(run.mark)), 30)  # nobody goes on writing into the run
    assert history(run) == [3]
    page = browser.get(address, headers=HTMX).content.decode()
    assert 'hx-trigger="every 2s"' in page
    assert "<polyline" in page
    log = (folder / "log.txt").read_text()
    forget_the_heartbeat(run)
    with runner(tmp_path / "log"):
        until(lambda: state(run) != "running", TRAINING_TIMEOUT_S)
    assert (run.state, run.message, run.attempts) == ("done", "", 2)
    assert history(run) == [3, 6]  # neither chunk was trained twice
    assert (folder / "log.txt").read_text().startswith(log)
    assert load_artifact(folder / "artifact").labels == ("out_of_domain", "logo")
    assert not list(marked(run.mark))
    _assert_is_shown_as_done(browser, address)


def _assert_is_shown_as_done(browser: Client, address: str) -> None:
    page = browser.get(address).content.decode()
    for text in ("6 of 6 steps", "stages.0.images = 96"):
        assert text in page
    assert "hx-get" not in page
    log = browser.get(f"{address}/log")
    assert b"auc_pr" in b"".join(log)
    log.close()


@contextmanager
def trained_beside(run: Run) -> Iterator[Event]:
    """A thread that trains, as the runner's does, and has begun; it ends when the event is set."""
    stopping = Event()

    def work() -> None:
        run_next_training(STUDIO, stopping)
        connections.close_all()

    thread = Thread(target=work)
    thread.start()
    try:
        until(lambda: list(marked(run.mark)), 60)
        yield stopping
    finally:
        thread.join(60)
        assert not thread.is_alive()


def test_a_run_that_is_cancelled_ends_with_all_its_processes_and_can_go_on(run: Run, browser: Client) -> None:
    with trained_beside(run):
        assert browser.post(f"/datasets/signs/runs/{run.pk}/cancel").status_code == 302
    assert state(run) == "cancelled"
    assert not list(marked(run.mark))
    assert b"Go on from the last checkpoint" in browser.get(f"/datasets/signs/runs/{run.pk}").content
    assert browser.post(f"/datasets/signs/runs/{run.pk}/resume").status_code == 302
    assert state(run) == "waiting"
    actions = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
    assert list(actions)[-3:] == ["ask for run", "cancel run", "resume run"]


def test_a_runner_that_ends_leaves_its_training_to_the_next_and_gives_it_no_secret(run: Run) -> None:
    with trained_beside(run) as stopping:
        pid = next(marked(run.mark))
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        stopping.set()
    assert b"STUDIO_SECRET_KEY" not in environment
    assert (state(run), run.attempts) == ("waiting", 0)
    assert not list(marked(run.mark))


def test_a_training_that_fails_says_why(run: Run) -> None:
    manifest = STUDIO.data / "versions" / run.version.digest / "manifest.csv"
    manifest.unlink()
    manifest.write_text("path,label\nimages/none.png,logo\n")
    run_next_training(STUDIO, Event())
    assert state(run) == "failed"
    assert run.message.startswith("logo-train: ")
    assert "there is no file" in run.message


def test_a_run_that_costs_its_runner_again_and_again_is_given_up(run: Run, administrator: User) -> None:
    Run.objects.update(state=State.RUNNING, claim="gone", attempts=MAX_ATTEMPTS)
    forget_the_heartbeat(run)
    run_next_training(STUDIO, Event())
    assert (state(run), run.message) == ("failed", "its runner was lost 5 times; it can be resumed")
    assert resume_run(administrator, run)
    assert (state(run), run.attempts) == ("waiting", 0)


def test_a_run_whose_runner_lives_is_left_alone(run: Run, administrator: User) -> None:
    Run.objects.update(state=State.RUNNING, claim="another", heartbeat=timezone.now())
    assert not run_next_training(STUDIO, Event())
    assert cancel_run(administrator, run)
    assert state(run) == "running"  # until its runner has heard of it


def test_progress_of_a_run_that_has_not_begun_is_none(run: Run) -> None:
    progress = read_progress(run, STUDIO.data)
    assert (progress.step, progress.steps, progress.curves, progress.log) == (0, 0, (), "")
