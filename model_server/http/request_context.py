"""The request context: what is known of one HTTP request and its answer, for the deadline and the log.

The request middleware makes it before KServe sees the request, and ends it with one line of log.
"""

import math
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from model_server.trace_context import TraceContext


@dataclass(slots=True)
class RequestContext:
    """Grows while the request is served.

    Attributes:
        request_id: The caller's own where it is a plain one.
        started: Seconds on the event loop's clock.
        deadline: Likewise.
        body: What was sent, until the model takes it, or the middleware where no model does.
        status: Of the rendered answer.
        refused: Why the request was refused whole: the reason of a `RequestError`.
        items: How many files came to which outcome.
        failed: Which files came to which error: code -> indices in the request.
        latency: What the caller was told, seconds.
        trace: The caller's trace, and this request's place in it.
        stages: Where the time went: the longest and the sum of each stage, bytes fetched, requests sent.
        slowest: The stages of the file that took longest.
        slow_s: A request that took so long tells of that file, too.
    """

    request_id: str
    started: float
    deadline: float
    body: bytes | bytearray = b""
    status: HTTPStatus = HTTPStatus.OK
    refused: str = ""
    items: dict[str, int] = field(default_factory=dict)
    failed: dict[str, list[int]] = field(default_factory=dict)
    latency: Mapping[str, object] = field(default_factory=dict)
    trace: TraceContext | None = None
    stages: Mapping[str, object] = field(default_factory=dict)
    slowest: Mapping[str, object] = field(default_factory=dict)
    slow_s: float = math.inf

    def take_body(self) -> bytes | bytearray:
        """The body, which is held here no longer: once parsed, to keep both would waste memory."""
        body, self.body = self.body, b""
        return body

    def log_fields(self, seconds: float) -> dict[str, Any]:
        """What the log line says of it: codes and times, nothing of the content.

        Args:
            seconds: That it took.
        """
        return {
            **({"trace_id": self.trace.trace_id} if self.trace else {}),
            **({"refused": self.refused} if self.refused else {}),
            "items": self.items,
            **({"failed": self.failed} if self.failed else {}),
            **{name.removesuffix(" (s)") + "_s": value for name, value in self.latency.items()},
            **self.stages,
            **({"slowest": self.slowest} if self.slowest and seconds >= self.slow_s else {}),
        }


current_request: ContextVar[RequestContext] = ContextVar("current_request")
"""KServe hands a model the body and the headers only; the rest travels with the asyncio task."""
