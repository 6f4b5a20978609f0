"""Turns: so many holders at once, and who comes next is decided round-robin over requests.

A request with fifty images and a request with one share a resource fairly: the one waits
behind at most one image of every other request, never behind somebody's fifty.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class Turns:
    """A semaphore with one queue per lane; a freed turn goes to the lane that waited longest for one.

    A lane is any hashable value that stands for a request. Belongs to one event loop.
    """

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._lanes: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many wait for a turn."""
        return sum(len(queue) for queue in self._lanes.values())

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
        if self._free and not self._lanes:
            self._free -= 1
            return
        granted = asyncio.get_running_loop().create_future()
        self._lanes.setdefault(lane, deque()).append(granted)
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self.give_back()  # granted in the same loop pass as the cancellation
            else:
                self._leave(lane, granted)
            raise

    def give_back(self) -> None:
        """End a turn: the next lane's first waiter gets it, and that lane goes to the back."""
        if not self._lanes:
            self._free += 1
            return
        lane, queue = self._lanes.popitem(last=False)
        granted = queue.popleft()
        if queue:
            self._lanes[lane] = queue
        granted.set_result(None)

    def _leave(self, lane: Hashable, granted: asyncio.Future[None]) -> None:
        queue = self._lanes[lane]
        queue.remove(granted)
        if not queue:
            del self._lanes[lane]
