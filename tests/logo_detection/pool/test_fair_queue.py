"""FairSemaphore and flows: fairness, and every race between a grant and a cancellation."""

import asyncio
from collections.abc import Hashable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logo_detection.pool.fair_queue import FairQueue, FairSemaphore


class Candidate:
    """Someone in a flow, who may give up before leaving it."""

    def __init__(self, flow: Hashable) -> None:
        self.flow = flow
        self.gone = False

    def done(self) -> bool:
        return self.gone


def queue_of(*flows: str) -> FairQueue[Candidate]:
    queue: FairQueue[Candidate] = FairQueue()
    for flow in flows:
        queue.add(flow, Candidate(flow))
    return queue


def drain(queue: FairQueue[Candidate]) -> str:
    return "".join(str(candidate.flow) for candidate in iter(queue.pop, None))


def served(queue: FairQueue[Candidate], count: int) -> str:
    return "".join(str(candidate.flow) for candidate in (queue.pop() for _ in range(count)) if candidate)


def test_flows_alternate_however_long_each_is() -> None:
    assert drain(queue_of(*"aaaaabbc")) == "abcabaaa"


def test_a_new_flow_goes_before_those_who_have_been_here() -> None:
    queue = queue_of(*"a" * 50, *"b" * 50)
    assert served(queue, 3) == "aba"
    queue.add("c", Candidate("c"))
    assert served(queue, 4) == "cbab"


def test_the_round_goes_on_with_every_second_turn_however_many_come() -> None:
    queue = queue_of(*"a" * 50, *"b" * 50)
    assert served(queue, 4) == "abab"
    for number in range(20):  # each comes when the one before has been served
        queue.add(number, Candidate("n"))
        assert served(queue, 2) == ("na", "nb")[number % 2]


def test_new_flows_are_served_in_the_order_of_their_coming() -> None:
    queue = queue_of(*"a" * 9)
    assert served(queue, 1) == "a"
    for flow in "bcdef":
        queue.add(flow, Candidate(flow))
    assert drain(queue) == "abcdefaaaaaaa"


@pytest.mark.parametrize("new", [1, 5])
def test_a_new_flow_waits_behind_one_of_every_flow_before_it_at_most(new: int) -> None:
    queue = queue_of(*"a" * 50, *"b" * 50)
    for number in range(new):
        queue.add(number, Candidate("n"))
    queue.add("last", Candidate("z"))
    assert drain(queue).index("z") <= 2 + new


def test_a_flow_that_returns_goes_to_the_back_and_counts_as_new() -> None:
    queue = queue_of("a", "b", "c")
    assert served(queue, 1) == "a"
    queue.add("a", Candidate("a"))
    assert drain(queue) == "bca"
    queue = queue_of(*"abbcc")
    assert served(queue, 4) == "abcb"
    queue.add("a", Candidate("a"))
    assert drain(queue) == "ac"


def test_a_flow_that_was_removed_is_new_no_more() -> None:
    queue = queue_of(*"aa")
    assert served(queue, 1) == "a"
    candidate = Candidate("b")
    queue.add("b", candidate)
    queue.remove("b", candidate)
    assert drain(queue) == "a"
    for flow in "bab":
        queue.add(flow, Candidate(flow))
    assert drain(queue) == "bab"


def test_who_gave_up_is_passed_over_and_costs_the_flow_nothing() -> None:
    queue: FairQueue[Candidate] = FairQueue()
    gone, waits = Candidate("a"), Candidate("a")
    gone.gone = True
    for candidate in (gone, waits, Candidate("b")):
        queue.add(candidate.flow, candidate)
    assert queue.pop() is waits


def test_removing_from_a_flow_what_is_not_in_changes_nothing() -> None:
    queue = queue_of("a")
    queue.remove("a", Candidate("a"))
    queue.remove("nobody's", Candidate("a"))
    assert len(queue) == 1


@settings(max_examples=300)
@given(st.lists(st.sampled_from([*"abcd", "pop", "pop", "give up", "remove"]), max_size=80))
def test_nobody_is_lost_served_twice_or_left_waiting(steps: list[str]) -> None:
    queue: FairQueue[Candidate] = FairQueue()
    waiting: list[Candidate] = []
    turns_left: dict[Hashable, int] = {}  # until each flow's first must have been served
    lingering: set[Hashable] = set()  # flows with a place in the round, perhaps, though nobody waits in them

    def others(flow: Hashable) -> int:
        return len(({candidate.flow for candidate in waiting} | lingering) - {flow})

    for step in steps:
        if step in "abcd":
            if all(candidate.flow != step for candidate in waiting):
                turns_left[step] = 2 * others(step) + 1 if step in lingering else others(step)
            candidate = Candidate(step)
            queue.add(step, candidate)
            waiting.append(candidate)
        elif step == "pop":
            popped = queue.pop()
            assert (popped is None) == (not waiting)
            if popped is None:
                continue
            assert popped is next(candidate for candidate in waiting if candidate.flow == popped.flow)
            waiting.remove(popped)
            turns_left[popped.flow] = 2 * others(popped.flow) + 1
            for flow in {candidate.flow for candidate in waiting} - {popped.flow}:
                turns_left[flow] -= 1
                assert turns_left[flow] >= 0
        elif waiting:
            candidate = waiting.pop(len(waiting) // 2)
            candidate.gone = True
            if step == "remove":
                queue.remove(candidate.flow, candidate)
            else:
                lingering.add(candidate.flow)
    assert sum(1 for _ in iter(queue.pop, None)) == len(waiting)
    assert len(queue) == 0


async def free(semaphore: FairSemaphore) -> int:
    """How many permits can be acquired now; they are released."""
    takers = [asyncio.create_task(semaphore.acquire("probe")) for _ in range(10)]
    await settle()
    taken = sum(taker.done() for taker in takers)
    for taker in takers:
        taker.cancel()
    await asyncio.gather(*takers, return_exceptions=True)
    for _ in range(taken):
        semaphore.release("probe")
    return taken


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_no_more_hold_a_turn_than_there_are() -> None:
    semaphore, holding, most = FairSemaphore(3), 0, 0

    async def hold(flow: int) -> None:
        nonlocal holding, most
        async with semaphore.permit(flow):
            holding += 1
            most = max(most, holding)
            await asyncio.sleep(0.001)
            holding -= 1

    await asyncio.gather(*(hold(i % 4) for i in range(40)))
    assert most == 3
    assert semaphore.waiting == 0
    assert await free(semaphore) == 3


async def test_permits_go_round_robin_over_flows() -> None:
    semaphore, order = FairSemaphore(1), ""

    async def hold(flow: str) -> None:
        nonlocal order
        async with semaphore.permit(flow):
            order += flow
            await asyncio.sleep(0)

    await asyncio.gather(*map(hold, "aaaabbc"))
    assert order == "aabcaba"  # the first "a" found a free turn and never waited


async def test_one_flow_leaves_the_reserved_permits_to_flows_that_hold_none() -> None:
    semaphore = FairSemaphore(4, reserved=2)
    many = [asyncio.create_task(semaphore.acquire("many")) for _ in range(9)]
    await settle()
    assert sum(task.done() for task in many) == 4
    first, second = (asyncio.create_task(semaphore.acquire("few")) for _ in range(2))
    await settle()
    assert (first.done(), second.done()) == (True, False)
    semaphore.release("few")
    await settle()
    assert second.done()
    assert sum(task.done() for task in many) == 4


async def test_a_flow_that_waits_for_its_second_turn_bars_no_other_from_its_first() -> None:
    semaphore = FairSemaphore(1, reserved=1)
    await semaphore.acquire("a")
    waits = asyncio.create_task(semaphore.acquire("a"))
    await settle()
    await asyncio.wait_for(semaphore.acquire("b"), 1)
    last = asyncio.create_task(semaphore.acquire("c"))
    await settle()
    semaphore.release("b")
    await asyncio.wait_for(last, 1)
    assert not waits.done()
    semaphore.release("a")
    await settle()
    assert waits.done()


async def test_a_turn_granted_to_a_task_cancelled_in_the_same_pass_goes_on() -> None:
    semaphore = FairSemaphore(1)
    await semaphore.acquire("holder")
    waiter = asyncio.create_task(semaphore.acquire("a"))
    await settle()
    semaphore.release("holder")
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert await free(semaphore) == 1


async def test_a_turn_given_back_in_the_pass_in_which_its_heir_is_cancelled_goes_to_the_next() -> None:
    semaphore = FairSemaphore(1)
    await semaphore.acquire("holder")
    cancelled, heir = (asyncio.create_task(semaphore.acquire("a")) for _ in range(2))
    await settle()
    cancelled.cancel()
    semaphore.release("holder")
    await heir
    assert cancelled.cancelled()
    assert semaphore.waiting == 0
    semaphore.release("a")
    assert await free(semaphore) == 1


async def test_who_is_cancelled_while_waiting_leaves_the_flow() -> None:
    semaphore = FairSemaphore(1)
    await semaphore.acquire("holder")
    waiters = [asyncio.create_task(semaphore.acquire("a")) for _ in range(3)]
    await settle()
    assert semaphore.waiting == 3
    waiters[1].cancel()
    await settle()
    assert semaphore.waiting == 2
    semaphore.release("holder")
    await waiters[0]
    semaphore.release("a")
    await waiters[2]


async def test_an_error_inside_the_block_ends_the_permit() -> None:
    semaphore = FairSemaphore(1)
    with pytest.raises(ZeroDivisionError):
        async with semaphore.permit("a"):
            _ = 1 / 0
    assert await free(semaphore) == 1


@settings(max_examples=200)
@given(
    permits=st.integers(1, 2),
    steps=st.lists(
        st.sampled_from(["take", "take", "pass", "end", "cancel", "cancel holder"]), min_size=20, max_size=60
    ),
)
def test_no_order_of_takes_cancellations_and_ends_loses_a_permit(permits: int, steps: list[str]) -> None:
    async def play() -> None:
        semaphore = FairSemaphore(permits)
        tasks: list[asyncio.Task[None]] = []
        waiting: list[asyncio.Task[None]] = []
        holding: dict[asyncio.Task[None], asyncio.Event] = {}

        async def hold(flow: int) -> None:
            task = asyncio.current_task()
            assert task is not None
            async with semaphore.permit(flow):
                holding[task] = asyncio.Event()
                assert len(holding) <= permits
                if task in waiting:
                    waiting.remove(task)
                try:
                    await holding[task].wait()
                finally:
                    del holding[task]

        for step in steps:
            if step == "take":
                tasks.append(asyncio.create_task(hold(len(tasks) % 3)))
                waiting.append(tasks[-1])
            elif step == "pass":
                await asyncio.sleep(0)
            elif step == "cancel" and waiting:
                waiting.pop(0).cancel()
            elif step == "cancel holder" and holding:
                next(iter(holding)).cancel()
            elif step == "end" and holding:
                next(iter(holding.values())).set()
        for _ in range(2 * len(tasks)):
            for end in holding.values():
                end.set()
            await settle()
        assert all(task.done() for task in tasks)
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(outcome is None or isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
        assert semaphore.waiting == 0
        assert await free(semaphore) == permits

    asyncio.run(play())
