"""The intake, with callers that send when they are told to."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from logo_detection.fetch.byte_budget import ByteBudget
from model_server.errors import MemoryExhausted
from model_server.kserve.grpc.intake import AT_ONCE, Intake

LONG_S = 20.0


class Caller:
    """Sends a message when it is told to."""

    def __init__(self, message: object = b"message", *, sends: bool = True) -> None:
        self._message = message
        self._may_send = asyncio.Event()
        if sends:
            self.send()

    def send(self) -> None:
        self._may_send.set()

    async def read(self) -> object:
        await self._may_send.wait()
        return self._message


@pytest.fixture
async def budget() -> AsyncIterator[ByteBudget]:
    """100 bytes, all of which are free in the end."""
    made = ByteBudget(100)
    yield made
    assert made.held_bytes == 0


async def read(intake: Intake, budget: ByteBudget, caller: Caller, wait_s: float = LONG_S) -> bytes | None:
    async with budget.lease() as lease:
        message = await intake.read(caller, lease, asyncio.get_running_loop().time() + wait_s)
        assert lease.held_bytes == len(message or b"")
        return message


async def test_a_message_is_held_as_long_as_its_lease(budget: ByteBudget) -> None:
    assert await read(Intake(budget), budget, Caller()) == b"message"


async def test_after_the_last_message_there_is_none(budget: ByteBudget) -> None:
    assert await read(Intake(budget), budget, Caller(object())) is None


async def test_a_message_that_is_not_whole_by_the_deadline_is_given_up(budget: ByteBudget) -> None:
    with pytest.raises(TimeoutError):
        await read(Intake(budget), budget, Caller(sends=False), wait_s=0.1)


async def test_slow_messages_give_way_to_others_and_quick_ones_wait(budget: ByteBudget) -> None:
    intake = Intake(budget)
    slow = [asyncio.ensure_future(read(intake, budget, Caller(sends=False))) for _ in range(AT_ONCE)]
    await asyncio.sleep(0.05)
    assert await read(intake, budget, Caller()) == b"message"
    with pytest.raises(MemoryExhausted):
        await slow[0]
    assert not any(each.done() for each in slow[1:])
    for each in slow[1:]:
        each.cancel()
    await asyncio.gather(*slow, return_exceptions=True)


async def test_slow_messages_alone_disturb_nobody(budget: ByteBudget) -> None:
    intake = Intake(budget)
    callers = [Caller(sends=False) for _ in range(AT_ONCE)]
    slow = [asyncio.ensure_future(read(intake, budget, caller)) for caller in callers]
    await asyncio.sleep(1.0)
    for caller in callers:
        caller.send()
    assert await asyncio.gather(*slow) == [b"message"] * AT_ONCE


async def test_a_message_that_finds_no_bytes_free_is_refused(budget: ByteBudget) -> None:
    async with budget.lease() as lease:
        await lease.grow(95)
        with pytest.raises(MemoryExhausted):
            await read(Intake(budget), budget, Caller())
