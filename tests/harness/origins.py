"""Origins: small real servers on 127.0.0.1 that answer as told, properly or not.

    with Origin() as origin:
        origin.serve("/a.png", png)
        origin.serve("/b.png", drip())
        ...
        assert origin.connections == 1

An origin runs in threads of its own, so that it serves sync and async tests and other processes alike.

    python -m tests.harness.origins FOLDER

is an origin in a process of its own (`tests.harness.process.Subprocess`) that serves a folder's files, each
under its name; its introduction tells the port.
"""

import select
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.harness.process import serve_commands

REQUEST_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Request:
    """What an origin was asked; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]


class Connection:
    """One accepted connection, as a behaviour uses it. Ends with OSError when nobody listens any more.

    Attributes:
        request: The one that is to be answered.
    """

    request: Request

    def __init__(self, accepted: socket.socket, released: threading.Event) -> None:
        self._socket = accepted
        self._released = released
        self._received = b""

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def pause(self, seconds: float) -> None:
        """Wait, unless the other side closes, or the origin lets go of whoever waits."""
        until = time.monotonic() + seconds
        while (left_s := until - time.monotonic()) > 0:
            if self._released.wait(min(left_s, 0.05)) or self._is_closed():
                raise ConnectionAbortedError

    def _is_closed(self) -> bool:
        readable, _, _ = select.select([self._socket], [], [], 0)
        if readable:  # the end, or the next request
            self._received += (received := self._socket.recv(65536))
            return not received
        return False

    def hang_up(self) -> None:
        """End the conversation, from whichever thread; the one that holds it then closes the socket.

        To close it under that thread's feet would leave it asking about descriptor -1, or about another's.
        """
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.hang_up()
        self._socket.close()

    def read_request(self) -> bool:
        """Read the next request, whose body counts for nothing; False when the other side closed."""
        while b"\r\n\r\n" not in self._received:
            if not self._receive():
                return False
        head, self._received = self._received.split(b"\r\n\r\n", 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        pairs = (line.split(":", 1) for line in lines)
        self.request = Request(method, target, {name.lower(): value.strip() for name, value in pairs})
        body_bytes = int(self.request.headers.get("content-length", 0))
        while len(self._received) < body_bytes:
            if not self._receive():
                return False
        self._received = self._received[body_bytes:]
        return True

    def _receive(self) -> bool:
        chunk = self._socket.recv(65536)
        self._received += chunk
        return bool(chunk)


Behaviour = Callable[[Connection], None]


class Origin:
    """A server on a port of the loopback interface.

    Attributes:
        otherwise: What answers requests for paths that it was not told to serve: a 404.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        ssl_context: ssl.SSLContext | None = None,
        *,
        port: int = 0,
        hangs_up: bool = False,
    ) -> None:
        """Listen.

        Args:
            host: The address.
            ssl_context: For TLS.
            port: 0 for a free one.
            hangs_up: Close every connection at once, unread.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, port), family=family, backlog=256)
        self._ssl_context = ssl_context
        self._hangs_up = hangs_up
        self.otherwise = status(404)
        self._behaviours: dict[str, Behaviour] = {}
        self._released = threading.Event()
        self._asked = threading.Event()
        self._open: dict[Connection, threading.Thread] = {}
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self.requests: list[Request] = []

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._ssl_context else 'http'}://{host}:{self.port}"

    @property
    def open_connections(self) -> int:
        return len(self._open)

    def serve(self, path: str, answer: bytes | Behaviour) -> None:
        """Answer requests for a path, whatever their query, with a file or with a behaviour."""
        self._behaviours[path] = file(answer) if isinstance(answer, bytes) else answer

    def wait_for_request(self, timeout_s: float) -> None:
        """Until it was asked for something, if it was not yet."""
        if not self._asked.wait(timeout_s):
            raise TimeoutError(f"nothing was asked for within {timeout_s} s")

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Forget what was asked so far; at the end of the block, let go of whoever waits for an answer."""
        self._asked.clear()
        try:
            yield
        finally:
            released, self._released = self._released, threading.Event()
            released.set()

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes the acceptor, which close() alone does not
        self._acceptor.join()
        self._listener.close()
        self._released.set()
        for connection, thread in list(self._open.items()):
            connection.hang_up()
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self._hangs_up:
                accepted.close()
                continue
            thread = threading.Thread(target=self._converse, args=(accepted,), daemon=True)
            thread.start()

    def _converse(self, accepted: socket.socket) -> None:
        accepted.settimeout(REQUEST_TIMEOUT_S)
        try:
            if self._ssl_context is not None:
                accepted = self._ssl_context.wrap_socket(accepted, server_side=True)
        except OSError:
            accepted.close()
            return
        connection = Connection(accepted, self._released)
        self._open[connection] = threading.current_thread()
        try:
            while connection.read_request():
                self.requests.append(connection.request)
                self._asked.set()
                path = connection.request.target.split("?")[0]
                self._behaviours.get(path, self.otherwise)(connection)
        except OSError:
            pass
        finally:
            connection.close()
            self._open.pop(connection, None)


def response(status_line: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """An HTTP/1.1 response, with the headers that are given and no others."""
    lines = [f"HTTP/1.1 {status_line}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def file(body: bytes, **headers: str) -> Behaviour:
    """200 and a body; `content_encoding="gzip"` is the header Content-Encoding."""
    given = {name.replace("_", "-").title(): value for name, value in headers.items()}
    return raw(response("200 OK", {"Content-Length": str(len(body)), **given}, body))


def chunked(body: bytes, chunk_bytes: int = 10_000) -> Behaviour:
    """200 and a body without Content-Length."""
    chunks = [body[start : start + chunk_bytes] for start in range(0, len(body), chunk_bytes)]
    coded = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])
    return raw(response("200 OK", {"Transfer-Encoding": "chunked"}, coded))


def status(code: int) -> Behaviour:
    return raw(response(f"{code} Told To", {"Content-Length": "0"}))


def redirect(location: str, code: int = 302) -> Behaviour:
    return raw(response(f"{code} Elsewhere", {"Content-Length": "0", "Location": location}))


def raw(*parts: bytes, pause_s: float = 0.0) -> Behaviour:
    """Exactly these bytes, with a pause between the parts; then the next request is read."""

    def behave(connection: Connection) -> None:
        for index, part in enumerate(parts):
            if index:
                connection.pause(pause_s)
            connection.send(part)

    return behave


def lying(declared_bytes: int, body: bytes) -> Behaviour:
    """200, a Content-Length that is not the body's, the body, and the end."""

    def behave(connection: Connection) -> None:
        connection.send(response("200 OK", {"Content-Length": str(declared_bytes)}))
        connection.send(body)
        connection.close()

    return behave


def silence() -> Behaviour:
    """Nothing at all."""
    return lambda connection: connection.pause(REQUEST_TIMEOUT_S)


def closes_early() -> Behaviour:
    """The end, without an answer."""
    return Connection.close


def drip(byte_s: float = 1.0) -> Behaviour:
    """200 and one byte after the other, a second each; no end in sight."""
    return _endless(response("200 OK", {"Content-Length": "1000000"}), b"x", byte_s)


def endless_body() -> Behaviour:
    """200 and as many bytes as are taken, chunked."""
    head = response("200 OK", {"Transfer-Encoding": "chunked"})
    return _endless(head, b"10000\r\n%s\r\n" % bytes(0x10000), 0)


def endless_headers(header_s: float = 0.0) -> Behaviour:
    """200 and one header after the other."""
    return _endless(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n", header_s)


def endless_interim_answers() -> Behaviour:
    """100 Continue, for ever."""
    return _endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0)


def _endless(head: bytes, again: bytes, pause_s: float) -> Behaviour:
    def behave(connection: Connection) -> None:
        connection.send(head)
        while True:
            connection.send(again)
            connection.pause(pause_s)

    return behave


def main(folder: str) -> None:
    with Origin() as origin:
        for path in Path(folder).iterdir():
            origin.serve(f"/{path.name}", path.read_bytes())
        serve_commands({}, port=origin.port)


if __name__ == "__main__":
    main(*sys.argv[1:])
