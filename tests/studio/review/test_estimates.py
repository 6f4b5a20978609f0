"""Estimates: known intervals, and samples of files of which the truth is known."""

import numpy as np
import pytest

from studio.review.estimates import Estimate, Stratum, recall, share

pytestmark = pytest.mark.slow

SAMPLES = 150


@pytest.mark.parametrize(
    ("yes", "decided", "low", "high"),
    # By Wilson's formula with z = 1.959964; the third is R. G. Newcombe's example of 1998, 81 of 263.
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662), (10, 10, 0.7225, 1.0)],
)
def test_a_share_has_wilsons_interval(yes: int, decided: int, low: float, high: float) -> None:
    found = share(yes, decided)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((yes / decided, low, high), abs=1e-4)


def test_a_share_of_none_is_unknown() -> None:
    assert share(0, 0) is None


def test_recall_is_the_share_of_the_files_in_both_strata() -> None:
    found = recall(Stratum(files=400, decided=100, yes=60), Stratum(files=100_000, decided=1000, yes=2))
    assert found is not None
    assert found.value == pytest.approx(240 / (240 + 200))
    assert 0 < found.low < found.value < found.high < 1


def test_recall_is_known_from_below_where_the_sample_has_none_that_was_missed() -> None:
    found = recall(Stratum(400, 100, 60), Stratum(100_000, 1000, 0))
    assert found is not None
    assert (found.value, found.high) == (1, 1)
    assert 0 < found.low < 0.5  # three in a thousand may be missed: 300 beside the 240 that are found


@pytest.mark.parametrize(
    ("alarms", "others"), [((10, 0, 0), (10, 5, 1)), ((10, 5, 0), (10, 5, 1)), ((10, 5, 5), (10, 0, 0))]
)
def test_recall_that_nobody_can_tell_is_none(
    alarms: tuple[int, int, int], others: tuple[int, int, int]
) -> None:
    assert recall(Stratum(*alarms), Stratum(*others)) is None


def test_more_decisions_make_the_interval_of_recall_narrower() -> None:
    few = recall(Stratum(400, 100, 60), Stratum(100_000, 500, 1))
    many = recall(Stratum(400, 400, 240), Stratum(100_000, 50_000, 100))
    assert few is not None
    assert many is not None
    assert many.value == pytest.approx(few.value)
    assert many.high - many.low < (few.high - few.low) / 2


@pytest.mark.parametrize(
    ("precision", "rate_below", "drawn"), [(0.6, 0.002, 1500), (0.3, 0.0005, 1500), (0.9, 0.01, 500)]
)
def test_samples_of_a_known_truth_give_it_back_with_their_intervals(
    precision: float, rate_below: float, drawn: int
) -> None:
    """Of 400 alarms 200 are decided, of 100,000 other files those drawn; intervals are of 95 %."""
    rng = np.random.default_rng(17)
    found, missed = round(400 * precision), round(100_000 * rate_below)
    truth = found / (found + missed)
    estimates: list[Estimate] = []
    for _ in range(SAMPLES):
        alarms = Stratum(400, 200, int(rng.hypergeometric(found, 400 - found, 200)))
        others = Stratum(100_000, drawn, int(rng.hypergeometric(missed, 100_000 - missed, drawn)))
        one = recall(alarms, others)
        assert one is not None
        estimates.append(one)
    covered = sum(each.low <= truth <= each.high for each in estimates) / SAMPLES
    assert covered >= 0.9
    assert float(np.median([each.value for each in estimates])) == pytest.approx(truth, abs=0.06)
