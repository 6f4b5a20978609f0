"""The process of a run: `logo-train` in a process group of its own, which ends with whoever started it."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

MARK = "STUDIO_RUN"
LOG = "log.txt"
ARTIFACT = "artifact"
RECIPE = "asked.toml"
POLL_S = 0.1
KILL_TIMEOUT_S = 10.0

# All of the runner's environment that a training sees: the rest may hold secrets.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "TMPDIR")
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class TrainingProcess:
    """A training that runs, for the length of a `with` block of the thread that starts it.

    Args:
        data: The set of images.
        folder: Of the run; it has the recipe.
        mark: See `studio.runs.models.Run`.
        workers: Processes that make images.
        stop_timeout_s: For the training to end when it is told to; then it is killed.
    """

    def __init__(self, data: Path, folder: Path, mark: str, workers: int, stop_timeout_s: float) -> None:
        self._command = [
            "--data", str(data), "--recipe", str(folder / RECIPE), "--run", str(folder),
            "--workers", str(workers),
        ]  # fmt: skip
        self._folder = folder
        self._mark = mark
        self._stop_timeout_s = stop_timeout_s
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it, once what an earlier attempt may have left is gone."""
        end_marked(self._mark)
        kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        with (self._folder / LOG).open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  our own command; no word of it is a stranger's
                [sys.executable, "-m", "studio.runs.process", str(os.getpid()), *self._command],
                env={**kept, MARK: self._mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        return self

    def __exit__(self, *_: object) -> None:
        """End it and all that it has started: what it had to save is in its checkpoints."""
        assert self._process is not None  # noqa: S101  it was started
        for number, timeout_s in ((signal.SIGTERM, self._stop_timeout_s), (signal.SIGKILL, KILL_TIMEOUT_S)):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout_s)
                break
        end_marked(self._mark)

    def status(self) -> int | None:
        """Its exit status; None while it runs."""
        assert self._process is not None  # noqa: S101  it was started
        return self._process.poll()


def end_marked(mark: str) -> None:
    """Kill all processes of a run, whoever started them, and wait until they are gone."""
    ends = time.monotonic() + KILL_TIMEOUT_S
    while (left := list(marked(mark))) and time.monotonic() < ends:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(POLL_S)


def marked(mark: str) -> Iterator[int]:
    """The processes of a run that live."""
    wanted = f"{MARK}={mark}".encode()
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            with suppress(OSError):  # it is gone, or another user's
                if wanted in (directory / "environ").read_bytes().split(b"\0"):
                    yield int(directory.name)


def main(parent: int, arguments: list[str]) -> None:
    """Become `logo-train`, which the kernel ends together with the thread that started this process."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it had died before
        sys.exit(1)
    os.execv(sys.executable, [sys.executable, "-m", "training.train", *arguments])  # noqa: S606  as above


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
