"""What the tests of the fetcher share: a policy, a name service that lies, and a watch on sockets."""

import socket
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from logo_detection.fetch.byte_budget import ByteBudget
from logo_detection.fetch.fetcher import Credentials, Fetcher
from logo_detection.fetch.policy import AllowedHost, FetchPolicy, parse_origin_overrides
from logo_detection.fetch.url import parse_url
from tests.harness.origins import Origin

tried: list[Any] | None = None


def _watch(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.connect" and tried is not None:
        tried.append(args[1])


sys.addaudithook(_watch)


@pytest.fixture
def connects() -> Iterator[list[Any]]:
    """The addresses that sockets of this process were told to connect to during the test."""
    global tried
    tried = []
    yield tried
    tried = None


class Answers(AbstractResolver):
    """DNS that says what it is told to, and to which port to go; of other names, what is true here."""

    def __init__(self, answers: Mapping[str, list[str]], port: int = 443) -> None:
        self._answers = answers
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        if host not in self._answers:
            return await aiohttp.ThreadedResolver().resolve(host, port, family)
        return [self.answer(host, address) for address in self._answers[host]]

    def answer(self, host: str, address: str) -> ResolveResult:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return ResolveResult(
            hostname=host, host=address, port=self._port, family=family, proto=0, flags=socket.AI_NUMERICHOST
        )

    async def close(self) -> None:
        pass


def policy(origin: Origin | None = None, *more_hosts: str, **limits: Any) -> FetchPolicy:
    """`origin.test` is served by an origin; other hosts are allowed and have their own addresses."""
    defaults: dict[str, Any] = {"timeout_s": 5.0, "max_bytes": 10_000_000}
    return FetchPolicy(
        allowed_hosts=tuple(AllowedHost(host) for host in ("origin.test", *more_hosts)),
        overrides=parse_origin_overrides(f"origin.test={origin.url}") if origin else (),
        **{**defaults, **limits},
    )


async def get(fetcher: Fetcher, url: object, credentials: Credentials | None = None) -> bytes:
    async with fetcher.fetch(parse_url(url), flow=object(), credentials=credentials) as body:
        return body


async def get_with(chosen: FetchPolicy, url: object, credentials: Credentials | None = None) -> bytes:
    memory = ByteBudget(16_000_000)
    try:
        async with Fetcher(chosen, memory) as fetcher:
            return await get(fetcher, url, credentials)
    finally:
        assert memory.held_bytes == 0
