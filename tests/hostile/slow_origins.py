"""Origins that waste time, in a process of their own, so that they waste none of whoever measures.

`python -m tests.hostile.slow_origins` is a `tests.harness.process.Subprocess`, whose introduction tells
the port.
"""

import gzip
from collections.abc import Iterator
from contextlib import contextmanager

from tests.harness import origins
from tests.harness.process import Subprocess, serve_commands
from tests.images import one_colour

RED = one_colour("red")

HANGING = {
    "/drip": origins.drip(1.0),
    "/headers": origins.endless_headers(0.5),
    "/interim": origins.raw(*[b"HTTP/1.1 100 Continue\r\n\r\n"] * 60, pause_s=0.5),
    "/silence": origins.silence(),
    "/short": origins.raw(origins.response("200 OK", {"Content-Length": "1000"}, RED), b"", pause_s=30),
    "/chunk": origins.raw(
        origins.response("200 OK", {"Transfer-Encoding": "chunked"}, b"FFFF\r\nx"), b"", pause_s=30
    ),
}
"""What has no end within any timeout."""

ENDING = {
    "/red.png": origins.file(RED),
    "/body": origins.endless_body(),
    "/flood": origins.endless_headers(),
    "/more": origins.lying(10, RED),
    "/less": origins.lying(1_000_000, RED),
    "/bomb": origins.file(gzip.compress(bytes(50_000_000)), content_encoding="gzip"),
}


def main() -> None:
    with origins.Origin() as origin:
        for path, behaviour in {**HANGING, **ENDING}.items():
            origin.serve(path, behaviour)
        serve_commands({}, port=origin.port)


@contextmanager
def slow_origins() -> Iterator[int]:
    """Their port, for the length of the block."""
    with Subprocess("tests.hostile.slow_origins") as process:
        yield process.introduction["port"]


if __name__ == "__main__":
    main()
