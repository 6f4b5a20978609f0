"""Scoring: the fenced pool of a process of the web server, which all of its requests share.

Its model is the active version, or the studio's model as long as there is none. Nothing of a picture is kept.
"""

import asyncio
import atexit
import logging
import threading
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from django.apps import apps
from django.core.files.uploadedfile import UploadedFile

from evaluation.metrics import target_of
from logo_detection.artifact import Artifact, load_artifact
from logo_detection.errors import (
    ArtifactError,
    ImageTooLarge,
    ItemError,
    LogoDetectionError,
    WorkerStartError,
)
from logo_detection.pool.messages import Scored, Task, WorkerConfig
from logo_detection.pool.pool import ScoringPool
from studio.images.inspection import PREVIEW_SIDE, contrast_of
from studio.publishing.active import link_of
from studio.settings import Settings
from studio.trying.apps import TryingConfig

LOG = logging.getLogger(__name__)

MAX_REQUESTS = 4
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


def task_of(file: "UploadedFile[bytes]", max_bytes: int) -> Task | None:
    """An uploaded file's bytes; None where there are too many for one image."""
    return Task(file.read()) if (file.size or 0) <= max_bytes else None


def too_large(max_bytes: int) -> ItemError:
    """What comes of a file that is not scored, as it has more bytes."""
    return ImageTooLarge(f"the file has more than {max_bytes:,} bytes")


class Scorer:
    """Fenced processes, from the first request until the process ends.

    They belong to a thread of their own, which runs the pool's event loop: the kernel ends a worker together
    with the thread that has started it, and threads of a web server come and go.

    Where another version is active than they have loaded, the next request starts others, and they end with
    the last request that they have begun.

    Args:
        settings: Those of the studio.
        max_requests: That are scored at a time; others are refused, as each may hold its body in memory.
    """

    def __init__(self, settings: Settings, max_requests: int = MAX_REQUESTS) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(max_requests)
        self._running: _Running | None = None

    def score(self, tasks: Sequence[Task], timeout_s: float, *, is_shown: bool = False) -> Scores:
        """Score images.

        Args:
            tasks: The images.
            timeout_s: For all of them.
            is_shown: Whether people will see them: asks for their previews, and for heat maps of the model's
                target, where it has any. See `studio.images.inspection.inspected_of`.

        Raises:
            Busy: Others are scored, or it takes too long, or the model cannot be loaded.
        """
        if not self._slots.acquire(blocking=False):
            raise Busy("Others have pictures scored: try again later.")
        try:
            with self._used() as running:
                return running.score(tasks, timeout_s, is_shown)
        finally:
            self._slots.release()

    def end(self) -> None:
        """End the processes, those in use with their last request; the next one starts others."""
        with self._lock:
            former, self._running = self._running, None
            if former is not None and not former.users:
                former.end()

    @contextmanager
    def _used(self) -> Iterator["_Running"]:
        """The processes with the model of now, which do not end meanwhile."""
        with self._lock:
            running = self._current()
            running.users += 1
        try:
            yield running
        finally:
            with self._lock:
                running.users -= 1
                is_over = running is not self._running and not running.users
            if is_over:
                running.end()

    def _current(self) -> "_Running":
        model, former = _model_of(self._settings), self._running
        if former is None or former.path != model:
            self._running = self._start(model)
            if former is None:
                atexit.register(self.end)
            elif not former.users:
                former.end()
        assert self._running is not None  # noqa: S101  it was started
        return self._running

    def _start(self, model: Path) -> "_Running":
        settings, artifact = self._settings, _load(model)
        config = WorkerConfig(artifact.model_source(), max_image_bytes=settings.file_max_size)
        pool = ScoringPool(config, workers=settings.score_workers, decode_timeout_s=settings.decode_timeout_s)
        return _Running(pool, model, artifact)


def scorer_of_process() -> Scorer:
    """That which all requests of this process share."""
    config = apps.get_app_config("trying")
    assert isinstance(config, TryingConfig)  # noqa: S101  ours is installed
    return config.scorer


def _model_of(settings: Settings) -> Path:
    """Of the active version, or the studio's model as long as there is none. The files of neither change."""
    link = link_of(settings.data)
    return link.resolve() if link.is_symlink() else settings.model


def _load(model: Path) -> Artifact:
    try:
        return load_artifact(model)
    except ArtifactError as error:
        LOG.error("nothing can be scored: %s", error)
        raise Busy("There is no model that can score now.") from error


class _Running:
    """The pool in its thread; whoever makes one waits until it is ready.

    Attributes:
        path: Of its model.
        users: Requests that it scores now, by the count of who has made it.
    """

    def __init__(self, pool: ScoringPool, path: Path, artifact: Artifact) -> None:
        self.path = path
        self.users = 0
        self._model = f"{artifact.name} {artifact.version}"
        self._labels = artifact.labels
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

    def score(self, tasks: Sequence[Task], timeout_s: float, is_shown: bool) -> Scores:
        if is_shown:
            target = self._labels[target_of(self._labels)]
            contrast = contrast_of(self._pool, self._labels, target)
            tasks = [replace(task, contrast=contrast, thumbnail_side=PREVIEW_SIDE) for task in tasks]
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
