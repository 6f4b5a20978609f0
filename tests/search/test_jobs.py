"""Jobs: each in a process of its own, so many at once, each within its time."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from search import jobs, process
from search.errors import SearchError
from search.jobs import Job, Outcome, run_all
from search.process import LocalLauncher
from tests.harness.process import ROOT, until

TIMEOUT_S = 60.0
# Says which it is.
SLEEPING = """
import os, pathlib, sys, time
part = pathlib.Path(sys.argv[1] + ".part")
part.write_text(str(os.getpid()))
part.rename(sys.argv[1])
time.sleep(3600)
"""
# Starts another process, says which, and waits for it.
PARENT = """
import os, pathlib, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
part = pathlib.Path(sys.argv[1] + ".part")
part.write_text(str(child.pid))
part.rename(sys.argv[1])
child.wait()
"""


class Noted:
    """A work that notes how its job ended."""

    def __init__(self, job: Job, hopeless: bool = False) -> None:
        self.job, self._hopeless = job, hopeless
        self.outcome: Outcome | None = None

    def is_hopeless(self) -> bool:
        return self._hopeless

    def ended(self, outcome: Outcome) -> None:
        self.outcome = outcome


def job_in(directory: Path, *arguments: str, timeout_s: float = TIMEOUT_S) -> Job:
    directory.mkdir(exist_ok=True)
    return Job(directory, arguments, timeout_s)


def is_alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_a_job_ends_as_its_command_does_and_its_log_has_what_that_says(tmp_path: Path) -> None:
    python = LocalLauncher(1, (sys.executable, "-c"))
    good = Noted(job_in(tmp_path / "good", "import os; print(os.environ['TF_NUM_INTRAOP_THREADS'])"))
    bad = Noted(job_in(tmp_path / "bad", "raise SystemExit(3)"))
    run_all(iter([good, bad]), python, 2)
    assert (good.outcome, bad.outcome) == (Outcome.DONE, Outcome.FAILED)
    assert good.job.log.read_text() == "1\n"


def test_what_is_hopeless_or_late_is_stopped_with_all_that_it_has_started(tmp_path: Path) -> None:
    python = LocalLauncher(1, (sys.executable, "-c", PARENT))
    late = Noted(job_in(tmp_path / "late", str(tmp_path / "late.pid"), timeout_s=5.0))
    run_all(iter([late]), python, 1)
    assert late.outcome is Outcome.LATE
    child = int((tmp_path / "late.pid").read_text())
    until(lambda: not is_alive(child), TIMEOUT_S)
    hopeless = Noted(job_in(tmp_path / "hopeless", str(tmp_path / "hopeless.pid")), hopeless=True)
    run_all(iter([hopeless]), python, 1)
    assert hopeless.outcome is Outcome.HOPELESS


def test_the_next_job_is_asked_for_when_it_can_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "POLL_S", 0.01)
    works = [Noted(job_in(tmp_path / str(number), "pass")) for number in range(5)]

    def asked() -> Iterator[Noted]:
        for number, work in enumerate(works):
            assert sum(one.outcome is None for one in works[:number]) < 2
            yield work

    run_all(asked(), LocalLauncher(1, (sys.executable, "-c")), 2)
    assert {work.outcome for work in works} == {Outcome.DONE}


def test_a_run_whose_process_lives_is_begun_by_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "LOCK_TIMEOUT_S", 0.3)
    python = LocalLauncher(1, (sys.executable, "-c", SLEEPING))
    job = job_in(tmp_path / "run", str(tmp_path / "up"))
    started = python.start(job)
    try:
        with pytest.raises(SearchError, match="is in use by another process"):
            python.start(job)
    finally:
        started.stop()
    python.start(job).stop()


def test_a_job_does_not_outlive_the_process_that_started_it(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from search.jobs import Job;"
        "from search.process import LocalLauncher;"
        "started = LocalLauncher(1, (sys.executable, '-c', 'import time; time.sleep(3600)'))"
        f".start(Job(Path({str(tmp_path)!r}), ()));"
        "print(started._process.pid, flush=True); time.sleep(3600)"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_alive(child)
        os.kill(parent.pid, signal.SIGKILL)
    began = time.monotonic()
    until(lambda: not is_alive(child), TIMEOUT_S)
    assert time.monotonic() - began < TIMEOUT_S
