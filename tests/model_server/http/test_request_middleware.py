"""The request middleware over real sockets: slow bodies, wrong lengths, and callers who hang up."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest

from model_server.metrics import resident_bytes
from tests.harness.origins import Origin
from tests.harness.process import until
from tests.harness.requests import connect, inline, read_all
from tests.harness.server import PREDICT, RunningServer
from tests.harness.timing import within
from tests.model_server.conftest import Files, Start

HEAD = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


def wait_for(server: RunningServer, name: str, value: float) -> None:
    until(lambda: server.metric(name) == value)


def test_a_body_that_does_not_arrive_is_refused_at_the_deadline(start: Start) -> None:
    with start(REQUEST_TIMEOUT_S=0.5) as server:
        for stopwatch in within(3.0, at_least_s=0.4):
            with connect(server) as connection:
                connection.sendall(f"{HEAD}Content-Length: 100\r\n\r\n[".encode())
                with stopwatch:
                    received = read_all(connection)
    assert received.startswith("HTTP/1.1 400 ")
    assert "the body did not arrive in time" in received


def test_a_declared_length_over_the_limit_is_refused_before_the_body(start: Start) -> None:
    with start(BODY_MAX_SIZE=10_000) as server, connect(server) as connection:
        connection.sendall(f"{HEAD}Content-Length: 1000000000\r\n\r\n".encode())
        received = connection.recv(65536).decode()
    assert received.startswith("HTTP/1.1 413 ")
    assert "connection: close" in received.lower()


@pytest.mark.parametrize("length", ["0" * 5000, "0" * 5000 + "2"], ids=["0", "2"])
def test_a_length_may_have_any_number_of_zeros_before_it(server: RunningServer, length: str) -> None:
    with connect(server) as connection:
        connection.sendall(f"{HEAD}Connection: close\r\nContent-Length: {length}\r\n\r\n{{}}".encode())
        assert read_all(connection).startswith("HTTP/1.1 400 ")


def test_a_body_that_nobody_takes_is_not_kept(start: Start) -> None:
    body = b" " * 40 * 2**20
    with start() as server, ExitStack() as kept:
        clients = [kept.enter_context(httpx.Client(timeout=30)) for _ in range(8)]
        before = resident_bytes([server.process.pid])
        for client in clients:
            assert client.post(f"{server.url}/v1/models/nope:predict", content=body).status_code == 404
        assert resident_bytes([server.process.pid]) - before < 3 * len(body)


def test_a_caller_who_hangs_up_frees_everything(start: Start, slow_origin: Origin, files: Files) -> None:
    settings = {"ALLOWED_HOSTS": "origin.test", "ORIGIN_OVERRIDES": f"origin.test={slow_origin.url}"}
    item = b'{"filename": "a", "target": "logo", "url": "https://origin.test/slow"}'
    body = b"[" + b",".join([item] * 40) + b"]"
    with start(**settings) as server:
        for stopwatch in within(0.5):
            with connect(server) as connection:
                connection.sendall(f"{HEAD}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                wait_for(server, "logo_in_flight_images", 40)
            with stopwatch:
                wait_for(server, "logo_in_flight_images", 0)
                assert server.metric("logo_held_bytes") == 0
                wait_for(server, "logo_queued_images", 0)
        assert "status=499" in server.stderr()


@pytest.mark.parametrize("together", [True, False], ids=["at once", "later"])
def test_a_caller_who_hangs_up_frees_what_was_asked_before_the_last_request(
    start: Start, slow_origin: Origin, together: bool
) -> None:
    settings = {"ALLOWED_HOSTS": "origin.test", "ORIGIN_OVERRIDES": f"origin.test={slow_origin.url}"}
    item = b'{"filename": "a", "target": "logo", "url": "https://origin.test/slow"}'
    body = b"[" + b",".join([item] * 40) + b"]"
    first = f"{HEAD}Content-Length: {len(body)}\r\n\r\n".encode() + body
    second = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    with start(**settings) as server:
        for stopwatch in within(0.5):
            with connect(server) as connection:
                connection.sendall(first + second if together else first)
                wait_for(server, "logo_in_flight_images", 40)
                if not together:
                    connection.sendall(second)
                    time.sleep(0.1)
            with stopwatch:
                wait_for(server, "logo_in_flight_images", 0)
            assert server.metric("logo_held_bytes") == 0


def test_the_time_that_the_callers_proxy_allows_is_kept(start: Start, slow_origin: Origin) -> None:
    settings = {"ALLOWED_HOSTS": "origin.test", "ORIGIN_OVERRIDES": f"origin.test={slow_origin.url}"}
    item = {"filename": "a", "target": "logo", "url": "https://origin.test/slow"}
    with start(**settings, REQUEST_TIMEOUT_S=4) as server, ThreadPoolExecutor() as callers:

        def seconds(given: str) -> float:
            began = time.monotonic()
            response = server.predict([item], headers={"x-envoy-expected-rq-timeout-ms": given})
            assert response.json()["predictions"][0]["error"]["code"] == "deadline_exceeded"
            return time.monotonic() - began

        kept, *others = callers.map(seconds, ("700", "0", "99999999", "-1", "9" * 5000))
    assert 0.6 < kept < 3.5
    assert all(each > 3.9 for each in others)


@pytest.mark.parametrize("given", ["1", "40"])
def test_a_caller_without_time_is_told_of_the_deadline(
    server: RunningServer, files: Files, given: str
) -> None:
    body = json.dumps([inline(files.red)])
    head = f"{HEAD}Connection: close\r\nX-Envoy-Expected-Rq-Timeout-Ms: {given}\r\n"
    with connect(server) as connection:
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        received = read_all(connection)
    assert received.startswith("HTTP/1.1 504 ")
    assert '"code":"deadline_exceeded"' in received


def test_a_full_queue_refuses_without_looking_at_the_body(start: Start, slow_origin: Origin) -> None:
    settings = {"ALLOWED_HOSTS": "origin.test", "ORIGIN_OVERRIDES": f"origin.test={slow_origin.url}"}
    item = b'{"filename": "a", "target": "logo", "url": "https://origin.test/slow"}'
    body = b"[" + b",".join([item] * 50) + b"]"
    with start(**settings, QUEUE_MAX_IMAGES=50) as server, connect(server) as connection:
        connection.sendall(f"{HEAD}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        wait_for(server, "logo_in_flight_images", 50)
        with httpx.Client() as client:  # the connection is kept: the body was read
            for _ in range(3):
                response = client.post(server.url + PREDICT, content=b"no JSON at all")
                assert response.status_code == 503
                assert 1 <= int(response.headers["retry-after"]) <= 3
                assert response.headers["x-envoy-ratelimited"] == "true"
                assert "connection" not in response.headers
