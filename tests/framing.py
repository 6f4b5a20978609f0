"""Framing: bytes on a socket, cut into segments as a test wants, and the answers that come back."""

import re
import socket
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

TIMEOUT_S = 20.0
PAUSE_S = 0.002  # after a segment, so that the next is read by itself
LAST = b"POST /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
"""A request whose answer, 404, ends a connection: what was answered before it has been answered whole."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def exchange(port: int, segments: Iterable[bytes], pause_s: float = PAUSE_S) -> list[Answer]:
    """Send segments on one connection, and read answers until the other side closes it."""
    return list(split_answers(send(port, segments, pause_s)))


def send(
    port: int, segments: Iterable[bytes], pause_s: float = PAUSE_S, stalls_s: float | None = None
) -> bytes:
    """Send segments on one connection, and read until the other side closes it.

    Args:
        port: On this machine.
        segments: Each is sent by itself.
        pause_s: Seconds after each.
        stalls_s: Seconds without a byte that are an end, too. None: they are a TimeoutError, later.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=stalls_s or TIMEOUT_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(ConnectionError):  # it may have been told enough
            for segment in segments:
                connection.sendall(segment)
                time.sleep(pause_s)
        return _read(connection, *([] if stalls_s is None else [TimeoutError]))


def read_answers(connection: socket.socket) -> list[Answer]:
    """All answers on a connection until its end."""
    return list(split_answers(_read(connection)))


def _read(connection: socket.socket, *ends: type[OSError]) -> bytes:
    received = b""
    with suppress(ConnectionError, *ends):
        while chunk := connection.recv(65536):
            received += chunk
    return received


def split_answers(received: bytes) -> Iterable[Answer]:
    """What was received as answers of a server that says how long each is."""
    while received:
        head, end, rest = received.partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        assert end, f"an answer is broken off: {received!r}"
        (status,) = re.findall(r"^HTTP/1\.[01] (\d{3}) ", status_line)
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        length = int(headers.get("content-length", 0))
        assert len(rest) >= length, f"an answer is broken off: {received!r}"
        yield Answer(int(status), headers, rest[:length])
        received = rest[length:]


def cut(stream: bytes, places: Sequence[int]) -> list[bytes]:
    """A stream cut at places, in their order; what is empty is left out."""
    bounds = [0, *sorted(places), len(stream)]
    parts = [stream[start:end] for start, end in pairwise(bounds)]
    return [part for part in parts if part]
