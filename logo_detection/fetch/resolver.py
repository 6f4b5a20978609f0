"""Names: looked up by the system, in threads that nobody has to wait for.

The system's look-up knows the hosts file, the search domains and the name service switch. It blocks for as
long as name servers are silent, tens of seconds by default, and cannot be cancelled. In the event loop's
own threads, a few that hang would hold up all others, and the end of the process with them.
"""

import asyncio
import socket
from contextlib import suppress
from threading import Thread

from aiohttp.abc import AbstractResolver, ResolveResult

from logo_detection.fetch.addresses import AddrInfo

LOOKUPS_AT_ONCE = 16
"""aiohttp looks up a name once for all who wait for it, so this is a number of hosts."""


class SystemResolver(AbstractResolver):
    """Resolves names as the system does, so many at once. Belongs to one event loop."""

    def __init__(self, at_once: int = LOOKUPS_AT_ONCE) -> None:
        self._free = asyncio.Semaphore(at_once)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host. A look-up that nobody waits for any more counts as one until it ends.

        Raises:
            OSError: There are none, or the system has no thread left to ask in.
        """
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        found: asyncio.Future[list[AddrInfo]] = loop.create_future()

        def look_up() -> None:
            outcome = _look_up(host, port, family)
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self._answer, found, outcome)

        try:
            Thread(target=look_up, name="look-up", daemon=True).start()
        except RuntimeError as error:
            self._free.release()
            raise OSError("no thread can be started for a look-up") from error
        return [_result(host, info) for info in await found]

    async def close(self) -> None:
        """Nothing: threads end with their look-ups, or with the process."""

    def _answer(self, found: "asyncio.Future[list[AddrInfo]]", outcome: list[AddrInfo] | OSError) -> None:
        self._free.release()
        if found.done():  # cancelled
            return
        if isinstance(outcome, OSError):
            found.set_exception(outcome)
        else:
            found.set_result(outcome)


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[AddrInfo] | OSError:
    try:
        return list(
            socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        )
    except OSError as error:
        return error
    except UnicodeError:  # a label of more than 63 characters
        return socket.gaierror(socket.EAI_NONAME, "not a name")


def _result(host: str, info: AddrInfo) -> ResolveResult:
    family, _, proto, _, (address, port, *more) = info
    scope = f"%{more[1]}" if more and more[1] else ""
    return ResolveResult(
        hostname=host,
        host=f"{address}{scope}",
        port=port,
        family=family,
        proto=proto,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
