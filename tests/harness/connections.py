"""Connections of the generator of load: each is kept alive, and asks one thing at a time, in prepared bytes.

They do no more than they must, as the generator shares the machine with the server that it measures.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from tests.harness import h2

LOST = 0  # the status of a request without an answer
EXCERPT_BYTES = 150
SCORED, ERROR = b'"prediction"', b'"error"'  # of V1 and V2; an answer of V2 counts as one image
SCORED_BY_GRPC, ERROR_BY_GRPC = b"\n\nprediction", b"image_"
INFER_HEAD = h2.headers(b"/inference.GRPCInferenceService/ModelInfer")


@dataclass(frozen=True, slots=True)
class Reply:
    """What came for a request: HTTP's status, or LOST; how many images were scored; what is wrong with it."""

    status: int = LOST
    scored: int = 0
    fault: str = "a connection broke off"


class HttpConnection(asyncio.Protocol):
    """A connection that is kept alive, and asks one thing at a time."""

    def __init__(self) -> None:
        self._received = b""
        self._answer: asyncio.Future[Reply] | None = None
        self.ended = 0.0
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class

    def ask(self, request: bytes) -> asyncio.Future[Reply]:
        """What comes of a request."""
        self._received = b""
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        head = head.lower()
        if len(body) < int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]):
            return
        if b"connection: close" in head:
            self.transport.close()
        self._finish(_read_answer(self._received))

    def connection_lost(self, exc: Exception | None) -> None:
        self._finish(Reply())

    def _finish(self, answer: Reply) -> None:
        if self._answer is not None and not self._answer.done():
            self.ended = time.perf_counter()  # uvloop's own clock goes by milliseconds
            self._answer.set_result(answer)


def _read_answer(answer: bytes) -> Reply:
    status, fault = int(answer[9:12]), ""
    if status != 200 or ERROR in answer:
        what = answer[max(0, answer.find(ERROR)) :][:EXCERPT_BYTES]
        fault = f"{answer[:EXCERPT_BYTES]!r} {what!r}"
    return Reply(status, answer.count(SCORED), fault)


class GrpcConnection(HttpConnection):
    """The same for calls of ModelInfer."""

    def __init__(self) -> None:
        super().__init__()
        self._frames = bytearray()
        self._stream = -1
        self._data = b""
        self._unsent: deque[bytes] = deque()
        self._initial_window = self._window = self._stream_window = h2.DEFAULT_WINDOW

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.write(h2.preface())

    def ask(self, request: bytes) -> asyncio.Future[Reply]:
        self._stream += 2
        self._data, self._stream_window = b"", self._initial_window
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(h2.frame(h2.HEADERS, h2.END_HEADERS, self._stream, INFER_HEAD))
        self._unsent.extend(h2.data_frames(self._stream, request))
        self._send()
        return self._answer

    def _send(self) -> None:
        """As much as the server takes just now."""
        while self._unsent:
            size = len(self._unsent[0]) - h2.HEADER_BYTES
            if size > min(self._window, self._stream_window):
                return
            self._window -= size
            self._stream_window -= size
            self.transport.write(self._unsent.popleft())

    def data_received(self, data: bytes) -> None:
        self._frames += data
        for kind, flags, stream, payload in h2.split_frames(self._frames):
            if kind == h2.DATA:
                self._data += payload
                if payload:
                    self.transport.write(h2.window_update(len(payload)))
            elif kind == h2.WINDOW_UPDATE:
                self._grow(stream, int.from_bytes(payload, "big"))
            elif kind == h2.SETTINGS and not flags & h2.ACK:
                self._configure(h2.read_settings(payload))
            elif kind == h2.PING and not flags & h2.ACK:
                self.transport.write(h2.frame(h2.PING, h2.ACK, 0, payload))
            elif kind in (h2.GOAWAY, h2.RST_STREAM):
                self.transport.close()
            if kind == h2.HEADERS and flags & h2.END_STREAM:
                self._finish(_read_call(h2.read_status(payload), self._data))

    def _grow(self, stream: int, size: int) -> None:
        if stream == 0:
            self._window += size
        elif stream == self._stream:
            self._stream_window += size
        self._send()

    def _configure(self, settings: Mapping[int, int]) -> None:
        before = self._initial_window
        self._initial_window = settings.get(h2.INITIAL_WINDOW, before)
        self._stream_window += self._initial_window - before
        self.transport.write(h2.frame(h2.SETTINGS, h2.ACK, 0))
        self._send()


def _read_call(status: str, data: bytes) -> Reply:
    fault = f"{status} {data[:EXCERPT_BYTES]!r}" if status != "0" or ERROR_BY_GRPC in data else ""
    return Reply(200 if status == "0" else 500, data.count(SCORED_BY_GRPC), fault)
