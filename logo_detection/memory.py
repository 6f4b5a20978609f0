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
    def promised_bytes(self) -> int:
        """What it holds, or may come to hold."""
        return max(self.held_bytes, self.expected_bytes)

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
        self._budget.promised_bytes -= self.promised_bytes
        self.expected_bytes = max_bytes
        self._budget.promised_bytes += self.promised_bytes
        self._budget.grant_what_fits()

    def grow_at_once(self, size_bytes: int) -> bool:
        """Hold that much more, if it is there now. Otherwise nothing changes.

        Raises:
            ValueError: The whole budget is smaller than this lease would be.
        """
        self._budget.check_fits(self.held_bytes + size_bytes)
        return self._budget.grant(self, size_bytes)

    async def grow(self, size_bytes: int) -> None:
        """Hold that much more, when it is there. Whoever calls bounds the wait.

        Raises:
            ValueError: The whole budget is smaller than this lease would be.
        """
        if self.grow_at_once(size_bytes):
            return
        self.wanted_bytes = size_bytes
        self.granted = asyncio.get_running_loop().create_future()
        self._budget.waiting += 1
        try:
            await self.granted
        finally:
            self._budget.waiting -= 1
            self.granted = None


class MemoryBudget:
    """A number of bytes, lent out in leases. Belongs to one event loop."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.held_bytes = 0
        self.promised_bytes = 0
        self.waiting = 0
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
            self.promised_bytes -= lease.promised_bytes
            self.grant_what_fits()

    def check_fits(self, size_bytes: int) -> None:
        """Raise ValueError for more than the whole budget: waiting for it would never end."""
        if size_bytes > self.limit_bytes:
            raise ValueError(f"{size_bytes:,} bytes never fit into a budget of {self.limit_bytes:,}")

    def grant_what_fits(self) -> None:
        """Let every waiting lease grow that may: the oldest goes first, and bars no other."""
        if not self.waiting:
            return
        for lease in self._leases:
            granted = lease.granted
            if granted is not None and not granted.done() and self.grant(lease, lease.wanted_bytes):
                granted.set_result(None)

    def grant(self, lease: Lease, size_bytes: int) -> bool:
        """Let a lease grow, if it may."""
        if self.held_bytes + size_bytes > self.limit_bytes:
            return False
        promised_before = lease.promised_bytes
        lease.held_bytes += size_bytes
        promised_bytes = self.promised_bytes + lease.promised_bytes - promised_before
        if promised_bytes > self.limit_bytes and not self._all_can_become_whole():
            lease.held_bytes -= size_bytes
            return False
        self.held_bytes += size_bytes
        self.promised_bytes = promised_bytes
        return True

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
