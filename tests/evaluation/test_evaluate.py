"""The command: from an artifact and a folder to three files that agree with each other."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from datasets.manifest import read_examples
from evaluation.evaluate import evaluate_artifact, main
from logo_detection.commands import INTERRUPTED
from tests.evaluation.sets import BLUE, HOSTILE, RED, picture, plain_set, recoded_set, write_set
from tests.harness.process import ROOT, clean_environment


def evaluate(artifact: Path, data: Path, output: Path, *more: str) -> int:
    arguments = ["--model", str(artifact), "--data", str(data), "--output", str(output), "--workers", "1"]
    return main([*arguments, *more])


def read(output: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((output / "evaluation.json").read_text())
    return document


def test_the_document_says_what_was_evaluated_on_what_and_how_well(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(artifact, plain_set(tmp_path / "data"), tmp_path / "out") == 0
    document = read(tmp_path / "out")
    assert document["model"]["name"] == "mean-colour"
    assert set(document["model"]["files"]) == {"model.onnx"}
    assert document["model"]["calibration"] == {"base_rate": 0.5, "temperature": 1.0}
    assert document["data"]["files"] == 8
    metrics = document["evaluation"]["by_recoding"]["as is"]
    assert metrics["confusion"] == [[3, 1], [1, 3]]
    assert metrics["by_category"]["map"]["share"] == 0.0
    assert document["evaluation"]["recoding_flips"] is None
    assert "| accuracy | 0.7500 |" in capsys.readouterr().out


def test_evaluating_again_gives_the_same_numbers(artifact: Path, tmp_path: Path) -> None:
    data = recoded_set(tmp_path / "data")
    evaluate(artifact, data, tmp_path / "out")
    assert (
        evaluate_artifact(artifact, read_examples(data), workers=2).as_dict()
        == read(tmp_path / "out")["evaluation"]
    )
    assert read(tmp_path / "out")["evaluation"]["recoding_flips"] == 0.25


def test_there_is_a_prediction_per_file(artifact: Path, tmp_path: Path) -> None:
    data = plain_set(tmp_path / "data")
    (data / "logo" / "brand" / "broken.png").write_bytes(b"words")
    evaluate(artifact, data, tmp_path / "out")
    with (tmp_path / "out" / "predictions.csv").open(newline="") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    assert len(rows) == 9
    wrong = rows[f"out_of_domain/map/{HOSTILE}"]
    assert (wrong["label"], wrong["category"], wrong["verdict"], wrong["right"]) == (
        "out_of_domain",
        "map",
        "logo",
        "wrong",
    )
    assert float(wrong["score_logo"]) + float(wrong["score_out_of_domain"]) == pytest.approx(1)
    broken = rows["logo/brand/broken.png"]
    assert (broken["score_logo"], broken["verdict"], broken["error"]) == ("", "", "image_unsupported")
    assert read(tmp_path / "out")["evaluation"]["unscored"] == {"image_unsupported": 1}


def test_predictions_can_be_evaluated_again_without_scoring(artifact: Path, tmp_path: Path) -> None:
    data = recoded_set(tmp_path / "data")
    evaluate(artifact, data, tmp_path / "first")
    table = str(tmp_path / "first" / "predictions.csv")
    assert evaluate(artifact, data, tmp_path / "second", "--scores", table) == 0
    assert read(tmp_path / "second") == read(tmp_path / "first")


def test_a_manifest_may_be_named_itself(artifact: Path, tmp_path: Path) -> None:
    data = recoded_set(tmp_path / "data")
    assert evaluate(artifact, data / "manifest.csv", tmp_path / "out") == 0
    predictions = (tmp_path / "out" / "predictions.csv").read_text()
    assert "\nlogo/1.png,logo/1.png,logo,brand," in predictions


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "there is no image"),
        ({"logo/a.png": picture(RED), "logo/b.png": picture(BLUE)}, "something else are needed"),
        ({"logo/a.png": picture(RED), "flag/b.png": picture(BLUE)}, "the model has no class 'flag'"),
    ],
)
def test_a_set_on_which_no_model_can_be_evaluated_is_refused_in_one_line(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, bytes], message: str
) -> None:
    (tmp_path / "data").mkdir()
    assert evaluate(artifact, write_set(tmp_path / "data", files), tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert error.startswith("logo-evaluate: ")
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_written_is_named(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("a file")
    assert evaluate(artifact, plain_set(tmp_path / "data"), tmp_path / "out") == 2
    assert "cannot write to" in capsys.readouterr().err


def test_a_data_path_that_is_too_long_is_refused(artifact: Path, tmp_path: Path) -> None:
    assert evaluate(artifact, tmp_path / ("x" * 300), tmp_path / "out") == 2


def test_scores_are_kept_though_no_model_can_be_evaluated_by_them(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_set(tmp_path / "data", {"logo/a.png": picture(RED), "out_of_domain/b.png": b"words"})
    assert evaluate(artifact, data, tmp_path / "out") == 2
    assert "something else are needed" in capsys.readouterr().err
    with (tmp_path / "out" / "predictions.csv").open(newline="") as file:
        assert [row["verdict"] for row in csv.DictReader(file)] == ["logo", ""]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["predictions.csv"]


def test_an_output_that_cannot_be_made_is_refused_before_scoring(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("a file")
    data = plain_set(tmp_path / "data")
    table = str(tmp_path / "none.csv")  # would be looked for next
    assert evaluate(artifact, data, tmp_path / "file" / "out", "--scores", table) == 2
    assert "cannot write to" in capsys.readouterr().err


def test_who_interrupts_is_shown_no_traceback(artifact: Path, tmp_path: Path) -> None:
    data, table = plain_set(tmp_path / "data"), tmp_path / "scores.csv"
    os.mkfifo(table)  # nobody writes, so the command waits where it reads the scores
    command = [
        sys.executable, "-m", "evaluation.evaluate", "--model", str(artifact), "--data", str(data),
        "--output", str(tmp_path / "out"), "--scores", str(table),
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=ROOT, env=clean_environment({}), stderr=subprocess.PIPE) as process:
        try:
            give_up = time.monotonic() + 60
            while not (tmp_path / "out").exists() and time.monotonic() < give_up:
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            _, error = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == INTERRUPTED
    assert error.strip().startswith(b"logo-evaluate: interrupted: the same command begins anew")
    assert b"Traceback" not in error


HALF_A_DOCUMENT = '{"schema_version": 2, "evaluation": {"by_recoding": {}}}'
NO_NUMBER = HALF_A_DOCUMENT.replace("{}", '{"as is": {"by_category": {"map": {"share": "x"}}}}')


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"schema_version": 2}',
        '{"schema_version": 99}',
        "[" * 100_000,
        HALF_A_DOCUMENT,
        NO_NUMBER,
    ],
)
def test_a_former_evaluation_that_is_none_is_refused(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (tmp_path / "former.json").write_text(text)
    data = plain_set(tmp_path / "data")
    assert evaluate(artifact, data, tmp_path / "out", "--against", str(tmp_path / "former.json")) == 2
    assert not (tmp_path / "out").exists()
    assert capsys.readouterr().err.startswith("logo-evaluate: ")
