"""The fenced pool: scoring processes, and what happens to an image whose process dies of it.

Fenced means: a process of its own, a limit on its memory, and a time limit for each image.

    score(task, flow) -> fair queue -> slot -> worker -> Scored, or an ItemError

The pool has a fixed number of slots, with one worker each. A slot takes the next image from the fair queue
(`logo_detection.pool.fair_queue`) when its worker has nothing to do; so an image waits here, where it can be
cancelled and overtaken, and never in a worker. When a worker crashes, hangs or replies with something
strange, its slot loses that image, starts another worker, and takes no image until that one is ready. An
image that the worker had not read yet goes to another one, once.

A worker that runs out of memory on an admitted image is replaced, and the image goes to another one, once,
unless it was the worker's first.

Why not `pebble`: docs/decisions/own-pool-rather-than-pebble.md.
"""

import asyncio
import logging
from collections.abc import Coroutine, Hashable
from itertools import chain, repeat
from time import perf_counter
from typing import Any, Self, TypeVar

from logo_detection.errors import ImageTimeout, ImageTooManyPixels, InternalError, ItemError, WorkerStartError
from logo_detection.pool.fair_queue import FairQueue
from logo_detection.pool.messages import Scored, Task, WorkerConfig, parse_reply
from logo_detection.pool.process import WorkerProcess

logger = logging.getLogger(__name__)

RESTART_PAUSES_S = (0.1, 1.0, 5.0, 30.0)
RECENT_IMAGES = 64  # over about so many, the time that an image takes is averaged

_T = TypeVar("_T")


class ScoringPool:
    """So many worker processes, for the length of an `async with` block in one event loop.

    Callers bound how many images wait here, and for how long: a cancelled `score` leaves the
    queue, or its worker finishes the image for nobody.

    Args:
        config: What every worker is given.
        workers: How many there are.
        decode_timeout_s: Seconds for one image in a worker; then the worker is killed.
        start_timeout_s: Seconds for a worker to load the model and to score its warm-up images; and again to
            build what explains, before its first explanation.
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
        self._workers: set[WorkerProcess] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._jobs: FairQueue[_Job] = FairQueue()
        self._idle: FairQueue[asyncio.Future[_Job | None]] = FairQueue()
        self._unanswered: set[_Job] = set()
        self._open = False
        self._explains = False
        self._restarts = 0
        self._starting_fails = False
        self._busy_s = 0.0

    @property
    def workers_ready(self) -> int:
        """Workers that score, or could."""
        ready = sum(worker.ready for worker in self._workers)
        return min(ready, self._size)  # a successor is ready while its predecessor still works

    @property
    def has_live_workers(self) -> bool:
        """Whether a worker is ready, or may soon be. False once none is left, and the last start failed."""
        return self.workers_ready > 0 or not self._starting_fails

    @property
    def explains(self) -> bool:
        """Whether the model has heat maps; known once a worker has been ready."""
        return self._explains

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
        """Workers that were lost; those that were recycled are not counted."""
        return self._restarts

    @property
    def image_s(self) -> float:
        """Seconds that the workers together take for an image, lately; 0 before the first."""
        return self._busy_s / self._size

    @property
    def pids(self) -> tuple[int, ...]:
        """The worker processes, those that warm up or end included."""
        return tuple(worker.pid for worker in self._workers)

    def start(self) -> None:
        """Start the processes, without an event loop and without waiting until they are ready.

        From a thread that lives as long as the pool: the kernel ends a worker together with the
        thread that started it.

        Raises:
            WorkerStartError: The system starts no more processes.
        """
        while len(self._workers) < self._size:
            self._add_worker()

    async def __aenter__(self) -> Self:
        """Wait until every worker has scored its warm-up images.

        Raises:
            WorkerStartError: One of them ended, or stayed silent.
        """
        try:
            self.start()
            for worker in self._workers:
                await worker.wait_until_ready(self._start_timeout_s)
                self._explains = worker.explains  # they all have the one model
        except BaseException:
            await self._close()
            raise
        for number, worker in enumerate(self._workers, start=1):
            self._spawn(self._run_slot(worker, recycle_after=self._recycle_after * number // self._size))
        self._open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        """Kill the workers. An image that is still here is an `InternalError`."""
        await self._close()

    async def score(self, task: Task, flow: Hashable) -> Scored:
        """Score one image, when the fair queue chooses it and a worker has time.

        Raises:
            ItemError: It has no score; `ImageTimeout` also where the worker died on it.
        """
        if not self._open:
            raise InternalError
        job = _Job(task, flow)
        self._unanswered.add(job)
        self._offer(job)
        try:
            return await job.result
        except asyncio.CancelledError:
            self._jobs.remove(flow, job)
            raise
        finally:
            self._unanswered.discard(job)
            del job  # it holds the error, whose traceback holds this frame, and so the image's bytes

    def _offer(self, job: "_Job") -> None:
        if slot := self._idle.pop():
            slot.set_result(job)
        else:
            self._jobs.add(job.flow, job)

    async def _run_slot(self, worker: WorkerProcess, recycle_after: int) -> None:
        while True:
            worker = await self._use(worker, recycle_after)
            recycle_after = self._recycle_after

    async def _use(self, worker: WorkerProcess, recycle_after: int) -> WorkerProcess:
        """Use a worker until it is lost, or is recycled and its successor is ready. Returns the successor."""
        successor: asyncio.Task[WorkerProcess] | None = None
        while not worker.lost and not (successor and successor.done()):
            if job := await self._next_job(worker):
                await self._score_on(worker, job)
            del job  # and its bytes; not while waiting for the next
            if worker.images == recycle_after > 0:
                successor = self._spawn(self._start_worker())
        await self._stop_worker(worker)
        if worker.lost:
            self._restarts += 1
            logger.warning("a worker was lost: %s (%s)", worker.lost, worker.ending)
        return await (successor or self._start_worker())

    async def _next_job(self, worker: WorkerProcess) -> "_Job | None":
        """The next image; None when the worker was lost before there was one."""
        if job := self._jobs.pop():
            return job
        offered: asyncio.Future[_Job | None] = asyncio.get_running_loop().create_future()
        worker.idle = offered
        self._idle.add(worker, offered)
        try:
            return await offered
        finally:
            self._idle.remove(worker, offered)
            worker.idle = None

    async def _score_on(self, worker: WorkerProcess, job: "_Job") -> None:
        if job.task.contrast and not worker.can_explain:
            # A worker that is lost over it has not read the image, which goes to another one.
            await worker.build_explainer(self._start_timeout_s)
        began = perf_counter()
        queue_s = began - job.queued
        reply = await worker.score(job.task, self._decode_timeout_s)
        self._average(perf_counter() - began)
        outcome: Scored | ItemError = ImageTimeout()
        if reply is not None:
            try:
                outcome = parse_reply(
                    reply,
                    len(self._config.source.labels),
                    queue_s,
                    explained=job.task.contrast is not None,
                    thumbnail_side=job.task.thumbnail_side,
                )
            except ValueError:
                worker.lose("its reply was malformed")
        if _ran_out_of_memory(outcome) and worker.images > 1:
            worker.lose("it ran out of memory")  # earlier images may have left it less than a new one has
        is_innocent = worker.unread or _ran_out_of_memory(outcome)
        if worker.lost and is_innocent and not job.retried:
            job.retried = True
            self._offer(job)
            return
        job.answer(outcome)

    def _average(self, seconds: float) -> None:
        self._busy_s += (seconds - self._busy_s) / RECENT_IMAGES if self._busy_s else seconds

    async def _start_worker(self) -> WorkerProcess:
        """Start a worker and wait until it is ready, however many attempts that takes."""
        pauses_s = chain(RESTART_PAUSES_S, repeat(RESTART_PAUSES_S[-1]))
        while True:
            try:
                worker = await self._start_once()
            except WorkerStartError as error:
                self._starting_fails = True
                pause_s = next(pauses_s)
                logger.error("a worker was not replaced, next attempt in %g s: %s", pause_s, error)
            else:
                self._starting_fails = False
                return worker
            await asyncio.sleep(pause_s)

    async def _start_once(self) -> WorkerProcess:
        worker = self._add_worker()
        try:
            await worker.wait_until_ready(self._start_timeout_s)
        except WorkerStartError:
            await self._stop_worker(worker)
            raise
        return worker

    def _add_worker(self) -> WorkerProcess:
        worker = WorkerProcess(self._config)
        self._workers.add(worker)
        return worker

    async def _stop_worker(self, worker: WorkerProcess) -> None:
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
            logger.critical("a slot of the pool is gone for good", exc_info=error)

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
            await self._stop_worker(worker)


def _ran_out_of_memory(outcome: Scored | ItemError) -> bool:
    return isinstance(outcome, ImageTooManyPixels) and outcome.out_of_memory


class _Job:
    """An image on its way to its scores."""

    def __init__(self, task: Task, flow: Hashable) -> None:
        self.task = task
        self.flow = flow
        self.retried = False
        self.queued = perf_counter()
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
