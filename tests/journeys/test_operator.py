"""An operator: docs/operations.md, from values of his own to a slow request, a canary and an end."""

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.harness.process import ROOT, clean_environment
from tests.harness.requests import inline
from tests.harness.server import running_server
from tests.images import one_colour
from tests.manifests import CHART, HELM
from tests.models import tiny_onnx, write_artifact

END_TIMEOUT_S = 30.0
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.slow  # helm comes with `make chart` and `make test-all`
def test_values_of_ones_own_become_documents_and_a_contradiction_is_a_line(tmp_path: Path) -> None:
    values = tmp_path / "my values.yaml"
    values.write_text((CHART / "ci" / "plain-values.yaml").read_text())
    rendered = chart(values, tmp_path / "rendered")
    assert rendered.returncode == 0, rendered.stderr
    kinds = {yaml.safe_load(path.read_text())["kind"] for path in (tmp_path / "rendered").glob("*.yaml")}
    assert {"InferenceService", "NetworkPolicy"} < kinds
    assert "valid for Kubernetes" in rendered.stdout

    values.write_text("timeoutSeconds: 12")
    refused = chart(values, tmp_path / "refused")
    assert refused.returncode == 2
    assert "must exceed settings.REQUEST_TIMEOUT_S" in refused.stderr
    assert not (tmp_path / "refused").exists()


def chart(values: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """`make chart` with values of one's own, without its set-up."""
    return subprocess.run(
        [sys.executable, "-m", "tests.render_chart", str(values), "--out", str(out)],
        cwd=ROOT,
        env=clean_environment({"HELM": HELM}),
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_server_of_settings_explains_a_slow_request_shows_its_canary_and_ends_in_order(
    artifact: Path, tmp_path: Path
) -> None:
    (tmp_path / "canary").mkdir()
    tiny_onnx(tmp_path / "canary" / "model.onnx")
    manifest = write_artifact(tmp_path / "canary") / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "version": "2"}))
    settings: dict[str, Any] = {"LOG_FORMAT": "json", "SLOW_REQUEST_S": 0.000001, "WORKERS": 1}
    with (
        running_server(tmp_path / "stable.log", MODEL_PATH=artifact, **settings) as stable,
        running_server(tmp_path / "canary.log", MODEL_PATH=tmp_path / "canary", **settings) as canary,
    ):
        headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
        for server in (stable, canary):
            assert server.predict([inline(one_colour("red"))], headers=headers).status_code == 200
        text = [
            server.metric("logo_model_info", version=version)
            for server, version in ((stable, "1"), (canary, "2"))
        ]
        assert text == [1.0, 1.0]

        began = time.monotonic()
        canary.process.send_signal(signal.SIGTERM)
        assert canary.process.wait(timeout=END_TIMEOUT_S) == 0
        assert time.monotonic() - began < END_TIMEOUT_S
        assert stable.predict([inline(one_colour("blue"))]).status_code == 200
    lines = [json.loads(line) for line in (tmp_path / "canary.log").read_text().splitlines()]
    (slow,) = (line for line in lines if line.get("trace_id") == TRACE)
    for stage in ("fetch", "queue", "decode", "score"):
        assert 0 <= slow[f"{stage}_s"] <= slow[f"{stage}_sum_s"]
    assert "item" in slow["slowest"]
    assert any("drained" in json.dumps(line) for line in lines)


def test_settings_that_contradict_each_other_are_told_at_the_start(artifact: Path, tmp_path: Path) -> None:
    with running_server(
        tmp_path / "log", MODEL_PATH=artifact, WORKERS=1, FETCH_TIMEOUT_S=5, REQUEST_TIMEOUT_S=4
    ) as server:
        text = server.stderr()
    assert re.search("FETCH_TIMEOUT_S.*REQUEST_TIMEOUT_S|REQUEST_TIMEOUT_S.*FETCH_TIMEOUT_S", text)
