"""The memory budget: how many bytes of fetched files and request bodies are held at once.

A file's size is known when its last byte has arrived, so leases grow. Leases that grow side by side
could fill the budget while none of them is whole, and then all of them would wait. The budget prevents
that as Dijkstra's banker did: a lease says how far it may grow, and no growth is granted after which
there were no order in which every lease can still become whole. Who is whole is held to need nothing
more, and to give everything back in its own time.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Lease:
    """Bytes of a budget that one file or body holds. Belongs to one task, which grows it step by step."""

    def __init__(self, budget: "MemoryBudget") -> None:
        self._budget = budget
        self.held_bytes = 0
        self.expected_bytes = 0
        self.wanted_bytes = 0
        self.granted: asyncio.Future[None] | None = None

    @property
    def missing_bytes(self) -> int:
        """How much further it may grow before it is whole."""
        return max(0, self.expected_bytes - self.held_bytes)

    def expect(self, max_bytes: int) -> None:
        """Say how far this lease may grow. To say it again once the file is there makes the lease whole.

        A lease that never says so counts as whole: it takes what is free, and nothing is kept free for it.

        Raises:
            ValueError: The whole budget is smaller.
        """
        self._budget.check_fits(max_bytes)
        self.expected_bytes = max_bytes
        self._budget.grant_what_fits()

    async def grow(self, size_bytes: int) -> None:
        """Hold that much more, when it is there. Whoever calls bounds the wait.

        Raises:
            ValueError: The whole budget is smaller than this lease would be.
        """
        self._budget.check_fits(self.held_bytes + size_bytes)
        self.wanted_bytes = size_bytes
        self.granted = asyncio.get_running_loop().create_future()
        self._budget.grant_what_fits()
        try:
            await self.granted
        finally:
            self.granted = None


class MemoryBudget:
    """A number of bytes, lent out in leases. Belongs to one event loop."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.held_bytes = 0
        self._leases: dict[Lease, None] = {}  # a set that keeps the order of their age

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Lease]:
        """A lease that holds nothing yet, and gives back what it holds at the end of the block."""
        lease = Lease(self)
        self._leases[lease] = None
        try:
            yield lease
        finally:
            del self._leases[lease]
            self.held_bytes -= lease.held_bytes
            self.grant_what_fits()

    def check_fits(self, size_bytes: int) -> None:
        """Raise ValueError for more than the whole budget: waiting for it would never end."""
        if size_bytes > self.limit_bytes:
            raise ValueError(f"{size_bytes:,} bytes never fit into a budget of {self.limit_bytes:,}")

    def grant_what_fits(self) -> None:
        """Let every waiting lease grow that may: the oldest goes first, and bars no other."""
        for lease in self._leases:
            if lease.granted is not None and not lease.granted.done() and self._may_grow(lease):
                lease.held_bytes += lease.wanted_bytes
                self.held_bytes += lease.wanted_bytes
                lease.granted.set_result(None)

    def _may_grow(self, lease: Lease) -> bool:
        if self.held_bytes + lease.wanted_bytes > self.limit_bytes:
            return False
        lease.held_bytes += lease.wanted_bytes
        all_can_become_whole = self._all_can_become_whole()
        lease.held_bytes -= lease.wanted_bytes
        return all_can_become_whole

    def _all_can_become_whole(self) -> bool:
        growing = sorted(
            (lease for lease in self._leases if lease.missing_bytes), key=lambda lease: lease.missing_bytes
        )
        free_bytes = self.limit_bytes - sum(lease.held_bytes for lease in growing)
        for lease in growing:
            if lease.missing_bytes > free_bytes:
                return False
            free_bytes += lease.held_bytes  # by then it is whole, and given back
        return True
