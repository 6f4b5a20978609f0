from time import sleep

import pytest

from tests.harness.timing import within


def test_the_first_run_within_the_limit_is_the_last() -> None:
    pauses = iter([0.2, 0.0, 0.0])
    for stopwatch in within(0.1):
        with stopwatch:
            sleep(next(pauses))
    assert list(pauses) == [0.0]


def run(seconds: float, limit_s: float, at_least_s: float = 0.0) -> None:
    for stopwatch in within(limit_s, at_least_s=at_least_s):
        with stopwatch:
            sleep(seconds)


def test_three_runs_that_take_too_long_fail() -> None:
    with pytest.raises(AssertionError, match=r"none of \[0\.\S+, 0\.\S+, 0\.\S+\] is less than 0\.01 s"):
        run(0.02, limit_s=0.01)


def test_a_run_that_takes_too_little_fails() -> None:
    with pytest.raises(AssertionError):
        run(0.0, limit_s=10.0, at_least_s=1.0)
