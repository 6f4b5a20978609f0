"""The lingering close: an answer that comes before the end of its request reaches a client that still sends.

A socket that is closed while bytes arrive is reset, and a reset takes the answer from a client that had not
read it yet. So the closing side says that it will send no more, reads on for a while, and then closes
(RFC 9112, section 9.6).
"""

import asyncio
from collections.abc import Callable
from typing import Any

LINGER_S = 30.0
LINGER_MAX_BYTES = 512 * 2**20
"""Fifty inline images of IMAGE_MAX_SIZE are 267 MB: their sender learns why they are refused."""
LINGER_DRAINING_S = 0.5
"""While the server ends: less than it waits for after the last request's deadline."""


class LingeringTransport:
    """A transport whose `close` reads on, and discards, where the other side may still be sending.

    It reads on for LINGER_S and LINGER_MAX_BYTES at most. Whatever is written after `close` is dropped.

    Args:
        transport: Sends and receives.
        loop: Where it does so.
        may_receive: Reads whether the other side may still be sending.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, may_receive: Callable[[], bool]
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._may_receive = may_receive
        self._linger_s = LINGER_S
        self._discarded_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """Whether `close` or `abort` was called, or the connection is lost."""
        return self._timer is not None or self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Send, unless the transport is closing."""
        if not self.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Send what was written, and close: at once, or when the other side has finished, or had its time."""
        if self.is_closing():
            return
        if not self._may_receive():
            self._transport.close()
            return
        self._timer = self._loop.call_later(self._linger_s, self._transport.abort)
        self._transport.write_eof()
        self._transport.resume_reading()

    def discard(self, size_bytes: int) -> None:
        """Count what arrived after `close`; too much of it ends the connection."""
        self._discarded_bytes += size_bytes
        if self._discarded_bytes > LINGER_MAX_BYTES:
            self._transport.abort()

    def hurry(self) -> None:
        """Linger for LINGER_DRAINING_S at most, from now on."""
        self._linger_s = LINGER_DRAINING_S
        if self._timer is not None and not self._transport.is_closing():
            self._timer.cancel()
            self._timer = self._loop.call_later(self._linger_s, self._transport.abort)

    def lost(self) -> None:
        """Called when the connection is lost."""
        if self._timer is not None:
            self._timer.cancel()
