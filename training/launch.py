"""Launching: starts the processes that train one model together on this machine.

A cluster's launcher does the same for many machines: see `training.place` for what it gives each process.
"""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import BinaryIO, NoReturn

from logo_detection.parent import dying_with_parent
from training.place import COORDINATOR, PROCESSES, RANK, RUN, Place
from training.run import Run

LOG = logging.getLogger(__name__)

POLL_S = 0.2
STOP_TIMEOUT_S = 30.0  # for the others to end after one has failed; then they are killed
EXIT_LOST = 75  # EX_TEMPFAIL of sysexits.h: the same command goes on from the last checkpoint
GOES_ON = "the run stops; the same command goes on from its last checkpoint"


def launch(processes: int, arguments: Sequence[str], run: Path) -> int:
    """Run `logo-train` with these arguments in so many processes. Returns its exit status.

    Rank 0 writes to this process's terminal, and the others to files in the run's directory. The cores are
    divided among them.
    """
    with _stopped_at_the_end() as started:
        coordinator = ("127.0.0.1", free_port())
        threads = max(1, len(os.sched_getaffinity(0)) // processes)
        for rank in range(processes):
            place = Place(rank, processes, coordinator)
            started.append(start(place, threads, arguments, run, to_terminal=rank == 0))
        return _first_failure(started)


def start(
    place: Place, threads: int, arguments: Sequence[str], run: Path, *, to_terminal: bool
) -> subprocess.Popen[bytes]:
    """Start the process of a place, which dies with this one.

    Args:
        place: Its own.
        threads: Cores that it may use, unless the environment says otherwise.
        arguments: Of `logo-train`.
        run: The run's directory.
        to_terminal: Whether it writes to this process's terminal, and not to a file in the run.
    """
    settings = {RANK: place.rank, PROCESSES: place.processes, RUN: run}
    environment = {"TF_NUM_INTRAOP_THREADS": str(threads), **os.environ}
    environment |= {name: str(value) for name, value in settings.items()}
    environment[COORDINATOR] = "{}:{}".format(*place.coordinator)
    command = [sys.executable, "-m", "training.train", *arguments]
    # A process without its launcher would go on writing into a run that is started again.
    with ExitStack() as stack:
        log = None if to_terminal else stack.enter_context(_log(run, place.rank))
        return subprocess.Popen(  # noqa: S603 - this command itself
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=dying_with_parent(),
        )


def _log(run: Path, rank: int) -> BinaryIO:
    path = Run(run).log(rank)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab")


def _first_failure(started: Sequence[subprocess.Popen[bytes]]) -> int:
    """Wait for all processes, or for the first that fails and then for rank 0, which says so."""
    while any(process.poll() is None for process in started):
        if any(process.returncode for process in started):
            break
        time.sleep(POLL_S)
    if not any(process.returncode for process in started):
        return 0
    first = started[0]
    try:
        status = first.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        status = -signal.SIGKILL
    if status < 0:  # it can say nothing itself
        sys.stderr.write(f"logo-train: rank 0 was lost: {GOES_ON}\n")
        return EXIT_LOST
    return status


@contextmanager
def _stopped_at_the_end() -> Iterator[list[subprocess.Popen[bytes]]]:
    """A list of processes, which end when the block does, or when this process is told to."""

    def stop(number: int, _: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    before, started = signal.signal(signal.SIGTERM, stop), list[subprocess.Popen[bytes]]()
    try:
        yield started
    finally:
        for process in started:
            process.kill()  # what it has to save is in its checkpoint
        for process in started:
            process.wait()
        signal.signal(signal.SIGTERM, before)


def free_port() -> int:
    """A port of this machine that is free just now."""
    with socket.socket() as probe:
        probe.bind(("", 0))
        port: int = probe.getsockname()[1]
        return port
