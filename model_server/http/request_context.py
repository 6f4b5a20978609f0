"""The exchange: one HTTP request and its answer, as the deadline and the log see them.

The edge opens it before KServe sees the request, and closes it with one line of log.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Exchange:
    """Grows while the request is served.

    Attributes:
        request_id: The caller's own where it is a plain one.
        started: Seconds on the event loop's clock.
        deadline: Likewise.
        body: What was sent, until the model takes it, or the edge where no model does.
        refused: Why the request was refused whole: the reason of a `RequestError`.
        items: How many files came to which outcome.
        failed: Which files came to which error: code -> indices in the request.
        latency: What the caller was told, seconds.
    """

    request_id: str
    started: float
    deadline: float
    body: bytes | bytearray = b""
    refused: str = ""
    items: dict[str, int] = field(default_factory=dict)
    failed: dict[str, list[int]] = field(default_factory=dict)
    latency: dict[str, float] = field(default_factory=dict)

    def take_body(self) -> bytes | bytearray:
        """The body, which is held here no longer: once parsed, it need not lie beside what it said."""
        body, self.body = self.body, b""
        return body

    def log_fields(self) -> dict[str, Any]:
        """What the log line says of it: codes and times, nothing of the content."""
        return {
            **({"refused": self.refused} if self.refused else {}),
            "items": self.items,
            **({"failed": self.failed} if self.failed else {}),
            **{name.removesuffix(" (s)") + "_s": value for name, value in self.latency.items()},
        }


current_exchange: ContextVar[Exchange] = ContextVar("current_exchange")
"""KServe hands a model the body and the headers only; the rest travels with the asyncio task."""
