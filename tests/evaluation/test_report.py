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


def many(others: int) -> tuple[dict[str, np.ndarray], np.ndarray, list[str]]:
    """100 logos at 0.9, of which 10 are at 0.5 as JPEG; others at 0.1, of which 6 seals are at 0.6 as PNG."""
    truth = np.repeat([1, 0], [100, others])
    png = np.repeat([0.9, 0.6, 0.1], [100, 6, others - 6])
    jpeg = np.repeat([0.5, 0.9, 0.1], [10, 90, others])
    return (
        {"png": scores(*png), "jpeg": scores(*jpeg)},
        truth,
        ["brand"] * 100 + ["seal"] * 6 + ["photo"] * (others - 6),
    )


def test_what_is_found_at_few_false_alarms_is_told_of_all_recodings_and_of_each() -> None:
    both, truth, categories = many(2000)
    report = make_report(both, truth, LABELS, categories)
    found = {
        name: [
            (point.point and point.point.threshold, point.recall and point.recall.share) for point in points
        ]
        for name, points in (
            ("together", report.rate_points["logo"]),
            *((name, points["logo"]) for name, points in report.rate_points_by_recoding.items()),
        )
    }
    assert found == {
        # 1 % of 2,000 others twice is 40, 0.3 % is 12, 0.1 % is 4 of the six seals.
        "together": [(0.1001, 1.0), (0.1001, 1.0), (0.6001, 0.95)],
        "png": [(0.1001, 1.0), (0.1001, 1.0), (0.6001, 1.0)],
        "jpeg": [(0.1001, 1.0), (0.1001, 1.0), (0.1001, 1.0)],
    }
    lines = render_markdown(report).splitlines()
    assert (
        "| logo: found at 0.1% false alarms | 100.0% (100.0% to 100.0%) | 100.0% (100.0% to 100.0%) |"
        in lines
    )
    (row,) = [line for line in lines if line.startswith("| logo: at most 0.1% | together | 0.6001 | 95.0%")]
    assert row.endswith("| 124 + 0 | 285 + 0 | 475 + 0 |")
    assert "| seal | 6 | 50.0% | 50.0% | 100.0% | 100% | 100% | 0% |" in lines


def test_recodings_are_no_more_others_to_count_false_alarms_among() -> None:
    both, truth, categories = many(500)
    report = make_report(both, truth, LABELS, categories)
    assert [point.others for point in report.rate_points["logo"]] == [500, 500, 500]
    assert report.rate_points["logo"][2].recall is None
    text = render_markdown(report)
    assert "| logo: at most 0.1% | together | none | fewer than 1,000 others | – | – | – |" in text
    assert "| logo: found at 0.1% false alarms | fewer than 1,000 others | fewer than 1,000 others |" in text


def test_without_a_logo_every_class_but_none_has_its_false_alarms() -> None:
    labels = ("out_of_domain", "ship", "tree", "never seen")
    report = make_report({AS_IS: np.eye(4)[:3]}, np.arange(3), labels, ["x", "y", "z"])
    assert list(report.rate_points) == ["ship", "tree"]
    assert "which Commons has" not in render_markdown(report)


def test_of_several_classes_those_with_too_few_others_are_a_sentence_and_no_rows() -> None:
    labels = ("out_of_domain", "ship", "tree")
    text = render_markdown(make_report({AS_IS: np.eye(3)[1:]}, np.arange(1, 3), labels, ["x", "y"]))
    assert "false alarms |" not in text
    assert (
        "\nFew false alarms cannot be told of ship, tree: that takes 100 images of other classes, or more.\n"
        in text
    )
    truth = np.array([1] * 100 + [2] * 9)
    text = render_markdown(make_report({AS_IS: np.eye(3)[truth]}, truth, labels, ["x"] * 109))
    assert "| tree: at most 1% | as is |" in text
    assert "ship: at most" not in text
    assert "told of ship: that takes 100" in text
    assert "at these shares of the class." in text


def test_kinds_of_commons_that_the_set_lacks_are_named() -> None:
    text = render_markdown(make_report(RECODED, TRUTH, LABELS, CATEGORIES))
    assert "Of these categories, which Commons has, the set has no image: arms, cartoon, chart," in text
    assert ", map," not in text


def test_every_recoding_of_every_image_is_needed() -> None:
    with pytest.raises(ValueError, match="every recoding"):
        make_report({"png": RECODED["png"], "jpeg": RECODED["jpeg"][1:]}, TRUTH, LABELS, CATEGORIES)
    with pytest.raises(ValueError, match="every recoding"):
        make_report({}, TRUTH, LABELS, CATEGORIES)


def test_the_table_has_a_row_per_metric_and_category_and_a_column_per_recoding() -> None:
    lines = render_markdown(
        make_report(RECODED, TRUTH, LABELS, CATEGORIES, unscored={"image_corrupt": 2})
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
    assert "right at 0.5" not in text
