"""More than two classes: each has its thresholds, its calibration and its worst errors, at any base rates."""

from pathlib import Path

import numpy as np
import pytest

from evaluation.document import make_document
from evaluation.evaluate import base_rates, evaluate_scores
from evaluation.outcomes import Outcome, align
from evaluation.page import render_page
from evaluation.pictures import worst, worst_by_class
from evaluation.report import render_markdown
from logo_detection.artifact import Artifact
from logo_detection.decode.spec import ImageSpec
from tests.heads.test_labels import examples

LABELS = ("out_of_domain", "cat", "dog", "gnu")
RATES = (0.02, 0.25)


@pytest.fixture
def outcomes() -> list[Outcome]:
    """Ten images of each class but `out_of_domain`; the last gnu is taken for a cat."""
    return scored(10)


def scored(each: int) -> list[Outcome]:
    found = examples({"cat": each, "dog": each, "gnu": each})
    sure = {"cat": (0, 0.8, 0.1, 0.1), "dog": (0, 0.1, 0.8, 0.1), "gnu": (0, 0.1, 0.1, 0.8)}
    right = [Outcome(one, tuple(map(float, sure[one.label])), None) for one in found[:-1]]
    return [*right, Outcome(found[-1], sure["cat"], None)]


def test_every_class_of_images_has_thresholds_and_calibration_at_the_given_base_rates(
    outcomes: list[Outcome],
) -> None:
    evaluation = evaluate_scores(align(outcomes, LABELS), LABELS, RATES)
    by_class = evaluation.by_recoding["as is"].by_class
    assert list(by_class) == ["cat", "dog", "gnu"]
    (at_half,) = (point for point in by_class["gnu"].operating_points if point.threshold == 0.5)
    assert (at_half.recall.share, at_half.false_alarms.count) == (0.9, 0)
    assert [alarms.base_rate for alarms in at_half.at] == list(RATES)
    assert {goal.base_rate for goal in by_class["cat"].goals} == set(RATES)
    assert by_class["dog"].calibration_error == pytest.approx((10 * 0.2 + 20 * 0.1) / 30)
    larger = evaluate_scores(align(scored(60), LABELS), LABELS, RATES)
    headings = next(line for line in render_markdown(larger).splitlines() if "threshold" in line)
    assert "alarms at 2.00% | alarms at 25.00%" in headings


def test_two_classes_have_those_of_the_target_alone() -> None:
    two = ("out_of_domain", "logo")
    found = examples({"out_of_domain": 5, "logo": 5})
    outcomes = [Outcome(one, (0.2, 0.8) if one.label == "logo" else (0.8, 0.2), None) for one in found]
    evaluation = evaluate_scores(align(outcomes, two), two)
    assert evaluation.by_recoding["as is"].by_class == {}
    assert worst_by_class(outcomes, two) == {}


def test_the_page_lets_its_reader_choose_a_class(outcomes: list[Outcome], tmp_path: Path) -> None:
    (tmp_path / "bare.keras").touch()
    artifact = Artifact(tmp_path / "bare.keras", "bare", "1", LABELS, ImageSpec(), {})
    aligned = align(outcomes, LABELS)
    document = make_document(
        artifact, [one.example for one in outcomes], evaluate_scores(aligned, LABELS, RATES)
    )
    assert document["base_rates"] == list(RATES)
    pictured = worst_by_class(outcomes, LABELS)
    assert list(pictured) == ["dog", "gnu"]
    assert pictured["gnu"].targets[0].example.original == "gnu9"
    html = render_page(document, aligned, worst(outcomes, LABELS), worst_by_class=pictured)
    for part in ("gnu: the lowest threshold", "gnu: ECE 0.", "gnu with the lowest scores", "gnu9"):
        assert part in html
    assert "UploadWizard" not in html
    assert "which of 3 classes is it?" in html
    assert "Few false alarms cannot be told of cat, dog, gnu" in html
    assert "fewer than 100 others" not in html
    assert np.isfinite(document["evaluation"]["by_recoding"]["as is"]["log_loss"])


def test_base_rates_are_shares() -> None:
    assert base_rates("0.01,0.5") == (0.01, 0.5)
    for text in ("0", "1", "x", "", "0.1,"):
        with pytest.raises(Exception, match="is not shares between 0 and 1"):
            base_rates(text)
