"""The metrics of a real server, as they move."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from model_server.metrics import Metrics, ServerState, resident_bytes
from tests.harness.footprint import worker_ids
from tests.harness.process import until
from tests.harness.requests import inline
from tests.harness.server import RunningServer
from tests.model_server.conftest import Files, Start

Number = Callable[..., float]


def numbers(server: RunningServer) -> Number:
    """Read all metrics; the answer gives the value of a sample by its name and labels."""
    text = httpx.get(f"{server.url}/metrics").text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def number(name: str, /, **labels: str) -> float:
        (found,) = [
            sample.value
            for sample in samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]
        return found

    return number


def test_requests_and_files_are_counted_by_what_became_of_them(server: RunningServer, files: Files) -> None:
    before = numbers(server)
    red = inline(files.red)
    server.predict([red, {**red, "image": "eA=="}])
    server.post(b"[")
    after = numbers(server)
    for name, labels in (
        ("logo_requests_total", {"status": "200"}),
        ("logo_requests_total", {"status": "400"}),
        ("logo_request_seconds_count", {"status": "200"}),
        ("logo_refusals_total", {"reason": "request_malformed"}),
        ("logo_items_total", {"outcome": "scored", "source": "inline"}),
        ("logo_items_total", {"outcome": "image_unsupported", "source": "inline"}),
        ("logo_score_count", {}),
        ("logo_stage_seconds_count", {"stage": "score"}),
    ):
        assert after(name, **labels) == before(name, **labels) + 1, (name, labels)
    assert after("logo_refusals_total", reason="server_fault") == 0


def test_scores_are_counted_beside_the_manifests_quantiles(server: RunningServer, files: Files) -> None:
    before = numbers(server)
    server.predict([inline(files.red), inline(files.grey), inline(files.blue)])
    after = numbers(server)
    quantile = {"target": "logo", "quantile": "0.99"}
    assert after("logo_score_reference", **quantile) == 0.9
    name = "logo_scores_over_reference_total"
    assert after(name, **quantile) == before(name, **quantile) + 1
    assert after("logo_score_count") == before("logo_score_count") + 3


def test_probes_and_scrapes_are_not_counted(server: RunningServer) -> None:
    before = numbers(server)("logo_requests_total", status="200")
    httpx.get(f"{server.url}/v2/health/live")
    assert numbers(server)("logo_requests_total", status="200") == before


def test_a_full_queue_is_a_refusal_for_overload(start: Start, files: Files) -> None:
    item = inline(files.red)
    with (
        start(QUEUE_MAX_IMAGES=2, IMAGES_MAX_NUM=2, DECODE_TIMEOUT_S=9) as server,
        ThreadPoolExecutor() as callers,
    ):
        (worker,) = worker_ids(server.process.pid)
        os.kill(worker, signal.SIGSTOP)
        admitted = callers.submit(server.predict, [item, item])
        until(lambda: server.metric("logo_in_flight_images") == 2)
        assert server.predict([item]).status_code == 503
        number = numbers(server)
        os.kill(worker, signal.SIGCONT)
        assert admitted.result().status_code == 200
    assert number("logo_in_flight_images_max") == 2
    assert (number("logo_queued_images"), number("logo_workers_busy")) == (1, 1)
    assert number("logo_refusals_total", reason="overloaded") == 1
    assert number("logo_requests_total", status="503") == 1


def test_a_lost_worker_is_counted_and_its_memory_is_not(start: Start) -> None:
    with start() as server:
        number = numbers(server)
        assert (number("logo_ready"), number("logo_workers"), number("logo_workers_ready")) == (1, 1, 1)
        assert number("logo_worker_restarts_total") == 0
        assert number("logo_workers_resident_bytes") > 20e6
        (worker,) = worker_ids(server.process.pid)
        os.kill(worker, signal.SIGKILL)
        until(lambda: server.metric("logo_worker_restarts_total") == 1)
        until(lambda: server.metric("logo_workers_ready") == 1)
        assert worker_ids(server.process.pid) != [worker]


def test_the_model_is_told(server: RunningServer) -> None:
    labels = {"name": "mean-colour", "version": "1", "runtime": "openvino", "precision": "f32"}
    assert numbers(server)("logo_model_info", **labels) == 1


def test_a_process_that_is_gone_has_no_memory() -> None:
    assert resident_bytes([os.getpid()]) > 1e6
    assert resident_bytes([2**30]) == 0


@pytest.mark.parametrize(
    ("name", "kind"), [("logo_worker_restarts", "counter"), ("logo_queued_images", "gauge")]
)
def test_a_watched_number_is_read_when_it_is_asked_for(name: str, kind: str) -> None:
    registry = CollectorRegistry()
    value = 1
    Metrics(registry).watch(
        ServerState(
            ready=lambda: True,
            in_flight_images=lambda: value,
            in_flight_images_max=200,
            queued_images=lambda: value,
            held_bytes=lambda: 0,
            held_bytes_max=0,
            workers=2,
            workers_ready=lambda: 2,
            workers_busy=lambda: 0,
            worker_restarts=lambda: value,
            worker_pids=lambda: (),
        )
    )
    value = 2
    (found,) = [family for family in registry.collect() if family.name == name]
    assert (found.type, found.samples[0].value) == (kind, 2.0)
