"""Which routes there are for a caller: a real server answers 404 and 405 as docs/api.md says."""

import socket

import httpx
import pytest

from tests.harness.server import PREDICT, RunningServer

MODEL = "/v1/models/logo-detection"
HANDSHAKE = (
    b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", PREDICT, "POST"),
        ("HEAD", PREDICT, "POST"),
        ("PUT", PREDICT, "POST"),
        ("OPTIONS", PREDICT, "POST"),
        ("GET", "/v1/models/other:predict", "POST"),
        ("GET", f"{MODEL}:explain", "POST"),
        ("GET", "/v2/models/logo-detection/infer", "POST"),
        ("POST", MODEL, "GET, HEAD"),
        ("DELETE", MODEL, "GET, HEAD"),
        ("POST", "/", "GET, HEAD"),
        ("TRACE", "/metrics", "GET, HEAD"),
        ("POST", "/v2/health/ready", "GET, HEAD"),
        ("POST", "/v2", "GET, HEAD"),
        ("POST", "/v2/models/logo-detection", "GET, HEAD"),
        ("GET", "/v2/models/logo-detection/versions/1/infer", "POST"),
        ("POST", "/openapi.json", "GET, HEAD"),
    ],
)
def test_a_route_with_another_method_is_405_and_says_which(
    server: RunningServer, method: str, path: str, allowed: str
) -> None:
    response = httpx.request(method, server.url + path)
    assert (response.status_code, response.headers["allow"]) == (405, allowed)
    if method != "HEAD":
        assert response.json() == {"error": f"method not allowed; this route takes {allowed}"}


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        f"{MODEL}:foo",
        f"{PREDICT}:predict",
        f"{PREDICT}/",
        f"{PREDICT}%0A",
        f"/{PREDICT}",
        "/v1/models/:predict",
        "/v1/models/a%2Fb:predict",
        "/v1/models/",
        "/v2/",
        "/v2/models",
        "/v2/models/logo-detection/versions",
        "/v2/models/logo-detection/stats",
        "/v2/models/logo-detection/config",
        "/v2/repository/models/logo-detection/load",
        "/v2/repository/models/logo-detection/unload",
        "/v2/repository/index",
        "/docs",
        "/openapi_json",
        "/METRICS",
    ],
)
def test_what_is_no_route_is_404_whatever_the_method(server: RunningServer, method: str, path: str) -> None:
    response = httpx.request(method, server.url + path)
    assert (response.status_code, response.json()) == (404, {"error": "not found"})


def test_no_route_opens_a_websocket(server: RunningServer) -> None:
    for path, status in ((b"/", 200), (PREDICT.encode(), 405), (b"/nothing", 404)):
        with socket.create_connection(
            ("127.0.0.1", httpx.URL(server.url).port or 0), timeout=10
        ) as connection:
            connection.sendall(HANDSHAKE % path)
            assert connection.recv(65536).startswith(b"HTTP/1.1 %d " % status)
