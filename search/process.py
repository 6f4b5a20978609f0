"""The process: a training as a process of this machine, which ends when the one that started it does."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from datasets.lock import lock
from logo_detection.parent import dying_with_parent
from search.errors import SearchError
from search.jobs import Job

ROOT = Path(__file__).parents[1]
LOCK_TIMEOUT_S = 60.0  # for a process of the same run to end whose parent was killed
LOGO_TRAIN = (sys.executable, "-m", "training.train")
THREADS = "TF_NUM_INTRAOP_THREADS"


class LocalLauncher:
    """Starts jobs on this machine.

    Args:
        threads: Cores that each may use.
        command: Which takes a job's arguments.
    """

    def __init__(self, threads: int, command: Sequence[str] = LOGO_TRAIN) -> None:
        self._threads, self._command = threads, command

    def start(self, job: Job) -> "LocalProcess":
        """Start a job. Raises SearchError where its run is in use for too long."""
        return LocalProcess(job, self._threads, self._command)


class LocalProcess:
    """A job's process."""

    def __init__(self, job: Job, threads: int, command: Sequence[str] = LOGO_TRAIN) -> None:
        # Linux sends the signal when the thread that started the process ends, and not only the process.
        with _lock(job.directory) as lock, job.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - a command of this project
                [*command, *job.arguments],
                env=_environment(threads),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=dying_with_parent(),
                pass_fds=(lock.fileno(),),
            )

    def status(self) -> int | None:
        """The exit status; None while it runs."""
        return self._process.poll()

    def wait(self) -> int:
        """Its exit status, at its end."""
        return self._process.wait()

    def stop(self) -> None:
        """Kill it with all that it has started: what it has to save is in its checkpoint."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def _lock(directory: Path) -> BinaryIO:
    """A locked file of a run, which its processes inherit. Raises SearchError."""
    try:
        return lock(directory / "lock", LOCK_TIMEOUT_S)
    except BlockingIOError:
        raise SearchError(f"{directory} is in use by another process") from None


def _environment(threads: int) -> dict[str, str]:
    """This process's, with the project wherever the command runs, and so many cores unless told otherwise."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {THREADS: str(threads), **os.environ, "PYTHONPATH": os.pathsep.join(paths)}
