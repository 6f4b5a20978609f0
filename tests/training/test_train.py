"""From a folder of images to a score, in one go; and again after a kill."""

import csv
import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from datasets.manifest import read_examples
from evaluation.calibration import apply_temperature
from evaluation.document import read_document
from evaluation.evaluate import evaluate_artifact
from logo_detection.artifact import load_artifact, read_manifest
from logo_detection.classifier import load_classifier
from logo_detection.decode.image import load_image
from logo_detection.errors import ArtifactError
from release.publication import check_parity
from tests.training.recipes import write_recipe
from training.run import Run
from training.train import main

KILL_TIMEOUT_S = 240.0


@dataclass(frozen=True)
class Trained:
    run: Run
    artifact: Path


def arguments_of(images: Path, recipe: Path, run: Path) -> list[str]:
    return ["--data", str(images), "--recipe", str(recipe), "--run", str(run), "--workers", "1"]


@pytest.fixture(scope="module")
def trained(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    directory = tmp_path_factory.mktemp("train")
    run, artifact = directory / "run", directory / "artifact"
    arguments = arguments_of(images, write_recipe(directory), run)
    main([*arguments, "--export", str(artifact)])
    return Trained(Run(run), artifact)


def history(run: Run) -> list[dict[str, str]]:
    with (run.path / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def noise(count: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (count, 32, 32, 3)).astype(np.float32)


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
    for words in ("acme/photos@3", "| AUC-ROC |", "## Limits", "2 flag"):
        assert words in card


def test_the_golden_scores_are_those_of_the_exported_model(trained: Trained) -> None:
    artifact = load_artifact(trained.artifact)
    classifier = load_classifier(artifact.model_source())
    expected = json.loads((trained.artifact / "golden" / "expected.json").read_text())
    assert len(expected) == 10
    for name, scores in expected.items():
        pixels = load_image((trained.artifact / "golden" / name).read_bytes(), artifact.spec)
        np.testing.assert_allclose(classifier.score(pixels), list(scores.values()), atol=1e-6)


def test_the_numbers_of_the_card_come_again_from_artifact_and_folder(trained: Trained) -> None:
    evaluation = evaluate_artifact(
        trained.artifact, read_examples(trained.run.validation), workers=1
    ).as_dict()
    assert evaluation == read_manifest(trained.artifact).metrics["validation"]
    document = read_document(trained.run.evaluation)
    assert document["evaluation"] == evaluation
    assert document["model"]["files"] == read_manifest(trained.artifact).files


def test_the_temperature_in_the_manifest_is_the_one_in_the_model(trained: Trained) -> None:
    uncalibrated = keras.models.load_model(trained.run.model, compile=False)
    calibration = read_manifest(trained.artifact).calibration
    assert calibration.base_rate == pytest.approx(0.5)
    expected = apply_temperature(np.asarray(uncalibrated(noise(3))), calibration.temperature)
    classifier = load_classifier(load_artifact(trained.artifact).model_source())
    scores = np.stack([classifier.score(image) for image in noise(3)])
    np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_tensorboard_reads_how_training_went(trained: Trained) -> None:
    events = EventAccumulator(str(trained.run.logs)).Reload()
    tags = events.Tags()["tensors"]
    assert {"training/loss", "training/accuracy", "training/rate"} <= set(tags)
    assert {"validation/auc_roc", "chunk/images_per_s"} <= set(tags)
    assert [event.step for event in events.Tensors("validation/auc_roc")] == [4, 6]
    first = tf.make_ndarray(events.Tensors("training/rate")[0].tensor_proto)
    assert float(first) == pytest.approx(0.5e-3, rel=1e-3)  # the first of two steps of warm-up


def test_a_finished_run_goes_through_again_without_training(trained: Trained, images: Path) -> None:
    before = (trained.run.training / "index.json").stat().st_mtime_ns
    assert [line["size"] for line in history(trained.run)] == ["16", "32"]
    main(arguments_of(images, trained.run.recipe, trained.run.path))
    assert len(history(trained.run)) == 2
    assert (trained.run.training / "index.json").stat().st_mtime_ns == before
    first, again = (
        load_classifier(load_artifact(path).model_source())
        for path in (trained.artifact, trained.run.artifact)
    )
    for image in noise(3):
        np.testing.assert_array_equal(first.score(image), again.score(image))


def test_an_export_that_differs_from_its_model_is_refused(trained: Trained) -> None:
    artifact = load_artifact(trained.artifact)

    def another_model(batch: np.ndarray, training: bool) -> np.ndarray:
        return np.full((len(batch), 2), 0.123, np.float32)

    with pytest.raises(ArtifactError, match="differ"):
        check_parity(another_model, load_classifier(artifact.model_source()), noise(1))


@pytest.mark.slow
def test_a_killed_training_ends_as_if_it_had_not_been_killed(
    trained: Trained, images: Path, tmp_path: Path
) -> None:
    longer = ("{ size = 32, images = 16, batch = 8", "{ size = 32, images = 16000, batch = 8")
    killed = Run(tmp_path / "run")
    command = [sys.executable, "-m", "training.train"]
    process = subprocess.Popen(
        command + arguments_of(images, write_recipe(tmp_path, longer), killed.path), stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + KILL_TIMEOUT_S
    while killed.progress() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    done = killed.progress()
    assert done is not None
    assert done.chunks == 1  # of two: the second was not over
    main(arguments_of(images, write_recipe(tmp_path), killed.path))
    whole, resumed = (keras.models.load_model(run.model, compile=False) for run in (trained.run, killed))
    np.testing.assert_allclose(resumed(noise(3)), whole(noise(3)), atol=1e-4)
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
