"""Metrics, against values worked out by hand."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from evaluation.metrics import ScoreMetrics, measure, predict_classes

LABELS = ("out_of_domain", "logo")
PROBABILITY = np.array([0.9, 0.8, 0.4, 0.6, 0.2, 0.1])
SCORES = np.stack([1 - PROBABILITY, PROBABILITY], axis=1)
TRUTH = np.array([1, 1, 1, 0, 0, 0])
CATEGORIES = ["brand", "brand", "brand", "flag", "photo", "photo"]


@pytest.fixture(scope="module")
def metrics() -> ScoreMetrics:
    return measure(SCORES, TRUTH, LABELS, CATEGORIES)


def test_metrics_are_those_of_the_textbook(metrics: ScoreMetrics) -> None:
    assert metrics.images == 6
    assert metrics.auc_roc == pytest.approx(8 / 9)  # one of nine pairs is in the wrong order
    assert metrics.auc_pr == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert metrics.accuracy == pytest.approx(4 / 6)
    assert metrics.balanced_accuracy == pytest.approx(4 / 6)
    assert metrics.log_loss == pytest.approx(-np.log([0.9, 0.8, 0.4, 0.4, 0.8, 0.9]).mean())
    assert metrics.brier == pytest.approx(np.square([0.1, 0.2, 0.6, 0.6, 0.2, 0.1]).mean())


def test_every_class_has_its_report(metrics: ScoreMetrics) -> None:
    logo, other = metrics.classes["logo"], metrics.classes["out_of_domain"]
    assert (logo.precision, logo.recall, logo.f1, logo.support) == pytest.approx((2 / 3, 2 / 3, 2 / 3, 3))
    assert logo.auc_roc == other.auc_roc == pytest.approx(8 / 9)
    assert metrics.confusion == ((2, 1), (1, 2))
    assert (metrics.precision, metrics.recall, metrics.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))


def test_a_category_has_its_share_its_interval_and_its_number_of_images(
    metrics: ScoreMetrics,
) -> None:
    slices = {name: (round(part.share, 3), part.of) for name, part in metrics.by_category.items()}
    assert slices == {"brand": (0.667, 3), "flag": (0.0, 1), "photo": (1.0, 2)}
    brand = metrics.by_category["brand"]
    assert brand.low < 0.1
    assert brand.high > 0.99  # of three images one learns next to nothing


def test_metrics_are_plain_json(metrics: ScoreMetrics) -> None:
    assert json.loads(json.dumps(asdict(metrics)))["classes"]["logo"]["support"] == 3


def test_two_classes_are_told_apart_at_a_half() -> None:
    assert predict_classes(np.array([[0.5, 0.5], [0.51, 0.49]]), LABELS).tolist() == [1, 0]
    assert predict_classes(np.array([[0.5, 0.5], [0.51, 0.49]]), ("logo", "out_of_domain")).tolist() == [0, 0]


def test_the_order_of_the_labels_is_the_models() -> None:
    turned = measure(SCORES[:, ::-1], 1 - TRUTH, LABELS[::-1], CATEGORIES)
    straight = measure(SCORES, TRUTH, LABELS, CATEGORIES)
    assert turned.auc_pr == straight.auc_pr
    assert turned.operating_points == straight.operating_points
    assert turned.classes["logo"] == straight.classes["logo"]


def test_of_more_than_two_classes_the_likeliest_is_the_verdict() -> None:
    labels = ("out_of_domain", "logo", "flag")
    scores = np.array(
        [[0.4, 0.35, 0.25], [0.15, 0.48, 0.37], [0.1, 0.2, 0.7], [0.3, 0.3, 0.4], [0.2, 0.45, 0.35]]
    )
    truth = np.array([0, 1, 2, 2, 2])
    metrics = measure(scores, truth, labels, ["photo", "brand", "flag", "flag", "flag"])
    assert metrics.confusion == ((1, 0, 0), (0, 1, 0), (0, 1, 2))
    assert metrics.accuracy == pytest.approx(4 / 5)
    areas = [report.auc_roc for report in metrics.classes.values()]
    assert areas == [1.0, 1.0, pytest.approx(5 / 6)]
    assert metrics.auc_roc == pytest.approx(np.mean([1, 1, 5 / 6]))
    assert (
        metrics.operating_points[0].recall.of == 1
    )  # the target is the first class that is not out_of_domain


def test_a_class_that_no_image_is_of_has_no_areas() -> None:
    scores = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1]])
    metrics = measure(scores, np.array([0, 1]), ("out_of_domain", "logo", "flag"), ["photo", "brand"])
    assert metrics.classes["flag"].auc_roc is None
    assert metrics.classes["flag"].support == 0
    assert metrics.auc_roc == 1.0
    assert metrics.balanced_accuracy == 1.0


def test_a_certain_mistake_costs_a_finite_loss() -> None:
    certain = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]], np.float32)
    metrics = measure(certain, np.array([0, 1, 1]), LABELS, ["a", "b", "b"])
    assert np.isfinite(metrics.log_loss)
    assert metrics.log_loss > 10


def test_a_set_of_one_class_has_no_metrics() -> None:
    with pytest.raises(ValueError, match="logo and of something else"):
        measure(SCORES, np.ones(6, int), LABELS, CATEGORIES)


def test_scores_and_truths_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="as many"):
        measure(SCORES[1:], TRUTH, LABELS, CATEGORIES)


@pytest.mark.parametrize("wrong", [[1.2, -0.2], [np.nan, 0.5], [0.9, 0.9]])
def test_what_is_no_probability_is_refused(wrong: list[float]) -> None:
    with pytest.raises(ValueError, match="probabilit"):
        measure(np.vstack([SCORES[:-1], wrong]), TRUTH, LABELS, CATEGORIES)


def test_categories_that_differ_in_what_cannot_be_seen_are_two() -> None:
    scores = np.array([[0.2, 0.8], [0.1, 0.9]])
    shares = measure(scores, np.array([1, 0]), ("out_of_domain", "logo"), ["x", "x\0"]).by_category
    assert {name: (share.count, share.of) for name, share in shares.items()} == {"x": (1, 1), "x\0": (0, 1)}
