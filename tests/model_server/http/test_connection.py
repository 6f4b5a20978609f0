"""Connections within bounds, over real sockets: heads that drip or never end, and callers who hold on."""

import re
import socket
import time
from contextlib import ExitStack, closing
from http.client import HTTPConnection

import httpx
import pytest

from model_server.http.connection import HEAD_MAX_BYTES, HEAD_TIMEOUT_S
from tests.harness.requests import connect, inline, read_all
from tests.harness.server import LIVE, PREDICT, RunningServer
from tests.harness.timing import within
from tests.model_server.conftest import Files, Start

PROBE = f"GET {LIVE} HTTP/1.1\r\nHost: x\r\n".encode()


def drip_until_closed(connection: socket.socket, give_up_s: float) -> None:
    """Send a byte now and then, until the other side has enough."""
    connection.settimeout(0.2)
    give_up = time.monotonic() + give_up_s
    while time.monotonic() < give_up:
        try:
            connection.sendall(b"x")
            if not connection.recv(1000):
                return
        except TimeoutError:
            continue
        except OSError:
            return


def is_open(connection: socket.socket) -> bool:
    """Whether the other side, which has nothing to say, still holds on."""
    connection.settimeout(0.01)
    try:
        return bool(connection.recv(1))
    except TimeoutError:
        return True
    except ConnectionError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize(
    "first",
    [b"", PROBE, PROBE + b"\r\n", PROBE + b"Content-Length: 1000000\r\n\r\n"],
    ids=["nothing", "half a head", "a request, then half a head", "a body that nobody waits for"],
)
def test_whoever_drips_a_head_is_let_go(server: RunningServer, first: bytes) -> None:
    for stopwatch in within(1.5 * HEAD_TIMEOUT_S):
        with connect(server) as connection:
            connection.sendall(first)
            if first.endswith(b"\r\n\r\n"):
                assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
            with stopwatch:
                drip_until_closed(connection, 3 * HEAD_TIMEOUT_S)


def test_a_head_that_is_too_large_is_answered_with_400(server: RunningServer) -> None:
    with connect(server) as connection:
        connection.sendall(PROBE + b"X: " + b"x" * HEAD_MAX_BYTES)
        received = read_all(connection)
    assert received.startswith("HTTP/1.1 400 ")
    assert "the head of a request may have 65,536 bytes" in received


def line_with(text: str, server: RunningServer) -> str:
    """The line of log that has it; it comes a little after the answer."""
    give_up = time.monotonic() + 30
    while not (found := [line for line in server.stderr().splitlines() if text in line]):
        assert time.monotonic() < give_up
        time.sleep(0.02)
    (line,) = found
    return line


@pytest.mark.parametrize("sent", [b"no HTTP at all\r\n\r\n", PROBE + b"X: " + b"x" * HEAD_MAX_BYTES])
def test_what_is_refused_unread_has_an_id_a_line_and_a_count(start: Start, sent: bytes) -> None:
    with start() as server:
        with connect(server) as connection:
            connection.sendall(sent)
            received = read_all(connection)
        (request_id,) = re.findall(r"^x-request-id: (\w{32})\r$", received, re.MULTILINE)
        line = line_with(request_id, server)
        assert " unreadable request_id=" in line
        assert " status=400 " in line
        assert " refused=head_malformed " in line
        assert server.metric("logo_refusals_total", reason="head_malformed") == 1
        assert server.metric("logo_requests_total", status="400") == 1
        assert "WARNING" not in server.stderr()


def test_idle_connections_keep_nobody_out(start: Start, files: Files) -> None:
    with start(CONNECTIONS_MAX=20) as server:
        idle = [connect(server) for _ in range(60)]
        try:
            assert httpx.get(server.url + LIVE).status_code == 200
            assert server.predict([inline(files.red)]).status_code == 200
            assert 15 <= sum(map(is_open, idle)) <= 20
        finally:
            for connection in idle:
                connection.close()


def test_connections_that_wait_for_a_body_keep_nobody_out(start: Start, files: Files) -> None:
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n".encode()
    with start(CONNECTIONS_MAX=50) as server, ExitStack() as held:
        for _ in range(60):
            held.enter_context(connect(server)).sendall(head)
        for _ in range(10):
            assert httpx.get(server.url + LIVE).status_code == 200
        assert server.predict([inline(files.red)]).status_code == 200


def test_a_connection_is_kept_for_the_next_request(server: RunningServer) -> None:
    url = httpx.URL(server.url)
    with closing(HTTPConnection(url.host, url.port, timeout=10)) as connection:
        connection.connect()
        kept = connection.sock
        for _ in range(3):
            connection.request("GET", LIVE)
            response = connection.getresponse()
            assert (response.status, response.read()) == (200, b'{"live":true}')
            assert connection.sock is kept


def test_a_caller_who_asks_before_the_body_is_told_to_go_on(server: RunningServer) -> None:
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    with connect(server) as connection:
        connection.sendall(head.encode())
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"[]")
        assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
