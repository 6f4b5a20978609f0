"""The life of a server under load: workers that are killed, callers who hang up, and its own end."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness.connections import LOST
from tests.harness.footprint import worker_ids
from tests.harness.load import Group, LoadGenerator, write_bodies
from tests.harness.origins import Origin, drip
from tests.harness.process import ROOT, clean_environment, free_port, until
from tests.harness.requests import connect, head, inline
from tests.harness.server import LIVE, PREDICT, READY, running_server
from tests.images import one_colour
from tests.models import write_artifact

IMAGES_PER_REQUEST = 5
TIMEOUT_S = 30.0
ATTEMPTS = 6
FIVE = Group("five", callers=8)

ENDLESS_SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="900" height="900"><filter id="f">'
    + b'<feGaussianBlur stdDeviation="90"/><feTurbulence baseFrequency=".3" numOctaves="9"/>' * 300
    + b'</filter><rect width="900" height="900" filter="url(#f)"/></svg>'
)


RED = inline(one_colour("red", 400, 300))


@pytest.fixture
def load(tmp_path: Path) -> Iterator[LoadGenerator]:
    """Eight callers' requests of five images each."""
    write_bodies(tmp_path / "bodies", FIVE.shape, [json.dumps([RED] * IMAGES_PER_REQUEST).encode()])
    with LoadGenerator(tmp_path / "bodies") as running:
        yield running


@pytest.fixture
def slow_origin() -> Iterator[Origin]:
    with Origin() as running:
        running.serve("/slow", drip())
        yield running


class TestWorkers:
    @pytest.mark.slow
    def test_killed_workers_cost_an_image_each_at_most(
        self, artifact: Path, load: LoadGenerator, tmp_path: Path
    ) -> None:
        kills = 4
        with running_server(tmp_path / "stderr", MODEL_PATH=artifact) as server:
            with load.sending(server.port, kills * 2.0, FIVE) as sent:
                for number in range(kills):
                    time.sleep(0.5)
                    until(lambda: server.metric("logo_workers_ready") == 2)
                    os.kill(worker_ids(server.process.pid)[number % 2], signal.SIGKILL)
            lost = sum(IMAGES_PER_REQUEST - answer.scored for answer in sent.answers)
            assert set(sent.statuses) == {200}
            assert lost == server.metric("logo_items_total", outcome="image_timeout")
            assert lost <= kills
            assert server.metric("logo_worker_restarts_total") == kills
            until(lambda: server.metric("logo_workers_ready") == 2)
            assert len(worker_ids(server.process.pid)) == 2

    def test_a_killed_worker_costs_exactly_the_image_it_had(self, artifact: Path, tmp_path: Path) -> None:
        with (
            running_server(
                tmp_path / "stderr", MODEL_PATH=artifact, WORKERS=1, DECODE_TIMEOUT_S=11
            ) as server,
            ThreadPoolExecutor() as callers,
        ):
            victim = callers.submit(server.predict, [inline(ENDLESS_SVG), RED])
            until(lambda: server.metric("logo_workers_busy") == 1)
            others = [callers.submit(server.predict, [RED] * 10) for _ in range(3)]
            until(lambda: server.metric("logo_queued_images") == 31)
            (worker,) = worker_ids(server.process.pid)
            os.kill(worker, signal.SIGKILL)
            lost, scored = victim.result().json()["predictions"]
            assert lost["error"]["code"] == "image_timeout"
            assert "prediction" in scored
            for other in others:
                assert other.result().status_code == 200
                assert all("prediction" in each for each in other.result().json()["predictions"])


class TestWithoutWorkers:
    def test_a_server_that_cannot_replace_its_last_worker_is_not_ready_until_it_can(
        self, artifact: Path, tmp_path: Path
    ) -> None:
        copy = Path(shutil.copytree(artifact, tmp_path / "artifact"))
        model, away = copy / "model.onnx", copy / "away"
        with running_server(tmp_path / "stderr", MODEL_PATH=copy, WORKERS=1) as server:
            model.rename(away)
            os.kill(worker_ids(server.process.pid)[0], signal.SIGKILL)
            until(lambda: httpx.get(server.url + READY).status_code == 503)
            assert httpx.get(server.url + LIVE).status_code == 200
            assert server.metric("logo_ready") == 0
            refused = server.predict([RED])
            assert refused.status_code == 503
            assert refused.headers["retry-after"]
            away.rename(model)
            until(lambda: httpx.get(server.url + READY).status_code == 200)
            assert server.predict([RED]).status_code == 200


class TestHangingUp:
    @pytest.mark.slow
    def test_it_frees_places_memory_and_workers_in_half_a_second(self, tmp_path: Path) -> None:
        """With the shipped model, which needs a second or more for so many images."""
        body = json.dumps([RED] * 50).encode()
        gauges = (
            "logo_in_flight_images ",
            "logo_queued_images ",
            "logo_workers_busy ",
            "logo_held_bytes ",
        )
        took = []
        with (
            running_server(tmp_path / "stderr", REQUEST_TIMEOUT_S=60) as server,
            httpx.Client(base_url=server.url) as client,  # whose first request takes much longer than others
        ):

            def held() -> list[float]:
                lines = client.get("/metrics").text.splitlines()
                return [float(line.split()[1]) for line in lines if line.startswith(gauges)]

            assert held() == [0] * len(gauges)
            for _ in range(ATTEMPTS):
                with ExitStack() as callers:
                    for _ in range(4):
                        caller = callers.enter_context(connect(server))
                        caller.sendall(head(f"Content-Length: {len(body)}") + body)
                    until(lambda: 200 in held())
                took.append(until(lambda: not any(held())))
                if took[-1] < 0.5:
                    break
            scored = server.metric("logo_items_total", outcome="scored")
        assert min(took) < 0.5, took
        assert scored == 0  # of requests that were answered
        assert server.stderr().count("status=499") == 4 * len(took)


class TestTheEnd:
    @pytest.mark.slow
    def test_sigterm_under_load_loses_nothing_that_was_admitted(
        self, artifact: Path, load: LoadGenerator, tmp_path: Path
    ) -> None:
        with running_server(tmp_path / "stderr", MODEL_PATH=artifact) as server:
            with load.sending(server.port, 4.0, FIVE) as sent:
                time.sleep(1.0)
                server.process.send_signal(signal.SIGTERM)
                assert server.process.wait(timeout=TIMEOUT_S) == 0
                ended = time.monotonic()
                with pytest.raises(httpx.ConnectError):
                    server.predict([RED])
            assert time.monotonic() - ended < TIMEOUT_S
        answered = [answer for answer in sent.answers if answer.status != LOST]
        assert {answer.status for answer in answered} == {200}
        assert all(answer.scored == IMAGES_PER_REQUEST for answer in answered)
        log = server.stderr()
        assert log.count("status=200") == len(answered)
        assert "status=499" not in log
        (draining,) = re.findall(r"draining: (\d+) requests to finish", log)
        (drained,) = re.findall(r"drained: (\d+) requests finished", log)
        assert int(drained) >= int(draining)

    @pytest.mark.slow
    def test_a_server_that_goes_says_so_and_still_serves_for_a_while(
        self, artifact: Path, slow_origin: Origin, tmp_path: Path
    ) -> None:
        settings: dict[str, Any] = {
            "ALLOWED_HOSTS": "origin.test",
            "ORIGIN_OVERRIDES": f"origin.test={slow_origin.url}",
            "REQUEST_TIMEOUT_S": 6,
            "FETCH_TIMEOUT_S": 6,
            "DRAIN_DELAY_S": 4,
        }
        slow = {"filename": "s", "target": "logo", "url": "https://origin.test/slow"}
        with (
            running_server(tmp_path / "stderr", MODEL_PATH=artifact, **settings) as server,
            httpx.Client(base_url=server.url, timeout=TIMEOUT_S) as kept,
            ThreadPoolExecutor() as callers,
        ):
            assert "connection" not in kept.post(PREDICT, json=[RED]).headers
            in_flight = callers.submit(server.predict, [slow, RED])
            slow_origin.wait_for_request(timeout_s=TIMEOUT_S)
            server.process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            until(lambda: httpx.get(server.url + READY).status_code == 503, timeout_s=3.5)
            assert httpx.get(server.url + READY).headers["retry-after"]
            assert httpx.get(server.url + LIVE).status_code == 200
            late = kept.post(PREDICT, json=[RED])
            assert (late.status_code, late.headers["connection"]) == (200, "close")
            codes = [each.get("error", {}).get("code") for each in in_flight.result().json()["predictions"]]
            assert codes == ["deadline_exceeded", None]
            assert server.process.wait(timeout=TIMEOUT_S) == 0
            assert time.monotonic() - began >= 4
        assert "draining: 1 requests to finish" in server.stderr()
        assert "drained: 2 requests finished" in server.stderr()

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    @pytest.mark.parametrize("later_s", [0.0, 0.5, 1.5])
    def test_a_server_that_is_told_to_end_while_it_starts_ends_well(
        self, artifact: Path, number: signal.Signals, later_s: float
    ) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "model_server"],
            cwd=ROOT,
            env=clean_environment({"PORT": free_port(), "WORKERS": 1, "MODEL_PATH": artifact}),
            stderr=subprocess.PIPE,
        )
        try:
            until(lambda: _catches(process.pid, signal.SIGTERM))
            time.sleep(later_s)
            process.send_signal(number)
            _, stderr = process.communicate(timeout=TIMEOUT_S)
        finally:
            process.kill()
        assert (process.returncode, b"Traceback" in stderr) == (0, False), stderr.decode()


def _catches(pid: int, number: signal.Signals) -> bool:
    (caught,) = re.findall(r"^SigCgt:\s*(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return bool(int(caught, 16) & 1 << (number - 1))


@pytest.mark.parametrize("content", [b"", b"junk" * 1000], ids=["empty", "junk"])
def test_a_model_that_no_engine_reads_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    directory = tmp_path / "artifact"
    directory.mkdir()
    (directory / "model.onnx").write_bytes(content)
    write_artifact(directory)
    with (
        pytest.raises(RuntimeError, match="the server ended with 1") as failure,
        running_server(tmp_path / "stderr", MODEL_PATH=directory, until=READY),
    ):
        pass
    lines = str(failure.value).split(": ", 1)[1].strip().splitlines()
    reasons = [line for line in lines if line.startswith("model_server: ")]
    assert reasons == ["model_server: model.onnx: the openvino runtime cannot load it (RuntimeError)"]
