import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logo_detection.fetch.byte_budget import PIECES, ByteBudget, CrowdedError, Lease


async def settle() -> None:
    """Let every task run as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_lease_holds_what_it_grew_by_and_gives_it_back() -> None:
    budget = ByteBudget(100)
    async with budget.lease() as lease:
        await lease.grow(30)
        await lease.grow(70)
        assert (lease.held_bytes, budget.held_bytes) == (100, 100)
    assert budget.held_bytes == 0


async def test_what_does_not_fit_waits_until_something_is_given_back() -> None:
    budget = ByteBudget(100)
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
    budget = ByteBudget(100)
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
    budget = ByteBudget(100)
    async with budget.lease() as lease:
        await lease.grow(60)
        with pytest.raises(ValueError, match="never fit"):
            await lease.grow(41)
        with pytest.raises(ValueError, match="never fit"):
            lease.expect(101)
        assert budget.held_bytes == 60
    assert budget.held_bytes == 0


async def test_a_cancelled_wait_leaves_nothing_behind() -> None:
    budget = ByteBudget(100)

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
    budget = ByteBudget(100)

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
    budget = ByteBudget(128)
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
    budget = ByteBudget(128)

    async def hold() -> None:
        async with budget.lease() as lease:
            for _ in range(60):
                await lease.grow(1)
                await asyncio.sleep(0)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*(hold() for _ in range(16))), 0.2)
    assert budget.held_bytes == 0


async def test_one_that_stands_still_does_not_stop_the_others() -> None:
    budget = ByteBudget(128)

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


@pytest.mark.parametrize("limit_bytes", [100, 100 * PIECES])
@settings(max_examples=60)
@given(
    files=st.lists(
        st.tuples(st.integers(0, 100), st.integers(1, 40), st.integers(0, 3)), min_size=1, max_size=12
    )
)
def test_any_mix_of_files_becomes_whole_within_the_limit(limit_bytes: int, files: list[Step]) -> None:
    unit_bytes = limit_bytes // 100
    budget = ByteBudget(limit_bytes)

    async def hold(size_bytes: int, chunk_bytes: int, pauses: int) -> None:
        async with budget.lease() as lease:
            lease.expect(limit_bytes)
            while lease.held_bytes < size_bytes:
                await lease.grow(min(chunk_bytes, size_bytes - lease.held_bytes))
                assert budget.held_bytes <= budget.limit_bytes
                for _ in range(pauses):
                    await asyncio.sleep(0)
            lease.expect(lease.held_bytes)

    async def everything() -> None:
        sizes = ((size * unit_bytes, chunk * unit_bytes, pauses) for size, chunk, pauses in files)
        await asyncio.wait_for(asyncio.gather(*(hold(*each) for each in sizes)), 5)

    asyncio.run(everything())
    assert budget.held_bytes == 0


def all_can_become_whole(leases: Sequence[Lease], limit_bytes: int) -> bool:
    """The banker's own check, as the textbook has it: whoever can is served, until all are or nobody can."""
    growing = [(lease.missing_bytes, lease.lent_bytes) for lease in leases if lease.missing_bytes]
    free_bytes = limit_bytes - sum(lent for _, lent in growing)
    while served := next((each for each in growing if each[0] <= free_bytes), None):
        growing.remove(served)
        free_bytes += served[1]
    return not growing


async def grow_some(limit_bytes: int, moves: Sequence[tuple[int, int, str]]) -> set[bool]:
    """Grow six leases, and hold every answer of the budget against the banker's check; the answers."""
    answers = set()
    async with AsyncExitStack() as stack:
        budget = ByteBudget(limit_bytes)
        leases = [await stack.enter_async_context(budget.lease()) for _ in range(6)]
        for index, size_bytes, move in moves:
            lease = leases[index]
            if move == "expect" and lease.lent_bytes == 0:
                lease.expect(min(limit_bytes, size_bytes * 8))
            elif move == "be whole":
                lease.expect(lease.held_bytes)
            elif move == "grow" and lease.held_bytes + size_bytes <= limit_bytes:
                before = (lease.held_bytes, lease.lent_bytes)
                answers.add(granted := lease.grow_at_once(size_bytes))
                if not granted:
                    assert (lease.held_bytes, lease.lent_bytes) == before
                    piece_bytes = max(1, limit_bytes // PIECES)
                    rounded = -(-(lease.held_bytes + size_bytes) // piece_bytes) * piece_bytes
                    lease.lent_bytes = max(lease.held_bytes + size_bytes, min(lease.expected_bytes, rounded))
                fits = sum(each.lent_bytes for each in leases) <= limit_bytes
                assert granted == (fits and all_can_become_whole(leases, limit_bytes))
                lease.lent_bytes = lease.lent_bytes if granted else before[1]
            assert budget.held_bytes == sum(each.lent_bytes for each in leases) <= limit_bytes
            assert budget.promised_bytes == sum(each.promised_bytes for each in leases)
    assert (budget.held_bytes, budget.promised_bytes) == (0, 0)
    return answers


@pytest.mark.parametrize("limit_bytes", [40, 3 * PIECES + 1])
def test_growth_is_granted_if_and_only_if_all_can_become_whole_afterwards(limit_bytes: int) -> None:
    answers = set()
    most = limit_bytes // 6
    kinds = st.sampled_from(["grow"] * 6 + ["expect"] * 3 + ["be whole"])

    @settings(max_examples=400, derandomize=True)
    @given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, most), kinds), min_size=10, max_size=60))
    def check(moves: list[tuple[int, int, str]]) -> None:
        answers.update(asyncio.run(grow_some(limit_bytes, moves)))

    check()
    assert answers == {True, False}


async def test_what_is_lent_ahead_is_for_others_once_the_file_is_whole() -> None:
    budget = ByteBudget(10 * PIECES)
    async with budget.lease() as lease, budget.lease() as other:
        lease.expect(10 * PIECES)
        await lease.grow(11)
        assert (lease.held_bytes, budget.held_bytes) == (11, 20)
        waiting = asyncio.create_task(other.grow(10 * PIECES - 11))
        await settle()
        assert not waiting.done()
        lease.expect(lease.held_bytes)
        await asyncio.wait_for(waiting, 1)
        assert budget.held_bytes == 10 * PIECES


async def test_no_more_wait_than_may() -> None:
    budget = ByteBudget(100)

    async def hold() -> None:
        async with budget.lease() as lease:
            await lease.grow(1, max_waiting=2)

    async with budget.lease() as full:
        await full.grow(100)
        waiting = [asyncio.create_task(hold()) for _ in range(2)]
        await settle()
        with pytest.raises(CrowdedError):
            await hold()
    await asyncio.wait_for(asyncio.gather(*waiting, hold()), 1)
    assert budget.held_bytes == 0


async def cpu_seconds_of_half_read(count: int) -> float:
    """So many large files that are begun and never end, of which most wait, and give up all at once."""
    budget = ByteBudget(128 * 2**20)

    async def begin() -> None:
        async with budget.lease() as lease:
            lease.expect(64 * 2**20)
            for _ in range(5):
                await lease.grow(150 * 2**10)
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)

    began = time.process_time()
    tasks = [asyncio.create_task(asyncio.wait_for(begin(), 0.5)) for _ in range(count)]
    await asyncio.gather(*tasks, return_exceptions=True)
    assert budget.held_bytes == 0
    return time.process_time() - began


async def test_many_half_read_files_cost_as_much_for_each_as_few_do() -> None:
    few = await cpu_seconds_of_half_read(200)
    many = await cpu_seconds_of_half_read(800)
    assert many < 4 * 4 * few
    assert many < 5
