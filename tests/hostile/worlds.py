"""Worlds: what names and addresses mean to a server process under test.

    with Canary() as inside, Canary() as outside:
        settings = world(names, inside=inside, outside=outside, origins=[origin])
        with running_server(stderr, **settings, ALLOWED_HOSTS=…) as server:
            ...
            assert inside.connections == 0

The server is the real one, and so are its sockets; but its look-ups are answered as told, and whatever
address a socket of it is connected to, a canary accepts. A real network would hide most of what must not
happen: nothing answers at 10.0.0.1 here, and no test may listen on port 443.
"""

import json
import socket
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from tests.addresses import PUBLIC
from tests.origins import Origin

WORLD = Path(__file__).parent / "world"

Answers = Sequence[str] | Literal["silence"]
"""The addresses that one look-up finds; none: the name is unknown."""


class Canary:
    """Listens on loopback, IPv4 and IPv6; counts whom it accepts, and hangs up."""

    def __init__(self) -> None:
        self._listeners = [
            socket.create_server(("127.0.0.1", 0), backlog=256),
            socket.create_server(("::1", 0), family=socket.AF_INET6, backlog=256),
        ]
        self._threads = [threading.Thread(target=self._count, args=(i,), daemon=True) for i in (0, 1)]
        self.accepted = [0, 0]

    @property
    def connections(self) -> int:
        """On IPv4 and IPv6 together."""
        return sum(self.accepted)

    @property
    def places(self) -> dict[str, Any]:
        four, six = (listener.getsockname()[:2] for listener in self._listeners)
        return {"four": four, "six": six}

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for listener, thread in zip(self._listeners, self._threads, strict=True):
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            listener.close()

    def _count(self, index: int) -> None:
        while True:
            try:
                accepted, _ = self._listeners[index].accept()
            except OSError:
                return
            self.accepted[index] += 1
            accepted.close()


def world(
    names: Mapping[str, Sequence[Answers]],
    *,
    inside: Canary,
    outside: Canary,
    origins: Iterable[Origin] = (),
) -> dict[str, str]:
    """Environment variables for a server that lives in such a world.

    Args:
        names: What each look-up of a name finds, one after another; the last stays. Other names that end in
            `.test` are unknown, and the rest is the system's.
        inside: Stands for every address, but for
        outside: which stands for those of `tests.addresses.PUBLIC`,
        origins: and for these, which are where they are.
    """
    document = {
        "names": names,
        "inside": inside.places,
        "outside": outside.places,
        "public": PUBLIC,
        "origins": [[origin.host, origin.port] for origin in origins],
    }
    return {"PYTHONPATH": str(WORLD), "WORLD": json.dumps(document)}
