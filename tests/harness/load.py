"""Load: requests sent to a server from a process of its own, and how each was answered.

    # In folder/SHAPE, NAME.json is a body of V1, NAME.http a whole request, NAME.grpc a message of gRPC's
    # ModelInfer; a group sends its shape's.
    with LoadGenerator(folder) as load:
        sent = load.send(server.port, 5.0, Group("one", callers=8))  # each caller waits for its answer
        with load.sending(server.port, 5.0, Group("one", per_second=500)) as sent:  # nobody waits
            ...

The process has prepared bytes and uvloop, and does no more than it must: it shares the machine with the
server that it measures.
"""

import asyncio
import gc
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from itertools import chain, cycle, islice
from pathlib import Path

import uvloop

from tests.harness.connections import GrpcConnection, HttpConnection, Reply
from tests.harness.process import START_TIMEOUT_S, Document, Subprocess, serve_commands
from tests.harness.requests import head

ANSWER_TIMEOUT_S = 60.0  # after the last request began
TICK_S = 0.004
MAX_CONNECTIONS = 900  # of a group with a rate; requests beyond are lost
CALL_STRIDE = 13  # callers start at different bodies


@dataclass(frozen=True, slots=True)
class Group:
    """Those who send requests of one shape: so many callers in a closed loop, or a rate in an open one.

    Attributes:
        shape: The folder of their bodies.
        callers: 0 for a rate.
        per_second: Requests.
        pause_s: A caller waits a random time of at most this between an answer and its next request, so that
            it does not keep step with the server.
    """

    shape: str
    callers: int = 0
    per_second: float = 0.0
    pause_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one request.

    Attributes:
        ended: Seconds after the first request.
        status: HTTP's, or LOST.
        seconds: From the request's first byte to the answer's last.
        scored: Images.
    """

    ended: float
    status: int
    seconds: float
    scored: int


@dataclass(slots=True)
class Sent:
    """What was sent, group by group.

    Attributes:
        seconds: Until the last answer.
        cpu_s: What sending it all cost the generator's process.
        fault: The beginning of an answer other than 200 with nothing but scores; empty: there was none.
    """

    groups: list[list[Answer]] = field(default_factory=list)
    seconds: float = 0.0
    cpu_s: float = 0.0
    fault: str = ""

    @property
    def answers(self) -> list[Answer]:
        return list(chain.from_iterable(self.groups))

    @property
    def scored(self) -> int:
        """Images."""
        return sum(answer.scored for answer in self.answers)

    @property
    def statuses(self) -> Counter[int]:
        return Counter(answer.status for answer in self.answers)

    def between(self, from_s: float, to_s: float) -> "Sent":
        """Those alone whose answers ended in that time."""
        within = [[each for each in group if from_s <= each.ended <= to_s] for group in self.groups]
        return Sent(within, to_s - from_s)

    def latency_s(self, status: int, quantile: float) -> float:
        """How long answers of a status took; that quantile of them."""
        times = sorted(answer.seconds for answer in self.answers if answer.status == status)
        return times[min(len(times) - 1, int(quantile * len(times)))]


class LoadGenerator(Subprocess):
    """The process that sends, for the length of a `with` block."""

    def __init__(self, bodies: Path, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        super().__init__("tests.harness.load", bodies)
        self._answer_timeout_s = answer_timeout_s

    def send(self, port: int, seconds: float, *groups: Group) -> Sent:
        """Begin requests for so many seconds, and wait for the answers."""
        with self.sending(port, seconds, *groups) as sent:
            pass
        return sent

    @contextmanager
    def sending(self, port: int, seconds: float, *groups: Group) -> Iterator[Sent]:
        """The same, while the block runs; what came of it is known when the block has ended."""
        give_up_s = seconds + self._answer_timeout_s
        command = {"port": port, "seconds": seconds, "give_up_s": give_up_s}
        self.tell({"do": "send", **command, "groups": list(map(asdict, groups))})
        sent = Sent()
        yield sent
        answer = self.answer(give_up_s + START_TIMEOUT_S)
        sent.groups = [[Answer(*fields) for fields in group] for group in answer["groups"]]
        sent.seconds, sent.cpu_s, sent.fault = answer["seconds"], answer["cpu_s"], answer["fault"]


def write_bodies(folder: Path, shape: str, bodies: Sequence[bytes]) -> None:
    """Put bodies where a generator finds them."""
    (folder / shape).mkdir(parents=True)
    for number, body in enumerate(bodies):
        (folder / shape / f"{number:04}.json").write_bytes(body)


def write_whole_requests(folder: Path, shape: str, requests: Sequence[bytes]) -> None:
    """Put whole requests where a generator finds them."""
    (folder / shape).mkdir(parents=True)
    for number, request in enumerate(requests):
        (folder / shape / f"{number:04}.http").write_bytes(request)


def write_messages(folder: Path, shape: str, messages: Sequence[bytes]) -> None:
    """Put messages of ModelInfer where a generator finds them; each has one image."""
    (folder / shape).mkdir(parents=True)
    for number, message in enumerate(messages):
        (folder / shape / f"{number:04}.grpc").write_bytes(message)


class _Sender:
    """One group, until its time is over."""

    def __init__(
        self, port: int, bodies: Sequence["_Request"], group: Group, seconds: float, give_up_s: float
    ) -> None:
        self._port = port
        self._make = bodies[0].connection
        self._bodies = bodies
        self._group = group
        self._began = time.perf_counter()
        self._until = self._began + seconds
        self._give_up_s = give_up_s
        self._free: list[HttpConnection] = []
        self._waiting = 0
        self.answers: list[Answer] = []
        self.fault = ""

    async def run(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._give_up_s), asyncio.TaskGroup() as tasks:
                for number in range(self._group.callers):
                    tasks.create_task(self._call(number))
                if self._group.per_second:
                    await self._keep_rate(tasks)
        for connection in self._free:
            connection.transport.close()

    async def _call(self, number: int) -> None:
        start = number * CALL_STRIDE % len(self._bodies)
        for body in islice(cycle(self._bodies), start, None):
            if time.perf_counter() >= self._until or not await self._ask(body):
                return
            if self._group.pause_s:
                await asyncio.sleep(random.uniform(0, self._group.pause_s))

    async def _keep_rate(self, tasks: asyncio.TaskGroup) -> None:
        bodies, sent = cycle(self._bodies), 0
        while (now := time.perf_counter()) < self._until:
            due = int((now - self._began) * self._group.per_second)
            for body in islice(bodies, due - sent):
                tasks.create_task(self._ask(body))
            sent = due
            await asyncio.sleep(TICK_S)

    async def _ask(self, body: "_Request") -> bool:
        """Send one request, and note its answer; whether there was somebody to send it to."""
        connection = await self._connection() if self._waiting < MAX_CONNECTIONS else None
        began = time.perf_counter()
        if connection is None:
            self._note(Reply(), began, began)
            return False
        self._waiting += 1
        try:
            answer = await connection.ask(body.data)
        except asyncio.CancelledError:  # it is too late for an answer
            self._note(Reply(), began, time.perf_counter())
            raise
        self._note(answer, began, connection.ended)
        self._free.append(connection)
        self._waiting -= 1
        return True

    async def _connection(self) -> HttpConnection | None:
        while self._free:
            if not (connection := self._free.pop()).transport.is_closing():
                return connection
        try:
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(self._make, "127.0.0.1", self._port)
        except OSError:
            return None
        return connection

    def _note(self, reply: Reply, began: float, ended: float) -> None:
        self.answers.append(Answer(ended - self._began, reply.status, ended - began, reply.scored))
        self.fault = self.fault or reply.fault


@dataclass(frozen=True, slots=True)
class _Request:
    """What is sent, and on which kind of connection."""

    data: bytes
    connection: type[HttpConnection]


class _Generator:
    """What the process does: it sends groups of requests of the shapes that it knows."""

    def __init__(self, folder: Path) -> None:
        self._requests = {
            shape.name: [_read_request(path) for path in sorted(shape.iterdir())]
            for shape in folder.iterdir()
        }

    def send(self, command: Document) -> Document:
        gc.disable()
        cpu_s = time.process_time()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            senders, seconds = runner.run(self._send(command))
        gc.enable()
        fields = [[(a.ended, a.status, a.seconds, a.scored) for a in each.answers] for each in senders]
        return {
            "groups": fields,
            "seconds": seconds,
            "cpu_s": time.process_time() - cpu_s,
            "fault": next((each.fault for each in senders if each.fault), ""),
        }

    async def _send(self, command: Document) -> tuple[list[_Sender], float]:
        began, port = time.perf_counter(), command["port"]
        senders = [
            _Sender(port, self._requests[group.shape], group, command["seconds"], command["give_up_s"])
            for group in (Group(**each) for each in command["groups"])
        ]
        await asyncio.gather(*(sender.run() for sender in senders))
        return senders, time.perf_counter() - began


def _read_request(path: Path) -> _Request:
    body = path.read_bytes()
    if path.suffix == ".grpc":
        return _Request(body, GrpcConnection)
    whole = body if path.suffix == ".http" else head(f"Content-Length: {len(body)}") + body
    return _Request(whole, HttpConnection)


def main(folder: str) -> None:
    generator = _Generator(Path(folder))
    gc.freeze()
    serve_commands({"send": generator.send})


if __name__ == "__main__":
    main(*sys.argv[1:])
