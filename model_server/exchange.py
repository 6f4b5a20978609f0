"""The exchange: one HTTP request and its answer, as the deadline and the log see them.

The edge opens it before KServe sees the request, and closes it with one line of log.
"""

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Exchange:
    """Grows while the request is served; `started` and `deadline` are seconds on the event loop's clock."""

    request_id: str
    started: float
    deadline: float
    items: dict[str, int] = field(default_factory=dict)
    latency: dict[str, float] = field(default_factory=dict)

    def log_fields(self) -> dict[str, Any]:
        """What the log line says of it: counts and times, nothing of the content."""
        return {
            "items": self.items,
            **{name.removesuffix(" (s)") + "_s": value for name, value in self.latency.items()},
        }


current_exchange: ContextVar[Exchange] = ContextVar("current_exchange")
"""KServe hands a model the body and the headers only; the rest travels with the asyncio task."""
