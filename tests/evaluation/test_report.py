"""The report: two recodings of the same images, side by side."""

import json

import numpy as np

from evaluation.report import make_report, render

IS_LOGO = np.array([True, True, False, False])
CATEGORIES = ["brand", "brand", "map", "photo"]
SCORES = {"png": np.array([0.9, 0.7, 0.3, 0.1]), "jpeg": np.array([0.9, 0.4, 0.3, 0.1])}


def test_recodings_are_measured_apart_and_compared() -> None:
    report = make_report(SCORES, IS_LOGO, CATEGORIES)
    assert report.by_recoding["png"].accuracy == 1.0
    assert report.by_recoding["jpeg"].accuracy == 0.75
    assert report.recoding_flips == 0.25
    assert np.isclose(report.score_shift, 0.075)


def test_the_report_is_plain_json() -> None:
    values = json.loads(json.dumps(make_report(SCORES, IS_LOGO, CATEGORIES).as_dict()))
    assert values["by_recoding"]["jpeg"]["recall_by_category"]["brand"] == {"share": 0.5, "images": 2}


def test_the_table_has_a_row_per_category_and_a_column_per_recoding() -> None:
    lines = render(make_report(SCORES, IS_LOGO, CATEGORIES)).splitlines()
    assert lines[0] == "|  | png | jpeg |"
    assert "| brand (2) | 100.0% | 50.0% |" in lines
    assert lines[-1] == "Called differently by recoding: 25.0%"
