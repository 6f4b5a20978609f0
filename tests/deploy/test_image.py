"""The image itself: built, run as in a pod, and sent images. Takes minutes, and root."""

import base64
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.containers import Container, Image, built_image, running_container
from tests.harness.process import ROOT
from tests.harness.server import PREDICT
from tests.manifests import CHART

pytestmark = pytest.mark.soak

TARGET = os.environ.get("TARGET", "production")
SUMMARY = ROOT / "build" / "image" / f"summary-{TARGET}.json"
LIMITS = yaml.safe_load((CHART / "values.yaml").read_text())["resources"]["limits"]
STARTS = 3
STOP_TIMEOUT_S = 40

# LiftWing's kind of model for the image that can serve it, the shipped one for the other.
POD: dict[str, Any] = {
    "cores": int(LIMITS["cpu"]),
    "memory_bytes": int(LIMITS["memory"].removesuffix("Gi")) * 2**30,
}
if TARGET == "keras":
    models = {ROOT / "tests" / "liftwing": "/mnt/models"}
    POD |= {"memory_bytes": 4 * 2**30, "tmp_bytes": 256 * 2**20}
    POD |= {"mounts": models, "MODEL_PATH": "/mnt/models/small.keras"}


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with built_image(TARGET) as built:
        yield built


@pytest.fixture(scope="module")
def container(image: Image, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    with running_container(image, tmp_path_factory.mktemp("pod") / "bundle", **POD) as running:
        yield running


def score(container: Container, picture: bytes) -> float:
    item = {"filename": "x", "target": "logo", "image": base64.b64encode(picture).decode()}
    answer = httpx.post(container.url + PREDICT, json={"instances": [item]}, timeout=30)
    assert answer.status_code == 200, answer.text
    return float(answer.json()["predictions"][0]["prediction"])


# Draws each word as the service would, and says how many different pictures that made.
DRAW = """
import sys
from logo_detection.decode.svg_renderer import render
svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text y="8" font-size="8">{}</text></svg>'
print(len({render(svg.format(text).encode(), 99, 99, bytes).tobytes() for text in sys.argv[1:]}))
"""


def test_it_scores_an_image_as_a_user_without_rights_on_a_read_only_root(container: Container) -> None:
    assert 0 <= score(container, (ROOT / "samples" / "logo.png").read_bytes()) <= 1
    status = container.status()
    assert status["Uid"].split() == status["Gid"].split() == ["900"] * 4
    assert {int(status[kind], 16) for kind in ("CapEff", "CapPrm", "CapBnd", "CapInh")} == {0}
    assert status["NoNewPrivs"] == "1"
    for place in ("/", "/srv/app", "/var/tmp", "/home", *([] if "tmp_bytes" in POD else ["/tmp"])):  # noqa: S108
        written = container.execute("touch", f"{place}/x")
        assert written.returncode != 0
        assert "Read-only file system" in written.stderr


def test_its_fonts_draw_text_in_more_than_one_script(container: Container) -> None:
    words = ("", "W", "Ж", "ع", "標", "本")  # what no font has is a box, the same for all
    assert container.execute("python", "-c", DRAW, *words).stdout.split() == [str(len(words))]


def test_its_healthcheck_tells_ready_from_not(image: Image, container: Container) -> None:
    kind, *command = image.config["Healthcheck"]["Test"]
    assert kind == "CMD"
    assert container.execute(*command).returncode == 0
    assert container.execute(*command, PORT="1").returncode != 0


def test_it_has_neither_pip_nor_a_compiler_nor_a_way_to_become_root(
    image: Image, container: Container
) -> None:
    assert container.execute("python", "-m", "pip", "--version").returncode != 0
    commands = {
        path.name
        for folder in ("usr/bin", "usr/local/bin", "opt/lib/venv/bin")
        for path in (image.root / folder).iterdir()
    }
    assert commands & {"pip", "pip3", "gcc", "cc", "g++", "make", "ld", "curl", "wget", "sudo"} == set()
    assert not list((image.root / "opt/lib/venv").rglob("site-packages/pip"))
    tensorflow = list((image.root / "opt/lib/venv").rglob("site-packages/tensorflow"))
    assert bool(tensorflow) is (TARGET == "keras")


def test_it_says_what_it_is(image: Image) -> None:
    labels = image.config["Labels"]
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert labels["org.opencontainers.image.revision"] == head.stdout.strip()
    assert labels["org.opencontainers.image.title"] == "logo-detection"
    assert image.config["StopSignal"] == "SIGTERM"


def test_sigterm_ends_it_with_status_0(image: Image, tmp_path: Path) -> None:
    with running_container(image, tmp_path / "bundle", **POD) as running:
        running.signal("TERM")
        assert running.process.wait(timeout=STOP_TIMEOUT_S) == 0, running.log.read_text()


def test_sigterm_ends_it_while_it_starts(image: Image, tmp_path: Path) -> None:
    with running_container(image, tmp_path / "bundle", wait=False, **POD) as running:
        time.sleep(0.2)
        running.signal("TERM")
        # tini's end where Python has no handler yet, else the server's own.
        assert running.process.wait(timeout=5) in (128 + signal.SIGTERM, 0)


def test_its_size_and_its_start(image: Image, tmp_path: Path) -> None:
    starts, memory = [], 0
    for number in range(STARTS):
        with running_container(image, tmp_path / str(number), **POD) as running:
            starts.append(running.started_after_s)
            score(running, (ROOT / "samples" / "logo.png").read_bytes())
            done = subprocess.run(
                ["runc", "--root", ROOT / "build" / "image" / "runc", "events", "--stats", running.name],
                capture_output=True,
                check=True,
            )
            memory = max(memory, json.loads(done.stdout)["data"]["memory"]["usage"]["usage"])
    size_mb = round(image.size_bytes / 1e6)
    summary = {
        "target": TARGET,
        "size_mb": size_mb,
        "start_s": [round(start, 1) for start in starts],
        "start_median_s": round(statistics.median(starts), 1),
        "memory_mb": round(memory / 1e6),
    }
    SUMMARY.write_text(json.dumps(summary, indent=2) + "\n")
    sys.stdout.write(f"\n{json.dumps(summary)}\n")
    assert size_mb < {"production": 900, "keras": 3000}[TARGET]
    assert memory < POD["memory_bytes"] / 2
