"""Progress: how far a long step is, and how long it takes: a bar on a terminal, lines in a log."""

import logging
import sys
import threading
import time
from types import TracebackType

from tqdm import tqdm

LOG = logging.getLogger(__name__)

LOG_INTERVAL_S = 30.0
FIRST_LINE_S = 2.0
"""A step that is done by then has no line in a log."""


class Progress:
    """Of a step of `total` units: a bar when stderr is a terminal, else a line now and then.

    Both say about how many seconds are left, at the speed so far.

    A context: the bar is gone when it ends.
    """

    def __init__(self, what: str, total: int, unit: str, interval_s: float = LOG_INTERVAL_S) -> None:
        self._is_bar = sys.stderr.isatty()
        self._bar = tqdm(total=total, desc=what, unit=f" {unit}", disable=not self._is_bar, leave=False)
        self._what, self._total, self._unit = what, total, unit
        self._interval_s, self._done = interval_s, 0
        self._first: tuple[float, int] | None = None
        self._next_line = time.monotonic() + min(FIRST_LINE_S, interval_s)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def advance(self, count: int = 1) -> None:
        """So many more units are done."""
        self._done += count
        self._bar.update(count)
        now = time.monotonic()
        first_s, first_done = self._first = self._first or (now, self._done)  # what began, began slowly
        if not self._is_bar and now >= self._next_line:
            self._next_line = now + self._interval_s
            done = f"{self._done:,} of {self._total:,} {self._unit}"
            if self._done > first_done:
                left_s = (now - first_s) / (self._done - first_done) * max(self._total - self._done, 0)
                done += f", about {left_s:.0f} s left"
            LOG.info("%s: %s", self._what, done)


class Waiting:
    """Of a step that does not say how far it is: its seconds beside those that it usually takes.

    A context. A bar when stderr is a terminal, else one line where it takes long.
    """

    def __init__(self, what: str, usual_s: float, first_line_s: float = FIRST_LINE_S) -> None:
        self._what, self._usual_s, self._first_line_s = what, usual_s, first_line_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)

    def __enter__(self) -> "Waiting":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _tell(self) -> None:
        if self._over.wait(self._first_line_s):
            return
        if not sys.stderr.isatty():
            LOG.info("%s, which usually takes about %.0f s", self._what, self._usual_s)
            return
        with tqdm(total=self._usual_s, desc=self._what, unit=" s", leave=False) as bar:
            bar.update(self._first_line_s)
            while not self._over.wait(1.0):
                bar.update(min(1.0, self._usual_s - bar.n))
