"""The gate, on real evaluations of scores that were made up."""

import json
from typing import Any

import numpy as np
import pytest

from evaluation.report import make_report
from release.errors import GateClosed, ThresholdsInvalid
from release.gate import Thresholds, check_thresholds, findings, thresholds_of
from tests.harness.process import ROOT

LABELS = ("out_of_domain", "logo")
IMAGES = 100  # of each class
LENIENT = {
    "min_balanced_accuracy": 0.0, "min_auc_pr": 0.0, "min_class_recall": 0.0, "max_calibration_error": 1.0
}  # fmt: skip


def document(right: float = 0.99, wrong: int = 0, of: int = IMAGES, **evaluation: Any) -> dict[str, Any]:
    """An evaluation in which the first `wrong` logos are called none; `right` is each verdict's score."""
    truth = np.repeat([0, 1], of)
    called = truth.copy()
    called[of : of + wrong] = 0
    logo = np.where(called == 1, right, 1 - right)
    scores = np.stack([1 - logo, logo], axis=1)
    report = make_report({"png": scores, "jpeg": scores}, truth, LABELS, ["any"] * len(truth))
    return {
        "model": {"name": "m", "version": "1", "labels": list(LABELS)},
        "data": {"files": 4 * of},
        "evaluation": {**report.as_dict(), **evaluation},
    }


def missed(evaluated: dict[str, Any], **thresholds: float) -> list[str]:
    with pytest.raises(GateClosed) as closed:
        check_thresholds(evaluated, thresholds_of(thresholds))
    return [line.strip() for line in str(closed.value).splitlines()[1:]]


def test_a_good_model_passes() -> None:
    assert len(check_thresholds(document(), Thresholds())) == 16


def test_a_bad_model_is_told_each_threshold_that_it_misses() -> None:
    assert missed(document(wrong=40)) == [
        "balanced accuracy (png): 0.8, wanted at least 0.9",
        "AUC-PR (png): 0.8, wanted at least 0.9",
        "calibration error (png): 0.196, wanted at most 0.1",
        "recall of logo (png): 0.6, wanted at least 0.85",
        "balanced accuracy (jpeg): 0.8, wanted at least 0.9",
        "AUC-PR (jpeg): 0.8, wanted at least 0.9",
        "calibration error (jpeg): 0.196, wanted at most 0.1",
        "recall of logo (jpeg): 0.6, wanted at least 0.85",
    ]


def test_one_recoding_that_misses_closes_the_gate() -> None:
    evaluated = document()
    evaluated["evaluation"]["by_recoding"]["jpeg"] = document(wrong=40)["evaluation"]["by_recoding"]["jpeg"]
    assert all("(jpeg)" in line for line in missed(evaluated))


def test_the_model_is_named() -> None:
    with pytest.raises(GateClosed, match=r"closed to m 1, which misses 2 of 16"):
        check_thresholds(document(), thresholds_of({"max_calibration_error": 0.001}))


@pytest.mark.parametrize(
    ("evaluated", "line"),
    [
        (document(right=0.6), "calibration error (png): 0.4, wanted at most 0.1"),
        (document(recoding_flips=0.2), "images called otherwise when recoded: 0.2, wanted at most 0.05"),
        (document(unscored={"image_corrupt": 8}), "files without a score: 0.02, wanted at most 0.01"),
        (document(of=20), "images of logo (png): 20, wanted at least 50"),
    ],
    ids=["calibration", "flips", "unscored", "few images"],
)
def test_each_other_threshold_closes_the_gate_alone(evaluated: dict[str, Any], line: str) -> None:
    found = missed(evaluated)
    assert line in found
    assert len({finding.split(" (")[0].split(" of ")[0] for finding in found}) == 1


@pytest.mark.parametrize("value", [None, float("nan")])
def test_what_was_not_measured_is_missed(value: float | None) -> None:
    evaluated = document()
    evaluated["evaluation"]["by_recoding"]["png"]["auc_pr"] = value
    assert len(missed(evaluated, min_auc_pr=0)) == 1


def test_recall_at_few_false_alarms_is_looked_at_where_a_threshold_is_given() -> None:
    found = check_thresholds(document(), thresholds_of({"min_recall_at_10_in_1000": 0.9}))
    assert [str(finding) for finding in found if "false alarms" in finding.name] == [
        f"logo found at 1% false alarms ({recoding}): 1, wanted at least 0.9" for recoding in ("png", "jpeg")
    ]
    assert missed(document(wrong=40), **{**LENIENT, "min_recall_at_10_in_1000": 0.7}) == [
        f"logo found at 1% false alarms ({recoding}): 0.6, wanted at least 0.7"
        for recoding in ("png", "jpeg")
    ]


def test_recall_that_too_few_others_can_tell_is_missed() -> None:
    assert missed(document(), min_recall_at_1_in_1000=0) == [
        f"logo found at 0.1% false alarms ({recoding}): not measured, wanted at least 0"
        for recoding in ("png", "jpeg")
    ]


def test_a_threshold_that_is_just_reached_is_reached() -> None:
    evaluated = document(wrong=10)
    assert check_thresholds(evaluated, thresholds_of({"min_class_recall": 0.9, "min_auc_pr": 0.8}))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"min_auc": 0.9}, "min_auc is none of min_balanced_accuracy"),
        ({"min_auc_pr": 95}, "min_auc_pr: 95 is not a number from 0 to 1"),
        ({"min_auc_pr": "0.9"}, "min_auc_pr: '0.9' is not a number"),
        ({"max_unscored": float("nan")}, "max_unscored: nan is not a number"),
        ({"min_class_images": True}, "min_class_images: True is not a number"),
        ({"min_auc_pr": None}, "min_auc_pr: None is not a number"),
        ({"min_recall_at_3_in_1000": 3}, "min_recall_at_3_in_1000: 3 is not a number from 0 to 1"),
    ],
)
def test_a_threshold_that_is_none_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ThresholdsInvalid, match=message):
        thresholds_of(values)


# What the shipped model reaches on a hold-out of which a fifth are icons and emoji. No later one is worse.
SHIPPED = Thresholds(min_balanced_accuracy=0.87, min_auc_pr=0.875, min_recall_at_3_in_1000=0.44)


def test_the_shipped_model_is_as_good_as_it_was() -> None:
    manifest = json.loads((ROOT / "model_artifacts/logo-detection/manifest.json").read_text())
    validation = manifest["metrics"]["validation"]
    images = sum(metrics["images"] for metrics in validation["by_recoding"].values())
    evaluated = {"model": manifest, "data": {"files": images}, "evaluation": validation}
    assert [str(finding) for finding in findings(evaluated, SHIPPED) if finding.is_missed()] == []
