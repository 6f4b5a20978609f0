"""A step's command: its exit status, its time, and what it leaves behind."""

import time
from pathlib import Path

import psutil
import pytest

from pipelines.commands import run_command
from pipelines.errors import PipelineError

# Starts another process, says which, and waits for it.
PARENT = """
import pathlib, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path("child").write_text(str(child.pid))
child.wait()
"""


def test_a_command_sees_the_project_from_any_folder(tmp_path: Path) -> None:
    run_command("logo_detection.cores", timeout_s=30, folder=tmp_path)


def test_a_failing_command_fails_the_step_with_its_status(tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text("raise SystemExit(7)")
    with pytest.raises(PipelineError, match="failing failed with exit status 7"):
        run_command("failing", timeout_s=30, folder=tmp_path)


def test_a_command_that_takes_too_long_ends_with_all_that_it_started(tmp_path: Path) -> None:
    (tmp_path / "parent.py").write_text(PARENT)
    began = time.monotonic()
    with pytest.raises(PipelineError, match="parent did not end within 2 s"):
        run_command("parent", timeout_s=2, folder=tmp_path)
    assert time.monotonic() - began < 20
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 10
    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(child)


def is_alive(pid: int) -> bool:
    """A dead process whose parent has not heard of it is a zombie, and dead."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
