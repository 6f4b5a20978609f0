"""Turns: who comes next is decided round-robin over requests, and newcomers first.

A request with fifty images and a request with one share a resource fairly: the one waits behind at most
one image of every other request, never behind somebody's fifty. Where nobody else is new it goes first: the
fifty lose little by waiting for one more, and the one has nothing else to wait for.
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

    A lane that was empty is a newcomer until it is served. It has its place at the back of the round; but the
    first of the newcomers goes before the round, unless the last who was served was a newcomer, too. So a
    newcomer waits behind one of every lane before it at most, as in the round itself; and the round goes on
    with every second turn at the least, however many come.

    A lane is any hashable value that stands for a request. Whoever adds bounds the number.
    """

    def __init__(self) -> None:
        self._queues: OrderedDict[Hashable, deque[W]] = OrderedDict()
        self._newcomers: dict[Hashable, None] = {}  # a set that keeps the order of their coming
        self._newcomer_was_last = False

    def __len__(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    def add(self, lane: Hashable, waiter: W) -> None:
        """Queue a waiter; a lane that was empty is a newcomer."""
        if lane not in self._queues:
            self._queues[lane] = deque()
            self._newcomers[lane] = None
        self._queues[lane].append(waiter)

    def pop(self, may: Callable[[Hashable], bool] = lambda _: True) -> W | None:
        """The first waiter of the first lane that may be served, which goes to the back; None: nobody."""
        newcomers = () if self._newcomer_was_last else tuple(self._newcomers)
        for lane in (*newcomers, *self._queues):
            if not may(lane):
                continue
            is_newcomer = lane in self._newcomers
            queue = self._take_out(lane)
            while queue:
                waiter = queue.popleft()
                # A future is cancelled at once, but its owner leaves the lane a pass of the loop later.
                if not waiter.done():
                    if queue:
                        self._queues[lane] = queue
                    self._newcomer_was_last = is_newcomer
                    return waiter
        return None

    def leave(self, lane: Hashable, waiter: W) -> None:
        """Take out a waiter who gave up, if it is still here."""
        queue = self._queues.get(lane, deque())
        with suppress(ValueError):
            queue.remove(waiter)
            if not queue:
                self._take_out(lane)

    def _take_out(self, lane: Hashable) -> deque[W]:
        """A lane's queue, which is empty where the lane has been taken out already."""
        self._newcomers.pop(lane, None)
        return self._queues.pop(lane, deque())


@dataclass(frozen=True, slots=True)
class _Applicant:
    lane: Hashable
    granted: "asyncio.Future[None]"

    def done(self) -> bool:
        return self.granted.done()


class Turns:
    """A semaphore whose next turn goes to the lane that `Lanes` chooses. Belongs to one event loop.

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
