"""Requests of the V1 protocol, and what their answers say; on sockets of one's own, too."""

import base64
import socket
from collections.abc import Mapping
from typing import Any

import httpx

from tests.harness.server import PREDICT, RunningServer


def inline(content: bytes, filename: str = "a.png", **fields: Any) -> dict[str, Any]:
    """An item with its file in it."""
    return {"filename": filename, "image": base64.b64encode(content).decode(), "target": "logo", **fields}


def by_url(url: str, filename: str = "a.png") -> dict[str, Any]:
    """An item whose file is elsewhere."""
    return {"filename": filename, "url": url, "target": "logo"}


def predictions(response: httpx.Response) -> list[dict[str, Any]]:
    """What an answer says, item by item."""
    found: list[dict[str, Any]] = response.json()["predictions"]
    return found


def codes(response: httpx.Response) -> list[str | None]:
    """Each item's error code; None where it was scored."""
    return [prediction.get("error", {}).get("code") for prediction in predictions(response)]


def head(*headers: str, path: str = PREDICT) -> bytes:
    """The head of a request to the model, whose body is JSON."""
    lines = (f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/json", *headers, "", "")
    return "\r\n".join(lines).encode()


def whole_request(body: bytes, headers: Mapping[str, str], *, path: str) -> bytes:
    """The head and the body of a request."""
    lines = {**headers, "Content-Length": str(len(body))}
    return head(*(f"{name}: {value}" for name, value in lines.items()), path=path) + body


def connect(server: RunningServer, timeout_s: float = 10.0) -> socket.socket:
    """A connection of one's own; no wait on it takes longer than its timeout."""
    return socket.create_connection(server.address, timeout_s)


def read_all(connection: socket.socket) -> str:
    """All that comes, until the other side closes."""
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    return received.decode()
