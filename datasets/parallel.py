"""Parallel: a function applied to many items by several processes, with the results in order.

Why not joblib: docs/decisions/process-pool-rather-than-joblib.md.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context
from signal import SIG_IGN, SIGINT, signal
from typing import TypeVar

from logo_detection.errors import LogoDetectionError
from logo_detection.parent import die_with_parent

Argument = TypeVar("Argument")
Value = TypeVar("Value")

BATCH_ITEMS = 16  # sent to a process at a time, where nothing else is said
WAITING_BATCHES = 4  # per process: those that are worked on, and those whose results nobody has taken yet


class WorkerLost(LogoDetectionError):
    """A process ended in the middle of its work. One line."""


def parallel_map(
    function: Callable[[Argument], Value],
    items: Sequence[Argument],
    workers: int,
    batch_items: int = BATCH_ITEMS,
) -> Iterator[Value]:
    """Yield a function's results in the order of the items, of which few wait at any time.

    The processes start with the first result that is asked for, and end with the last, or when the
    generator is closed.

    Args:
        function: Can be pickled, as can its arguments and results.
        items: Its arguments.
        workers: Processes, at least 1.
        batch_items: Items sent to a process at a time: 1 where each takes long.

    Raises:
        WorkerLost: A process was killed, or crashed.
    """
    # Spawned: TensorFlow, where it runs, does not survive a fork. Ctrl-C reaches all processes of a terminal,
    # and this one alone has something to say then.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_begin)
    try:
        yield from _in_order(pool, function, items, WAITING_BATCHES * workers, batch_items)
    except BrokenProcessPool as error:
        raise WorkerLost(
            f"one of {workers} worker processes was killed, often for want of memory: try fewer --workers"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    signal(SIGINT, SIG_IGN)
    die_with_parent()  # whose end a process that waits for its next item would not notice


def _in_order(
    pool: ProcessPoolExecutor,
    function: Callable[[Argument], Value],
    items: Sequence[Argument],
    most_waiting: int,
    batch_items: int,
) -> Iterator[Value]:
    batches = (items[start : start + batch_items] for start in range(0, len(items), batch_items))
    submitted = (pool.submit(_map_batch, function, batch) for batch in batches)
    waiting: deque[Future[list[Value]]] = deque(islice(submitted, most_waiting))
    while waiting:
        yield from waiting.popleft().result()
        waiting.extend(islice(submitted, 1))


def _map_batch(function: Callable[[Argument], Value], items: Sequence[Argument]) -> list[Value]:
    return [function(item) for item in items]
