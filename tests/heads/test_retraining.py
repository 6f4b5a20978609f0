"""logo-fit: from features and labels to an artifact that is served; and what it refuses."""

import base64
import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from heads.__main__ import main
from logo_detection.artifact import load_artifact, read_manifest
from logo_detection.classifier import load_classifier
from logo_detection.decode.image import load_image
from tests.batch.jobs import run, write_table
from tests.batch.shapes import SHAPES, write_shapes
from tests.harness.process import ROOT, clean_environment, free_port
from tests.harness.server import running_server
from tests.images import one_colour
from tests.models import tiny_onnx, write_artifact

pytestmark = [
    pytest.mark.slow,
    # Keras reads TensorFlow's variables in NumPy 1's way.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]

SHIPPED = ROOT / "model_artifacts" / "logo-detection"
TIMEOUT_S = 300
TOLERANCE = 1e-4
ROUNDING = 0.5e-4  # the server gives four decimals
ITEMS = 50  # of a request

COLOURS = {
    "warm": ("red", "orangered", "crimson", "firebrick", "darkred", "tomato", "maroon", "indianred"),
    "cold": ("blue", "navy", "royalblue", "mediumblue", "darkblue", "midnightblue", "slateblue", "steelblue"),
    "out_of_domain": ("lime", "green", "darkgreen", "forestgreen", "seagreen", "limegreen", "olive", "teal"),
}


def write_labels(path: Path, labels: Mapping[str, str], column: str = "label") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["filename", column])
        table.writerows(labels.items())
    return path


def fit(artifact: Path, features: Path, labels: Path, output: Path, *arguments: object) -> int:
    """Run the command in this process. Returns its status."""
    given = ("--model", artifact, "--labels", labels, "--output", output, "--workers", 2)
    report = ("--report", output.with_name("report"))
    return main([*map(str, (*given, *report, *arguments, features))])


def read_predictions(report: Path, label: str = "path") -> dict[str, dict[str, str]]:
    with (report / "predictions.csv").open(newline="", encoding="utf-8") as file:
        return {row[label]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def colours(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A table of features of one-coloured images, which are their mean colours; and their labels."""
    directory = tmp_path_factory.mktemp("colours")
    labels = {"corrupt": "warm", "unknown": "cold"}
    contents: dict[str, bytes] = {"corrupt": one_colour("red")[:60], "unlabelled": one_colour("pink")}
    for kind, names in COLOURS.items():
        labels |= dict.fromkeys(names, kind)
        contents |= {name: one_colour(name) for name in names}
    table = write_table(
        directory / "images.parquet", filename=list(contents), content=list(contents.values())
    )
    assert run(artifact, directory / "features", table, "--embed") == 0
    return directory / "features", write_labels(directory / "labels.csv", labels, "kind")


def test_a_head_for_ten_classes_is_trained_on_generated_images_and_served(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    labels = write_shapes(tmp_path / "pictures", each=16)
    features, output = tmp_path / "features", tmp_path / "shapes"
    assert run(SHIPPED, features, tmp_path / "pictures", "--embed") == 0
    search = ("--tune", "--reg-param", "0.02,0.2", "--elastic-net", "0,0.5", "--folds", 2, "--iterations", 8)
    arguments = ("--name", "shapes", "--images", tmp_path / "pictures", *search)
    table = write_labels(tmp_path / "labels.csv", labels)
    assert fit(SHIPPED, features, table, output, *arguments) == 0
    said = capfd.readouterr().err
    assert f"{output}: shapes {load_artifact(SHIPPED).version}+head." in said
    assert "logo-fit: 5 of 5: regParam 0.2, elasticNetParam 0.5: log loss " in said

    document = json.loads((tmp_path / "report" / "evaluation.json").read_text())
    tried = document["head"]["tuning"]
    assert [len(tried), tried[0]["reg_param"], tried[0]["elastic_net_param"]] == [5, 0.01, 0.0]
    best = min(tried, key=lambda one: one["log_loss"])
    assert {name: document["head"][name] for name in ("reg_param", "elastic_net_param")} == {
        name: best[name] for name in ("reg_param", "elastic_net_param")
    }
    metrics = document["evaluation"]["by_recoding"]["as is"]
    assert metrics["accuracy"] >= 0.4  # of ten classes, with 13 images of each to train on; chance is 0.1
    assert metrics["auc_roc"] >= 0.8
    page = (tmp_path / "report" / "report.html").read_text()
    assert 'id="samples"' in page
    assert 'src="data:image/jpeg;base64,' in page

    artifact = load_artifact(output)
    assert artifact.labels == ("out_of_domain", *sorted(SHAPES))
    assert set(artifact.model_files) == {"openvino", "keras"}
    assert (output / "MODEL_CARD.md").read_text().startswith(f"# shapes {artifact.version}\n\nWhich of its ")
    held_out = list(read_predictions(tmp_path / "report").values())
    assert len(held_out) >= len(SHAPES)
    assert_served(output, held_out[::4], tmp_path / "stderr")


def assert_served(artifact: Path, predictions: list[dict[str, str]], stderr: Path) -> None:
    """Whether a server gives these images Spark ML's probabilities, of every class."""
    asked = [(row, shape) for row in predictions for shape in sorted(SHAPES)]
    items = [
        {
            "filename": row["path"],
            "target": shape,
            "image": base64.b64encode(Path(row["path"]).read_bytes()).decode(),
        }
        for row, shape in asked
    ]
    with running_server(stderr, MODEL_PATH=artifact) as server:
        answers: list[dict[str, Any]] = []
        for start in range(0, len(items), ITEMS):
            answers += server.predict(items[start : start + ITEMS]).json()["predictions"]
    for (row, shape), answer in zip(asked, answers, strict=True):
        assert answer["filename"] == row["path"]
        assert answer["prediction"] == pytest.approx(float(row[f"score_{shape}"]), abs=TOLERANCE + ROUNDING)
        assert answer["out_of_domain"] == 0


def test_any_label_column_trains_a_head_and_images_without_features_are_counted(
    artifact: Path, colours: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    features, labels = colours
    output = tmp_path / "a"
    arguments = ("--label-column", "kind", "--hold-out", 0.25, "--version", "7", "--reg-param", 0.001)
    assert fit(artifact, features, labels, output, *arguments) == 0
    assert "1 image_corrupt, 1 no_score" in capsys.readouterr().out
    loaded, manifest = load_artifact(output), read_manifest(output)
    assert (loaded.version, loaded.labels) == ("7", ("out_of_domain", "cold", "warm"))
    assert manifest.calibration.base_rate == pytest.approx(1 / 3)
    assert manifest.training["backbone"]["version"] == "1"
    held_out = manifest.training["sources"]["validation"]["labels.csv"]
    assert 2 <= held_out <= 12

    classifier = load_classifier(loaded.model_source())
    predicted = read_predictions(tmp_path / "report")
    assert len([row for row in predicted.values() if not row["error"]]) == held_out
    for name, row in predicted.items():
        if row["error"]:
            continue
        scores = classifier.score(load_image(one_colour(name), loaded.spec))
        told = [float(row[f"score_{label}"]) for label in loaded.labels]
        np.testing.assert_allclose(scores, told, atol=TOLERANCE)
        assert loaded.labels[scores.argmax()] == row["label"]

    # The new artifact can be embedded with, and its head trained again.
    assert run(output, tmp_path / "again", features.with_name("images.parquet"), "--embed") == 0
    parquet = tmp_path / "labels.parquet"
    rows = [{"filename": name, "label": kind} for kind in ("warm", "cold") for name in COLOURS[kind]]
    pq.write_table(pa.Table.from_pylist(rows), parquet)
    assert fit(output, tmp_path / "again", parquet, tmp_path / "b") == 0
    assert load_artifact(tmp_path / "b").labels == ("out_of_domain", "cold", "warm")
    assert load_artifact(tmp_path / "b").version.startswith("7+head.")


def test_labels_and_features_that_do_not_fit_are_refused_in_one_line_and_leave_nothing(
    artifact: Path, colours: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    features, labels = colours
    kind = ("--label-column", "kind")
    (tmp_path / "taken").mkdir()
    (tmp_path / "other").mkdir()
    tiny_onnx(tmp_path / "other" / "model.onnx", ((9, 0), (0, 9), (0, 0)))
    plain = tmp_path / "plain"
    assert run(artifact, plain, features.with_name("images.parquet")) == 0
    version = write_artifact_of_version(tmp_path / "newer", "2")
    unknown = write_labels(tmp_path / "unknown.csv", {"nobody": "a", "nowhere": "b"})
    one = write_labels(tmp_path / "one.csv", dict.fromkeys(COLOURS["warm"], "warm"))
    other = write_artifact(tmp_path / "other")
    capsys.readouterr()
    refused: list[tuple[Path, Path, Path, tuple[object, ...], str]] = [
        (artifact, features, labels, (), "labels.csv has no column label; it has filename, kind"),
        (artifact, plain, labels, kind, "has no column features: write it with logo-batch --embed"),
        (artifact, tmp_path / "none", labels, kind, "none"),
        (version, features, labels, kind, "has features of model 1, and not of 2"),
        (other, features, labels, kind, "has features of another model of the same version"),
        (
            SHIPPED,
            features,
            labels,
            kind,
            f"has features of model 1, and not of {load_artifact(SHIPPED).version}",
        ),
        (artifact, features, unknown, (), "none of the 2 names in"),
        (artifact, features, one, (), "all 8 images are 'warm'"),
        (artifact, features, labels, (*kind, "--classes", "warm,cold"), "is labelled 'out_of_domain'"),
        (artifact, features, labels, (*kind, "--reg-param", "1,2"), "to choose among several values"),
    ]
    for model, table, given, arguments, complaint in refused:
        assert fit(model, table, given, tmp_path / "out", *arguments) == 2
        (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("logo-fit:")]
        assert complaint in line
        assert not (tmp_path / "out").exists()
    assert fit(artifact, features, labels, tmp_path / "taken", *kind) == 2
    assert "there is something at" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def write_artifact_of_version(directory: Path, version: str) -> Path:
    directory.mkdir()
    tiny_onnx(directory / "model.onnx")
    path = write_artifact(directory) / "manifest.json"
    path.write_text(path.read_text().replace('"version": "1"', f'"version": "{version}"'))
    return directory


def test_labels_of_a_csv_are_refused_before_spark_is_started(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = write_labels(tmp_path / "labels.csv", {"a": "logo"}, column="kind")
    nobody = ("--master", f"spark://127.0.0.1:{free_port()}")
    assert fit(artifact, tmp_path / "features", labels, tmp_path / "out", *nobody) == 2
    assert "labels.csv has no column label; it has filename, kind" in capsys.readouterr().err


def test_a_fit_that_is_killed_while_it_writes_leaves_no_artifact(
    artifact: Path, colours: tuple[Path, Path], tmp_path: Path
) -> None:
    features, labels = colours
    output = tmp_path / "out"
    command = [sys.executable, "-m", "heads", "--model", artifact, "--labels", labels]
    command += ["--label-column", "kind", "--output", output, "--report", tmp_path / "report", features]
    with subprocess.Popen(
        [str(part) for part in command],
        cwd=ROOT,
        env=clean_environment({}),
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as job:
        give_up = time.monotonic() + TIMEOUT_S
        while not list(tmp_path.glob(".out-*/out/model.onnx")):
            assert job.poll() is None
            assert time.monotonic() < give_up
            time.sleep(0.001)
        os.killpg(job.pid, signal.SIGKILL)
    assert not output.exists()
    assert fit(artifact, features, labels, output, "--label-column", "kind") == 0
    assert load_artifact(output).labels == ("out_of_domain", "cold", "warm")
