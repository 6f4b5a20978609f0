"""Turns and lanes: fairness, and every race between a grant and a cancellation."""

import asyncio
from collections.abc import Hashable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logo_detection.pool.fair_queue import Lanes, Turns


class Guest:
    """Someone in a lane, who may give up before leaving it."""

    def __init__(self, lane: Hashable) -> None:
        self.lane = lane
        self.gone = False

    def done(self) -> bool:
        return self.gone


def lanes_of(*lanes: str) -> Lanes[Guest]:
    queue: Lanes[Guest] = Lanes()
    for lane in lanes:
        queue.add(lane, Guest(lane))
    return queue


def drain(queue: Lanes[Guest]) -> str:
    return "".join(str(guest.lane) for guest in iter(queue.pop, None))


def served(queue: Lanes[Guest], count: int) -> str:
    return "".join(str(guest.lane) for guest in (queue.pop() for _ in range(count)) if guest)


def test_lanes_alternate_however_long_each_is() -> None:
    assert drain(lanes_of(*"aaaaabbc")) == "abcabaaa"


def test_a_newcomer_goes_before_those_who_have_been_here() -> None:
    queue = lanes_of(*"a" * 50, *"b" * 50)
    assert served(queue, 3) == "aba"
    queue.add("c", Guest("c"))
    assert served(queue, 4) == "cbab"


def test_the_round_goes_on_with_every_second_turn_however_many_come() -> None:
    queue = lanes_of(*"a" * 50, *"b" * 50)
    assert served(queue, 4) == "abab"
    for number in range(20):  # each comes when the one before has been served
        queue.add(number, Guest("n"))
        assert served(queue, 2) == ("na", "nb")[number % 2]


def test_newcomers_are_served_in_the_order_of_their_coming() -> None:
    queue = lanes_of(*"a" * 9)
    assert served(queue, 1) == "a"
    for lane in "bcdef":
        queue.add(lane, Guest(lane))
    assert drain(queue) == "abcdefaaaaaaa"


@pytest.mark.parametrize("new", [1, 5])
def test_a_newcomer_waits_behind_one_of_every_lane_before_it_at_most(new: int) -> None:
    queue = lanes_of(*"a" * 50, *"b" * 50)
    for number in range(new):
        queue.add(number, Guest("n"))
    queue.add("last", Guest("z"))
    assert drain(queue).index("z") <= 2 + new


def test_a_lane_that_returns_goes_to_the_back_and_counts_as_new() -> None:
    queue = lanes_of("a", "b", "c")
    assert served(queue, 1) == "a"
    queue.add("a", Guest("a"))
    assert drain(queue) == "bca"
    queue = lanes_of(*"abbcc")
    assert served(queue, 4) == "abcb"
    queue.add("a", Guest("a"))
    assert drain(queue) == "ac"


def test_who_left_is_new_no_more() -> None:
    queue = lanes_of(*"aa")
    assert served(queue, 1) == "a"
    guest = Guest("b")
    queue.add("b", guest)
    queue.leave("b", guest)
    assert drain(queue) == "a"
    for lane in "bab":
        queue.add(lane, Guest(lane))
    assert drain(queue) == "bab"


def test_who_gave_up_is_passed_over_and_costs_the_lane_nothing() -> None:
    queue: Lanes[Guest] = Lanes()
    gone, waits = Guest("a"), Guest("a")
    gone.gone = True
    for guest in (gone, waits, Guest("b")):
        queue.add(guest.lane, guest)
    assert queue.pop() is waits


def test_leaving_a_lane_one_is_not_in_changes_nothing() -> None:
    queue = lanes_of("a")
    queue.leave("a", Guest("a"))
    queue.leave("nobody's", Guest("a"))
    assert len(queue) == 1


@settings(max_examples=300)
@given(st.lists(st.sampled_from([*"abcd", "pop", "pop", "give up", "leave"]), max_size=80))
def test_nobody_is_lost_served_twice_or_left_waiting(steps: list[str]) -> None:
    queue: Lanes[Guest] = Lanes()
    waiting: list[Guest] = []
    turns_left: dict[Hashable, int] = {}  # until each lane's first must have been served
    lingering: set[Hashable] = set()  # lanes with a place in the round, perhaps, though nobody waits in them

    def others(lane: Hashable) -> int:
        return len(({guest.lane for guest in waiting} | lingering) - {lane})

    for step in steps:
        if step in "abcd":
            if all(guest.lane != step for guest in waiting):
                turns_left[step] = 2 * others(step) + 1 if step in lingering else others(step)
            guest = Guest(step)
            queue.add(step, guest)
            waiting.append(guest)
        elif step == "pop":
            popped = queue.pop()
            assert (popped is None) == (not waiting)
            if popped is None:
                continue
            assert popped is next(guest for guest in waiting if guest.lane == popped.lane)
            waiting.remove(popped)
            turns_left[popped.lane] = 2 * others(popped.lane) + 1
            for lane in {guest.lane for guest in waiting} - {popped.lane}:
                turns_left[lane] -= 1
                assert turns_left[lane] >= 0
        elif waiting:
            guest = waiting.pop(len(waiting) // 2)
            guest.gone = True
            if step == "leave":
                queue.leave(guest.lane, guest)
            else:
                lingering.add(guest.lane)
    assert sum(1 for _ in iter(queue.pop, None)) == len(waiting)
    assert len(queue) == 0


async def free(turns: Turns) -> int:
    """How many turns can be taken at once; they are given back."""
    takers = [asyncio.create_task(turns.take("probe")) for _ in range(10)]
    await settle()
    taken = sum(taker.done() for taker in takers)
    for taker in takers:
        taker.cancel()
    await asyncio.gather(*takers, return_exceptions=True)
    for _ in range(taken):
        turns.give_back("probe")
    return taken


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_no_more_hold_a_turn_than_there_are() -> None:
    turns, holding, most = Turns(3), 0, 0

    async def hold(lane: int) -> None:
        nonlocal holding, most
        async with turns.turn(lane):
            holding += 1
            most = max(most, holding)
            await asyncio.sleep(0.001)
            holding -= 1

    await asyncio.gather(*(hold(i % 4) for i in range(40)))
    assert most == 3
    assert turns.waiting == 0
    assert await free(turns) == 3


async def test_turns_go_round_robin_over_lanes() -> None:
    turns, order = Turns(1), ""

    async def hold(lane: str) -> None:
        nonlocal order
        async with turns.turn(lane):
            order += lane
            await asyncio.sleep(0)

    await asyncio.gather(*map(hold, "aaaabbc"))
    assert order == "aabcaba"  # the first "a" found a free turn and never waited


async def test_one_lane_leaves_the_kept_turns_to_lanes_that_have_none() -> None:
    turns = Turns(4, kept=2)
    many = [asyncio.create_task(turns.take("many")) for _ in range(9)]
    await settle()
    assert sum(task.done() for task in many) == 4
    first, second = (asyncio.create_task(turns.take("few")) for _ in range(2))
    await settle()
    assert (first.done(), second.done()) == (True, False)
    turns.give_back("few")
    await settle()
    assert second.done()
    assert sum(task.done() for task in many) == 4


async def test_a_lane_that_waits_for_its_second_turn_bars_no_other_from_its_first() -> None:
    turns = Turns(1, kept=1)
    await turns.take("a")
    waits = asyncio.create_task(turns.take("a"))
    await settle()
    await asyncio.wait_for(turns.take("b"), 1)
    last = asyncio.create_task(turns.take("c"))
    await settle()
    turns.give_back("b")
    await asyncio.wait_for(last, 1)
    assert not waits.done()
    turns.give_back("a")
    await settle()
    assert waits.done()


async def test_a_turn_granted_to_a_task_cancelled_in_the_same_pass_goes_on() -> None:
    turns = Turns(1)
    await turns.take("holder")
    waiter = asyncio.create_task(turns.take("a"))
    await settle()
    turns.give_back("holder")
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    assert await free(turns) == 1


async def test_a_turn_given_back_in_the_pass_in_which_its_heir_is_cancelled_goes_to_the_next() -> None:
    turns = Turns(1)
    await turns.take("holder")
    cancelled, heir = (asyncio.create_task(turns.take("a")) for _ in range(2))
    await settle()
    cancelled.cancel()
    turns.give_back("holder")
    await heir
    assert cancelled.cancelled()
    assert turns.waiting == 0
    turns.give_back("a")
    assert await free(turns) == 1


async def test_who_is_cancelled_while_waiting_leaves_the_lane() -> None:
    turns = Turns(1)
    await turns.take("holder")
    waiters = [asyncio.create_task(turns.take("a")) for _ in range(3)]
    await settle()
    assert turns.waiting == 3
    waiters[1].cancel()
    await settle()
    assert turns.waiting == 2
    turns.give_back("holder")
    await waiters[0]
    turns.give_back("a")
    await waiters[2]


async def test_an_error_inside_the_block_ends_the_turn() -> None:
    turns = Turns(1)
    with pytest.raises(ZeroDivisionError):
        async with turns.turn("a"):
            _ = 1 / 0
    assert await free(turns) == 1


@settings(max_examples=200, deadline=None)
@given(
    at_once=st.integers(1, 2),
    steps=st.lists(
        st.sampled_from(["take", "take", "pass", "end", "cancel", "cancel holder"]), min_size=20, max_size=60
    ),
)
def test_no_order_of_takes_cancellations_and_ends_loses_a_turn(at_once: int, steps: list[str]) -> None:
    async def play() -> None:
        turns = Turns(at_once)
        tasks: list[asyncio.Task[None]] = []
        waiting: list[asyncio.Task[None]] = []
        holding: dict[asyncio.Task[None], asyncio.Event] = {}

        async def hold(lane: int) -> None:
            task = asyncio.current_task()
            assert task is not None
            async with turns.turn(lane):
                holding[task] = asyncio.Event()
                assert len(holding) <= at_once
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
        assert turns.waiting == 0
        assert await free(turns) == at_once

    asyncio.run(play())
