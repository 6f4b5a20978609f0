import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logo_detection.memory import MemoryBudget


async def settle() -> None:
    """Let every task run as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_lease_holds_what_it_grew_by_and_gives_it_back() -> None:
    budget = MemoryBudget(100)
    async with budget.lease() as lease:
        await lease.grow(30)
        await lease.grow(70)
        assert (lease.held_bytes, budget.held_bytes) == (100, 100)
    assert budget.held_bytes == 0


async def test_what_does_not_fit_waits_until_something_is_given_back() -> None:
    budget = MemoryBudget(100)
    async with budget.lease() as second:
        async with budget.lease() as first:
            await first.grow(80)
            waiting = asyncio.create_task(second.grow(30))
            await settle()
            assert not waiting.done()
            assert budget.held_bytes == 80
        await asyncio.wait_for(waiting, 1)
        assert budget.held_bytes == 30


async def test_the_oldest_lease_goes_first_and_bars_no_other() -> None:
    budget = MemoryBudget(100)
    granted: list[str] = []
    enough = {name: asyncio.Event() for name in ("old", "middle", "young")}

    async def hold(name: str, size_bytes: int) -> None:
        async with budget.lease() as lease:
            await lease.grow(size_bytes)
            granted.append(name)
            await enough[name].wait()

    async with asyncio.TaskGroup() as tasks:
        async with budget.lease() as full:
            await full.grow(100)
            for name, size_bytes in (("old", 30), ("middle", 90), ("young", 20)):
                tasks.create_task(hold(name, size_bytes))
            await settle()
            assert granted == []
        await settle()
        assert granted == ["old", "young"]
        enough["old"].set()
        enough["young"].set()
        await settle()
        assert granted == ["old", "young", "middle"]
        enough["middle"].set()
    assert budget.held_bytes == 0


async def test_more_than_the_whole_budget_fails_instead_of_waiting() -> None:
    budget = MemoryBudget(100)
    async with budget.lease() as lease:
        await lease.grow(60)
        with pytest.raises(ValueError, match="never fit"):
            await lease.grow(41)
        with pytest.raises(ValueError, match="never fit"):
            lease.expect(101)
        assert budget.held_bytes == 60
    assert budget.held_bytes == 0


async def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    budget = MemoryBudget(100)

    async def hold() -> None:
        async with budget.lease() as lease:
            await lease.grow(50)

    async with budget.lease() as full:
        await full.grow(100)
        waiting = [asyncio.create_task(hold()) for _ in range(3)]
        await settle()
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert budget.held_bytes == 100
    assert budget.held_bytes == 0
    await asyncio.wait_for(hold(), 1)


async def test_a_wait_that_is_granted_and_cancelled_at_once_leaves_nothing_behind() -> None:
    budget = MemoryBudget(100)

    async def hold() -> None:
        async with budget.lease() as lease:
            await lease.grow(50)

    async with budget.lease() as full:
        await full.grow(100)
        waiting = asyncio.create_task(hold())
        await settle()
    waiting.cancel()  # leaving the block granted it, and it has not run since
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert budget.held_bytes == 0


async def test_leases_that_grow_side_by_side_all_become_whole() -> None:
    budget = MemoryBudget(128)
    most_held = 0

    async def hold(size_bytes: int) -> None:
        nonlocal most_held
        async with budget.lease() as lease:
            lease.expect(64)
            for _ in range(size_bytes):
                await lease.grow(1)
                most_held = max(most_held, budget.held_bytes)
                await asyncio.sleep(0)
            lease.expect(lease.held_bytes)
            await asyncio.sleep(0)

    await asyncio.wait_for(asyncio.gather(*(hold(60) for _ in range(16))), 10)
    assert 100 < most_held <= 128
    assert budget.held_bytes == 0


async def test_without_what_is_expected_the_same_leases_would_wait_for_each_other() -> None:
    budget = MemoryBudget(128)

    async def hold() -> None:
        async with budget.lease() as lease:
            for _ in range(60):
                await lease.grow(1)
                await asyncio.sleep(0)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*(hold() for _ in range(16))), 0.2)
    assert budget.held_bytes == 0


async def test_one_that_stands_still_does_not_stop_the_others() -> None:
    budget = MemoryBudget(128)

    async def hold() -> None:
        async with budget.lease() as lease:
            lease.expect(64)
            for _ in range(64):
                await lease.grow(1)
                await asyncio.sleep(0)

    async with budget.lease() as stalled:
        stalled.expect(64)
        await stalled.grow(1)
        await asyncio.wait_for(asyncio.gather(*(hold() for _ in range(8))), 5)
    assert budget.held_bytes == 0


Step = tuple[int, int, int]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(1, 40), st.integers(0, 3)), min_size=1, max_size=12)
)
def test_any_mix_of_files_becomes_whole_within_the_limit(files: list[Step]) -> None:
    budget = MemoryBudget(100)

    async def hold(size_bytes: int, chunk_bytes: int, pauses: int) -> None:
        async with budget.lease() as lease:
            lease.expect(100)
            while lease.held_bytes < size_bytes:
                await lease.grow(min(chunk_bytes, size_bytes - lease.held_bytes))
                assert budget.held_bytes <= budget.limit_bytes
                for _ in range(pauses):
                    await asyncio.sleep(0)
            lease.expect(lease.held_bytes)

    async def everything() -> None:
        await asyncio.wait_for(asyncio.gather(*(hold(*file) for file in files)), 5)

    asyncio.run(everything())
    assert budget.held_bytes == 0
