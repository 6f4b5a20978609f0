"""Fair queuing: requests take turns, and a request that has just come goes first.

A request is a *flow*. A flow of fifty images and a flow of one share a resource fairly: the one waits behind
at most one image of every other flow, never behind somebody's fifty. Where no other flow is new, it goes
first: the fifty lose little by waiting for one more, and the one has nothing else to wait for.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Waiter(Protocol):
    """What waits in a flow, until it is `done`: served, or cancelled."""

    def done(self) -> bool:
        """Whether it waits no more."""
        ...


W = TypeVar("W", bound=Waiter)


class FairQueue(Generic[W]):
    """Waiters, one queue per flow: they leave round-robin over the flows, and in order within each.

    A flow whose queue was empty is new until it is served. It has its place at the back of the round; but the
    first of the new flows goes before the round, unless the last flow that was served was new, too. So a new
    flow waits behind one waiter of every flow before it at most, as in the round itself; and the round gets
    every second turn at the least, however many new flows come.

    A flow is any hashable value that stands for a request. Callers bound the number of waiters.
    """

    def __init__(self) -> None:
        self._queues: OrderedDict[Hashable, deque[W]] = OrderedDict()
        self._new_flows: dict[Hashable, None] = {}  # a set that keeps the order in which they came
        self._new_flow_was_last = False

    def __len__(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    def add(self, flow: Hashable, waiter: W) -> None:
        """Queue a waiter."""
        if flow not in self._queues:
            self._queues[flow] = deque()
            self._new_flows[flow] = None
        self._queues[flow].append(waiter)

    def pop(self, is_allowed: Callable[[Hashable], bool] = lambda _: True) -> W | None:
        """Take the first waiter of the first allowed flow, which goes to the back. None: there is nobody."""
        new_flows = () if self._new_flow_was_last else tuple(self._new_flows)
        for flow in (*new_flows, *self._queues):
            if not is_allowed(flow):
                continue
            is_new = flow in self._new_flows
            queue = self._take_out(flow)
            while queue:
                waiter = queue.popleft()
                # A future is cancelled at once, but its owner removes it a pass of the loop later.
                if not waiter.done():
                    if queue:
                        self._queues[flow] = queue
                    self._new_flow_was_last = is_new
                    return waiter
        return None

    def remove(self, flow: Hashable, waiter: W) -> None:
        """Take out a waiter who gave up, if it is still here."""
        queue = self._queues.get(flow, deque())
        with suppress(ValueError):
            queue.remove(waiter)
            if not queue:
                self._take_out(flow)

    def _take_out(self, flow: Hashable) -> deque[W]:
        """A flow's queue, which is empty where the flow has been taken out already."""
        self._new_flows.pop(flow, None)
        return self._queues.pop(flow, deque())


@dataclass(frozen=True, slots=True)
class _Acquisition:
    flow: Hashable
    granted: "asyncio.Future[None]"

    def done(self) -> bool:
        return self.granted.done()


class FairSemaphore:
    """A semaphore whose next permit goes to the flow that `FairQueue` chooses. Belongs to one event loop.

    Args:
        permits: Permits for any flow.
        reserved: Further permits for flows that hold none: flows that hold many cannot take them all.
    """

    def __init__(self, permits: int, reserved: int = 0) -> None:
        self._free = permits + reserved
        self._reserved = reserved
        self._held: Counter[Hashable] = Counter()
        self._queue: FairQueue[_Acquisition] = FairQueue()

    @property
    def waiting(self) -> int:
        """How many wait for a permit."""
        return len(self._queue)

    @asynccontextmanager
    async def permit(self, flow: Hashable) -> AsyncIterator[None]:
        """Hold one permit for the length of the block."""
        await self.acquire(flow)
        try:
            yield
        finally:
            self.release(flow)

    async def acquire(self, flow: Hashable) -> None:
        """Wait for a permit. The caller owes one `release`, unless this was cancelled."""
        if self._may_acquire(flow):
            self._grant(flow)
            return
        acquisition = _Acquisition(flow, asyncio.get_running_loop().create_future())
        self._queue.add(flow, acquisition)
        try:
            await acquisition.granted
        except asyncio.CancelledError:
            if acquisition.granted.cancelled():
                self._queue.remove(flow, acquisition)
            else:
                self.release(flow)  # granted in the same pass of the loop as the cancellation
            raise

    def release(self, flow: Hashable) -> None:
        """Return a flow's permit: it passes to the first waiter of the next flow that may take it."""
        self._free += 1
        self._held[flow] -= 1
        if not self._held[flow]:
            del self._held[flow]
        while acquisition := self._queue.pop(self._may_acquire):
            self._grant(acquisition.flow)
            acquisition.granted.set_result(None)

    def _may_acquire(self, flow: Hashable) -> bool:
        return self._free > (self._reserved if self._held[flow] else 0)

    def _grant(self, flow: Hashable) -> None:
        self._free -= 1
        self._held[flow] += 1
