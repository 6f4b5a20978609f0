"""Groups: all processes know all values, and one that ends is missed by the others at once."""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import pytest

from tests.harness.process import free_port
from training import group as group_module
from training.errors import ProcessLost, TrainingError
from training.group import Group, joined
from training.place import ONLY, Place

TIMEOUT_S = 20.0

Result = TypeVar("Result")


def unexpected(lost: str) -> None:
    raise AssertionError(lost)


def in_each_rank(
    processes: int, run: Callable[[Group], Result], on_lost: Callable[[str], None] = unexpected
) -> list[Future[Result]]:
    """What becomes of a function in each process of a group; the processes are threads here."""
    coordinator = ("127.0.0.1", free_port())

    def member(rank: int) -> Result:
        with joined(Place(rank, processes, coordinator), on_lost) as group:
            return run(group)

    with ThreadPoolExecutor(processes) as pool:
        return [pool.submit(member, rank) for rank in reversed(range(processes))][::-1]


def test_every_process_gets_the_values_of_all_in_the_order_of_ranks() -> None:
    def run(group: Group) -> list[list[str]]:
        return [group.gather(f"{word} {group.place.rank}") for word in ("first", "second")]

    expected = [["first 0", "first 1", "first 2"], ["second 0", "second 1", "second 2"]]
    assert [future.result(TIMEOUT_S) for future in in_each_rank(3, run)] == [expected] * 3


def test_one_process_is_a_group() -> None:
    with joined(ONLY, unexpected) as group:
        assert group.gather("alone") == ["alone"]


def test_a_process_that_ends_early_is_told_to_the_others() -> None:
    lost: list[str] = []
    told = threading.Event()

    def on_lost(words: str) -> None:
        lost.append(words)
        told.set()

    def run(group: Group) -> float:
        if group.place.rank == 2:
            raise RuntimeError("out of memory")
        began = time.monotonic()
        assert told.wait(TIMEOUT_S)
        return time.monotonic() - began

    first, second, third = in_each_rank(3, run, on_lost)
    assert "rank 2 was lost" in lost
    with pytest.raises(ProcessLost):  # it leaves the block, where rank 2 is missed
        first.result(TIMEOUT_S)
    with pytest.raises(RuntimeError, match="out of memory"):
        third.result(TIMEOUT_S)
    assert second.exception(TIMEOUT_S) is not None


def test_who_was_lost_is_known_once_its_connection_is_closed() -> None:
    found: list[int | None] = []

    def run(group: Group) -> None:
        if group.place.rank == 1:
            group.gather("alive")
            raise RuntimeError("killed")
        found.append(group.lost(0.0))
        group.gather("alive")
        found.append(group.lost(TIMEOUT_S))

    first, second = in_each_rank(2, run, lambda lost: None)
    assert isinstance(second.exception(TIMEOUT_S), RuntimeError)
    assert isinstance(first.exception(TIMEOUT_S), ProcessLost)
    assert found == [None, 1]


def test_strangers_at_the_door_are_not_members() -> None:
    coordinator = ("127.0.0.1", free_port())

    def member(rank: int) -> list[str]:
        with joined(Place(rank, 2, coordinator), unexpected) as group:
            return group.gather(str(rank))

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(member, 0)
        for said in (b"GET / HTTP/1.1\r\n\r\n", b'["7"]\n', b"[]\n", b'{"a": 1}\n'):
            while True:
                try:
                    with socket.create_connection(coordinator, timeout=TIMEOUT_S) as stranger:
                        stranger.sendall(said)
                        break
                except ConnectionRefusedError:
                    time.sleep(0.01)
        second = pool.submit(member, 1)
        assert first.result(TIMEOUT_S) == second.result(TIMEOUT_S) == ["0", "1"]


def test_a_process_that_never_comes_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_module, "JOIN_TIMEOUT_S", 0.3)
    coordinator = ("127.0.0.1", free_port())
    with (
        pytest.raises(TrainingError, match=r"ranks \[1, 2\] did not join"),
        joined(Place(0, 3, coordinator), unexpected),
    ):
        pass
    with pytest.raises(TrainingError, match="rank 0 is not at"), joined(Place(1, 3, coordinator), unexpected):
        pass
