"""The drain: from SIGTERM to the end, without the loss of a request.

    SIGTERM ─ readiness off ─ delay_s: all is served, connections are not kept ─ listener closed
            ─ what was admitted is finished ─ status 0

Whoever sends requests here needs a moment to learn that it should not. A signal from the keyboard is
followed by no such delay.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn

from model_server.admission import Admission

log = logging.getLogger("model_server")


class DrainingServer(uvicorn.Server):
    """uvicorn's server, which drains as described above.

    Args:
        config: uvicorn's.
        admission: Knows which requests there are.
        delay_s: Seconds for which requests are still taken.
        on_signal: Turns readiness off. Called in the midst of whatever runs.
        stop_beside: Ends what else takes requests, when the listener is closed.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        admission: Admission,
        delay_s: float,
        on_signal: Callable[[], None],
        stop_beside: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(config)
        self._admission = admission
        self._delay_s = delay_s
        self._on_signal = on_signal
        self._stop_beside = stop_beside
        self._hurried = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn's; but that raises the signal again in the end, and the status would be the signal's."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        yield

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called upon a signal; the server notices within a tenth of a second."""
        self._hurried = sig != signal.SIGTERM
        self._on_signal()
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain; uvicorn calls this once it is told to end."""
        finished_before = self._admission.finished
        log.info("draining: %d requests to finish", self._admission.requests)
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        if not self._hurried:
            await asyncio.sleep(self._delay_s)
        await asyncio.gather(super().shutdown(sockets), self._stop_beside())
        log.info("drained: %d requests finished", self._admission.finished - finished_before)
