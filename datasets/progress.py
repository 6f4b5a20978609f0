"""Progress: how far a long step is, as a bar on a terminal and as lines in a log."""

import logging
import sys
import time
from types import TracebackType

from tqdm import tqdm

LOG = logging.getLogger(__name__)

LOG_INTERVAL_S = 30.0


class Progress:
    """Of a step of `total` units: a bar when stderr is a terminal, else a line now and then.

    A context: the bar is gone when it ends.
    """

    def __init__(self, what: str, total: int, unit: str, interval_s: float = LOG_INTERVAL_S) -> None:
        self._is_bar = sys.stderr.isatty()
        self._bar = tqdm(total=total, desc=what, unit=f" {unit}", disable=not self._is_bar, leave=False)
        self._what, self._total, self._unit = what, total, unit
        self._interval_s, self._told, self._done = interval_s, time.monotonic(), 0

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
        if not self._is_bar and now - self._told >= self._interval_s:
            self._told = now
            LOG.info("%s: %d of %d %s", self._what, self._done, self._total, self._unit)
