"""LiftWing's own kind of artifact scores here as it scored there; make_keras_file.py says where that was."""

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from logo_detection.artifact import LIFTWING_LABELS, load_artifact
from logo_detection.classifier import load_classifier
from logo_detection.decode.image import load_image
from logo_detection.decode.spec import LIFTWING_SPEC, ImageSpec
from logo_detection.pool.messages import Task, WorkerConfig
from logo_detection.pool.pool import ScoringPool

HERE = Path(__file__).parent
MODEL = HERE / "small.keras"
IMAGES = HERE / "images"
TOLERANCE = 1e-4

Scores = dict[str, list[float]]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def expected() -> Scores:
    document = json.loads((HERE / "expected.json").read_text())
    assert document["made_with"] == {"keras": "3.2.1", "keras-cv": "0.8.1", "tensorflow": "2.16.1"}
    assert tuple(document["labels"]) == LIFTWING_LABELS
    scores: Scores = document["scores"]
    assert sorted(scores) == sorted(path.name for path in IMAGES.iterdir())
    return scores


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[ProcessPoolExecutor]:
    """A process for TensorFlow, whose threads and warnings are none of the other tests' business."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        yield executor


def score_images(spec: ImageSpec) -> Scores:
    classifier = load_classifier(load_artifact(MODEL).model_source())
    return {
        path.name: classifier.score(load_image(path.read_bytes(), spec)).tolist() for path in IMAGES.iterdir()
    }


def largest_difference(found: Scores, expected: Scores) -> float:
    assert found.keys() == expected.keys()
    return max(float(np.abs(np.subtract(found[name], expected[name])).max()) for name in expected)


def test_the_expected_scores_are_spread_over_the_whole_range(expected: Scores) -> None:
    logos = [scores[1] for scores in expected.values()]
    assert min(logos) < 0.1
    assert max(logos) > 0.9
    assert np.std(logos) > 0.2


def test_a_bare_keras_file_is_an_artifact_of_the_liftwing_profile() -> None:
    artifact = load_artifact(MODEL)
    source = artifact.model_source()
    assert (artifact.labels, artifact.spec, source.runtime) == (LIFTWING_LABELS, LIFTWING_SPEC, "keras")


def test_scores_are_those_of_liftwing(elsewhere: ProcessPoolExecutor, expected: Scores) -> None:
    found = elsewhere.submit(score_images, load_artifact(MODEL).spec).result(timeout=180)
    assert largest_difference(found, expected) < TOLERANCE


def test_decoding_any_other_way_would_be_noticed(elsewhere: ProcessPoolExecutor, expected: Scores) -> None:
    """The native specification's pixels, alpha aside: this is what the TensorFlow decoder is there for."""
    opaque = {name: scores for name, scores in expected.items() if name.endswith(".jpg")}
    found = elsewhere.submit(score_images, ImageSpec()).result(timeout=180)
    assert largest_difference({name: found[name] for name in opaque}, opaque) > 100 * TOLERANCE


async def test_scores_are_those_of_liftwing_in_a_fenced_worker(expected: Scores) -> None:
    config = WorkerConfig(load_artifact(MODEL).model_source())
    async with ScoringPool(config, workers=1, decode_timeout_s=30, start_timeout_s=180) as pool:
        found = {
            name: list((await pool.score(Task((IMAGES / name).read_bytes()), name)).scores)
            for name in expected
        }
    assert largest_difference(found, expected) < TOLERANCE
