"""Turns: who comes next is decided round-robin over requests.

A request with fifty images and a request with one share a resource fairly: the one waits
behind at most one image of every other request, never behind somebody's fifty.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
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

    def pop(self, may: Callable[[Hashable], bool] = lambda _: True) -> W | None:
        """The first waiter of the first lane that may be served, which goes to the back; None: nobody."""
        for lane in tuple(self._queues):
            if not may(lane):
                continue
            queue = self._queues.pop(lane)
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


@dataclass(frozen=True, slots=True)
class _Applicant:
    lane: Hashable
    granted: "asyncio.Future[None]"

    def done(self) -> bool:
        return self.granted.done()


class Turns:
    """A semaphore whose next turn goes round-robin over the lanes. Belongs to one event loop.

    Args:
        at_once: Turns, for whoever comes.
        kept: How many there are beside them, for lanes that have none: those with many cannot hold
            them all.
    """

    def __init__(self, at_once: int, kept: int = 0) -> None:
        self._free = at_once + kept
        self._kept = kept
        self._held: Counter[Hashable] = Counter()
        self._lanes: Lanes[_Applicant] = Lanes()

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
            self.give_back(lane)

    async def take(self, lane: Hashable) -> None:
        """Wait for a turn. Whoever took it owes one `give_back`, unless this was cancelled."""
        if self._may_take(lane):
            self._hold(lane)
            return
        applicant = _Applicant(lane, asyncio.get_running_loop().create_future())
        self._lanes.add(lane, applicant)
        try:
            await applicant.granted
        except asyncio.CancelledError:
            if applicant.granted.cancelled():
                self._lanes.leave(lane, applicant)
            else:
                self.give_back(lane)  # granted in the same pass of the loop as the cancellation
            raise

    def give_back(self, lane: Hashable) -> None:
        """End a lane's turn: it passes to the first waiter of the next lane that may take it."""
        self._free += 1
        self._held[lane] -= 1
        if not self._held[lane]:
            del self._held[lane]
        while applicant := self._lanes.pop(self._may_take):
            self._hold(applicant.lane)
            applicant.granted.set_result(None)

    def _may_take(self, lane: Hashable) -> bool:
        return self._free > (self._kept if self._held[lane] else 0)

    def _hold(self, lane: Hashable) -> None:
        self._free -= 1
        self._held[lane] += 1
