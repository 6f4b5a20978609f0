"""Spark: the processes of a training as the tasks of one barrier stage, which start together.

Each task starts `logo-train` as a process of its own, on folders that all machines see.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from py4j.protocol import Py4JError
from pyspark import BarrierTaskContext
from pyspark.errors import PySparkException

from batch.spark import Session
from training.errors import TrainingError
from training.launch import EXIT_LOST, GOES_ON, free_port, start
from training.place import Place
from training.run import Run

ROOT = Path(__file__).parents[1]
DYNAMIC = "spark.dynamicAllocation.enabled"
TOO_FEW_SLOTS = "SPARK-24819"  # Spark's number of the error


def launch_on_spark(session: Session, processes: int, arguments: Sequence[str], run: Path) -> int:
    """Run `logo-train` with these arguments in so many tasks. Returns its exit status.

    Args:
        session: How Spark is started.
        processes: Tasks; Spark needs a free core for each at once.
        arguments: Whose paths are absolute.
        run: The run's directory. What the processes say is in it (`Run.log`), rank 0's with the others'.

    Raises:
        TrainingError: Spark is to allocate executors dynamically.
        BatchError: Spark does not start, or has fewer cores.
    """
    check_allocation(dict(session.conf).get(DYNAMIC))
    if session.archive is None:  # executors have this project where the driver has it
        session = replace(session, conf=(("spark.executorEnv.PYTHONPATH", str(ROOT)), *session.conf))
    with session.open() as spark:
        check_allocation(spark.sparkContext.getConf().get(DYNAMIC))  # as the cluster's defaults have it
        tasks = spark.sparkContext.parallelize(range(processes), processes).barrier()
        try:
            statuses = tasks.mapPartitions(partial(run_rank, arguments=arguments, run=run)).collect()
        except (Py4JError, PySparkException) as error:
            if TOO_FEW_SLOTS in str(error):
                raise
            statuses = [EXIT_LOST]
    status = statuses[0] or max(statuses)  # rank 0 knows best why all have ended
    if status < 0 or status == EXIT_LOST:
        sys.stderr.write(f"logo-train: a process was lost: {GOES_ON}\n")
        return EXIT_LOST
    if status:
        sys.stderr.write(f"logo-train: rank 0 has ended with status {status}: see {Run(run).log(0)}\n")
    return status


def check_allocation(setting: str | None) -> None:
    """Raises TrainingError where Spark allocates dynamically: it refuses barrier stages (SPARK-24942)."""
    if setting == "true":
        raise TrainingError(
            f"all processes start together, which Spark cannot do with dynamic allocation: --conf {DYNAMIC}="
            "false, and as many --conf spark.executor.instances= as there are to be processes"
        )


def run_rank(_: Iterator[int], arguments: Sequence[str], run: Path) -> Iterator[int]:
    """A task: one process of the training, to its end. Gives its exit status."""
    context = BarrierTaskContext.get()
    hosts = [info.address.rpartition(":")[0] for info in context.getTaskInfos()]
    port = int(context.allGather(str(free_port()))[0])  # as rank 0 has found it on its machine
    place = Place(context.partitionId(), len(hosts), (hosts[0], port))
    process = start(place, context.cpus(), arguments, run, to_terminal=False)
    try:
        yield process.wait()
    finally:
        process.kill()
        process.wait()
