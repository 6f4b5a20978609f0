"""The fenced pool: scoring processes, and what happens to an image whose process dies of it.

    score(task, lane) -> lane -> seat -> worker -> Scored, or an ItemError

The pool has a fixed number of seats. A seat takes the next image, round-robin over the lanes,
when its worker has nothing to do; so an image waits here, where it can be cancelled and
overtaken, and never in a worker. When a worker crashes, hangs or says something strange, its
seat loses that image, starts another worker, and takes no image until that one is ready. An
image that the worker had not read yet goes to another one, once.

Why not `pebble`: docs/decisions/own-pool-rather-than-pebble.md.
"""

import asyncio
import json
import logging
import math
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Coroutine, Hashable
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from time import perf_counter
from typing import Any, Self, TypeVar

from logo_detection.errors import ImageTimeout, InternalError, ItemError, WorkerStartError, item_error
from logo_detection.header import Format
from logo_detection.turns import Lanes
from logo_detection.worker import MAX_REASON_CHARS, PREFIX, WorkerConfig, frame

logger = logging.getLogger(__name__)

MAX_REPLY_BYTES = 64 * 2**10
RESTART_PAUSES_S = (0.1, 1.0, 5.0, 30.0)
REAP_TIMEOUT_S = 5.0
_REAP_POLL_S = 0.005
_COPIED_BYTES = 64 * 2**10  # to send a small image's frame as one piece is cheaper than to spare the copy

# All that a worker sees of this process's environment, which may hold secrets.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")
_FIXED = {
    "OMP_NUM_THREADS": "1",  # a worker per core, and a thread per worker
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    # glibc would return an image's memory to the system and fetch it again for the next: 480 page faults, and
    # 15 % of the time, for a JPEG of 1024x1024.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(64 * 2**20),
}
_CAUSE = re.compile(r"\w{1,100} at [\w.<>-]{1,100}:\d{1,9}")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Task:
    """One image to score: its bytes as fetched, or its base64 text as it came."""

    data: bytes | bytearray | memoryview
    is_base64: bool = False


@dataclass(frozen=True, slots=True)
class Scored:
    """One image's probabilities, in label order, and what was seen on the way.

    Attributes:
        scores: Sum to 1.
        format: A value of `Format`.
        width: Of the image as it came, pixels.
        height: Likewise.
        queue_s: Seconds until a worker had time for it.
        decode_s: Seconds of base64, header gate, decoding and resizing.
        score_s: Seconds of inference.
    """

    scores: tuple[float, ...]
    format: str
    width: int
    height: int
    queue_s: float
    decode_s: float
    score_s: float


class ScoringPool:
    """So many worker processes, for the length of an `async with` block in one event loop.

    Callers bound how many images wait here, and for how long: a cancelled `score` leaves its
    lane, or its worker finishes the image for nobody.

    Args:
        config: What every worker is given.
        workers: How many there are.
        decode_timeout_s: Seconds for one image in a worker; then the worker is killed.
        start_timeout_s: Seconds for a worker to load the model and to score its warm-up images.
        recycle_after: Images after which a worker is replaced, in case a decoder leaks memory: one
            worker after another, each when its successor is ready. 0: never.
    """

    def __init__(
        self,
        config: WorkerConfig,
        *,
        workers: int,
        decode_timeout_s: float = 3.0,
        start_timeout_s: float = 60.0,
        recycle_after: int = 10_000,
    ) -> None:
        self._config = config
        self._size = workers
        self._decode_timeout_s = decode_timeout_s
        self._start_timeout_s = start_timeout_s
        self._recycle_after = recycle_after
        self._workers: set[_Worker] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._jobs: Lanes[_Job] = Lanes()
        self._idle: Lanes[asyncio.Future[_Job | None]] = Lanes()
        self._unanswered: set[_Job] = set()
        self._open = False
        self._restarts = 0

    @property
    def workers_ready(self) -> int:
        """Workers that score, or could."""
        ready = sum(worker.ready for worker in self._workers)
        return min(ready, self._size)  # a successor is ready while its predecessor still works

    @property
    def busy(self) -> int:
        """Workers that have an image."""
        return sum(worker.busy for worker in self._workers)

    @property
    def waiting(self) -> int:
        """Images that no worker has yet."""
        return len(self._jobs)

    @property
    def restarts(self) -> int:
        """Workers that were lost; those that had done their share are not counted."""
        return self._restarts

    def launch(self) -> None:
        """Start the processes, without an event loop and without waiting until they are ready.

        From a thread that lives as long as the pool: the kernel ends a worker together with the
        thread that started it.

        Raises:
            WorkerStartError: The system starts no more processes.
        """
        while len(self._workers) < self._size:
            self._launch_worker()

    async def __aenter__(self) -> Self:
        """Wait until every worker has scored its warm-up images.

        Raises:
            WorkerStartError: One of them ended, or stayed silent.
        """
        try:
            self.launch()
            for worker in self._workers:
                await worker.wait_until_ready(self._start_timeout_s)
        except BaseException:
            await self._close()
            raise
        for number, worker in enumerate(self._workers, start=1):
            self._spawn(self._keep_seat(worker, share=self._recycle_after * number // self._size))
        self._open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        """Kill the workers. An image that is still here is an `InternalError`."""
        await self._close()

    async def score(self, task: Task, lane: Hashable) -> Scored:
        """Score one image, when it is its lane's turn and a worker's time.

        Raises:
            ItemError: It has no score; `ImageTimeout` also where the worker died on it.
        """
        if not self._open:
            raise InternalError
        job = _Job(task, lane)
        self._unanswered.add(job)
        self._offer(job)
        try:
            return await job.result
        except asyncio.CancelledError:
            self._jobs.leave(lane, job)
            raise
        finally:
            self._unanswered.discard(job)
            del job  # it holds the error, whose traceback holds this frame, and so the image's bytes

    def _offer(self, job: "_Job") -> None:
        if seat := self._idle.pop():
            seat.set_result(job)
        else:
            self._jobs.add(job.lane, job)

    async def _keep_seat(self, worker: "_Worker", share: int) -> None:
        while True:
            worker = await self._work(worker, share)
            share = self._recycle_after

    async def _work(self, worker: "_Worker", share: int) -> "_Worker":
        """Use a worker until it is lost, or has done its share and can be relieved. Returns its successor."""
        successor: asyncio.Task[_Worker] | None = None
        while not worker.lost and not (successor and successor.done()):
            if job := await self._next_job(worker):
                await self._do(job, worker)
            del job  # and its bytes; not while waiting for the next
            if worker.images == share > 0:
                successor = self._spawn(self._hire())
        await self._dismiss(worker)
        if worker.lost:
            self._restarts += 1
            logger.warning("a worker was lost: %s (%s)", worker.lost, worker.ending)
        return await (successor or self._hire())

    async def _next_job(self, worker: "_Worker") -> "_Job | None":
        """The next image; None when the worker was lost before there was one."""
        if job := self._jobs.pop():
            return job
        worker.idle = asyncio.get_running_loop().create_future()
        self._idle.add(worker, worker.idle)
        try:
            return await worker.idle
        finally:
            self._idle.leave(worker, worker.idle)
            worker.idle = None

    async def _do(self, job: "_Job", worker: "_Worker") -> None:
        queue_s = perf_counter() - job.asked
        reply = await worker.ask(job.task, self._decode_timeout_s)
        if reply is None and worker.unread and not job.retried:
            job.retried = True
            self._offer(job)
            return
        outcome: Scored | ItemError = ImageTimeout()
        if reply is not None:
            try:
                outcome = parse_reply(reply, len(self._config.source.labels), queue_s)
            except ValueError:
                worker.lose("its reply was malformed")
        job.answer(outcome)

    async def _hire(self) -> "_Worker":
        """A worker that is ready, however many attempts that takes."""
        pauses_s = chain(RESTART_PAUSES_S, repeat(RESTART_PAUSES_S[-1]))
        while True:
            try:
                return await self._try_to_hire()
            except WorkerStartError as error:
                pause_s = next(pauses_s)
                logger.error("a worker was not replaced, next attempt in %g s: %s", pause_s, error)
            await asyncio.sleep(pause_s)

    async def _try_to_hire(self) -> "_Worker":
        worker = self._launch_worker()
        try:
            await worker.wait_until_ready(self._start_timeout_s)
        except WorkerStartError:
            await self._dismiss(worker)
            raise
        return worker

    def _launch_worker(self) -> "_Worker":
        worker = _Worker(self._config)
        self._workers.add(worker)
        return worker

    async def _dismiss(self, worker: "_Worker") -> None:
        await worker.end()
        self._workers.discard(worker)

    def _spawn(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.critical("a seat of the pool is gone for good", exc_info=error)

    async def _close(self) -> None:
        self._open = False
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for job in self._unanswered:
            job.answer(InternalError())
        for worker in self._workers:
            worker.kill()
        for worker in tuple(self._workers):
            await self._dismiss(worker)


class _Job:
    """An image on its way to its scores."""

    def __init__(self, task: Task, lane: Hashable) -> None:
        self.task = task
        self.lane = lane
        self.retried = False
        self.asked = perf_counter()
        self.result: asyncio.Future[Scored] = asyncio.get_running_loop().create_future()

    def done(self) -> bool:
        """Whether it was answered, or nobody wants the answer."""
        return self.result.done()

    def answer(self, outcome: Scored | ItemError) -> None:
        """Wake the caller, unless it is gone."""
        if self.result.done():
            return
        if isinstance(outcome, ItemError):
            self.result.set_exception(outcome)
        else:
            self.result.set_result(outcome)


class _Worker:
    """A worker process, and this end of its socket.

    Attributes:
        ready: It has scored its warm-up images, and is not lost.
        images: How many it was given.
        lost: Why it was killed, or found dead; empty while it is of use.
        unread: It ended before it had read the whole image, which cannot be what it died of.
        idle: What its seat waits on while there is no image; None if the worker is lost meanwhile.
    """

    def __init__(self, config: WorkerConfig) -> None:
        self.ready = False
        self.images = 0
        self.lost = ""
        self.unread = False
        self.idle: asyncio.Future[_Job | None] | None = None
        self._reply: asyncio.Future[bytes | None] | None = None
        self._buffer = memoryview(bytearray(PREFIX.size + MAX_REPLY_BYTES))
        self._filled = 0
        self._socket, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = _start_process(theirs.fileno())
            except OSError as error:
                self._socket.close()
                raise WorkerStartError(f"no process can be started: {error.strerror}") from error
        with suppress(OSError):  # one that is dead already is found so when it should be ready
            self._socket.sendall(frame(config.to_json()))  # fits into the socket's buffer
        self._socket.setblocking(False)

    @property
    def busy(self) -> bool:
        """Whether it has an image."""
        return self.ready and self._reply is not None

    @property
    def ending(self) -> str:
        """How the process ended, once it did: a signal's name, or its exit status."""
        status = self._process.returncode
        return signal.Signals(-status).name if status is not None and status < 0 else f"status {status}"

    async def wait_until_ready(self, timeout_s: float) -> None:
        """Read the worker's first frame.

        Raises:
            WorkerStartError: It says why it cannot start, ends, or stays silent.
        """
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._read)
        reply = await self._exchange(timeout_s, f"it was silent for {timeout_s:g} s")
        first = json.loads(reply or "{}")
        self.ready = "ready" in first
        if not self.ready:
            await self.end()
            raise WorkerStartError(
                first.get("failed") or f"a worker did not start: {self.lost} ({self.ending})"
            )

    async def ask(self, task: Task, timeout_s: float) -> bytes | None:
        """Have one image scored. Returns the JSON of the reply; None when the worker was lost over it."""
        self.images += 1
        image = memoryview(task.data).cast("B")
        request = frame({"is_base64": task.is_base64, "timeout_s": timeout_s}, image.nbytes)
        parts = request + image[:_COPIED_BYTES], image[_COPIED_BYTES:]
        return await self._exchange(timeout_s, f"an image took more than {timeout_s:g} s", *parts)

    async def _exchange(self, timeout_s: float, too_late: str, *request: bytes | memoryview) -> bytes | None:
        loop = asyncio.get_running_loop()
        self._reply = loop.create_future()
        alarm = loop.call_later(timeout_s, self._expire, self._reply, too_late)
        try:
            for part in request:
                if len(part):
                    await loop.sock_sendall(self._socket, part)
            return await self._reply
        except OSError:
            self.unread = self.lost != too_late
            self.lose("it ended")
            return None
        finally:
            alarm.cancel()
            self._reply = None

    def _expire(self, reply: "asyncio.Future[bytes | None]", too_late: str) -> None:
        if not reply.done():  # else it came in this very pass of a loop that was held up
            self.lose(too_late)

    def _read(self) -> None:
        """Take what there is to read: a piece of the reply. Anything else loses the worker."""
        try:
            received = self._socket.recv_into(self._buffer[self._filled :])
        except BlockingIOError:
            return
        except ConnectionResetError:  # so Linux tells from its end that it left bytes unread
            self.unread = self._reply is not None
            received = 0
        if not received:
            self.lose("it ended")
        elif self._reply is None or self._reply.done():
            self.lose("it spoke unasked")
        else:
            self._filled += received
            self._complete(self._reply)

    def _complete(self, reply: "asyncio.Future[bytes | None]") -> None:
        if self._filled < PREFIX.size:
            return
        json_bytes, follows_bytes = PREFIX.unpack_from(self._buffer)
        whole = PREFIX.size + json_bytes
        if follows_bytes or whole > len(self._buffer) or self._filled > whole:
            self.lose("its reply was malformed")
        elif self._filled == whole:
            self._filled = 0
            reply.set_result(bytes(self._buffer[PREFIX.size : whole]))

    def lose(self, reason: str) -> None:
        """Give the worker up: kill it, and wake whoever waits for it."""
        self.lost = self.lost or reason
        self.kill()
        for waiting in (self._reply, self.idle):
            if waiting and not waiting.done():
                waiting.set_result(None)

    def kill(self) -> None:
        """End the process now; it has nothing to save."""
        self.ready = False
        self._process.kill()
        with suppress(OSError):  # it is not connected any more
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes a send that waits for it to read
        if (fd := self._socket.fileno()) >= 0:
            asyncio.get_running_loop().remove_reader(fd)

    async def end(self) -> None:
        """Kill the process, and wait until the system has forgotten it."""
        self.kill()
        for _ in range(round(REAP_TIMEOUT_S / _REAP_POLL_S)):
            if self._process.poll() is not None:
                break
            await asyncio.sleep(_REAP_POLL_S)
        self._socket.close()


def _start_process(fd: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  nothing of a stranger's is in it
        [sys.executable, "-P", "-m", "logo_detection.worker", str(fd)],
        pass_fds=[fd],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # the batch command's results go there
        env=_environment(),
        process_group=0,  # a signal to the server's group is for the server to handle
    )


def _environment() -> dict[str, str]:
    """What a worker sees of ours, which may hold secrets; and where this package is, whatever the cwd."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    package_root = str(Path(__file__).resolve().parents[1])
    search_path = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
    return {**kept, **_FIXED, "PYTHONPATH": search_path}


def parse_reply(reply: bytes, classes: int, queue_s: float) -> Scored | ItemError:
    """What a worker's reply says.

    Raises:
        ValueError: No sound worker says this.
    """
    try:
        document = json.loads(reply)
    except RecursionError as error:
        raise ValueError("nested JSON") from error
    match document:
        case {
            "scores": [*scores],
            "format": str(kind),
            "width": int(width),
            "height": int(height),
            "decode_s": float(decode_s),
            "score_s": float(score_s),
        } if len(scores) == classes and _are_numbers([*scores, decode_s, score_s]):
            return Scored(tuple(scores), Format(kind).value, width, height, queue_s, decode_s, score_s)
        case {"code": InternalError.code, "cause": str(cause)} if _CAUSE.fullmatch(cause):
            logger.error("an image could not be scored: %s", cause)
            return InternalError()
        case {"code": str(code), "message": str(message)}:
            return item_error(code, message[:MAX_REASON_CHARS])
    raise ValueError("not a reply")


def _are_numbers(values: list[object]) -> bool:
    return all(isinstance(value, float) and math.isfinite(value) for value in values)
