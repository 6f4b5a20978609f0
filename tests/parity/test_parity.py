"""The same image gives the same score on every path: OpenVINO, Keras, the server, `logo-classify`."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from logo_detection.artifact import Artifact, load_artifact
from logo_detection.classifier import Runtime, load_classifier
from logo_detection.decode.image import load_image
from tests.harness.process import ROOT, clean_environment
from tests.harness.server import RunningServer, running_server

ARTIFACT = ROOT / "model_artifacts" / "logo-detection"
GOLDEN = ARTIFACT / "golden"
TOLERANCE = 1e-4
ROUNDING = 0.5e-4  # the server and the command answer with four decimals

Expected = dict[str, dict[str, float]]


@pytest.fixture(scope="module")
def artifact() -> Artifact:
    return load_artifact(ARTIFACT)


@pytest.fixture(scope="module")
def expected() -> Expected:
    scores: Expected = json.loads((GOLDEN / "expected.json").read_text())
    assert len(scores) >= 6
    return scores


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server") / "stderr") as running:
        yield running


def scores_in_process(artifact: Artifact, runtime: Runtime, names: Expected) -> Expected:
    classifier = load_classifier(artifact.model_source(runtime))
    return {
        name: dict(
            zip(
                artifact.labels,
                map(float, classifier.score(load_image((GOLDEN / name).read_bytes(), artifact.spec))),
                strict=True,
            )
        )
        for name in names
    }


def assert_same(found: Expected, expected: Expected, tolerance: float) -> None:
    assert found.keys() == expected.keys()
    for name, scores in expected.items():
        np.testing.assert_allclose(
            list(found[name].values()), list(scores.values()), atol=tolerance, rtol=0, err_msg=name
        )


def test_the_golden_images_do_not_all_score_alike(expected: Expected) -> None:
    logos = [scores["logo"] for scores in expected.values()]
    assert max(logos) - min(logos) > 0.3


def test_openvino_gives_the_golden_scores(artifact: Artifact, expected: Expected) -> None:
    assert_same(scores_in_process(artifact, "openvino", expected), expected, TOLERANCE)


@pytest.mark.slow
def test_keras_gives_the_golden_scores(artifact: Artifact, expected: Expected) -> None:
    assert_same(scores_in_process(artifact, "keras", expected), expected, TOLERANCE)


def predicted(answers: list[dict[str, float | str]]) -> Expected:
    return {
        Path(str(answer["filename"])).name: {
            "out_of_domain": float(answer["out_of_domain"]),
            "logo": float(answer["prediction"]),
        }
        for answer in answers
    }


def test_the_server_gives_the_golden_scores(server: RunningServer, expected: Expected) -> None:
    body = [
        {"filename": name, "image": base64.b64encode((GOLDEN / name).read_bytes()).decode(), "target": "logo"}
        for name in expected
    ]
    response = server.predict(body)
    assert response.status_code == 200, response.text
    assert_same(predicted(response.json()["predictions"]), expected, TOLERANCE + ROUNDING)


@pytest.mark.slow
def test_the_server_on_keras_gives_the_golden_scores(tmp_path: Path, expected: Expected) -> None:
    with running_server(tmp_path / "stderr", may_write=True, RUNTIME="keras", WORKERS=1) as server:
        test_the_server_gives_the_golden_scores(server, expected)


def test_logo_classify_gives_the_golden_scores(expected: Expected) -> None:
    files = [str(GOLDEN / name) for name in expected]
    command = [sys.executable, "-m", "batch.classify", *files, "--json"]
    done = subprocess.run(
        command, cwd=ROOT, env=clean_environment({}), capture_output=True, timeout=120, check=True
    )
    assert_same(predicted(json.loads(done.stdout)), expected, TOLERANCE + ROUNDING)
