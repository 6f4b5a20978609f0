"""Parallel: results come in order, few of them wait, and what goes wrong with a process is said."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, overload

import psutil
import pytest

from datasets.parallel import BATCH_ITEMS, WAITING_BATCHES, WorkerLost, parallel_map

TIMEOUT_S = 60

INTERRUPTED_SCRIPT = """
import time
from datasets.parallel import parallel_map
if __name__ == "__main__":
    for _ in parallel_map(time.sleep, [0.01] * 100_000, 2):
        print("begun", flush=True)
"""


class Counting(Sequence[int]):
    """Numbers, which count how far they were asked for."""

    def __init__(self, count: int) -> None:
        self.length, self.asked = count, 0

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, place: int) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> list[int]: ...
    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, int):
            return range(self.length)[place]
        self.asked = max(self.asked, min(place.stop, self.length))
        return list(range(self.length))[place]


def kill_at_twenty(number: int) -> int:
    if number == 20:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def process_of(_: int) -> int:
    return os.getpid()


def reciprocal(number: int) -> float:
    return 1 / number


def test_results_come_in_order() -> None:
    assert list(parallel_map(str, range(100), 2)) == [str(number) for number in range(100)]
    assert list(parallel_map(str, [], 2)) == []


def test_the_function_runs_in_another_process_even_if_there_is_one_worker() -> None:
    (worker,) = parallel_map(process_of, [0], 1)
    assert worker != os.getpid()


def test_no_more_is_begun_than_may_wait() -> None:
    numbers = Counting(1000)
    results = parallel_map(str, numbers, 1)
    assert [next(results) for _ in range(20)] == [str(number) for number in range(20)]
    time.sleep(1)
    assert numbers.asked <= (WAITING_BATCHES + 2) * BATCH_ITEMS
    results.close()  # type: ignore[attr-defined]  # a generator


def test_a_killed_worker_is_one_line() -> None:
    with pytest.raises(WorkerLost, match=r"one of 2 worker processes was killed.*fewer --workers"):
        list(parallel_map(kill_at_twenty, range(100), 2))


def test_an_error_of_the_function_is_raised_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        list(parallel_map(reciprocal, [2, 1, 0], 2))


def test_an_interrupt_ends_all_processes() -> None:
    command = [sys.executable, "-c", INTERRUPTED_SCRIPT]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        workers = psutil.Process(process.pid).children(recursive=True)
        assert len(workers) >= 2
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=TIMEOUT_S)
    assert errors.count(b"KeyboardInterrupt") == 1  # this script's own, and none of its workers'
    assert process.returncode != 0
    _, alive = psutil.wait_procs(workers, timeout=TIMEOUT_S)
    assert alive == []


def test_no_process_outlives_one_that_is_killed() -> None:
    command = [sys.executable, "-c", INTERRUPTED_SCRIPT]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        workers = psutil.Process(process.pid).children(recursive=True)
        assert len(workers) >= 2
        process.kill()
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert alive == []
