"""Metrics, against values worked out by hand."""

import numpy as np
import pytest

from evaluation.metrics import calibration_error, flip_rate, measure

SCORES = np.array([0.9, 0.8, 0.4, 0.6, 0.2, 0.1])
IS_LOGO = np.array([True, True, True, False, False, False])
CATEGORIES = ["brand", "brand", "brand", "flag", "photo", "photo"]


def test_metrics_are_those_of_the_textbook() -> None:
    metrics = measure(SCORES, IS_LOGO, CATEGORIES)
    assert metrics.images == 6
    assert metrics.auc_roc == pytest.approx(8 / 9)  # one of nine pairs is in the wrong order
    assert metrics.auc_pr == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert metrics.accuracy == pytest.approx(4 / 6)
    assert metrics.balanced_accuracy == pytest.approx(4 / 6)


def test_recall_is_reported_per_category_with_its_number_of_images() -> None:
    recalls = measure(SCORES, IS_LOGO, CATEGORIES).recall_by_category
    assert {name: (round(recall.share, 3), recall.images) for name, recall in recalls.items()} == {
        "brand": (0.667, 3),
        "flag": (0.0, 1),
        "photo": (1.0, 2),
    }


def test_a_set_of_one_class_has_no_metrics() -> None:
    with pytest.raises(ValueError, match="both"):
        measure(SCORES, np.ones(6, bool), CATEGORIES)


def test_scores_and_labels_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="as many"):
        measure(SCORES[1:], IS_LOGO, CATEGORIES)


def test_scores_that_mean_what_they_say_have_no_calibration_error() -> None:
    scores = np.full(100, 0.25)
    is_logo = np.arange(100) < 25
    assert calibration_error(scores, is_logo) == pytest.approx(0)
    assert calibration_error(scores, ~is_logo) == pytest.approx(0.5)


def test_a_score_of_one_falls_into_the_last_bin() -> None:
    assert calibration_error(np.array([1.0, 0.0]), np.array([True, False])) == pytest.approx(0)


def test_flips_are_counted_at_the_threshold() -> None:
    assert flip_rate(np.array([0.49, 0.9, 0.1, 0.5]), np.array([0.51, 0.6, 0.2, 0.4])) == 0.5


def test_flips_need_both_recodings_of_every_image() -> None:
    with pytest.raises(ValueError, match="both recodings"):
        flip_rate(np.zeros(3), np.zeros(4))
