"""Hands: results in order, and never many that nobody has taken."""

from collections.abc import Iterator, Sequence
from typing import Any, overload

from datasets.parallel import AHEAD, TOGETHER, Hands


class Counting(Sequence[int]):
    """Numbers, which count how far they were asked for."""

    def __init__(self, count: int) -> None:
        self.length, self.asked = count, 0

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.length))

    @overload
    def __getitem__(self, place: int) -> int: ...
    @overload
    def __getitem__(self, place: slice) -> list[int]: ...
    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, int):
            return range(self.length)[place]
        self.asked = max(self.asked, min(place.stop, self.length))
        return list(range(self.length))[place]


def test_results_come_in_order() -> None:
    with Hands(2) as hands:
        assert list(hands.in_order(str, range(100))) == [str(number) for number in range(100)]
        assert list(hands.in_order(str, [])) == []


def test_no_more_is_begun_than_may_wait() -> None:
    numbers = Counting(1000)
    with Hands(1) as hands:
        results = hands.in_order(str, numbers)
        assert [next(results) for _ in range(20)] == [str(number) for number in range(20)]
    assert numbers.asked <= (AHEAD + 2) * TOGETHER
