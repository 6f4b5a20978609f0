"""The dashboard beside a canary: two servers of two models, and a real Prometheus that asks both."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deploy.test_monitoring import as_promql, panels
from tests.harness.process import until
from tests.harness.prometheus import Prometheus, running_prometheus
from tests.harness.requests import inline
from tests.harness.server import RunningServer, running_server
from tests.images import one_colour
from tests.models import tiny_onnx, write_artifact

pytestmark = pytest.mark.soak  # Prometheus is Debian's: tests/install-tools.sh promtool

STABLE, CANARY = "1", "2"
SCRAPED_TIMEOUT_S = 120.0
EXPRESSIONS = [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]


@dataclass(frozen=True, slots=True)
class Rollout:
    stable: RunningServer
    canary: RunningServer
    prometheus: Prometheus

    def by_version(self, expression: str) -> dict[str, float]:
        return {one["metric"]["version"]: float(one["value"][1]) for one in self.prometheus.query(expression)}


def canary_artifact(directory: Path) -> Path:
    tiny_onnx(directory / "model.onnx")
    manifest = write_artifact(directory) / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "version": CANARY}))
    return directory


def send(server: RunningServer, picture: bytes) -> None:
    """A picture, one by a URL that is not allowed, and a body that is none."""
    server.predict(
        [inline(picture), {"filename": "b", "target": "logo", "url": "https://forbidden.example/b"}]
    )
    server.post(b"[")


@pytest.fixture(scope="module")
def rollout(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rollout]:
    """Stable has blue pictures scored, the canary red ones; until Prometheus has seen them rise."""
    directory = tmp_path_factory.mktemp("canary")
    (directory / "model").mkdir()
    new = canary_artifact(directory / "model")
    with (
        running_server(directory / "stable", MODEL_PATH=artifact, WORKERS=1) as stable,
        running_server(directory / "new", MODEL_PATH=new, WORKERS=1) as canary,
        running_prometheus(directory, [stable.port, canary.port], "logo-detection") as prometheus,
    ):
        until(lambda: len(prometheus.query("logo_ready == 1")) == 2, SCRAPED_TIMEOUT_S)

        def have_risen() -> bool:
            send(stable, one_colour("blue"))
            send(canary, one_colour("red"))
            return (
                len(prometheus.query('rate(logo_items_total{outcome="scored",source="inline"}[1m]) > 0')) == 2
            )

        until(have_risen, SCRAPED_TIMEOUT_S)
        yield Rollout(stable, canary, prometheus)


def filled(expression: str, instance: str = ".*") -> str:
    return as_promql(expression.replace('"$instance"', f'"{instance}"').replace("$__rate_interval", "1m"))


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS)
def test_every_panel_has_something_to_show(rollout: Rollout, title: str, expression: str) -> None:
    found = rollout.prometheus.query(filled(expression))
    assert found or "offset 1w" in expression, title


def test_the_canary_stands_beside_the_stable_version(rollout: Rollout) -> None:
    (median, *_) = (
        expression for title, expression in EXPRESSIONS if title == "Scores, quantiles by version"
    )
    scores = rollout.by_version(filled(median))
    assert scores.keys() == {STABLE, CANARY}
    assert scores[STABLE] < 0.1 < 0.9 < scores[CANARY]


def test_an_instance_that_is_chosen_is_seen_alone(rollout: Rollout) -> None:
    (requests,) = (expression for title, expression in EXPRESSIONS if title == "Requests by version")
    instance = f"127.0.0.1:{rollout.canary.port}"
    assert rollout.by_version(filled(requests, instance)).keys() == {CANARY}
    assert rollout.by_version(filled(requests)).keys() == {STABLE, CANARY}
