"""The byte budget: how many bytes of fetched files and request bodies are held at once.

A file's size is known when its last byte has arrived, so leases grow. Leases that grow side by side could
fill the budget while none of them is complete, and then all of them would wait. The banker's algorithm
prevents that: a lease says how far it may grow, and a loan is granted only if some order remains in which
every lease can get all its bytes. A complete lease is assumed to need no more, and to return its bytes.

The budget lends in pieces. So a file that arrives in small parts is examined once a piece, and the order has
no more leases than the budget has pieces, however many files are begun.
"""

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import accumulate

PIECES = 256
"""Of a budget: 512 KiB each where 128 MiB are lent."""


class CrowdedError(Exception):
    """As many leases wait as may."""


class Lease:
    """Bytes of a budget that one file or body holds. Belongs to one task, which grows it step by step.

    Attributes:
        held_bytes: What it grew by.
        lent_bytes: What the budget lent it for that: at least so many, by less than a piece.
        expected_bytes: How far it may grow; 0 if it never said so.
    """

    def __init__(self, budget: "ByteBudget") -> None:
        self._budget = budget
        self.held_bytes = 0
        self.lent_bytes = 0
        self.expected_bytes = 0
        self.wanted_bytes = 0
        self.granted: asyncio.Future[None] | None = None

    @property
    def promised_bytes(self) -> int:
        """The larger of the bytes lent and the bytes expected."""
        return max(self.lent_bytes, self.expected_bytes)

    @property
    def missing_bytes(self) -> int:
        """How much more it may need before it is whole."""
        return max(0, self.expected_bytes - self.lent_bytes)

    def expect(self, max_bytes: int) -> None:
        """Say how far this lease may grow, before it does. Said again once the file is there, it is whole.

        A lease that never says so counts as whole: it takes what is free, and nothing is kept free for it.

        Raises:
            ValueError: The whole budget is smaller.
        """
        self._budget.check_fits(max_bytes)
        self._budget.settle(self, min(self.lent_bytes, max(self.held_bytes, max_bytes)), max_bytes)

    def grow_at_once(self, size_bytes: int) -> bool:
        """Hold that much more, if it is there now. Otherwise nothing changes.

        Raises:
            ValueError: The whole budget is smaller than this lease would be.
        """
        self._budget.check_fits(self.held_bytes + size_bytes)
        return self._budget.grant(self, size_bytes)

    async def grow(self, size_bytes: int, *, max_waiting: int | None = None) -> None:
        """Hold that much more, when it is there. Whoever calls bounds the wait.

        Args:
            size_bytes: How much more.
            max_waiting: Leases that may wait, this one among them; None where the callers are few.

        Raises:
            ValueError: The whole budget is smaller than this lease would be.
            CrowdedError: It would have to wait, and `max_waiting` do.
        """
        if self.grow_at_once(size_bytes):
            return
        if max_waiting is not None and self._budget.waiting >= max_waiting:
            raise CrowdedError
        self.wanted_bytes = size_bytes
        self.granted = asyncio.get_running_loop().create_future()
        self._budget.waiting += 1
        try:
            await self.granted
        finally:
            self._budget.waiting -= 1
            self.granted = None


class ByteBudget:
    """A number of bytes, lent out in leases. Belongs to one event loop."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.held_bytes = 0
        self.promised_bytes = 0
        self.waiting = 0
        self._piece_bytes = max(1, limit_bytes // PIECES)
        self._leases: dict[Lease, None] = {}  # a set that keeps the order of their age
        self._partial: set[Lease] = set()  # those that were lent something, and may need more
        self._order: _Order | None = None  # theirs, until one of them changes

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Lease]:
        """A lease that holds nothing yet, and gives back what it holds at the end of the block."""
        lease = Lease(self)
        self._leases[lease] = None
        try:
            yield lease
        finally:
            del self._leases[lease]
            self.settle(lease, 0, 0)

    def check_fits(self, size_bytes: int) -> None:
        """Raise ValueError for more than the whole budget: waiting for it would never end."""
        if size_bytes > self.limit_bytes:
            raise ValueError(f"{size_bytes:,} bytes never fit into a budget of {self.limit_bytes:,}")

    def grant(self, lease: Lease, size_bytes: int) -> bool:
        """Let a lease grow, if it may."""
        held_bytes = lease.held_bytes + size_bytes
        if held_bytes > lease.lent_bytes:
            pieces = -(-held_bytes // self._piece_bytes)
            lent_bytes = max(held_bytes, min(lease.expected_bytes, pieces * self._piece_bytes))
            if not self._may_lend(lease, lent_bytes - lease.lent_bytes):
                return False
            self._change(lease, lent_bytes, lease.expected_bytes)
        lease.held_bytes = held_bytes
        return True

    def settle(self, lease: Lease, lent_bytes: int, expected_bytes: int) -> None:
        """Take a lease's new word for what it needs, and let others have what it needs no more."""
        was_lent = lease.lent_bytes > 0  # who was lent nothing is in nobody's way
        self._change(lease, lent_bytes, expected_bytes)
        if was_lent and self.waiting:
            self._grant_what_fits()

    def _grant_what_fits(self) -> None:
        """Let every waiting lease grow that may: the oldest goes first, and bars no other."""
        for lease in self._leases:
            granted = lease.granted
            if granted is not None and not granted.done() and self.grant(lease, lease.wanted_bytes):
                granted.set_result(None)

    def _may_lend(self, lease: Lease, size_bytes: int) -> bool:
        if self.held_bytes + size_bytes > self.limit_bytes:
            return False
        beyond_promise_bytes = max(0, size_bytes - lease.missing_bytes)
        if self.promised_bytes + beyond_promise_bytes <= self.limit_bytes:
            return True
        if self._order is None:
            self._order = _Order(self._partial, self.limit_bytes)
        return self._order.allows(lease.missing_bytes, size_bytes)

    def _change(self, lease: Lease, lent_bytes: int, expected_bytes: int) -> None:
        was_partial = lease in self._partial
        self.held_bytes += lent_bytes - lease.lent_bytes
        self.promised_bytes -= lease.promised_bytes
        lease.lent_bytes, lease.expected_bytes = lent_bytes, expected_bytes
        self.promised_bytes += lease.promised_bytes
        is_partial = lease.lent_bytes > 0 and lease.missing_bytes > 0
        if was_partial or is_partial:
            self._order = None
        if is_partial:
            self._partial.add(lease)
        else:
            self._partial.discard(lease)


class _Order:
    """The order in which leases can become whole, who misses least first, and what may be lent beside it.

    Args:
        partial: Leases that were lent something, and may need more; the others are held to give back
            theirs, or have nothing to give.
        limit_bytes: The budget's.
    """

    def __init__(self, partial: Iterable[Lease], limit_bytes: int) -> None:
        needs = sorted((lease.missing_bytes, lease.lent_bytes) for lease in partial)
        self._missing = [missing for missing, _ in needs]
        *given_back, lent_bytes = accumulate((lent for _, lent in needs), initial=0)
        # What is free when each one's turn comes, and at the end; the least to spare in any turn before.
        self._free = [limit_bytes - lent_bytes + before for before in given_back] + [limit_bytes]
        spare = (free - missing for free, missing in zip(self._free, self._missing, strict=False))
        self._spare = list(accumulate(spare, min, initial=limit_bytes))

    def allows(self, missing_bytes: int, size_bytes: int) -> bool:
        """Whether all leases can still become complete if one that misses so much is lent so much of it.

        After the loan this lease misses fewer bytes, so it sorts earlier. Leases still ahead of it have that
        much less free: their smallest margin decides. It needs as much as before in its own turn. Leases
        behind it get the loan back when it completes, so they lose nothing.
        """
        turn = bisect_left(self._missing, missing_bytes - size_bytes)
        return size_bytes <= self._spare[turn] and missing_bytes <= self._free[turn]
