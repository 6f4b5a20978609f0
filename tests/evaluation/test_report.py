"""The report: the recodings of the same images, side by side."""

import json

import numpy as np
import pytest

from evaluation.report import AS_IS, make_report, render_markdown

LABELS = ("out_of_domain", "logo")
TRUTH = np.array([1, 1, 0, 0])
CATEGORIES = ["brand", "brand", "map", "photo"]


def scores(*probabilities: float) -> np.ndarray:
    return np.stack([1 - np.array(probabilities), np.array(probabilities)], axis=1)


RECODED = {"png": scores(0.9, 0.7, 0.3, 0.1), "jpeg": scores(0.9, 0.4, 0.3, 0.1)}


def test_recodings_are_measured_apart_and_compared() -> None:
    report = make_report(RECODED, TRUTH, LABELS, CATEGORIES)
    assert report.by_recoding["png"].accuracy == 1.0
    assert report.by_recoding["jpeg"].accuracy == 0.75
    assert report.recoding_flips == 0.25
    assert report.score_shift == pytest.approx(0.075)


def test_a_set_without_recodings_has_none_to_compare() -> None:
    report = make_report({AS_IS: RECODED["png"]}, TRUTH, LABELS, CATEGORIES)
    assert list(report.by_recoding) == ["as is"]
    assert report.recoding_flips is None
    assert report.score_shift is None


def test_the_report_is_plain_json_with_four_significant_digits() -> None:
    values = json.loads(json.dumps(make_report(RECODED, TRUTH, LABELS, CATEGORIES).as_dict()))
    jpeg = values["by_recoding"]["jpeg"]
    assert jpeg["by_category"]["brand"] == {"share": 0.5, "low": 0.01258, "high": 0.9874, "count": 1, "of": 2}
    assert jpeg["confusion"] == [[2, 0], [1, 1]]
    assert jpeg["images"] == 4


def test_every_recoding_of_every_image_is_needed() -> None:
    with pytest.raises(ValueError, match="every recoding"):
        make_report({"png": RECODED["png"], "jpeg": RECODED["jpeg"][1:]}, TRUTH, LABELS, CATEGORIES)
    with pytest.raises(ValueError, match="every recoding"):
        make_report({}, TRUTH, LABELS, CATEGORIES)


def test_the_table_has_a_row_per_metric_and_category_and_a_column_per_recoding() -> None:
    lines = render_markdown(
        make_report(RECODED, TRUTH, LABELS, CATEGORIES, {"image_corrupt": 2})
    ).splitlines()
    assert lines[0] == "|  | png | jpeg |"
    assert "| accuracy | 1.0000 | 0.7500 |" in lines
    assert "| brand: right at 0.5, of 2 | 100.0% | 50.0% |" in lines
    assert any(line.startswith("Recoded (png and jpeg), 25.0% of the images are called") for line in lines)
    assert lines[-1] == "Not scored, and in none of these numbers: 2 image_corrupt."


def test_a_categorys_name_cannot_leave_its_cell_nor_command_a_terminal() -> None:
    categories = ["a|b\n\x1b[31m<i>"] * 2 + ["photo"] * 2
    lines = render_markdown(make_report({"p|ng": RECODED["png"]}, TRUTH, LABELS, categories)).splitlines()
    assert lines[0] == "|  | p\\|ng |"
    assert "| a\\|b [31m&lt;i>: right at 0.5, of 2 | 100.0% |" in lines


def test_of_more_than_two_classes_no_threshold_is_told_that_none_was_called_by() -> None:
    labels = ("out_of_domain", "logo", "flag")
    text = render_markdown(make_report({AS_IS: np.eye(3)}, np.arange(3), labels, ["x", "y", "z"]))
    assert "x: right where it is the likeliest" in text
    assert "at 0.5" not in text
