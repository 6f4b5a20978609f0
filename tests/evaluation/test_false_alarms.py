"""Recall at a rate of false alarms: as anyone would count it, and as unsure as its images make it."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from evaluation.base_rates import as_served
from evaluation.false_alarms import (
    FALSE_ALARM_RATES,
    least_others,
    paired_differences,
    rate_points,
    recalls,
)

# 100 logos from 0.9001 on; 1,000 others, of which 2 at 0.95 and 8 at 0.6.
SCORES = np.concatenate([0.9 + np.arange(1, 101) / 1000, np.repeat([0.95, 0.6, 0.1], [2, 8, 990])])
IS_LOGO = np.arange(1100) < 100
CATEGORIES = ["brand"] * 100 + ["flag"] + ["seal"] * 4 + ["photo"] * 995
ALONE = np.arange(1100)


def naive_recall(scores: list[float], is_target: list[bool], rate: float) -> float:
    """Every threshold at which anything changes is tried, from the lowest on."""
    targets = [score for score, is_it in zip(scores, is_target, strict=True) if is_it]
    others = [score for score, is_it in zip(scores, is_target, strict=True) if not is_it]
    for threshold in sorted({0.0, *(round(score + 0.0001, 4) for score in others)}):
        if sum(other >= threshold for other in others) * 1000 <= round(rate * 1000) * len(others):
            return sum(target >= threshold for target in targets) / len(targets)
    raise AssertionError("above all others there is no false alarm")


@given(st.data())
def test_recall_is_that_of_the_lowest_threshold_with_so_few_false_alarms(data: st.DataObject) -> None:
    images = data.draw(st.integers(2, 400))
    few = st.sampled_from([0.0, 0.1, 0.5, 0.50004, 0.5001, 0.9999, 1.0])  # so that there are ties
    scores = as_served(data.draw(arrays(np.float64, images, elements=few | st.floats(0, 1))))
    is_target = data.draw(arrays(np.bool_, images))
    assume(is_target.any() and not is_target.all())
    found = recalls(scores, is_target, np.ones((1, images), np.int64))[0]
    expected = [naive_recall(scores.tolist(), is_target.tolist(), rate) for rate in FALSE_ALARM_RATES]
    assert found.tolist() == pytest.approx(expected)


@given(st.data())
def test_a_resample_counts_as_if_its_images_were_there_so_often(data: st.DataObject) -> None:
    images = data.draw(st.integers(2, 100))
    scores = as_served(data.draw(arrays(np.float64, images, elements=st.floats(0, 1))))
    is_target = data.draw(arrays(np.bool_, images))
    counts = data.draw(arrays(np.int64, images, elements=st.integers(0, 5)))
    assume(counts[is_target].any() and counts[~is_target].any())
    written_out = np.repeat(np.arange(images), counts)
    once = np.ones((1, len(written_out)), np.int64)
    np.testing.assert_allclose(
        recalls(scores, is_target, counts[None]),
        recalls(scores[written_out], is_target[written_out], once),
    )


def test_each_rate_has_its_threshold_and_what_is_found_there() -> None:
    points = rate_points(SCORES, IS_LOGO, CATEGORIES, ALONE)
    found = [(point.false_alarm_rate, point.point and point.point.threshold) for point in points]
    assert found == [(0.01, 0.1001), (0.003, 0.6001), (0.001, 0.9501)]
    assert [point.recall and point.recall.count for point in points] == [100, 100, 50]
    assert points[2].recall is not None
    assert 0.4 < points[2].recall.low < 0.5
    assert points[2].recall.high == 1.0  # where neither of the two is drawn, or but one


def test_a_point_tells_the_alarms_among_uploads() -> None:
    at_three = rate_points(SCORES, IS_LOGO, CATEGORIES, ALONE)[1].point
    assert at_three is not None
    assert at_three.false_alarms.count == 2
    rarest = at_three.at[0]
    assert (rarest.true_alarms, rarest.false_alarms) == pytest.approx((130, 199.74))


def test_false_alarms_are_told_by_the_kind_that_makes_them() -> None:
    at_one = rate_points(SCORES, IS_LOGO, CATEGORIES, ALONE)[0]
    assert at_one.false_alarms_by_category == {"photo": 5, "seal": 4, "flag": 1}
    right = {name: (share.count, share.of) for name, share in at_one.by_category.items()}
    assert right == {"brand": (100, 100), "flag": (0, 1), "photo": (990, 995), "seal": (0, 4)}


def test_with_too_few_others_there_is_no_figure() -> None:
    kept = np.arange(1100) < 1099  # 999 others
    *_, rarest = rate_points(SCORES[kept], IS_LOGO[kept], CATEGORIES[:1099], ALONE[kept])
    assert (rarest.others, rarest.recall, rarest.point) == (999, None, None)
    assert [least_others(rate) for rate in FALSE_ALARM_RATES] == [100, 334, 1000]


def test_where_others_are_served_as_certain_nothing_is_found() -> None:
    certain = np.where(IS_LOGO, 1.0, 0.99996)
    point = rate_points(certain, IS_LOGO, CATEGORIES, ALONE)[0]
    assert point.recall is not None
    assert (point.recall.share, point.point) == (0.0, None)


def test_groups_widen_an_interval() -> None:
    rng = np.random.default_rng(5)
    is_logo = np.arange(3000) < 1000
    of_group = np.repeat(rng.normal(size=300), 10)  # ten alike
    of_image = np.where(is_logo, of_group + 2, rng.normal(size=3000))
    scores = 1 / (1 + np.exp(-of_image))
    kinds = ["any"] * 3000
    alone, grouped = (
        rate_points(scores, is_logo, kinds, groups)[0].recall
        for groups in (np.arange(3000), np.arange(3000) // 10)
    )
    assert alone is not None
    assert grouped is not None
    assert alone.share == grouped.share
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng, inside = np.random.default_rng(11), 0
    truth = 1 - 0.99**5  # of logos whose scores are the fifth root of uniform ones
    for _ in range(40):
        is_logo = np.arange(800) < 200
        scores = rng.random(800)
        scores[is_logo] **= 0.2
        recall = rate_points(scores, is_logo, ["any"] * 800, np.arange(800))[0].recall
        assert recall is not None
        inside += recall.low <= truth <= recall.high
    assert inside >= 34


def test_two_models_are_compared_on_the_same_draws() -> None:
    rng = np.random.default_rng(7)
    is_logo = np.arange(3000) < 1000
    worse = rng.normal(size=3000) + 2 * is_logo
    better = worse + 0.5 * is_logo
    scores, other_scores = (1 / (1 + np.exp(-values)) for values in (better, worse))
    for difference in paired_differences(scores, other_scores, is_logo, np.arange(3000)):
        assert difference.by == pytest.approx(difference.recall - difference.other_recall)
        assert 0 < difference.low < difference.by < difference.high
    for same in paired_differences(scores, scores, is_logo, np.arange(3000)):
        assert (same.by, same.low, same.high) == (0, 0, 0)


def test_models_are_not_compared_at_a_rate_that_cannot_be_counted() -> None:
    few = np.arange(1100) < 500
    found = paired_differences(SCORES[few], SCORES[few], IS_LOGO[few], ALONE[few])
    assert [difference.false_alarm_rate for difference in found] == [0.01, 0.003]
