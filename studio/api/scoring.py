"""Scoring: the fenced pool of a process of the web server, which all of its requests share."""

import asyncio
import atexit
import logging
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from logo_detection.artifact import Artifact, load_artifact
from logo_detection.errors import ArtifactError, ItemError, LogoDetectionError, WorkerStartError
from logo_detection.pool.messages import Scored, Task, WorkerConfig
from logo_detection.pool.pool import ScoringPool

LOG = logging.getLogger(__name__)

MAX_REQUESTS = 4
"""That are scored at a time; others are refused, as each may hold its body in memory."""
START_TIMEOUT_S = 120.0
END_TIMEOUT_S = 30.0

_T = TypeVar("_T")


class Busy(LogoDetectionError):
    """Nothing can be scored now. One line, for whoever asked."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What came of some images, in their order.

    Attributes:
        model: Its name and version.
        labels: The model's, in the order of each image's scores.
        outcomes: One for each image.
    """

    model: str
    labels: tuple[str, ...]
    outcomes: tuple[Scored | ItemError, ...]


class Scorer:
    """Fenced processes, from the first request until the process ends.

    They belong to a thread of their own, which runs the pool's event loop: the kernel ends a worker together
    with the thread that has started it, and threads of a web server come and go.

    Args:
        model: The artifact.
        workers: Processes.
        decode_timeout_s: For one image.
        max_file_bytes: Of one image, as base64 text where it comes so.
    """

    def __init__(self, model: Path, *, workers: int, decode_timeout_s: float, max_file_bytes: int) -> None:
        self._model = model
        self._workers = workers
        self._decode_timeout_s = decode_timeout_s
        self._max_file_bytes = max_file_bytes
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(MAX_REQUESTS)
        self._running: _Running | None = None

    def score(self, tasks: Sequence[Task], timeout_s: float) -> Scores:
        """Score images. Nothing of them is kept.

        Raises:
            Busy: Others are scored, or it takes too long, or the model cannot be loaded.
        """
        if not self._slots.acquire(blocking=False):
            raise Busy("Others have pictures scored: try again later.")
        try:
            return self._started().score(tasks, timeout_s)
        finally:
            self._slots.release()

    def end(self) -> None:
        """End the processes; the next request starts others."""
        with self._lock:
            if self._running is not None:
                self._running.end()
                self._running = None

    def _started(self) -> "_Running":
        with self._lock:
            if self._running is None:
                artifact = _load(self._model)
                config = WorkerConfig(artifact.model_source(), max_image_bytes=self._max_file_bytes)
                pool = ScoringPool(config, workers=self._workers, decode_timeout_s=self._decode_timeout_s)
                self._running = _Running(pool, f"{artifact.name} {artifact.version}", artifact.labels)
                atexit.register(self.end)
            return self._running


def _load(model: Path) -> Artifact:
    try:
        return load_artifact(model)
    except ArtifactError as error:
        LOG.error("nothing can be scored: %s", error)
        raise Busy("There is no model that can score now.") from error


class _Running:
    """The pool in its thread; whoever makes one waits until it is ready."""

    def __init__(self, pool: ScoringPool, model: str, labels: tuple[str, ...]) -> None:
        self._model = model
        self._labels = labels
        self._pool = pool
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        self._thread = threading.Thread(target=self._loop.run_forever, name="scorer", daemon=True)
        self._thread.start()
        try:
            self._ask(self._stack.enter_async_context(pool)).result(START_TIMEOUT_S)
        except (WorkerStartError, TimeoutError) as error:
            self._stop()
            raise Busy("The model cannot be loaded now.") from error

    def score(self, tasks: Sequence[Task], timeout_s: float) -> Scores:
        asked = self._ask(self._score_all(tasks))
        try:
            return Scores(self._model, self._labels, asked.result(timeout_s))
        except (TimeoutError, CancelledError) as error:
            asked.cancel()
            raise Busy("The pictures took too long: send fewer, or try again later.") from error

    def end(self) -> None:
        self._ask(self._stack.aclose()).result(END_TIMEOUT_S)
        self._stop()

    def _ask(self, work: Coroutine[Any, Any, _T]) -> "Future[_T]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(END_TIMEOUT_S)
        self._loop.close()

    async def _score_all(self, tasks: Sequence[Task]) -> tuple[Scored | ItemError, ...]:
        flow = object()  # so that one image waits behind no other request's fifty
        return tuple(await asyncio.gather(*(self._score(task, flow) for task in tasks)))

    async def _score(self, task: Task, flow: object) -> Scored | ItemError:
        try:
            return await self._pool.score(task, flow)
        except ItemError as error:
            return error.with_traceback(None)  # which would hold the image
