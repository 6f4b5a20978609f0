"""Early answers over real sockets: whoever writes a whole body first can read why it was refused."""

import json
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from statistics import median
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import httpx
import pytest

from model_server.http.lingering import LINGER_MAX_BYTES, LINGER_S
from tests.framing import read_answers
from tests.harness.origins import Origin
from tests.harness.requests import connect, inline
from tests.harness.server import LIVE, PREDICT, RunningServer
from tests.model_server.conftest import Files, Start
from tests.model_server.http.test_request_middleware import HEAD, wait_for

MB = 1_000_000
CALLERS = 12


def refusal(url: str, body: bytes) -> tuple[int, str]:
    """What urllib, which writes all of a body before it reads, is told: the status and the error."""
    try:
        with urlopen(Request(url, data=body), timeout=30) as response:
            return response.status, ""
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read())["error"]


def refusals(server: RunningServer, body: bytes, path: str = PREDICT) -> set[tuple[int, str]]:
    """What many callers are told who come at once."""
    with ThreadPoolExecutor(CALLERS) as callers:
        return set(callers.map(refusal, [server.url + path] * 2 * CALLERS, [body] * 2 * CALLERS))


def test_a_body_that_is_too_large_is_refused_readably(start: Start) -> None:
    with start(BODY_MAX_SIZE=MB) as server:
        ((status, error),) = refusals(server, bytes(8 * MB))
        assert status == 413
        assert error.startswith("the body has more than 1,000,000 bytes")
        assert server.metric("logo_requests_total", status="413") == 2 * CALLERS


def test_a_chunked_body_that_becomes_too_large_is_refused_readably(start: Start) -> None:
    with start(BODY_MAX_SIZE=MB) as server:
        for _ in range(CALLERS):
            chunks = iter([bytes(100_000)] * 80)
            assert httpx.post(server.url + PREDICT, content=chunks, timeout=30).status_code == 413


def test_a_body_for_which_there_is_no_memory_is_refused_readably(start: Start) -> None:
    head = f"{HEAD}Content-Length: {4 * MB}\r\n\r\n".encode()
    with start(BODY_MAX_SIZE=4 * MB, FETCH_MAX_SIZE=4 * MB, FETCH_MEMORY_MAX=5 * MB) as server:
        with connect(server) as holder:
            holder.sendall(head + bytes(4 * MB - 1))
            wait_for(server, "logo_held_bytes", 4 * MB)
            told = refusals(server, bytes(3 * MB))
        assert told == {(503, "too many bytes are held; try again shortly")}


def test_a_full_queue_refuses_readably(start: Start, slow_origin: Origin) -> None:
    settings = {"ALLOWED_HOSTS": "origin.test", "ORIGIN_OVERRIDES": f"origin.test={slow_origin.url}"}
    item = {"filename": "a", "target": "logo", "url": "https://origin.test/slow"}
    with start(**settings, IMAGES_MAX_NUM=5, QUEUE_MAX_IMAGES=5) as server, ThreadPoolExecutor(1) as caller:
        waiting = caller.submit(server.predict, [item] * 5)
        wait_for(server, "logo_in_flight_images", 5)
        told = refusals(server, bytes(3 * MB))
        assert told == {(503, "too many images are being scored; try again shortly")}
        waiting.result()


@pytest.mark.parametrize("path", ["/nowhere", "/v1/models/logo-detection", LIVE])
def test_a_body_that_no_route_takes_hides_no_answer(server: RunningServer, path: str) -> None:
    ((status, error),) = refusals(server, bytes(2 * MB), path)
    assert (status, error.split(";")[0]) in {(404, "not found"), (405, "method not allowed")}


def test_a_body_beside_a_get_hides_no_answer(server: RunningServer) -> None:
    with httpx.Client(timeout=20) as client:
        for _ in range(3):
            response = client.request("GET", server.url + LIVE, content=bytes(2 * MB))
            assert response.json() == {"live": True}
            assert response.headers["connection"] == "close"
        assert "connection" not in client.request("GET", server.url + LIVE, content=b"").headers


@contextmanager
def refused(server: RunningServer, count: int) -> Iterator[list[socket.socket]]:
    """Connections whose callers were told 413, and which they hold open."""
    with ExitStack() as held:
        connections = [held.enter_context(connect(server)) for _ in range(count)]
        for connection in connections:
            connection.sendall(f"{HEAD}Content-Length: 1000000000\r\n\r\n".encode())
        for connection in connections:
            assert [answer.status for answer in read_answers(connection)] == [413]
        yield connections


def send_until_cut_off(
    connection: socket.socket, part: bytes, pause_s: float, give_up: Callable[[], bool]
) -> int:
    """How many bytes were taken."""
    sent = 0
    with suppress(OSError):
        while not give_up():
            connection.sendall(part)
            sent += len(part)
            time.sleep(pause_s)
    return sent


def test_whoever_sends_for_ever_is_cut_off(start: Start) -> None:
    with start(BODY_MAX_SIZE=MB) as server, refused(server, 1) as (connection,):
        began = time.monotonic()
        sent = send_until_cut_off(connection, bytes(MB), 0, lambda: time.monotonic() - began > 2 * LINGER_S)
        assert sent < 1.2 * LINGER_MAX_BYTES
        assert httpx.get(server.url + LIVE).status_code == 200


@pytest.mark.slow
def test_whoever_sends_slowly_for_ever_is_cut_off(start: Start) -> None:
    with start(BODY_MAX_SIZE=MB) as server, refused(server, 1) as (connection,):
        began = time.monotonic()
        send_until_cut_off(connection, b"x", 0.1, lambda: time.monotonic() - began > 2 * LINGER_S)
        assert 0.8 * LINGER_S < time.monotonic() - began < 1.3 * LINGER_S


def test_probes_are_answered_while_refused_bodies_arrive(start: Start) -> None:
    with (
        start(BODY_MAX_SIZE=MB) as server,
        refused(server, 4) as connections,
        ThreadPoolExecutor() as callers,
    ):
        began = time.monotonic()
        senders = [
            callers.submit(send_until_cut_off, each, bytes(MB), 0, lambda: time.monotonic() - began > 2)
            for each in connections
        ]
        took = []
        while not all(sender.done() for sender in senders):
            asked = time.monotonic()
            assert httpx.get(server.url + LIVE).status_code == 200
            took.append(time.monotonic() - asked)
        assert median(took) < 1


def test_connections_that_linger_make_room(start: Start, files: Files) -> None:
    with start(BODY_MAX_SIZE=MB, CONNECTIONS_MAX=20) as server, refused(server, 15), refused(server, 15):
        assert httpx.get(server.url + LIVE).status_code == 200
        assert server.predict([inline(files.red)]).status_code == 200


def test_the_end_of_the_server_waits_for_nobody_who_was_refused(start: Start) -> None:
    with start(BODY_MAX_SIZE=MB) as server, refused(server, 3):
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=LINGER_S / 3) == 0
        assert "exceeded" not in server.stderr()


def test_a_head_without_end_is_answered(server: RunningServer) -> None:
    with connect(server) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        line = b"X-More: " + b"and more " * 100 + b"\r\n"
        connection.sendall(line * 10_000)
        assert [answer.status for answer in read_answers(connection)] == [400]


def test_a_connection_that_was_read_whole_is_closed_at_once(server: RunningServer) -> None:
    with connect(server) as connection:
        connection.sendall(f"GET {LIVE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert [answer.status for answer in read_answers(connection)] == [200]
        sent = send_until_cut_off(connection, b"x", 0.05, lambda: False)
        assert sent < 20  # it does not linger
