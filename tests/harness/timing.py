"""Times that are held to a limit: a busy machine makes any one run long, and none short."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from time import perf_counter

ATTEMPTS = 3


def within(limit_s: float, *, at_least_s: float = 0.0) -> Iterator[AbstractContextManager[None]]:
    """Stopwatches for up to three runs, until one took less than the limit; fails when none did.

        for stopwatch in within(2.0):
            with stopwatch:
                ...

    No run may take less than `at_least_s`.
    """
    took: list[float] = []

    @contextmanager
    def stopwatch() -> Iterator[None]:
        began = perf_counter()
        yield
        took.append(perf_counter() - began)

    for _ in range(ATTEMPTS):
        yield stopwatch()
        assert took[-1] >= at_least_s, took
        if took[-1] < limit_s:
            return
    raise AssertionError(f"none of {took} is less than {limit_s} s")
