"""LiftWing's own artifact behind the server, as `MODEL_PATH=file.keras make run` serves it."""

import base64
import json
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness.requests import predictions
from tests.harness.server import LIVE, READY, RunningServer, running_server
from tests.harness.timing import within

HERE = Path(__file__).parent
ROUNDING = 0.5e-4  # the server answers with four decimals
TOLERANCE = 1e-4 + ROUNDING


def ask(server: RunningServer, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Explanations of a few items."""
    response = server.explain(items)
    assert response.status_code == 200, response.text
    return predictions(response)


@pytest.mark.slow
def test_a_bare_keras_file_is_served_to_productions_scores_and_ends_quietly(tmp_path: Path) -> None:
    expected = json.loads((HERE / "expected.json").read_text())["scores"]
    body = [
        {
            "filename": name,
            "image": base64.b64encode((HERE / "images" / name).read_bytes()).decode(),
            "target": "logo",
        }
        for name in expected
    ]
    model = tmp_path / "models"  # as KServe's storage initializer leaves it
    model.mkdir()
    (model / "small.keras").symlink_to(HERE / "small.keras")
    unused: dict[str, Any] = {"BATCH_SIZE": 32, "CHUNK_SIZE": 1024}
    patient: dict[str, Any] = {
        "REQUEST_TIMEOUT_S": 60
    }  # TensorFlow traces what explains upon the first request
    with running_server(
        tmp_path / "stderr", may_write=True, MODEL_PATH=model, WORKERS=1, **unused, **patient
    ) as server:
        response = server.predict(body)
        explained = [item for at in range(0, len(body), 8) for item in ask(server, body[at : at + 8])]
        os.killpg(server.process.pid, signal.SIGTERM)
        assert server.process.wait(timeout=15) == 0
        stderr = server.stderr()
    assert response.status_code == 200, response.text
    for prediction in [*response.json()["predictions"], *explained]:
        out_of_domain, logo = expected[prediction["filename"]]
        assert prediction["prediction"] == pytest.approx(logo, abs=TOLERANCE)
        assert prediction["out_of_domain"] == pytest.approx(out_of_domain, abs=TOLERANCE)
    assert {(item["heat_map"]["width"], item["heat_map"]["height"]) for item in explained} == {(14, 14)}
    for name in unused:
        assert stderr.count(f"{name} is set, and has no effect") == 1
    for noise in ("Traceback", "Exception ignored", "TensorFlow", "oneDNN"):
        assert noise not in stderr


@pytest.mark.slow
def test_a_server_that_warms_up_is_live_and_not_ready_and_can_be_stopped(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"MODEL_PATH": HERE / "small.keras", "WORKERS": 1}
    for stopwatch in within(3.0):
        with running_server(tmp_path / "stderr", may_write=True, until=LIVE, **settings) as server:
            for path in (READY, "/v2/health/ready", "/v2/models/logo-detection/ready"):
                assert httpx.get(server.url + path).status_code == 503, path
            response = server.predict([{"filename": "a", "image": "", "target": "logo"}])
            assert response.status_code == 503
            assert 1 <= int(response.headers["retry-after"]) <= 3
            with stopwatch:
                os.killpg(server.process.pid, signal.SIGTERM)
                assert server.process.wait(timeout=15) == 0
            assert "Traceback" not in server.stderr()


def test_a_missing_keras_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with (
        pytest.raises(
            RuntimeError, match=r"ended with 2: model_server: no such file or folder: .*nothing\.keras"
        ),
        running_server(tmp_path / "stderr", MODEL_PATH=tmp_path / "nothing.keras"),
    ):
        raise AssertionError("it started")


def test_a_broken_keras_file_ends_the_server_and_says_why(tmp_path: Path) -> None:
    (tmp_path / "broken.keras").write_bytes(b"no model")
    with (
        pytest.raises(RuntimeError, match=r"(?s)ended with 1: .*broken\.keras: "),
        running_server(tmp_path / "stderr", may_write=True, MODEL_PATH=tmp_path / "broken.keras", WORKERS=1),
    ):
        raise AssertionError("it started")
