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
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, Self

from tests.addresses import PUBLIC
from tests.harness.origins import Origin

WORLD = Path(__file__).parent / "world"

Answers = Sequence[str] | Literal["silence"]
"""The addresses that one look-up finds; none: the name is unknown."""


class Canary(ExitStack):
    """Listens on loopback, IPv4 and IPv6; counts whom it accepts, and hangs up."""

    def __init__(self) -> None:
        super().__init__()
        self._four, self._six = (Origin(host, hangs_up=True) for host in ("127.0.0.1", "::1"))

    @property
    def connections(self) -> int:
        """On IPv4 and IPv6 together."""
        return sum(self.accepted)

    @property
    def accepted(self) -> list[int]:
        """On IPv4, and on IPv6."""
        return [self._four.connections, self._six.connections]

    @property
    def places(self) -> dict[str, Any]:
        return {"four": [self._four.host, self._four.port], "six": [self._six.host, self._six.port]}

    def __enter__(self) -> Self:
        for origin in (self._four, self._six):
            self.enter_context(origin)
        return self


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
