"""The request middleware: what happens to an HTTP request before KServe sees it, and after.

A request id, routes that stay closed, the body read whole under its limits, the caller's
hanging up, and one line of log. Plain ASGI, so that nothing of it depends on KServe.
"""

import asyncio
import logging
import math
import random
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson

from logo_detection.fetch.byte_budget import ByteBudget, CrowdedError, Lease
from model_server.admission import Admission
from model_server.errors import (
    STATUS,
    BodyEncoded,
    BodyTooLarge,
    MemoryExhausted,
    MethodNotAllowed,
    Overloaded,
    RequestError,
    RequestMalformed,
    ServerFault,
)
from model_server.http.request_context import RequestContext, current_request
from model_server.limits import Limits
from model_server.metrics import CLIENT_CLOSED, Metrics
from model_server.routes import READ, Route, refusal
from model_server.trace_context import continue_trace

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

RETRY_AFTER_S = (1, 3)
BYTES_WAIT_S = 1.0
BYTES_MAX_WAITING = 128  # bodies, beside the few files that are fetched at once
ANSWER_S = 0.05  # an answer takes so long to be written and to travel
CALLER_TIMEOUT = b"x-envoy-expected-rq-timeout-ms"
MILLISECONDS = re.compile(rb"[1-9][0-9]{0,8}")  # 0 is how Envoy says that it waits for ever
PLAIN_CODINGS = {b"content-encoding": (b"", b"identity"), b"transfer-encoding": (b"chunked",)}
REQUEST_LINE_MAX_CHARS = 200  # of method and path, in the log
REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

log = logging.getLogger("model_server.requests")


class RequestMiddleware:
    """ASGI middleware around KServe's application; see the module's docstring."""

    def __init__(
        self,
        app: App,
        *,
        admission: Admission,
        byte_budget: ByteBudget,
        metrics: Metrics,
        limits: Limits,
        routes: Sequence[Route],
        request_timeout_s: float,
        slow_request_s: float = math.inf,
    ) -> None:
        self._app = app
        self._routes = routes
        self._admission = admission
        self._byte_budget = byte_budget
        self._metrics = metrics
        self._limits = limits
        self._body_max_bytes = limits.body_max_bytes
        self._request_timeout_s = request_timeout_s
        self._slow_request_s = slow_request_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; probes and metrics pass straight through, unlogged."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refused = refusal(self._routes, scope["method"], scope["path"])
        if scope["method"] in READ and refused is None:
            # HEAD as GET, which is all that KServe knows; uvicorn leaves the body out.
            get = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
            await self._app(get, receive, send)
            return
        headers = dict(reversed(scope["headers"]))  # of repeated ones the first counts
        now = asyncio.get_running_loop().time()
        context = RequestContext(
            choose_request_id(headers.get(b"x-request-id", b"").decode("latin-1")),
            now,
            now + self._time_s(headers),
            trace=continue_trace(headers.get(b"traceparent", b"")),
            slow_s=self._slow_request_s,
        )
        response = _Response(send, context)
        try:
            if refused:
                raise refused
            await self._serve(scope, receive, response, context, _content_length(headers))
        except RequestError as error:
            await response.refuse(error)
        except _Disconnected:
            pass
        except Exception:  # else KServe's handler of last resort would show its text to the caller
            log.exception("unexpected error", extra={"fields": {"request_id": context.request_id}})
            await response.refuse(ServerFault("internal error"))
        finally:
            # The path as it came: decoded, it may have spaces, and what looks like fields of this line.
            asked = f"{scope['method']} {scope['raw_path'].decode('latin-1')}"[:REQUEST_LINE_MAX_CHARS]
            record(self._metrics, context, response.status or CLIENT_CLOSED, asked)

    async def _serve(
        self,
        scope: Scope,
        receive: Receive,
        response: "_Response",
        context: RequestContext,
        declared_bytes: int | None,
    ) -> None:
        _check_not_encoded(scope["headers"])
        async with self._byte_budget.lease() as lease:
            try:
                context.body = await self._read(receive, lease, context.deadline, declared_bytes)
                response.body_is_read = True
                self._admission.check_room()
                current_request.set(context)
                await _run_until_disconnected(self._app, scope, receive, response)
            finally:
                context.take_body()  # if nobody did: uvicorn's timers keep both contexts

    async def _read(
        self, receive: Receive, lease: Lease, deadline: float, declared_bytes: int | None
    ) -> bytearray:
        """The whole body; its Content-Length may refuse it early, and is not believed otherwise."""
        if declared_bytes is not None and declared_bytes > self._body_max_bytes:
            raise self._too_large()
        lease.expect(self._body_max_bytes if declared_bytes is None else declared_bytes)
        body = bytearray()  # grows where it is: chunks that are joined at the end would lie here twice
        try:
            async with asyncio.timeout_at(deadline):
                more = True
                while more:
                    chunk, more = await _receive_part(receive)
                    if lease.held_bytes + len(chunk) > self._body_max_bytes:
                        raise self._too_large()
                    await hold(lease, len(chunk))
                    body += chunk
        except TimeoutError as error:
            raise RequestMalformed("the body did not arrive in time") from error
        lease.expect(lease.held_bytes)  # it is whole
        return body

    def _time_s(self, headers: Mapping[bytes, bytes]) -> float:
        """How long the request may take: as long as its caller's proxy waits, if that is less."""
        given = headers.get(CALLER_TIMEOUT, b"")
        if not MILLISECONDS.fullmatch(given):
            return self._request_timeout_s
        return min(self._request_timeout_s, max(0.0, int(given) / 1000 - ANSWER_S))

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(self._limits.describe_body_limit())


class _Disconnected(Exception):
    """The caller went away; nobody is left to be answered."""


class _Response:
    """ASGI's `send`, with the request id on every answer, and the status kept for the log."""

    def __init__(self, send: Send, context: RequestContext) -> None:
        self._send = send
        self._context = context
        self.status: int | None = None
        self.body_is_read = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if message["status"] == HTTPStatus.OK:
                message["status"] = self._context.status
            self.status = message["status"]
            message["headers"] = [
                *message.get("headers", ()),
                (b"x-request-id", self._context.request_id.encode()),
            ]
        await self._send(message)

    async def refuse(self, error: RequestError) -> None:
        """Answer with an error, unless an answer is under way already."""
        if self.status is not None:
            return
        self._context.refused = error.reason()
        status, headers, body = render_refusal(error)
        if not self.body_is_read:
            headers.append((b"connection", b"close"))  # what is left of it would be taken for a request
        await self({"type": "http.response.start", "status": status, "headers": headers})
        await self({"type": "http.response.body", "body": body})


def new_request_id() -> str:
    """An id for a request whose caller gave none."""
    return f"{random.getrandbits(128):032x}"


def render_refusal(error: RequestError) -> tuple[HTTPStatus, Headers, bytes]:
    """Status, headers and JSON body of a refused request."""
    body = orjson.dumps({"error": str(error)})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", error.allow.encode()))
    if isinstance(error, BodyEncoded):
        headers.append((b"accept-encoding", b"identity"))
    if error.retry:
        headers.append((b"retry-after", str(random.randint(*RETRY_AFTER_S)).encode()))  # noqa: S311  jitter
    if isinstance(error, Overloaded | MemoryExhausted):
        headers.append((b"x-envoy-ratelimited", b"true"))  # else a mesh tries again at once
    return STATUS[type(error)], headers, body


def record(metrics: Metrics, context: RequestContext, status: int, asked: str) -> None:
    """Count a finished request, and write its line of log."""
    seconds = asyncio.get_running_loop().time() - context.started
    metrics.request_answered(status, seconds, context.refused)
    fields = {"request_id": context.request_id, "status": status, "seconds": round(seconds, 4)}
    log.info("%s", asked, extra={"fields": {**fields, **context.log_fields(seconds)}})


async def hold(lease: Lease, size_bytes: int) -> None:
    """Hold so many bytes more, when they are there, which may take a moment.

    Raises:
        MemoryExhausted: They were not.
    """
    if lease.grow_at_once(size_bytes):
        return
    try:
        async with asyncio.timeout(BYTES_WAIT_S):
            await lease.grow(size_bytes, max_waiting=BYTES_MAX_WAITING)
    except (TimeoutError, CrowdedError) as error:
        raise MemoryExhausted("too many bytes are held; try again shortly") from error


async def _receive_part(receive: Receive) -> tuple[bytes, bool]:
    """The next part of a body, and whether there is another."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise _Disconnected
    return message.get("body", b""), message.get("more_body", False)


async def _run_until_disconnected(app: App, scope: Scope, receive: Receive, response: "_Response") -> None:
    """Run the application; cancel it when the caller goes away.

    The body is in the context: KServe and Starlette would keep it for as long as the request lasts.

    Raises:
        _Disconnected: The caller went away before an answer began.
    """
    messages = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive_body() -> Message:
        message = next(messages, None)
        return message if message is not None else await receive()

    serving = asyncio.current_task()
    assert serving is not None  # noqa: S101  uvicorn serves each request in a task
    has_left = False

    async def watch() -> None:
        nonlocal has_left
        while (await receive())["type"] != "http.disconnect":
            pass
        if response.status is None:  # uvicorn says "disconnect" after an answer, too
            has_left = True
            serving.cancel()

    watching = asyncio.ensure_future(watch())
    try:
        await app(scope, receive_body, response)
    except asyncio.CancelledError:
        if not has_left or serving.uncancel():
            raise
        raise _Disconnected from None
    finally:
        watching.cancel()


def choose_request_id(given: str) -> str:
    """The caller's X-Request-Id where it is a plain one, else a new one."""
    return given if REQUEST_ID.fullmatch(given) else new_request_id()


def _check_not_encoded(headers: Headers) -> None:
    """Raise BodyEncoded unless the body is there as it is meant, in chunks or not."""
    for name, value in headers:
        if (plain := PLAIN_CODINGS.get(name)) is not None and value.strip().lower() not in plain:
            header = name.decode().title()
            raise BodyEncoded(f"{header}: a compressed body is not read; send it as it is")


def _content_length(headers: Mapping[bytes, bytes]) -> int | None:
    given = headers.get(b"content-length", b"")
    if not given.isdigit():
        return None
    return int(given.lstrip(b"0") or b"0")  # the parser bounds its value, not its zeros
