"""The inputs as a DataFrame, in the fields of `Entry`; see `batch.sources` for what they are read from.

What lies on this machine is listed here and opened by the Python workers, which see the same disk; what has
another scheme (hdfs://, s3a://, file://) is read by Spark itself.
"""

from collections.abc import Iterable

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  as everybody has it

from batch import sources
from batch.errors import BatchError
from batch.inputs import Entry, is_url
from batch.sources import CONTENT, FILENAME, URL, InputSource, check_columns
from logo_detection.files import MAX_FILE_BYTES

MAX_BROADCAST_NAMES = 1_000_000
"""Names that are sent to every executor; for more, the other side of a join is shuffled, images and all."""

_LISTED = pa.schema([("name", pa.string()), ("location", pa.binary())])
_FETCHED = ("http", "https")


def read_inputs(spark: SparkSession, source: InputSource) -> DataFrame:
    """The inputs: name string, location binary, content binary, size_bytes long; each name once.

    Raises:
        BatchError: As `sources.entries` does.
        AnalysisException: Spark cannot read what has a scheme of its own.
    """
    if source.kind == "parquet":
        return _of_table(spark, source)
    if source.kind == "manifest":
        return _listed(spark, sources.entries(source))
    remote = [path for path in source.paths if is_remote(path)]
    local = tuple(path for path in source.paths if path not in remote)
    frames = [_files(spark, remote)] if remote else []
    if local:
        frames.append(_listed(spark, sources.entries(InputSource("files", local))))
    return frames[0] if len(frames) == 1 else frames[0].unionByName(frames[1])


def is_remote(path: str) -> bool:
    """Whether it is for Spark to read: it has a scheme, and not one that is fetched."""
    return is_url(path) and path.partition(":")[0].lower() not in _FETCHED


def holds_content(spark: SparkSession, source: InputSource) -> bool:
    """Whether the inputs' bytes come with them, so that to move an input is to move an image."""
    if source.kind == "parquet":
        return CONTENT in spark.read.parquet(source.paths[0]).columns
    return any(map(is_remote, source.paths))


def broadcast_if_small(names: DataFrame) -> DataFrame:
    """Names, with the advice to send them to every executor while there are not too many."""
    return F.broadcast(names) if names.count() <= MAX_BROADCAST_NAMES else names


def _listed(spark: SparkSession, entries: Iterable[Entry]) -> DataFrame:
    rows = [{"name": entry.name, "location": entry.location} for entry in entries]
    return _shaped(
        spark.createDataFrame(pa.Table.from_pylist(rows, schema=_LISTED)), location=F.col("location")
    )


def _files(spark: SparkSession, paths: list[str]) -> DataFrame:
    files = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(paths)
    _check_distinct(", ".join(paths), files, "path")
    fits = F.col("length") <= MAX_FILE_BYTES  # Spark does not open the others
    read = _shaped(files.where(fits), F.col("path"), content=F.col("content"))
    large = _shaped(files.where(~fits), F.col("path"), size_bytes=F.col("length"))
    empty = pa.table({"name": pa.array(_empty_files(spark, paths), pa.string())})
    no_bytes = _shaped(spark.createDataFrame(empty), content=F.lit(b""))
    return read.unionByName(large).unionByName(no_bytes)


def _empty_files(spark: SparkSession, paths: list[str]) -> list[str]:
    """Files without a byte, which Spark passes over: they are inputs like others."""
    context = spark.sparkContext
    assert context._jvm is not None  # noqa: S101  for mypy: the session is open
    found = []
    for path in map(context._jvm.org.apache.hadoop.fs.Path, paths):
        system = path.getFileSystem(context._jsc.hadoopConfiguration())
        for status in system.globStatus(path):
            files = system.listFiles(status.getPath(), True)
            while files.hasNext():
                file = files.next()
                if file.getLen() == 0 and file.getPath().getName()[0] not in "._":
                    found.append(file.getPath().toString())
    return found


def _of_table(spark: SparkSession, source: InputSource) -> DataFrame:
    path = source.paths[0]
    table = spark.read.parquet(path)
    check_columns(path, table.columns)
    name = FILENAME if FILENAME in table.columns else URL
    _check_distinct(path, table, name)
    if CONTENT in table.columns:
        size = F.octet_length(CONTENT).cast("long")
        content = F.when(size <= MAX_FILE_BYTES, F.col(CONTENT))
        frame = _shaped(table, F.col(name), content=content, size_bytes=size)
    else:
        frame = _shaped(table, F.col(name), location=F.coalesce(F.col(URL), F.lit("")).cast("binary"))
    return frame if source.names is None else _joined(frame, _names(spark, source.names))


def _joined(frame: DataFrame, names: DataFrame) -> DataFrame:
    """What is wanted, and by name alone what is not there."""
    missing = names.join(frame.select("name"), "name", "left_anti")
    return frame.join(broadcast_if_small(names), "name").unionByName(_shaped(missing))


def _names(spark: SparkSession, path: str) -> DataFrame:
    if path.rstrip("/").endswith(".parquet"):
        table = spark.read.parquet(path)
        check_columns(path, table.columns, FILENAME)
        return table.select(F.col(FILENAME).alias("name")).distinct()
    names = pa.table({"name": pa.array(sources.read_names(path), pa.string())})
    return spark.createDataFrame(names)


def _check_distinct(path: str, table: DataFrame, column: str) -> None:
    twice = table.groupBy(column).count().where((F.col("count") > 1) | F.col(column).isNull()).head()
    if twice is not None:
        raise BatchError(
            f"{path} has more than one row of {twice[0]}: a name stands for one input"
            if twice[0] is not None
            else f"{path} has rows without a {column}"
        )


def _shaped(frame: DataFrame, name: Column | None = None, **fields: Column) -> DataFrame:
    types = {"location": "binary", "content": "binary", "size_bytes": "long"}
    columns = [fields.get(field, F.lit(None)).cast(kind).alias(field) for field, kind in types.items()]
    return frame.select((F.col("name") if name is None else name).alias("name"), *columns)
