"""Turns: who comes next is decided round-robin over requests.

A request with fifty images and a request with one share a resource fairly: the one waits
behind at most one image of every other request, never behind somebody's fifty.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager, suppress
from typing import Generic, Protocol, TypeVar


class Waiter(Protocol):
    """What waits in a lane, until it is `done`: served, or cancelled."""

    def done(self) -> bool:
        """Whether it waits no more."""
        ...


W = TypeVar("W", bound=Waiter)


class Lanes(Generic[W]):
    """Waiters, one queue per lane: they leave round-robin over the lanes, and in order within each.

    A lane is any hashable value that stands for a request. Whoever adds bounds the number.
    """

    def __init__(self) -> None:
        self._queues: OrderedDict[Hashable, deque[W]] = OrderedDict()

    def __len__(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    def add(self, lane: Hashable, waiter: W) -> None:
        """Queue a waiter; a lane that was empty goes to the back."""
        self._queues.setdefault(lane, deque()).append(waiter)

    def pop(self) -> W | None:
        """The first waiter of the lane at the front, which goes to the back; None when nobody waits."""
        while self._queues:
            lane, queue = self._queues.popitem(last=False)
            while queue:
                waiter = queue.popleft()
                # A future is cancelled at once, but its owner leaves the lane a pass of the loop later.
                if not waiter.done():
                    if queue:
                        self._queues[lane] = queue
                    return waiter
        return None

    def leave(self, lane: Hashable, waiter: W) -> None:
        """Take out a waiter who gave up, if it is still here."""
        queue = self._queues.get(lane, deque())
        with suppress(ValueError):
            queue.remove(waiter)
            if not queue:
                del self._queues[lane]


class Turns:
    """A semaphore whose next turn goes round-robin over the lanes. Belongs to one event loop."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._lanes: Lanes[asyncio.Future[None]] = Lanes()

    @property
    def waiting(self) -> int:
        """How many wait for a turn."""
        return len(self._lanes)

    @asynccontextmanager
    async def turn(self, lane: Hashable) -> AsyncIterator[None]:
        """Hold one turn for the length of the block."""
        await self.take(lane)
        try:
            yield
        finally:
            self.give_back()

    async def take(self, lane: Hashable) -> None:
        """Wait for a turn. Whoever took it owes one `give_back`, unless this was cancelled."""
        if self._free:
            self._free -= 1
            return
        granted = asyncio.get_running_loop().create_future()
        self._lanes.add(lane, granted)
        try:
            await granted
        except asyncio.CancelledError:
            if granted.cancelled():
                self._lanes.leave(lane, granted)
            else:
                self.give_back()  # granted in the same pass of the loop as the cancellation
            raise

    def give_back(self) -> None:
        """End a turn: it passes to the next lane's first waiter."""
        granted = self._lanes.pop()
        if granted is None:
            self._free += 1
        else:
            granted.set_result(None)
