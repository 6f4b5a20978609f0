"""The heart: a thread that tells, while work is done, that its runner lives, and learns when it shall end."""

import logging
import threading
from types import TracebackType
from typing import Self

from django.db import DatabaseError, connection

from logo_detection.errors import LogoDetectionError
from studio.background.claims import HEARTBEAT_S, Cancelled, Lost, beat
from studio.background.models import Work

LOG = logging.getLogger(__name__)

END_TIMEOUT_S = 30.0


class Stopping(LogoDetectionError):
    """The runner is told to end."""


class Heart:
    """Beats for a piece of work, for the length of a `with` block.

    Args:
        work: Claimed already.
        stopping: Is set when the runner is told to end.
        interval_s: Between two beats.
    """

    def __init__(self, work: Work, stopping: threading.Event, interval_s: float = HEARTBEAT_S) -> None:
        self._work = work
        self._stopping = stopping
        self._interval_s = interval_s
        self._over = threading.Event()
        self._verdict: LogoDetectionError | None = None
        self._thread = threading.Thread(target=self._run, name=f"heart of {work.pk}", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self._over.set()
        self._thread.join(END_TIMEOUT_S)

    def check(self) -> None:
        """Go on, or learn why not.

        Raises:
            Stopping: The runner is told to end.
            Cancelled: The work shall end.
            Lost: Another runner has taken it over.
        """
        if self._verdict is not None:
            raise self._verdict
        if self._stopping.is_set():
            raise Stopping("the runner ends")

    def _run(self) -> None:
        try:
            while self._verdict is None and not self._over.wait(self._interval_s):
                self._beat()
        finally:
            connection.close()

    def _beat(self) -> None:
        try:
            beat(self._work)
        except (Cancelled, Lost) as verdict:
            self._verdict = verdict
        except DatabaseError:
            LOG.exception("a heartbeat was lost")
