"""Base rates: precision where logos are rare, and how little a few images tell of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from evaluation.base_rates import (
    Reached,
    as_served,
    convert,
    goals,
    interval,
    operating_points,
    precision_at,
    share_of,
    step_above,
)

rates = st.floats(0.001, 0.999)

# 100 logos at 0.9 and 100 at 0.3; 1,000 others, of which 10 at 0.95, 20 at 0.6 and the rest at 0.1.
SCORES = np.repeat([0.9, 0.3, 0.95, 0.6, 0.1], [100, 100, 10, 20, 970])
IS_LOGO = np.arange(1200) < 200


@pytest.mark.parametrize(("count", "of"), [(1, 20), (10, 20), (19, 20), (3, 1000)])
def test_an_interval_is_that_of_clopper_and_pearson(count: int, of: int) -> None:
    expected = binomtest(count, of).proportion_ci(0.95, method="exact")
    assert [float(bound) for bound in interval(count, of)] == pytest.approx([expected.low, expected.high])


@pytest.mark.parametrize("of", [50, 1000, 10_000])
def test_where_none_was_seen_about_three_may_be_missed(of: int) -> None:
    none, every = share_of(0, of), share_of(of, of)
    assert (none.low, every.high) == (0, 1)
    assert none.high == pytest.approx(3 / of, rel=0.06)
    assert every.low == pytest.approx(1 - none.high)


def test_precision_at_a_base_rate_is_bayes() -> None:
    # 13 logos in 10,000 uploads: 10.4 of them found among 9,987 others, of which 199.74 are false alarms.
    assert precision_at(0.0013, 0.8, 0.02) == pytest.approx(10.4 / (10.4 + 199.74))


def test_alarms_are_counted_per_hundred_thousand_uploads() -> None:
    (point,) = operating_points(SCORES, IS_LOGO, [0.5])
    assert (point.recall.share, point.false_alarms.share) == (0.5, 0.03)
    at = {alarms.base_rate: alarms for alarms in point.at}
    assert set(at) == {0.0013, 0.003, 0.005}
    assert at[0.005].true_alarms == pytest.approx(250)
    assert at[0.005].false_alarms == pytest.approx(2985)
    assert at[0.005].precision == pytest.approx(2.5 / 32.35)
    assert at[0.005].precision_low < at[0.005].precision < at[0.005].precision_high
    assert at[0.005].false_alarms_high > 2985


def test_no_false_alarm_proves_no_perfect_precision() -> None:
    (point,) = operating_points(np.array([0.9] * 50 + [0.1] * 1000), np.arange(1050) < 50, [0.5])
    rarest = point.at[0]
    assert rarest.precision == 1.0
    assert rarest.false_alarms == 0
    assert rarest.precision_low == pytest.approx(0.0013 * point.recall.low / 0.0043, rel=0.05)
    assert rarest.false_alarms_high == pytest.approx(300, rel=0.01)


def test_a_goal_is_reached_at_the_lowest_threshold_that_keeps_it() -> None:
    reached = {
        goal.precision: goal.measured
        for goal in goals(SCORES, IS_LOGO, [0.1, 0.2, 0.25])
        if goal.base_rate == 0.005
    }
    # Above 0.1 every logo is found, and 30 others: 5 true alarms to 29.85 false ones, one in seven.
    # Above 0.6 it is 2.5 to 9.95, one in five; above 0.95 there is no logo.
    assert reached == {0.1: Reached(0.1001, 1.0), 0.2: Reached(0.6001, 0.5), 0.25: None}


def test_a_goal_may_be_reached_and_not_be_sure() -> None:
    few = np.array([0.9] * 50 + [0.1] * 100)
    goal = next(goal for goal in goals(few, np.arange(150) < 50, [0.5]) if goal.base_rate == 0.0013)
    assert goal.measured is not None
    assert goal.measured.threshold == pytest.approx(0.1001)
    assert goal.assured is None
    many = np.array([0.9] * 50 + [0.1] * 100_000)
    sure = next(goal for goal in goals(many, np.arange(100_050) < 50, [0.5]) if goal.base_rate == 0.0013)
    assert sure.assured == sure.measured


def test_a_threshold_meets_the_four_decimals_that_a_caller_sees() -> None:
    scores, is_logo = np.array([0.9, 0.62006]), np.array([True, False])
    (point,) = operating_points(scores, is_logo, [0.6201])
    assert point.false_alarms.count == 1  # the server answers 0.6201
    (goal, *_) = goals(scores, is_logo, [0.9])
    assert goal.measured == Reached(0.6202, 1.0)


@given(st.floats(0, 1))
def test_a_step_above_a_score_is_the_lowest_threshold_without_it(score: float) -> None:
    served = as_served(np.array([score]))
    assert (served < step_above(served)).all()
    assert step_above(served) - served == pytest.approx(0.0001)


@given(rates, rates)
def test_a_probability_stays_at_its_own_base_rate(probability: float, base_rate: float) -> None:
    assert convert(probability, base_rate, base_rate) == pytest.approx(probability)


@given(rates, rates, rates)
def test_there_and_back_is_the_same_probability(probability: float, one: float, other: float) -> None:
    assert convert(convert(probability, one, other), other, one) == pytest.approx(probability)


def test_an_even_score_means_the_base_rate_itself() -> None:
    assert convert(0.5, 0.5, 0.0013) == pytest.approx(0.0013)
    assert convert(np.array([0.0, 1.0]), 0.5, 0.0013).tolist() == [0, 1]


@pytest.mark.parametrize("base_rate", [0.0, 1.0, -0.1])
def test_a_base_rate_of_none_or_all_is_refused(base_rate: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        convert(0.5, 0.5, base_rate)
