"""The jobs: trainings to run, some of them at once, wherever a launcher starts them."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import Protocol

POLL_S = 0.5


class Outcome(Enum):
    """How a job ended."""

    DONE = "done"
    FAILED = "failed"
    HOPELESS = "stopped, as it was worse than others"
    LATE = "out of time"


@dataclass(frozen=True, slots=True)
class Job:
    """A run of `logo-train`.

    Attributes:
        directory: Of the run, absolute; it is there, and all machines that may run the job see it.
        arguments: Of the command.
        timeout_s: After which it is stopped; a time in which it waits for a machine counts.
    """

    directory: Path
    arguments: tuple[str, ...]
    timeout_s: float = math.inf

    @property
    def log(self) -> Path:
        """What the command says."""
        return self.directory / "log.txt"


class Started(Protocol):
    """A job that a launcher has started."""

    def status(self) -> int | None:
        """The command's exit status; None while it runs."""

    def stop(self) -> None:
        """End it, and wait for its end."""


class Launcher(Protocol):
    """Starts jobs."""

    def start(self, job: Job) -> Started:
        """Start a job, and do not wait for it."""


class Work(Protocol):
    """A job, and what becomes of it."""

    @property
    def job(self) -> Job:
        """What is to be run."""

    def is_hopeless(self) -> bool:
        """Look at what the job has written so far; whether to stop it."""

    def ended(self, outcome: Outcome) -> None:
        """Take the result. What it raises ends all jobs."""


def run_all(works: Iterator[Work], launcher: Launcher, at_once: int) -> None:
    """Run jobs until there are no more; the next is asked for when it can begin.

    Raises:
        Exception: What a work raises at its end; the jobs that run then are stopped.
    """
    running: list[_Running] = []
    try:
        while True:
            running = [one for one in running if not one.is_over()]
            running += [_Running(work, launcher) for work in islice(works, at_once - len(running))]
            if not running:
                return
            time.sleep(POLL_S)
    finally:
        for one in running:
            one.started.stop()


class _Running:
    """A work whose job has been started."""

    def __init__(self, work: Work, launcher: Launcher) -> None:
        self.work, self.started = work, launcher.start(work.job)
        self._deadline = time.monotonic() + work.job.timeout_s

    def is_over(self) -> bool:
        """Whether it has ended; stops it where it should."""
        if (outcome := self._outcome()) is None:
            return False
        self.started.stop()
        self.work.ended(outcome)
        return True

    def _outcome(self) -> Outcome | None:
        if (status := self.started.status()) is not None:
            return Outcome.FAILED if status else Outcome.DONE
        if time.monotonic() > self._deadline:
            return Outcome.LATE
        return Outcome.HOPELESS if self.work.is_hopeless() else None
