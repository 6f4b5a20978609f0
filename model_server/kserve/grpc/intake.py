"""The intake: how many messages of gRPC arrive at once, and for how long.

gRPC hands over a message when it is whole, and says nothing of its size before. Until somebody asks for it,
no more than 64 KiB of it are taken from the connection. So the server asks for a few messages at a time;
those that are whole count as bytes held, as bodies of HTTP do.
"""

import asyncio
from typing import Any, Protocol

from google.protobuf.message import Message

from logo_detection.fetch.byte_budget import ByteBudget, Lease
from model_server.errors import MemoryExhausted
from model_server.http.request_middleware import BYTES_WAIT_S, hold
from model_server.kserve.grpc.messages import decode_small

AT_ONCE = 4
UNDISTURBED_S = 0.5
SMALL_TIMEOUT_S = 10.0
CROWDED = "too many messages arrive; try again shortly"


class Call(Protocol):
    """The part of gRPC's context that has the caller's messages."""

    async def read(self) -> object:
        """The bytes of the next message, or another object at the end."""


class Intake:
    """Reads messages, a few at once. One that comes and finds no room ends the oldest, if that is slow.

    Args:
        byte_budget: Counts their bytes.
    """

    def __init__(self, byte_budget: ByteBudget) -> None:
        self._byte_budget = byte_budget
        self._room = asyncio.Semaphore(AT_ONCE)
        self._reading: dict[asyncio.Timeout, float] = {}  # how long each is undisturbed, the oldest first

    async def read(self, call: Call, lease: Lease, deadline: float) -> bytes | None:
        """The next message, or None after the last.

        Args:
            call: Whose message it is.
            lease: Holds its bytes.
            deadline: By which it has to be whole, on the event loop's clock, in seconds.

        Raises:
            MemoryExhausted: Too many others arrive, or too many bytes are held.
            TimeoutError: It was not whole by then.
        """
        await self._enter()
        try:
            message = await self._receive(call, deadline)
            if not isinstance(message, bytes):
                return None
            await hold(lease, len(message))
            return message
        finally:
            self._room.release()

    async def read_small(self, call: Call, kind: type[Message]) -> Any:
        """The next message, which is no request of ModelInfer; None after the last.

        Raises:
            MemoryExhausted, TimeoutError: As for any other.
            RequestMalformed: It is not of this kind, or too large.
        """
        deadline = asyncio.get_running_loop().time() + SMALL_TIMEOUT_S
        async with self._byte_budget.lease() as lease:
            body = await self.read(call, lease, deadline)
            return None if body is None else decode_small(kind, body)

    async def _receive(self, call: Call, deadline: float) -> object:
        try:
            async with asyncio.timeout_at(deadline) as time:
                self._reading[time] = asyncio.get_running_loop().time() + UNDISTURBED_S
                try:
                    return await call.read()
                finally:
                    del self._reading[time]
        except TimeoutError as error:
            if time.when() == deadline:
                raise
            raise MemoryExhausted(CROWDED) from error

    async def _enter(self) -> None:
        """Wait for room, for a moment; the oldest of those that are read has no longer than that, either."""
        if self._room.locked():
            for time, undisturbed_until in self._reading.items():
                if not time.expired():
                    time.reschedule(min(time.when() or undisturbed_until, undisturbed_until))
                    break
        try:
            async with asyncio.timeout(BYTES_WAIT_S):
                await self._room.acquire()
        except TimeoutError as error:
            raise MemoryExhausted(CROWDED) from error
