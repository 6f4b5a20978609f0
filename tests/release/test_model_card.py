"""The model card: the numbers of the evaluation, and nothing that a source's name could smuggle in."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from evaluation.report import make_report
from logo_detection.artifact import Calibration
from logo_detection.decode.spec import ImageSpec
from release.model_card import Facts, render_card

LABELS = ("out_of_domain", "logo")


def probabilities(*values: float) -> np.ndarray:
    return np.stack([1 - np.array(values), np.array(values)], axis=1)


def facts(metrics: dict[str, Any]) -> Facts:
    sources = {"training": {"acme/logos@1": 1200, "a|b <script>": 3}, "validation": {"acme/photos@2": 40}}
    recipe = {"backbone": "efficientnetv2-b0", "drawn": {"map": 5, "flag": 2}}
    calibration = Calibration(base_rate=0.5, temperature=1.25)
    return Facts(
        "mark", "2.0", LABELS, ImageSpec(), calibration, {"sources": sources, "recipe": recipe}, metrics
    )


@pytest.fixture
def evaluation() -> dict[str, Any]:
    scores = {"png": probabilities(0.9, 0.7, 0.3, 0.1), "jpeg": probabilities(0.9, 0.4, 0.6, 0.1)}
    return make_report(scores, np.array([1, 1, 0, 0]), LABELS, ["brand", "brand", "map", "map"]).as_dict()


def test_the_card_says_what_the_model_is_and_was_made_of(evaluation: dict[str, Any]) -> None:
    card = render_card(facts({"validation": evaluation}))
    assert card.startswith("# mark 2.0\n")
    assert "efficientnetv2-b0" in card
    assert "| acme/logos@1 | 1,200 |" in card
    assert "And 7 generated pictures, none of them a logo: 5 map, 2 flag." in card
    assert "- Share of logos for which the probabilities hold: 0.5." in card


def test_the_numbers_are_those_of_the_evaluation(evaluation: dict[str, Any]) -> None:
    lines = render_card(facts({"validation": evaluation})).splitlines()
    assert "| accuracy | 1.0000 | 0.5000 |" in lines
    assert "| brand | 2 | 100.0% | 22.4% to 100.0% | 50.0% | 1.3% to 98.7% |" in lines
    assert any("50.0% of the images are called differently" in line for line in lines)


def test_precision_is_told_for_the_base_rates_of_uploads(evaluation: dict[str, Any]) -> None:
    card = render_card(facts({"validation": evaluation}))
    heading = next(line for line in card.splitlines() if line.startswith("| threshold "))
    assert "precision at 0.13%" in heading
    assert "precision at 0.50%" in heading
    (row,) = [line for line in card.splitlines() if line.startswith("| 0.5 |")]
    assert row.count("|") == heading.count("|")
    assert "| at least 0.0% |" in row  # two images prove nothing
    assert "the true rate may still be 77.64%" in card


def test_what_is_found_at_few_false_alarms_is_told(evaluation: dict[str, Any]) -> None:
    card = render_card(facts({"validation": evaluation}))
    assert "| logo: at most 1% | together | none | fewer than 100 others | – | – | – |" in card
    assert "who makes the false alarms" not in card
    scores, truth = probabilities(*[0.9] * 20, *[0.1] * 400), np.repeat([1, 0], [20, 400])
    categories = ["brand"] * 20 + ["map"] * 400
    card = render_card(
        facts({"validation": make_report({"as is": scores}, truth, LABELS, categories).as_dict()})
    )
    assert "| logo: at most 0.3% | as is | 0.1001 | 100.0% (100.0% to 100.0%) | 130 + 0 |" in card
    assert "| map | 400 | 100.0% | 100.0% | 0% | 0% |" in card


def test_what_the_temperature_did_is_told_where_it_was_measured(evaluation: dict[str, Any]) -> None:
    assert "last layer: 1.250." in render_card(facts({"validation": evaluation}))
    measured = {"validation": evaluation, "calibration": {"ece_before": 0.1, "ece_after": 0.02}}
    assert "0.1000 without a temperature, 0.0200 with one" in render_card(facts(measured))


def test_limits_are_those_of_the_recipe_and_what_holds_for_any() -> None:
    stated = facts({})
    training = {**stated.training, "recipe": {**stated.training["recipe"], "limits": ["No ships."]}}
    lines = render_card(replace(stated, training=training)).splitlines()
    assert lines[lines.index("## Limits") :][2] == "- No ships."
    assert lines[-1].endswith("choose a threshold for the base rate at hand.")


def test_a_card_can_be_written_before_the_model_is_evaluated() -> None:
    card = render_card(facts({}))
    assert "## Metrics" not in card
    assert "## Limits" in card


def test_a_sources_name_cannot_leave_its_cell() -> None:
    assert "| a\\|b &lt;script> | 3 |" in render_card(facts({}))
