"""The trace context: W3C's `traceparent`, by which one request is followed through several services.

A caller's trace is continued, logged, and passed on to origins. Where there is none, none is begun.
https://www.w3.org/TR/trace-context/
"""

import random
import re
from dataclasses import dataclass

_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})(?P<trace>[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-(?P<flags>[0-9a-f]{2})(-.*)?"
)
_VERSION_0 = re.compile(rb"00-.{52}")
"""Of the only version that there is, the header is exactly so long; a later one may have more."""


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A trace, and this request's own place in it: lower-case hexadecimal digits, 32, 16 and 2."""

    trace_id: str
    span_id: str
    flags: str

    @property
    def headers(self) -> dict[str, str]:
        """What requests that are sent for this one carry."""
        return {"traceparent": f"00-{self.trace_id}-{self.span_id}-{self.flags}"}


def continue_trace(header: bytes) -> TraceContext | None:
    """This request's place in its caller's trace; None where the header is absent or malformed."""
    found = _TRACEPARENT.fullmatch(header)
    if found is None or (header.startswith(b"00") and not _VERSION_0.fullmatch(header)):
        return None
    return TraceContext(
        found["trace"].decode(),
        f"{random.randrange(1, 2**64):016x}",  # noqa: S311  it has to be distinct, not secret
        found["flags"].decode(),
    )
