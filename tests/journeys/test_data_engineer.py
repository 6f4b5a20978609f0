"""A data engineer with a table of bytes: docs/batch.md and *Another head* of docs/training.md, on Spark."""

import csv
import json
from pathlib import Path

import pytest

from logo_detection.artifact import load_artifact
from tests.batch.jobs import read_rows, write_table
from tests.harness.requests import inline
from tests.harness.server import running_server
from tests.images import one_colour
from tests.journeys.commands import run

pytestmark = pytest.mark.slow

COLOURS = {
    "warm": ("red", "orangered", "crimson", "firebrick", "darkred", "tomato", "maroon", "indianred"),
    "cold": ("blue", "navy", "royalblue", "mediumblue", "darkblue", "midnightblue", "slateblue", "steelblue"),
}
NAMES = [name for names in COLOURS.values() for name in names]


def write_contents(path: Path, contents: dict[str, bytes | None]) -> Path:
    return write_table(path, filename=list(contents), content=list(contents.values()))


def test_a_table_of_bytes_is_scored_retried_and_the_features_are_a_served_head(
    artifact: Path, tmp_path: Path
) -> None:
    contents: dict[str, bytes | None] = {name: one_colour(name) for name in NAMES}
    table = write_contents(
        tmp_path / "images.parquet", contents | {"late": None, "half": one_colour("red")[:50]}
    )
    job = (
        "--engine",
        "spark",
        "--model",
        artifact,
        "--workers",
        2,
        "--output",
        tmp_path / "scores",
        "--embed",
    )
    scored = run("logo-batch", *job, table)
    assert scored.status == 0, scored.err
    assert "no_content 1" in scored.err
    rows = read_rows(tmp_path / "scores")
    assert {name for name, row in rows.items() if row["error"]} == {"late", "half"}

    again = run("logo-batch", *job, table)
    assert again.status == 0
    assert "18 were there" in again.err
    assert "--retry CODES scores such anew" in again.err

    write_contents(table, contents | {"late": one_colour("pink"), "half": one_colour("red")[:50]})
    retried = run("logo-batch", *job, "--retry", "no_content", table)
    assert retried.status == 0, retried.err
    rows = read_rows(tmp_path / "scores")
    assert {name for name, row in rows.items() if row["error"]} == {"half"}

    with (tmp_path / "labels.csv").open("w", newline="") as file:
        labels = csv.writer(file)
        labels.writerow(["filename", "kind"])
        labels.writerows([name, kind] for kind, names in COLOURS.items() for name in names)
    fit = (
        "--model", artifact, "--labels", tmp_path / "labels.csv", "--label-column", "kind", "--workers", 2,
        "--output", tmp_path / "head", "--report", tmp_path / "report",
    )  # fmt: skip
    fitted = run("logo-fit", *fit, tmp_path / "scores")
    assert fitted.status == 0, fitted.err
    assert "fewer than 10 images to train on: cold (" in fitted.err
    assert load_artifact(tmp_path / "head").labels == ("out_of_domain", "cold", "warm")
    assert json.loads((tmp_path / "report" / "evaluation.json").read_text())["data"]["files"] >= 2
    refused = run("logo-fit", *fit, tmp_path / "scores")
    assert (refused.status, refused.err.count("\n")) == (2, 1)
    assert "there is something at" in refused.err

    with running_server(tmp_path / "stderr", MODEL_PATH=tmp_path / "head", WORKERS=1) as server:
        item = inline(one_colour("crimson"), target="warm")
        (answer,) = server.predict({"instances": [item], "all_scores": True}).json()["predictions"]
    assert max(answer["scores"], key=answer["scores"].get) == "warm"


def test_a_list_of_names_that_are_not_there_scores_nothing_and_says_so(
    artifact: Path, tmp_path: Path
) -> None:
    table = write_contents(tmp_path / "images.parquet", {"red": one_colour("red")})
    (tmp_path / "names.csv").write_text("filename\nmissing.png\n")
    done = run(
        "logo-batch", "--model", artifact, "--workers", 1, "--output", tmp_path / "out",
        "--names", tmp_path / "names.csv", table,
    )  # fmt: skip
    assert done.status != 0
    assert "names.csv" in done.err
    assert "Traceback" not in done.err
