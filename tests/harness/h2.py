"""HTTP/2 as gRPC's callers speak it, written by hand: it sends what gRPC's own client would not.

with H2Connection(port) as connection:
    connection.send(b"/service/Method", message)
    assert connection.status() == "0"
"""

import re
import socket
import struct
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
HEADER_BYTES = 9
HEADER_TABLE_SIZE, INITIAL_WINDOW = 1, 4
LARGEST_FRAME_BYTES = 16384
GRPC_STATUS = re.compile(rb"grpc-status.(\d{1,2})", re.DOTALL)
DEFAULT_WINDOW = 65535
TIMEOUT_S = 20.0
# Without a table of headers each answer has its status in plain text.
PREFACE_SETTINGS = struct.pack(">HIHI", HEADER_TABLE_SIZE, 0, INITIAL_WINDOW, 2**24)

Metadata = Sequence[tuple[bytes, bytes]]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A frame of HTTP/2."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def preface() -> bytes:
    """What a client sends first."""
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0, PREFACE_SETTINGS)


def read_settings(payload: bytes) -> dict[int, int]:
    """The settings of a frame, by number."""
    return dict(struct.iter_unpack(">HI", payload))


def window_update(size_bytes: int) -> bytes:
    """Let the other side send so many bytes more on this connection."""
    return frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", size_bytes))


def headers(path: bytes, metadata: Metadata = ()) -> bytes:
    """The head of a call, each of its headers as a literal."""
    pairs = [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path),
        (b":authority", b"x"),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
        *metadata,
    ]
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in pairs)


def _text(data: bytes) -> bytes:
    """A string of HPACK; its length has seven bits, and more where these are full."""
    if len(data) < 127:
        return bytes([len(data)]) + data
    rest, encoded = len(data) - 127, b"\x7f"
    while rest > 127:
        encoded += bytes([rest & 127 | 128])
        rest >>= 7
    return encoded + bytes([rest]) + data


def data_frames(stream: int, message: bytes) -> list[bytes]:
    """The frames of one message, the only one of its call."""
    body = struct.pack(">BI", 0, len(message)) + message
    parts = [body[at : at + LARGEST_FRAME_BYTES] for at in range(0, len(body), LARGEST_FRAME_BYTES)]
    return [frame(DATA, END_STREAM * (part is parts[-1]), stream, part) for part in parts]


def read_status(head: bytes) -> str:
    """gRPC's number in the last head of an answer."""
    found = GRPC_STATUS.search(head)
    return found[1].decode() if found else "none"


def split_frames(received: bytearray) -> Iterator[tuple[int, int, int, bytes]]:
    """Kind, flags, stream and payload of each whole frame; they are taken out of what was received."""
    while len(received) >= HEADER_BYTES:
        size = int.from_bytes(received[:3], "big")
        if len(received) < HEADER_BYTES + size:
            return
        kind, flags, stream = struct.unpack_from(">BBI", received, 3)
        payload = bytes(received[HEADER_BYTES : HEADER_BYTES + size])
        del received[: HEADER_BYTES + size]
        yield kind, flags, stream, payload


class H2Connection:
    """A connection of one's own, for the length of a `with` block."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
        self._received = bytearray()
        self._stream = -1

    def __enter__(self) -> Self:
        self._socket.sendall(preface())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def open(self, path: bytes) -> None:
        """Begin a call, and send no message."""
        self._stream += 2
        self._socket.sendall(frame(HEADERS, END_HEADERS, self._stream, headers(path)))

    def send(self, path: bytes, message: bytes, metadata: Metadata = ()) -> None:
        """Send a whole call, of at most 64 KiB: nobody waits for the server's permission here."""
        self._stream += 2
        head = frame(HEADERS, END_HEADERS, self._stream, headers(path, metadata))
        self._socket.sendall(head + b"".join(data_frames(self._stream, message)))

    def initial_window(self) -> int:
        """How many bytes of a call the server takes before it reads them."""
        while True:
            for kind, flags, _, payload in split_frames(self._received):
                if kind == SETTINGS and not flags & ACK:
                    return read_settings(payload)[INITIAL_WINDOW]
            self._received += self._socket.recv(65536)

    def status(self) -> str:
        """How the last call ended: gRPC's number; or what broke off the call, or the connection."""
        while True:
            for kind, flags, stream, payload in split_frames(self._received):
                if kind == GOAWAY:
                    return "goaway"
                if stream == self._stream and kind == RST_STREAM:
                    return "reset"
                if stream == self._stream and kind == HEADERS and flags & END_STREAM:
                    return read_status(payload)
            chunk = self._socket.recv(65536)
            if not chunk:
                return "closed"
            self._received += chunk
