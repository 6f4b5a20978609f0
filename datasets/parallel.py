"""Hands: many items worked on by several processes, their results taken in order."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

TOGETHER = 16  # items that cross to a process at a time
AHEAD = 4  # of those bundles, per process: what may wait for its turn


class Hands:
    """Processes that start when there is something to do, and end with the context."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        # Spawned: TensorFlow, where it runs, does not survive a fork.
        self._pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))

    def __enter__(self) -> "Hands":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def in_order(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
        """`map`; no more results wait than `AHEAD` bundles for each process."""
        bundles = (items[start : start + TOGETHER] for start in range(0, len(items), TOGETHER))
        waiting: deque[Future[list[Result]]] = deque(
            self._pool.submit(_each, function, bundle) for bundle in islice(bundles, AHEAD * self._workers)
        )
        while waiting:
            yield from waiting.popleft().result()
            waiting.extend(self._pool.submit(_each, function, bundle) for bundle in islice(bundles, 1))


def _each(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    return [function(item) for item in items]
