"""Spark: a task for each training of a search, on whichever machine has room for it.

    driver: a thread per job ─ Spark ─► task: logo-train, in a process of its own, on a shared folder

The driver reads the runs' histories from the same folder, and cancels a task's Spark job to stop it.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from uuid import uuid4

from py4j.protocol import Py4JError
from pyspark import InheritableThread, SparkContext, TaskContext
from pyspark.errors import PySparkException

from batch.spark import Session
from search.jobs import Job
from search.process import LOGO_TRAIN, ROOT, LocalProcess

LOST = 75  # EX_TEMPFAIL of sysexits.h: Spark has tried it as often as it does
STOP_TIMEOUT_S = 60.0


@contextmanager
def spark_launcher(session: Session) -> Iterator["SparkLauncher"]:
    """A launcher for the length of the block.

    Raises:
        BatchError: Spark does not start, or ends.
    """
    if session.archive is None:  # executors have this project where the driver has it
        session = replace(session, conf=(("spark.executorEnv.PYTHONPATH", str(ROOT)), *session.conf))
    with session.open() as spark:
        yield SparkLauncher(spark.sparkContext)


class SparkLauncher:
    """Starts jobs as tasks of Spark.

    Args:
        context: Spark's.
        command: Which takes a job's arguments; without, logo-train by the executor's Python.
    """

    def __init__(self, context: SparkContext, command: Sequence[str] = ()) -> None:
        self._context, self._command = context, tuple(command)

    def start(self, job: Job) -> "SparkTask":
        """Start a job; it waits for a core that is free."""
        return SparkTask(self._context, job, self._command)


class SparkTask:
    """A job as a task, which Spark tries again where it loses the executor."""

    def __init__(self, context: SparkContext, job: Job, command: Sequence[str]) -> None:
        self._context, self._job, self._command = context, job, command
        self._group, self._status = f"logo-search-{uuid4()}", LOST
        # Of threads of this kind, each has a thread of Java's, to which the name of its jobs belongs.
        self._thread: threading.Thread = InheritableThread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        context, run = self._context, partial(run_here, command=self._command)
        context.setJobGroup(self._group, str(self._job.directory), interruptOnCancel=True)
        try:
            (self._status,) = context.parallelize([self._job], 1).map(run).collect()
        except (Py4JError, PySparkException):  # cancelled, or failed for good
            self._status = LOST

    def status(self) -> int | None:
        """The exit status, LOST where Spark gave up; None while it runs."""
        return None if self._thread.is_alive() else self._status

    def stop(self) -> None:
        """Cancel it. Its executor then ends the process."""
        if self._thread.is_alive():
            self._context.cancelJobGroup(self._group)
        self._thread.join(STOP_TIMEOUT_S)


def run_here(job: Job, command: Sequence[str] = ()) -> int:
    """Run a job in an executor. Returns its exit status.

    A task that is cancelled loses its Python worker, and with it the process.
    """
    task = TaskContext.get()
    process = LocalProcess(job, task.cpus() if task else 1, command or LOGO_TRAIN)
    try:
        return process.wait()
    finally:
        process.stop()
