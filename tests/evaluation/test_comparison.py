"""The comparison of two models: on the images that both have scored, and on no other set."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from datasets.manifest import Example
from evaluation.comparison import OtherEvaluation, compare, read_other
from evaluation.document import describe_data
from evaluation.errors import EvaluationError
from evaluation.evaluate import main
from evaluation.outcomes import Outcome
from evaluation.report import render_comparison
from tests.evaluation.sets import plain_set, recoded_set

LABELS = ("out_of_domain", "logo")
RECODINGS = ("png", "jpeg")
LOGOS, OTHERS = 200, 1000


def outcomes_of(logo: float, unscored: int | None = None) -> list[Outcome]:
    """Others score below 0.5, logos about `logo`; of one image the PNG has no score."""
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(logo, 0.1, LOGOS), rng.uniform(0, 0.5, OTHERS)]).clip(0, 1).tolist()
    return [
        Outcome(
            Example(
                Path(f"{number}.{recoding}"),
                "logo" if number < LOGOS else "out_of_domain",
                *("any", "source", "original", "licence", "author", "0"),
                {"recoding": recoding, "pair": str(number)},
            ),
            None if number == unscored and recoding == "png" else (1 - value, value),
            "image_corrupt" if number == unscored and recoding == "png" else None,
        )
        for number, value in enumerate(values)
        for recoding in RECODINGS
    ]


def other(outcomes: list[Outcome]) -> OtherEvaluation:
    return OtherEvaluation({"model": {"name": "former", "version": "1"}}, outcomes)


def test_a_better_model_is_told_to_be_better() -> None:
    compared = compare(outcomes_of(0.7), other(outcomes_of(0.5)), LABELS)
    assert [(part.target, part.recoding) for part in compared.compared] == [
        ("logo", "together"),
        ("logo", "png"),
        ("logo", "jpeg"),
    ]
    for part in compared.compared:
        assert [difference.false_alarm_rate for difference in part.differences] == [0.01, 0.003, 0.001]
        assert all(difference.low > 0.3 for difference in part.differences)
    lines = render_comparison(compared.as_dict()).splitlines()
    assert lines[0] == "| beside former 1 | together | png | jpeg |"
    assert re.fullmatch(r"\| logo at 1% (\| \+\d\d\.\d \(\+\d\d\.\d to \+\d\d\.\d\) ){3}\|", lines[2])
    assert lines[-1] == "Found more (+) or less, in percentage points, on 1,200 images."


def test_images_that_one_model_has_not_scored_are_left_out_of_both() -> None:
    compared = compare(outcomes_of(0.7, unscored=3), other(outcomes_of(0.5, unscored=LOGOS + 1)), LABELS)
    assert compared.images == LOGOS + OTHERS - 2
    assert [len(part.differences) for part in compared.compared] == [2, 2, 2]  # 999 others are left


def test_another_models_results_on_other_files_are_refused(tmp_path: Path) -> None:
    outcomes = outcomes_of(0.5)
    examples = [outcome.example for outcome in outcomes]
    document = {
        "schema_version": 2,
        "model": {"name": "former", "version": "1"},
        "data": describe_data(examples[1:]),
        "evaluation": {"by_recoding": {}, "rate_points_by_recoding": {}},
    }
    (tmp_path / "evaluation.json").write_text(json.dumps(document))
    with pytest.raises(EvaluationError, match="is of other files"):
        read_other(tmp_path / "evaluation.json", tmp_path / "none.csv", examples, tmp_path, LABELS)


def test_the_command_compares_with_the_results_of_another_run(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = recoded_set(tmp_path / "data")
    common = ["--model", str(artifact), "--data", str(data), "--workers", "1"]
    results = str(tmp_path / "results")
    assert main([*common, "--output", results]) == 0
    table = str(tmp_path / "results" / "predictions.csv")
    assert main([*common, "--output", results, "--scores", table, "--beside", results]) == 0
    assert "| beside mean-colour 1 | together | png | jpeg |" in capsys.readouterr().out
    document = json.loads((tmp_path / "results" / "evaluation.json").read_text())
    assert document["comparison"]["images"] == 4
    page = (tmp_path / "results" / "report.html").read_text()
    assert "Compared with mean-colour 1" in page
    assert "Of the 4 images that both have scored" in page
    elsewhere = str(plain_set(tmp_path / "elsewhere"))
    assert main([*common, "--data", elsewhere, "--output", str(tmp_path / "out"), "--beside", results]) == 2
    assert "is of other files" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
