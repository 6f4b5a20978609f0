"""Teachers: from images to a model that learnt from a pretrained network, by the commands of the docs.

`make teacher` installs PyTorch, which CI does without.
"""

import subprocess
from pathlib import Path

import pytest

from logo_detection.artifact import load_artifact, read_manifest
from logo_detection.classifier import load_classifier
from tests.harness.process import ROOT
from tests.training.recipes import write_recipe
from training.run import Run
from training.train import main

pytestmark = pytest.mark.soak

TIMEOUT_S = 1200.0
NETWORK = "efficientnet-lite0"
DISTILLATION = f"""
[distillation]
weight = 0.7
temperature = 2.0

[[distillation.teachers]]
network = "{NETWORK}"
trained_from = "backbone.network._blocks.8"
stages = [{{ size = 32, images = 32, batch = 8, rate = 1e-3, last_rate = 1e-4 }}]

[network]
"""


def make_teacher(data: Path, recipe: Path, run: Path) -> "subprocess.CompletedProcess[str]":
    command = ["make", "teacher", f"DATA={data}", f"RECIPE={recipe}", f"ARGS=--run {run} --workers 1"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)


def test_a_model_learns_from_a_teacher_that_was_made_in_its_run(images: Path, tmp_path: Path) -> None:
    recipe, run = write_recipe(tmp_path, ("\n[network]\n", DISTILLATION)), Run(tmp_path / "run")
    made = make_teacher(images, recipe, run.path)
    assert made.returncode == 0, made.stderr
    teacher = load_artifact(run.teacher(NETWORK).artifact)
    assert (teacher.name, teacher.labels) == (f"tiny-{NETWORK}", ("out_of_domain", "logo"))
    assert load_classifier(teacher.model_source())  # OpenVINO reads what PyTorch wrote
    again = make_teacher(images, recipe, run.path)
    assert f"{NETWORK} is there already" in again.stderr
    arguments = ["--data", str(images), "--recipe", str(recipe), "--run", str(run.path), "--workers", "1"]
    assert main(arguments) == 0
    (taught_by,) = read_manifest(run.artifact).training["teachers"]
    assert taught_by["name"] == f"tiny-{NETWORK}"


def test_a_network_that_there_is_not_is_named(images: Path, tmp_path: Path) -> None:
    unknown = DISTILLATION.replace(NETWORK, "efficientnet-lite9")
    recipe = write_recipe(tmp_path, ("\n[network]\n", unknown))
    made = make_teacher(images, recipe, tmp_path / "run")
    assert "network: 'efficientnet-lite9' is none of efficientnet-lite0" in made.stderr
    assert "Traceback" not in made.stderr
