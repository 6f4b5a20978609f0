"""Processes of work: a command of ours in a process group of its own, which ends with whoever started it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from logo_detection.parent import die_with_parent

MARK = "STUDIO_WORK"
POLL_S = 0.1
KILL_TIMEOUT_S = 10.0

# All of the runner's environment that a command sees: the rest may hold secrets.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "TMPDIR")


@dataclass(frozen=True, slots=True)
class Command:
    """What a process does.

    Attributes:
        module: What `python -m` runs.
        arguments: No word of them is a stranger's.
        log: The file that all it says is appended to.
    """

    module: str
    arguments: Sequence[str]
    log: Path


class MarkedProcess:
    """A command that runs, for the length of a `with` block of the thread that starts it.

    Args:
        command: What it does.
        mark: Stands in the environment of all its processes, so that they can be found.
        stop_timeout_s: For it to end when it is told to; then it is killed.
    """

    def __init__(self, command: Command, mark: str, stop_timeout_s: float) -> None:
        self._command = command
        self._mark = mark
        self._stop_timeout_s = stop_timeout_s
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it, once what an earlier attempt may have left is gone."""
        end_marked(self._mark)
        kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        words = [str(os.getpid()), self._command.module, *self._command.arguments]
        with self._command.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603  our own command; no word of it is a stranger's
                [sys.executable, "-m", "studio.background.process", *words],
                env={**kept, MARK: self._mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        return self

    def __exit__(self, *_: object) -> None:
        """End it and all that it has started: what it had to save, it has written."""
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
    """Kill all processes of a mark, whoever started them, and wait until they are gone."""
    ends = time.monotonic() + KILL_TIMEOUT_S
    while (left := list(marked(mark))) and time.monotonic() < ends:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(POLL_S)


def marked(mark: str) -> Iterator[int]:
    """The processes of a mark that live."""
    wanted = f"{MARK}={mark}".encode()
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            with suppress(OSError):  # it is gone, or another user's
                if wanted in (directory / "environ").read_bytes().split(b"\0"):
                    yield int(directory.name)


def main(parent: int, words: list[str]) -> None:
    """Become the command, which the kernel ends together with the thread that started this process."""
    die_with_parent()
    if os.getppid() != parent:  # it had died before
        sys.exit(1)
    os.execv(sys.executable, [sys.executable, "-m", *words])  # noqa: S606  as above


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
