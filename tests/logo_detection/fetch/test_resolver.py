"""Looking names up: what is found, and what a name service that hangs may hold up."""

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from logo_detection.fetch.resolver import SystemResolver


class HangingNames:
    """A name service that is silent about names in `.test` until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked = 0
        self._system = socket.getaddrinfo

    def __call__(self, host: str, *args: Any, **options: Any) -> Any:
        if host.endswith(".test"):
            self.asked += 1
            self.go.wait(30)
            raise socket.gaierror(socket.EAI_AGAIN, "silence")
        return self._system(host, *args, **options)


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingNames]:
    names = HangingNames()
    monkeypatch.setattr(socket, "getaddrinfo", names)
    yield names
    names.go.set()


async def test_a_name_is_resolved_as_the_system_does() -> None:
    found = await SystemResolver().resolve("localhost", 443)
    assert {(answer["host"], answer["port"], answer["hostname"]) for answer in found} <= {
        ("127.0.0.1", 443, "localhost"),
        ("::1", 443, "localhost"),
    }
    assert found


@pytest.mark.parametrize("name", ["x" * 64 + ".invalid", "a..invalid"])
async def test_what_is_no_name_has_no_address(name: str) -> None:
    with pytest.raises(OSError, match=r"."):
        await SystemResolver().resolve(name, 443)


async def test_a_name_that_hangs_holds_up_no_other(hanging: HangingNames) -> None:
    resolver = SystemResolver(at_once=3)
    stuck = [asyncio.create_task(resolver.resolve(f"{number}.test", 443)) for number in range(2)]
    await asyncio.sleep(0.05)
    assert await asyncio.wait_for(resolver.resolve("localhost", 443), 2)
    hanging.go.set()
    outcomes = await asyncio.gather(*stuck, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [socket.gaierror] * 2


async def test_look_ups_that_nobody_waits_for_any_more_still_count(hanging: HangingNames) -> None:
    resolver = SystemResolver(at_once=2)
    for _ in range(3):
        stuck = [asyncio.create_task(resolver.resolve(f"{number}.test", 443)) for number in range(5)]
        await asyncio.sleep(0.05)
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)
    assert hanging.asked == 2
    hanging.go.set()
    assert await asyncio.wait_for(resolver.resolve("localhost", 443), 2)


ENDS = """
import asyncio, socket, time
from logo_detection.fetch.resolver import SystemResolver
socket.getaddrinfo = lambda *_, **__: time.sleep(30)

async def main():
    try:
        await asyncio.wait_for(SystemResolver().resolve("silent.test", 443), 0.1)
    except TimeoutError:
        print("given up")

asyncio.run(main())
"""


def test_a_process_ends_without_waiting_for_a_look_up() -> None:
    began = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", ENDS], capture_output=True, text=True, timeout=25)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "given up\n", "")
    assert time.monotonic() - began < 20


NO_THREADS = """
import asyncio, resource, socket
from logo_detection.fetch.resolver import SystemResolver

def limit_address_space(size_bytes):
    resource.setrlimit(resource.RLIMIT_AS, (size_bytes, resource.RLIM_INFINITY))

async def main():
    resolver = SystemResolver(at_once=2)
    in_use = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    limit_address_space(in_use + 2**20)  # less than a thread's stack
    for _ in range(3):
        try:
            await asyncio.wait_for(resolver.resolve("localhost", 443), 5)
        except OSError as error:
            print(error)
    limit_address_space(resource.RLIM_INFINITY)
    print(bool(await asyncio.wait_for(resolver.resolve("localhost", 443), 5)))

asyncio.run(main())
"""


def test_names_are_looked_up_again_once_threads_can_be_started_again() -> None:
    ended = subprocess.run([sys.executable, "-c", NO_THREADS], capture_output=True, text=True, timeout=30)
    assert ended.stdout.splitlines() == ["no thread can be started for a look-up"] * 3 + ["True"]
    assert (ended.returncode, ended.stderr) == (0, "")
