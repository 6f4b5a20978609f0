import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from logo_detection.errors import FetchFailed, ItemError
from logo_detection.pool.messages import Scored, WorkerConfig
from logo_detection.pool.pool import ScoringPool
from logo_detection.scoring import Input, Result, score_all
from tests.images import one_colour
from tests.models import LABELS, tiny_source

RED, BLUE = one_colour("red"), one_colour("blue")


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[ScoringPool]:
    async with ScoringPool(WorkerConfig(tiny_source(tmp_path)), workers=2) as pool:
        yield pool


class Counted:
    """Inputs that know how many of them are open."""

    def __init__(self) -> None:
        self.open = 0
        self.most = 0
        self.opened = 0

    def input(self, data: bytes | ItemError, delay_s: float = 0, name: str = "") -> Input:
        @asynccontextmanager
        async def opened() -> AsyncIterator[bytes]:
            self.opened += 1
            self.open += 1
            self.most = max(self.most, self.open)
            try:
                await asyncio.sleep(delay_s)
                if isinstance(data, ItemError):
                    raise data
                yield data
            finally:
                self.open -= 1

        return Input(name, opened)


def logo(result: Result) -> float:
    assert isinstance(result.outcome, Scored)
    return result.outcome.scores[LABELS.index("logo")]


async def test_results_come_in_the_order_of_the_inputs(pool: ScoringPool) -> None:
    counted = Counted()
    images = [RED if number % 3 else BLUE for number in range(40)]
    # Of every ten the first is the slowest.
    inputs = [counted.input(data, 0.01 * (10 - n % 10), str(n)) for n, data in enumerate(images)]
    results = [result async for result in score_all(inputs, pool, ahead=10)]
    assert [result.name for result in results] == [str(number) for number in range(40)]
    assert [logo(result) > 0.5 for result in results] == [data is RED for data in images]


async def test_no_more_inputs_are_under_way_than_asked_for(pool: ScoringPool) -> None:
    counted = Counted()
    inputs = [counted.input(RED, 0.005) for _ in range(60)]
    results = [result async for result in score_all(inputs, pool, ahead=7)]
    assert (len(results), counted.most) == (60, 7)


async def test_inputs_are_taken_as_they_are_needed(pool: ScoringPool) -> None:
    counted, taken = Counted(), 0

    def endless() -> Iterator[Input]:
        nonlocal taken
        while True:
            taken += 1
            yield counted.input(RED)

    async with aclosing(score_all(endless(), pool, ahead=5)) as results:
        async for _ in results:
            break
    assert taken == 6


async def test_an_input_without_bytes_costs_only_itself(pool: ScoringPool) -> None:
    counted = Counted()
    inputs = [counted.input(RED), counted.input(FetchFailed()), counted.input(b"?"), counted.input(BLUE)]
    outcomes = [result.outcome async for result in score_all(inputs, pool, ahead=4)]
    codes = [outcome.code if isinstance(outcome, ItemError) else "scored" for outcome in outcomes]
    assert codes == ["scored", "fetch_failed", "image_unsupported", "scored"]


class Bytes(bytearray):
    """Bytes that can be watched."""


async def test_results_hold_no_bytes_even_before_garbage_is_collected(pool: ScoringPool) -> None:
    watched: list[weakref.ref[Bytes]] = []

    @asynccontextmanager
    async def opened(data: bytes) -> AsyncIterator[Any]:
        copy = Bytes(data)
        watched.append(weakref.ref(copy))
        yield copy

    inputs = [Input("", partial(opened, data)) for data in (RED, b"no image", RED[:60])]
    gc.disable()
    try:
        results = [result async for result in score_all(inputs, pool, ahead=3)]
    finally:
        gc.enable()
    assert [isinstance(result.outcome, ItemError) for result in results] == [False, True, True]
    assert [reference() for reference in watched] == [None, None, None]


async def test_leaving_early_cancels_what_is_under_way(pool: ScoringPool) -> None:
    counted = Counted()
    inputs = [counted.input(RED), *(counted.input(RED, delay_s=60) for _ in range(9))]
    async with asyncio.timeout(10), aclosing(score_all(inputs, pool, ahead=10)) as results:
        async for _ in results:
            break
    assert (counted.opened, counted.open) == (10, 0)


async def test_an_input_that_nothing_else_ends_is_given_up(
    pool: ScoringPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logo_detection.scoring.INPUT_TIMEOUT_S", 0.2)
    counted = Counted()
    inputs = [counted.input(RED, delay_s=60), counted.input(RED)]
    slow, quick = [result.outcome async for result in score_all(inputs, pool, ahead=2)]
    assert isinstance(slow, ItemError)
    assert slow.code == "deadline_exceeded"
    assert isinstance(quick, Scored)


async def test_scored_inputs_are_shown_while_their_bytes_are_there(pool: ScoringPool) -> None:
    counted = Counted()
    seen: dict[int, tuple[bytes, int]] = {}

    async def keep(number: int, data: bytes, scored: Scored) -> None:
        seen[number] = data, scored.width
        assert counted.open

    inputs = [counted.input(data) for data in (RED, b"no image", BLUE)]
    results = [result async for result in score_all(inputs, pool, ahead=3, on_scored=keep)]
    assert len(results) == 3
    assert seen == {0: (RED, 40), 2: (BLUE, 40)}
