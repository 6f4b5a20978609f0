"""logo-pipeline: compiled, refused, and run here from images to a served artifact, in real processes."""

import base64
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow.dataset as ds
import pytest
import yaml

from pipelines.launch import IMAGE_VARIABLE, main
from tests.harness.process import ROOT, clean_environment
from tests.harness.server import running_server
from tests.pipelines.sets import PHOTOS, WIDTH, brief_recipe, write_images
from tests.training.recipes import TINY
from tests.wiki import mark, photo

TIMEOUT_S = 900.0  # of a run: 90 s on two busy cores, 460 s were seen beside five other jobs
IMAGES = 30  # of each class
UNSEEN = 500  # added to the seeds of the training pictures
WITHIN_REACH = {
    "min_class_images": 5, "min_balanced_accuracy": 0.8, "min_auc_pr": 0.8, "min_class_recall": 0.6,
    "max_calibration_error": 0.5,
}  # fmt: skip


@dataclass(frozen=True)
class Done:
    status: int
    output: str
    steps: Path


def run_pipeline(directory: Path, recipe: str, count: int, **thresholds: float) -> Done:
    """Run `logo-pipeline run` as a user does, on images of its own."""
    (directory / "recipe.toml").write_text(recipe)
    chosen = [part for name, value in thresholds.items() for part in ("--threshold", f"{name}={value}")]
    done = subprocess.run(
        [
            sys.executable, "-m", "pipelines.launch", "run",
            "--manifest", write_images(directory / "images", count), "--recipe", directory / "recipe.toml",
            "--version", "7.0.0", "--sample", "8", "--root", directory / "runs", *chosen,
        ],
        cwd=ROOT,
        env=clean_environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
    )  # fmt: skip
    sys.stdout.write(done.stdout)
    (steps,) = (directory / "runs").iterdir()
    return Done(done.returncode, done.stdout, steps)


@pytest.mark.slow
def test_a_manifest_becomes_an_artifact_that_is_served(tmp_path: Path) -> None:
    done = run_pipeline(tmp_path, brief_recipe(), IMAGES, **WITHIN_REACH)
    assert done.status == 0
    outputs = dict(re.findall(r"^(release|report|scores): (.+)$", done.output, re.M))
    release = Path(outputs["release"])
    assert release == done.steps / "export" / "release"
    assert "<html" in Path(outputs["report"]).read_text()
    rows = ds.dataset(outputs["scores"]).to_table().to_pylist()
    assert {row["model_version"] for row in rows} == {"7.0.0"}
    assert len(rows) == 8
    assert {"recipe.toml", "sources.json", "history.csv", "evaluation.json", "logs"} <= {
        path.name for path in (done.steps / "train" / "record").iterdir()
    }

    unseen = [mark(UNSEEN, WIDTH), photo(PHOTOS + UNSEEN, WIDTH)]
    instances = [
        {"filename": f"{index}.png", "image": base64.b64encode(data).decode(), "target": "logo"}
        for index, data in enumerate(unseen)
    ]
    with running_server(tmp_path / "stderr", MODEL_PATH=release) as server:
        logo, other = (item["prediction"] for item in server.predict(instances).json()["predictions"])
        assert "version=7.0.0" in server.stderr()
    assert logo > 0.5 > other


@pytest.mark.slow
def test_the_gate_stops_a_bad_model_and_says_what_it_misses(tmp_path: Path) -> None:
    hardly_trained = TINY[: TINY.index("variants")] + TINY[TINY.index("[network]") : TINY.index("[hold_out]")]
    done = run_pipeline(tmp_path, f"{hardly_trained}[hold_out]\nshare = 0.5\n", 6)
    assert done.status == 1
    assert re.search(r"GateClosed: the gate is closed to tiny 7\.0\.0, which misses \d+ of 16:", done.output)
    assert re.search(r"images of logo \(png\): [1-5], wanted at least 50", done.output)
    assert done.output.rstrip().endswith("logo-pipeline: a step failed; above is why")
    assert {path.name for path in done.steps.iterdir()} == {"check-parameters", "train", "evaluate"}


@pytest.mark.parametrize("source", ["categories", "manifest"])
def test_compile_writes_the_pipeline_that_is_asked_for(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(IMAGE_VARIABLE, "registry.example/pipeline:2")
    path = tmp_path / "new" / "pipeline.yaml"
    assert main(["compile", "--from", source, "--output", str(path)]) == 0
    compiled = yaml.safe_load(path.read_text())
    assert compiled["pipelineInfo"]["name"] == f"logo-detection-from-{source}"
    assert (
        compiled["deploymentSpec"]["executors"]["exec-train"]["container"]["image"]
        == os.environ[IMAGE_VARIABLE]
    )
    assert main(["compile", "--image", "another:3", "--output", str(path)]) == 0
    assert "image: another:3" in path.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compile", "--output", "pipeline.json"], "pipeline.json is not a .yaml file"),
        (["run"], "images are of a --manifest, or of each --category with a --contact"),
        (["run", "--category", "logo=Category:Logos"], "with a --contact"),
        (["run", "--category", "Logos", "--contact", "a@example.org"], "is not label=Category:Title"),
        (["run", "--manifest", "nowhere.csv"], "no such file: nowhere.csv"),
        (["run", "--manifest", "README.md", "--category", "logo=Category:L"], "not of both"),
        (["run", "--manifest", "README.md", "--recipe", "quikc"], "; did you mean quick?"),
        (["run", "--manifest", "README.md", "--threshold", "min_auc=1"], "; did you mean min_auc_pr?"),
        (["run", "--manifest", "README.md", "--sample", "0"], "sample: 0 is not 1 to 1,000"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_begins(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
