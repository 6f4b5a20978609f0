"""Load: requests sent to a server from a process of its own, and what became of them.

    with offered(server, bodies, Offer(seconds=5, callers=16)) as sent:      each caller waits for its answer
    with offered(server, bodies, Offer(seconds=5, per_second=500)) as sent:  requests come whoever waits

The process has prepared bytes and uvloop, and does no more than it must: it shares the machine with the
server that it measures.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import cast

import httpx
import uvloop

from tests.running import PREDICT, ROOT, RunningServer

START_TIMEOUT_S = 20.0
ANSWER_TIMEOUT_S = 20.0
TICK_S = 0.004
MAX_CONNECTIONS = 900
SCORED = b'"prediction":'
LOST = 0  # the status of a request without an answer


@dataclass(frozen=True, slots=True)
class Offer:
    """How much is asked of the server: by so many callers in a closed loop, or at a rate in an open one.

    Attributes:
        seconds: How long.
        callers: 0 for a rate.
        per_second: Requests.
        settling_s: Of `seconds`, at the start: what is answered then counts for nothing.
    """

    seconds: float
    callers: int = 0
    per_second: float = 0.0
    settling_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One request's fate.

    Attributes:
        ended: Seconds after the first request.
        status: HTTP's, or LOST.
        seconds: From the last byte of the body to the last of the answer.
        scored: Images.
    """

    ended: float
    status: int
    seconds: float
    scored: int


@dataclass(slots=True)
class Sent:
    """What was sent, once the block is over; `answers` are those of the `measured_s` after settling.

    `generator_cpu_s` is what the sending of everything cost the machine in the generator's process.
    """

    everything: list[Answer] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    measured_s: float = 0.0
    generator_cpu_s: float = 0.0

    @property
    def goodput(self) -> float:
        """Images scored per second."""
        return sum(answer.scored for answer in self.answers) / self.measured_s

    @property
    def statuses(self) -> Counter[int]:
        return Counter(answer.status for answer in self.answers)

    def seconds(self, status: int, quantile: float) -> float:
        """How long answers of a status took; that quantile of them."""
        times = sorted(answer.seconds for answer in self.answers if answer.status == status)
        return times[min(len(times) - 1, int(quantile * len(times)))]


@contextmanager
def offered(server: RunningServer, bodies: Sequence[Path], offer: Offer) -> Iterator[Sent]:
    """Send these bodies in turn while the block runs; what came of it is known when the block has ended."""
    port = httpx.URL(server.url).port
    order = {"port": port, "bodies": [str(body) for body in bodies], "offer": asdict(offer)}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.load", json.dumps(order)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    sent = Sent()
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        yield sent
        output, _ = process.communicate(timeout=offer.seconds + ANSWER_TIMEOUT_S + START_TIMEOUT_S)
    finally:
        process.kill()
        process.communicate()
    told = json.loads(output)
    sent.generator_cpu_s = told["cpu_s"]
    sent.everything = [Answer(*fields) for fields in told["answers"]]
    sent.answers = [each for each in sent.everything if offer.settling_s <= each.ended <= offer.seconds]
    sent.measured_s = offer.seconds - offer.settling_s


class _Connection(asyncio.Protocol):
    """A kept-alive connection that asks one thing at a time, and says when it was answered."""

    def __init__(self, answered: Callable[["_Connection", int, int], None]) -> None:
        self._answered = answered
        self._received = b""
        self._asks = False
        self.began = 0.0
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class

    def ask(self, request: bytes, now: float) -> None:
        self._asks = True
        self._received = b""
        self.transport.write(request)
        self.began = now

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        head = head.lower()
        if len(body) < int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]):
            return
        if b"connection: close" in head:
            self.transport.close()
        self._asks = False
        self._answered(self, int(head[9:12]), body.count(SCORED))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._asks:
            self._asks = False
            self._answered(self, LOST, 0)


class _Generator:
    def __init__(self, port: int, requests: Sequence[bytes], offer: Offer) -> None:
        self._port = port
        self._requests = requests
        self._offer = offer
        self._free: list[_Connection] = []
        self._sent = 0
        self._waiting = 0
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self.answers: list[Answer] = []

    async def run(self) -> None:
        """Send until the time is over, and wait for the answers that are missing then."""
        for _ in range(self._offer.callers):
            await self._ask()
        while (elapsed := self._loop.time() - self._began) < self._offer.seconds:
            for _ in range(int(elapsed * self._offer.per_second) - self._sent):
                await self._ask()
            await asyncio.sleep(TICK_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self._all_answered()

    async def _all_answered(self) -> None:
        while self._waiting:  # noqa: ASYNC110  the callbacks have better things to do than to set an event
            await asyncio.sleep(TICK_S)

    async def _ask(self) -> None:
        self._sent += 1
        if self._waiting >= MAX_CONNECTIONS:
            return
        self._waiting += 1
        while self._free:
            if not (connection := self._free.pop()).transport.is_closing():
                self._send(connection)
                return
        try:
            _, connection = await self._loop.create_connection(
                lambda: _Connection(self._note), "127.0.0.1", self._port
            )
            self._send(connection)
        except OSError:
            self._waiting -= 1
            now = self._loop.time()
            self.answers.append(Answer(now - self._began, LOST, 0, 0))

    def _send(self, connection: _Connection) -> None:
        connection.ask(self._requests[self._sent % len(self._requests)], self._loop.time())

    def _note(self, connection: _Connection, status: int, scored: int) -> None:
        now = self._loop.time()
        self._waiting -= 1
        self.answers.append(Answer(now - self._began, status, now - connection.began, scored))
        self._free.append(connection)
        if self._offer.callers and now - self._began < self._offer.seconds:
            self._loop.create_task(self._ask())


def _request(body: bytes) -> bytes:
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _send(port: int, requests: Sequence[bytes], offer: Offer) -> list[Answer]:
    generator = _Generator(port, requests, offer)
    await generator.run()
    return generator.answers


def main(port: int, bodies: Sequence[str], offer: dict[str, float]) -> None:
    requests = [_request(Path(body).read_bytes()) for body in bodies]
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    began_s = time.process_time()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        answers = runner.run(_send(port, requests, Offer(**offer)))  # type: ignore[arg-type]
    cpu_s = time.process_time() - began_s
    told = [(each.ended, each.status, each.seconds, each.scored) for each in answers]
    json.dump({"cpu_s": cpu_s, "answers": told}, sys.stdout)


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
