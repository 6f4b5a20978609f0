"""The connection: uvicorn's reading of HTTP/1.1, within bounds.

What uvicorn has no limit for has one here: how many connections there are, how long one may take to send the
head of a request, how large a head may be, and how much of a body may be chunk extensions and trailers. (The
request middleware bounds the body.) What is not HTTP is refused in JSON, counted and logged, as all else is.

A request has one answer, or none and a closed connection. Answers come in the order of their requests, so
bytes that are not HTTP are answered when what came before them has been.
"""

import asyncio
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from model_server.errors import HeadMalformed
from model_server.http.lingering import LingeringTransport
from model_server.http.request_context import RequestContext
from model_server.http.request_middleware import new_request_id, record, render_refusal
from model_server.metrics import Metrics

HEAD_TIMEOUT_S = 10.0
HEAD_MAX_BYTES = 64 * 2**10
FRAMING_MAX_PER_BYTE = 8
"""Bytes of chunk sizes, chunk extensions and trailers for each byte of a body, beside HEAD_MAX_BYTES."""
UNREADABLE = "unreadable"  # in the log, for the method and path of a head that could not be read
KEEP_ALIVE_S = 65  # longer than the proxies before it wait: who closes first should be the one who asks
READING = (b"GET", b"HEAD")
NOT_HTTP = "this is not a request of HTTP/1.1"


class BoundedConnection(HttpToolsProtocol):
    """One connection. It offers no upgrade, and serves a request that asks for one as plain HTTP/1.1.

    Args:
        options: uvicorn's.
        max_connections: How many there may be. Beyond it one that owes a request, or the rest of one, makes
            room: the one that sent nothing for longest. So idle connections keep neither probes
            nor callers out.
        metrics: Count what is refused here.
    """

    def __init__(self, *, max_connections: int, metrics: Metrics, **options: Any) -> None:
        super().__init__(**options)
        self._max_connections = max_connections
        self._metrics = metrics
        self._served: RequestResponseCycle | None = None  # `cycle` is the newest, which may have to wait
        self._began = self.loop.time()
        self._heads = 0
        self._head_bytes = 0
        self._body_bytes = 0
        self._framing_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._in_head = False
        self._in_body = False
        self._refusal: str | None = None  # why nothing more is read, where others are answered first
        self._active = 0.0
        self._lingering: LingeringTransport

    @property
    def _is_idle(self) -> bool:
        """Whether no request is being served here: none came yet, or its head is not whole."""
        return not self.pipeline and (self._served is None or self._served.response_complete)

    @property
    def _owes(self) -> bool:
        """Whether it is the other side's turn to send: a request, or the body of the one that is served."""
        return self._is_idle or (self._served is not None and self._served.more_body)

    def _may_receive(self) -> bool:
        """Whether the other side may be in the midst of sending."""
        return self._in_head or self._in_body or self._refusal is not None or bool(self.pipeline)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request's head. Beyond `max_connections`, close the one that owes data longest."""
        self._lingering = LingeringTransport(transport, self.loop, self._may_receive)
        super().connection_made(self._lingering)  # type: ignore[arg-type]
        self._active = self.loop.time()
        self._await_head()
        if len(self.connections) > self._max_connections:
            owing = (each for each in self.connections if isinstance(each, BoundedConnection) and each._owes)
            min(owing, key=lambda each: each._active).transport.abort()  # this one, if no other owes anything

    def data_received(self, data: bytes) -> None:
        """Handle bytes. No deadline moves: not of an unfinished head, nor of an answered request's body."""
        if self.transport.is_closing():
            self._lingering.discard(len(data))
        elif self._refusal is None:
            self._unset_keepalive_if_required()
            self._active = self.loop.time()
            self._read(data)

    def _read(self, data: bytes) -> None:
        heads, body_bytes = self._heads, self._body_bytes
        try:
            self._parse(data)
        except httptools.HttpParserError:
            self._refuse(NOT_HTTP)
            return
        # Where a head ended within the segment, nobody knows which of its bytes came after that.
        size_bytes = len(data) if self._heads == heads else 0
        if self._is_idle or self._in_head:  # the head may be that of the next request, sent in advance
            self._count_head(size_bytes)
        elif size_bytes:
            self._count_framing(size_bytes - (self._body_bytes - body_bytes))

    def _parse(self, data: bytes) -> None:
        """Feed the parser. A request to upgrade is read a second time, without its header `Upgrade`.

        httptools takes such a request to have no body, and says where its head ends; the body would be taken
        for the next request.

        Raises:
            HttpParserError: It is not HTTP/1.1, or CONNECT.
        """
        rest = memoryview(data)
        while rest:
            try:
                self.parser.feed_data(rest)
                return
            except httptools.HttpParserUpgrade as end_of_head:
                if self.parser.get_method() == b"CONNECT":
                    raise httptools.HttpParserError from None
                rest = rest[end_of_head.args[0] :]
                head = self._head_without_upgrade()
                self.parser = httptools.HttpRequestParser(self)  # the other may have seen `Connection: close`
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's
                self.parser.feed_data(head)

    def _head_without_upgrade(self) -> bytes:
        """The head that was parsed last."""
        request_line = b"%b %b HTTP/%b" % (
            self.parser.get_method(),
            self.url,
            self.parser.get_http_version().encode(),
        )
        lines = [b"%b: %b" % (name, value) for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join([request_line, *lines, b"", b""])

    def _check_head(self) -> None:
        """Refuse what the parser takes, and RFC 9112 does not (sections 2.3, 3.2 and 6.1).

        Raises:
            HttpParserError: Another version than 1.0 and 1.1, chunks in 1.0, or not one Host in 1.1.
        """
        version = self.parser.get_http_version()
        names = [name for name, _ in self.headers]
        if version == "1.0":
            is_sound = b"transfer-encoding" not in names
        else:
            is_sound = version == "1.1" and names.count(b"host") == 1
        if not is_sound:
            raise httptools.HttpParserError

    def _count_head(self, size_bytes: int) -> None:
        self._head_bytes += size_bytes
        self._await_head()
        if self._head_bytes > HEAD_MAX_BYTES:
            self._refuse(f"the head of a request may have {HEAD_MAX_BYTES:,} bytes")

    def _count_framing(self, size_bytes: int) -> None:
        """Bound what of a body is none of its bytes: the parser keeps a trailer until it ends."""
        self._framing_bytes += size_bytes
        if self._framing_bytes > HEAD_MAX_BYTES + FRAMING_MAX_PER_BYTE * self._body_bytes:
            self._refuse("the body has too many chunk extensions or trailers")

    def on_message_begin(self) -> None:
        """Called by the parser at the first byte of a head."""
        self._in_head = True
        self._began = self.loop.time()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser for each header, and for each trailer, which is none of the request's."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Called by the parser at the end of a head."""
        if self.parser.should_upgrade():
            return  # it comes again, without the upgrade
        self._check_head()
        super().on_headers_complete()  # raises for a target that is no path
        if self.parser.get_method() in READING and any(_declares_body(*header) for header in self.headers):
            self.cycle.keep_alive = False  # nobody reads it, and its answer comes before its end
        self._in_head, self._in_body = False, True
        self._heads += 1
        self._head_bytes = self._body_bytes = self._framing_bytes = 0
        self._stop_timer()
        if len(self.pipeline) == 1:
            self.flow.resume_reading()  # uvicorn reads no further, and would not see that the caller hangs up

    def on_body(self, body: bytes) -> None:
        """Called by the parser for each part of a body."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Called by the parser at the end of a body, or of a head that has none."""
        if self.parser.should_upgrade():
            return
        self._in_body = False
        super().on_message_complete()
        if not self.parser.should_keep_alive():
            self.cycle.keep_alive = False  # a trailer may have said so, and the parser heeds it
            if self.cycle.response_complete:
                self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._served = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called once, at the end. The request that is served is told, not one that was sent in advance."""
        self._stop_timer()
        self._lingering.lost()
        self.pipeline.clear()
        if self._served is not None:
            self.cycle = self._served
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Called when the server ends: close when what is served has its answer."""
        self._lingering.hurry()
        super().shutdown()

    def on_response_complete(self) -> None:
        """Called when an answer is written. What could not be read is answered after all others."""
        super().on_response_complete()
        if self._refusal is not None and self._is_idle and not self.transport.is_closing():
            self._answer(self._refusal)

    def _refuse(self, message: str) -> None:
        """Read no further: where the next request would begin, nobody can tell. Answer in turn, and close."""
        self._stop_timer()
        if self._in_body and self.pipeline:
            self.pipeline.popleft()  # the one that cannot be read; those before it can
        elif self._in_body and self._served is not None:
            self._abandon(self._served, message)
            return
        if self._is_idle:
            self._answer(message)
        else:
            self._refusal = message

    def _abandon(self, cycle: RequestResponseCycle, message: str) -> None:
        """End a request whose body cannot be read. If its answer has begun, it gets no other."""
        if cycle.response_started:
            self.transport.close()
            return
        self._answer(message)
        cycle.disconnected = True
        cycle.message_event.set()

    def _answer(self, message: str) -> None:
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
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._miss_head)

    def _miss_head(self) -> None:
        """End a connection whose next head did not come in time; but what is served is answered first."""
        if self._is_idle:
            self.transport.abort()
        else:
            self._refuse(f"the head of a request may take {HEAD_TIMEOUT_S:g} s")

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


def _declares_body(name: bytes, value: bytes) -> bool:
    return name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0") != b"")
