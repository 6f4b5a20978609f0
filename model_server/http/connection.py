"""The connection: uvicorn's reading of HTTP/1.1, within bounds.

What uvicorn has no limit for has one here: how many connections there are, how long one may take to send the
head of a request, and how large a head may be. (The request middleware bounds the body.) What is not HTTP is
refused in JSON, counted and logged, as everything is.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from model_server.errors import HeadMalformed
from model_server.http.request_context import RequestContext
from model_server.http.request_middleware import new_request_id, record, render_refusal
from model_server.metrics import Metrics

HEAD_TIMEOUT_S = 10.0
HEAD_MAX_BYTES = 64 * 2**10
UNREADABLE = "unreadable"  # in the log, for the method and path of a head that could not be read
KEEP_ALIVE_S = 65  # longer than the proxies before it wait: who closes first should be the one who asks


class BoundedConnection(HttpToolsProtocol):
    """One connection. Offers no upgrade.

    Args:
        options: uvicorn's.
        max_connections: How many there may be. Beyond it one that owes a request, or the rest of one, makes
            room: the one that sent nothing for longest. So strangers who hold connections open keep neither
            probes nor callers out.
        metrics: Count what is refused here.
    """

    def __init__(self, *, max_connections: int, metrics: Metrics, **options: Any) -> None:
        super().__init__(**options)
        self._max_connections = max_connections
        self._metrics = metrics
        self._served: RequestResponseCycle | None = None  # `cycle` is the newest, which may have to wait
        self._began = self.loop.time()
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._in_head = False
        self._active = 0.0

    @property
    def _is_idle(self) -> bool:
        """Whether no request is being served here: none came yet, or its head is not whole."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def _owes(self) -> bool:
        """Whether it is the other side's turn to send: a request, or the body of the one that is served."""
        return self._is_idle or (self._served is not None and self._served.more_body)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the head of a request; if there are too many who do so, for one fewer."""
        super().connection_made(_Joining(transport, self.loop))  # type: ignore[arg-type]
        self._active = self.loop.time()
        self._await_head()
        if len(self.connections) > self._max_connections:
            owing = (each for each in self.connections if isinstance(each, BoundedConnection) and each._owes)
            min(owing, key=lambda each: each._active).transport.abort()  # this one, if no other owes anything

    def data_received(self, data: bytes) -> None:
        """Read on. A dripping head gains no time by each drop, nor does the body of an answered request."""
        super().data_received(data)
        if self.transport.is_closing():
            return
        self._active = self.loop.time()
        if self._is_idle or self._in_head:  # the head may be that of the next request, sent in advance
            self._head_bytes += len(data)
            self._await_head()
            if self._head_bytes > HEAD_MAX_BYTES:
                self._refuse_head()

    def on_message_begin(self) -> None:
        """Called by the parser at the first byte of a head."""
        self._in_head = True
        self._began = self.loop.time()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Called by the parser at the end of a head."""
        self._in_head = False
        self._head_bytes = 0
        self._stop_timer()
        super().on_headers_complete()
        if len(self.pipeline) == 1:
            self.flow.resume_reading()  # uvicorn reads no further, and would not see that the caller hangs up

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._served = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called once, at the end. The request that is served is told, not one that was sent in advance."""
        self._stop_timer()
        self.pipeline.clear()
        if self._served is not None:
            self.cycle = self._served
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answer and hang up: where the next request would begin, nobody can tell."""
        self._refuse("this is not a request of HTTP/1.1")

    def _refuse_head(self) -> None:
        if self._in_head:
            self._refuse(f"the head of a request may have {HEAD_MAX_BYTES:,} bytes")
        else:
            self.transport.close()  # the rest of a body whose request was answered already

    def _refuse(self, message: str) -> None:
        error, request_id = HeadMalformed(message), new_request_id()
        status, headers, body = render_refusal(error)
        headers += [(b"x-request-id", request_id.encode()), (b"connection", b"close")]
        lines = [b"%b: %b\r\n" % header for header in [*self.server_state.default_headers, *headers]]
        self.transport.write(b"".join([STATUS_LINE[status], *lines, b"\r\n", body]))
        self.transport.close()
        context = RequestContext(request_id, self._began, self._began, refused=error.reason())
        record(self._metrics, context, status, UNREADABLE)

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self.transport.abort)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _unsupported_upgrade_warning(self) -> None:
        """Nothing: two lines of log that any caller could ask for."""


class _Joining:
    """A transport that sends at once what is written in one step: an answer's head with its body."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._parts and not self._transport.is_closing():
            self._transport.write(b"".join(self._parts))
        self._parts.clear()
