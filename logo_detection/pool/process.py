"""A worker process as its parent sees it: started, given one image at a time, watched, ended.

`logo_detection.pool.worker` is the other end of the socket; `logo_detection.pool.messages` says what is sent.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import orjson

from logo_detection.errors import WorkerStartError
from logo_detection.pool.messages import PREFIX, Task, WorkerConfig, frame, is_built

MAX_REPLY_BYTES = 1280 * 2**10
"""A thumbnail has at most 1,048,576, an explanation 201,300 of an overlay and 25,000 of numbers."""
REAP_TIMEOUT_S = 5.0
_REAP_POLL_S = 0.005
_PIECE = 64 * 2**10  # bytes, or characters; an image that has no more is sent together with its frame

# All that a worker sees of this process's environment, which may hold secrets.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")
WORKER_ENVIRONMENT = {
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


class WorkerProcess:
    """A worker process, and this end of its socket.

    Attributes:
        ready: It has scored its warm-up images, and is not lost.
        explains: Its model has heat maps.
        can_explain: It has built what explains.
        images: How many it was given.
        lost: Why it was killed, or found dead; empty while it is of use.
        unread: It ended before it had read the whole image, which cannot be what it died of.
        idle: What its slot waits for while there is no image; None if the worker is lost meanwhile.
    """

    def __init__(self, config: WorkerConfig) -> None:
        self.ready = False
        self.explains = False
        self.can_explain = False
        self.images = 0
        self.lost = ""
        self.unread = False
        self.idle: asyncio.Future[Any] | None = None
        self._reply: asyncio.Future[bytes | None] | None = None
        self._buffer = memoryview(bytearray(PREFIX.size + MAX_REPLY_BYTES))
        self._filled = 0
        try:
            self._socket, self._process = _start_process()
        except OSError as error:
            raise WorkerStartError(f"no process can be started: {error.strerror}") from error
        with suppress(OSError):  # one that is dead already is found so when it should be ready
            self._socket.sendall(frame(config.to_json()))  # fits into the socket's buffer
        self._socket.setblocking(False)

    @property
    def busy(self) -> bool:
        """Whether it has an image."""
        return self.ready and self._reply is not None

    @property
    def pid(self) -> int:
        """The process's number; the system may have given it to another once `end` has returned."""
        return self._process.pid

    @property
    def ending(self) -> str:
        """How the process ended, once it did: a signal's name, or its exit status."""
        status = self._process.returncode
        return signal.Signals(-status).name if status is not None and status < 0 else f"status {status}"

    async def wait_until_ready(self, timeout_s: float) -> None:
        """Read the worker's first frame.

        Raises:
            WorkerStartError: It says why it cannot start, ends, or stays silent; or it cannot be listened to.
        """
        try:
            asyncio.get_running_loop().add_reader(self._socket.fileno(), self._read)
        except OSError as error:
            raise WorkerStartError(f"a worker cannot be listened to: {error.strerror}") from error
        reply = await self._send_and_receive(timeout_s, f"it was silent for {timeout_s:g} s")
        first = orjson.loads(reply or b"{}")
        self.ready = "ready" in first
        self.explains = first.get("explains") is True
        if not self.ready:
            await self.end()
            raise WorkerStartError(
                first.get("failed") or f"a worker did not start: {self.lost} ({self.ending})"
            )

    async def score(self, task: Task, timeout_s: float) -> bytes | None:
        """Have one image scored. Returns the JSON of the reply; None when the worker was lost over it."""
        self.images += 1
        size_bytes, pieces = _pieces(task.data)
        head = frame(task.to_json(timeout_s), size_bytes)
        request = chain((head + next(pieces, b""),), pieces)
        return await self._send_and_receive(timeout_s, f"an image took more than {timeout_s:g} s", request)

    async def build_explainer(self, timeout_s: float) -> None:
        """Have it build what explains. It can explain afterwards, or the log knows why not, or it is lost."""
        request = frame({"build": "explainer", "timeout_s": timeout_s})
        too_late = f"it took more than {timeout_s:g} s to build what explains"
        reply = await self._send_and_receive(timeout_s, too_late, (request,))
        if reply is not None:
            try:
                self.can_explain = is_built(reply)
            except ValueError:
                self.lose("its reply was malformed")

    async def _send_and_receive(
        self, timeout_s: float, too_late: str, request: Iterable[bytes | memoryview] = ()
    ) -> bytes | None:
        loop = asyncio.get_running_loop()
        self._reply = loop.create_future()
        alarm = loop.call_later(timeout_s, self._expire, self._reply, too_late)
        try:
            for piece in request:
                await loop.sock_sendall(self._socket, piece)
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
            self.lose("it sent what nobody asked for")
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


def _pieces(data: bytes | bytearray | memoryview | str) -> tuple[int, Iterator[bytes | memoryview]]:
    """How many bytes an image has, and the bytes."""
    if isinstance(data, str) and data.isascii():  # else it is no base64, and may as well be copied
        return len(data), (data[at : at + _PIECE].encode() for at in range(0, len(data), _PIECE))
    image = memoryview(data.encode() if isinstance(data, str) else data).cast("B")
    return image.nbytes, (piece for piece in (image[:_PIECE], image[_PIECE:]) if len(piece))


def _start_process() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """A worker process, and our end of its socket."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            return ours, _run_worker(theirs.fileno())
        except OSError:
            ours.close()
            raise


def _run_worker(fd: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  no caller's word is in it
        [sys.executable, "-P", "-m", "logo_detection.pool.worker", str(fd)],
        pass_fds=[fd],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,  # the batch command's results go there
        env=worker_environment(),
        process_group=0,  # a signal to the server's group is for the server to handle
    )


def worker_environment() -> dict[str, str]:
    """What a worker sees of ours, which may hold secrets; and where this package is, whatever the cwd."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    package_root = str(Path(__file__).resolve().parents[2])
    search_path = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
    return {**kept, **WORKER_ENVIRONMENT, "PYTHONPATH": search_path}
