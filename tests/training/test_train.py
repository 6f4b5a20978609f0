"""From a folder of images to a score, in one go; and again after a kill."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from logo_detection.artifact import load_artifact, read_manifest
from logo_detection.classifier import load_classifier
from logo_detection.errors import ArtifactError
from logo_detection.image import load_image
from training.export import check_parity
from training.fitting import fit
from training.recipe import read_recipe
from training.run import Run
from training.train import main

RECIPE = """
name = "tiny"
version = "0.1.0"
labels = ["out_of_domain", "logo"]
seed = 1
warm_up = 2
weight_decay = 0.01
label_smoothing = 0.05
dropout = 0.1
skip_dropout = 0.1
ema = 0.9
mixed_precision = true
stages = [
    { size = 32, images = 32, batch = 8, rate = 1e-3, last_rate = 1e-4 },
    { size = 56, images = 16, batch = 8, rate = 1e-3, last_rate = 1e-4 },
]
variants = { brand = 2 }
drawn = { flag = 2, plain = 2 }
drawn_validation = { flag = 1, map = 2 }

[network]
repeats = [1, 1]
input_filters = [8, 8]
output_filters = [8, 12]
expansions = [1, 2]
squeezes = [0, 0.25]
strides = [2, 2]
kinds = ["fused", "unfused"]

[hold_out]
sources = ["other/logos", "other/photos"]
shares = {}
kinds = ["map/transit"]
"""


@dataclass(frozen=True)
class Trained:
    run: Run
    artifact: Path


@pytest.fixture(scope="module")
def trained(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    directory = tmp_path_factory.mktemp("train")
    recipe = directory / "tiny.toml"
    recipe.write_text(RECIPE)
    run, artifact = directory / "run", directory / "artifact"
    arguments = ["--data", images, "--recipe", recipe, "--run", run, "--export", artifact, "--workers", "1"]
    main([str(argument) for argument in arguments])
    return Trained(Run(run), artifact)


def history(run: Run) -> list[dict[str, str]]:
    with (run.path / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_artifact_loads_and_scores_an_image(trained: Trained, images: Path) -> None:
    artifact = load_artifact(trained.artifact)
    classifier = load_classifier(artifact.model_source())
    data = (images / "out_of_domain" / "photo" / "acme-0.jpg").read_bytes()
    scores = classifier.score(load_image(data, artifact.spec))
    assert scores.shape == (2,)
    assert scores.sum() == pytest.approx(1, abs=1e-5)


def test_the_manifest_says_what_the_model_was_made_of(trained: Trained) -> None:
    manifest = read_manifest(trained.artifact)
    assert manifest.labels == ("out_of_domain", "logo")
    assert manifest.training["sources"]["training"] == {"acme/logos@1": 4, "acme/photos@3": 4}
    assert manifest.training["recipe"]["seed"] == 1
    assert manifest.metrics["validation"]["by_recoding"]["png"]["images"] == 11
    assert {"keras", "openvino"} <= set(manifest.libraries)
    assert {"model.keras", "model.onnx", "MODEL_CARD.md", "golden/expected.json"} <= set(manifest.files)


def test_the_model_card_names_sources_numbers_and_limits(trained: Trained) -> None:
    card = (trained.artifact / "MODEL_CARD.md").read_text()
    for words in ("acme/photos@3", "| auc roc |", "## Limits", "2 flag"):
        assert words in card


def test_the_golden_scores_are_those_of_the_exported_model(trained: Trained) -> None:
    artifact = load_artifact(trained.artifact)
    classifier = load_classifier(artifact.model_source())
    expected = json.loads((trained.artifact / "golden" / "expected.json").read_text())
    assert len(expected) == 10
    for name, scores in expected.items():
        pixels = load_image((trained.artifact / "golden" / name).read_bytes(), artifact.spec)
        np.testing.assert_allclose(classifier.score(pixels), list(scores.values()), atol=1e-6)


def test_training_goes_on_after_a_kill_where_it_was(trained: Trained) -> None:
    assert [line["size"] for line in history(trained.run)] == ["32", "56"]
    progress = trained.run.progress()
    assert progress is not None
    assert progress.chunks == 2
    model = fit(read_recipe(trained.run.recipe), trained.run)  # nothing is left to do
    assert len(history(trained.run)) == 2
    images = np.random.default_rng(0).uniform(0, 255, (3, 224, 224, 3)).astype(np.float32)
    artifact = load_artifact(trained.artifact)
    assert check_parity(model, load_classifier(artifact.model_source()), images) <= 1e-5


def test_an_export_that_differs_from_its_model_is_refused(trained: Trained) -> None:
    artifact = load_artifact(trained.artifact)
    images = np.zeros((1, 224, 224, 3), np.float32)

    def another_model(batch: np.ndarray, training: bool) -> np.ndarray:
        return np.full((len(batch), 2), 0.123, np.float32)

    with pytest.raises(ArtifactError, match="differ"):
        check_parity(another_model, load_classifier(artifact.model_source()), images)
