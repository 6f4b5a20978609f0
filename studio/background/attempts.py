"""Attempts: the runner's way with work that a command does, and that another runner goes on with.

claim -> the command, watched -> done, failed, cancelled, or given back
"""

from collections.abc import Callable
from threading import Event
from time import monotonic, sleep

from django.db.models import F

from logo_detection.errors import LogoDetectionError
from studio.background.conclusion import conclude
from studio.background.heart import Heart, Stopping
from studio.background.models import RetriedWork
from studio.background.process import Command, MarkedProcess
from studio.background.work_log import last_line

POLL_S = 0.5
MAX_ATTEMPTS = 5
"""How often work is begun again whose runner was lost: it may be the work that takes all memory."""


class WorkFailed(LogoDetectionError):
    """Work ended otherwise than well. One line, for whoever asked for it."""


def attempt(work: RetriedWork, stopping: Event, do: Callable[[Heart], None]) -> None:
    """Do claimed work, and write down what came of it.

    Where the runner is told to end meanwhile, the work goes on with the next runner.

    Args:
        work: Claimed already.
        stopping: Is set when the runner is told to end.
        do: Does it, and asks the heart now and then whether to go on.
    """
    mine = type(work)._default_manager.filter(pk=work.pk, claim=work.claim)

    def counted(heart: Heart) -> str:
        if work.attempts >= MAX_ATTEMPTS:
            raise WorkFailed(f"its runner was lost {work.attempts} times; it can be resumed")
        mine.update(attempts=F("attempts") + 1)
        try:
            do(heart)
        except Stopping:
            mine.update(attempts=F("attempts") - 1)
            raise
        return ""

    conclude(work, stopping, counted)


def run_command(
    command: Command, mark: str, heart: Heart, stop_timeout_s: float, timeout_s: float = float("inf")
) -> None:
    """Run a command to its end.

    Args:
        command: What is run.
        mark: See `MarkedProcess`.
        heart: Of the work; what it raises ends the command.
        stop_timeout_s: See `MarkedProcess`.
        timeout_s: For the command. What can be cancelled, and takes as long as it is told to, needs none.

    Raises:
        WorkFailed: It took too long, or ended with another status than 0; says its last line.
        Stopping, Cancelled, Lost: See `Heart.check`.
    """
    ends = monotonic() + timeout_s
    with MarkedProcess(command, mark, stop_timeout_s) as process:
        while (status := process.status()) is None:
            heart.check()
            if monotonic() > ends:
                raise WorkFailed(f"{command.module} was not done within {timeout_s:g} s")
            sleep(POLL_S)
    if status:
        said = last_line(command.log) if status > 0 else ""
        raise WorkFailed(said or f"{command.module} ended with status {status}")
