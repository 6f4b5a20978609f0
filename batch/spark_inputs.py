"""The inputs as a DataFrame, in the fields of `Entry`; see `batch.sources` for what they are read from.

What lies on this machine is listed here and opened by the Python workers, which see the same disk; what has
another scheme (hdfs://, s3a://) is read by Spark itself.
"""

import re
from collections.abc import Iterable
from urllib.parse import unquote

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812  as everybody has it
from pyspark.sql.types import BinaryType, DataType, StringType, StructType

from batch import sources
from batch.errors import BatchError
from batch.inputs import Entry, is_remote
from batch.rows import KEY
from batch.sources import InputSource
from batch.table_columns import BYTES, FILENAME, TEXT, URL, check_type, find_columns
from logo_detection.files import MAX_FILE_BYTES

MAX_BROADCAST_NAMES = 1_000_000
"""Names that are sent to every executor; for more, the other side of a join is shuffled, images and all."""

_TYPES = {
    "input": "string",
    "filename": "string",
    "path": "binary",
    "url": "string",
    "content": "binary",
    "size_bytes": "long",
    "has_row": "boolean",
}
"""The columns of inputs: the fields of `Entry`."""

_LISTED = pa.schema(
    [("input", pa.string()), ("filename", pa.string()), ("path", pa.binary()), ("url", pa.string())]
)
_GLOB_CHARACTERS = re.compile(r"[][{}*?\\]")
_HIDDEN = r"^\."
"""Names that are passed over in a folder; Spark's default are those that begin with `_`, too."""
_NOTHING = "(?!)"


def read_inputs(spark: SparkSession, source: InputSource) -> DataFrame:
    """The inputs, in the columns of `Entry`; each key once.

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


def holds_content(spark: SparkSession, source: InputSource) -> bool:
    """Whether the inputs' bytes come with them, so that to move an input is to move an image."""
    if source.kind == "parquet":
        path = source.paths[0]
        return find_columns(path, spark_types(_read_table(spark, path))).content is not None
    return any(map(is_remote, source.paths))


def literal_path(spark: SparkSession, path: str) -> str:
    """A path for Spark's readers, which take some characters for a pattern's: what exists is no pattern."""
    if not _GLOB_CHARACTERS.search(path):
        return path
    context = spark.sparkContext
    assert context._jvm is not None  # noqa: S101  for mypy: the session is open
    found = context._jvm.org.apache.hadoop.fs.Path(path)
    exists = found.getFileSystem(context._jsc.hadoopConfiguration()).exists(found)
    return _GLOB_CHARACTERS.sub(r"\\\g<0>", path) if exists else path


def spark_types(table: DataFrame) -> dict[str, str]:
    """The types of a table's columns, as `table_columns` has them."""
    return {field.name: _type_name(field.dataType) for field in table.schema.fields}


def _type_name(kind: DataType) -> str:
    if isinstance(kind, StructType):
        return sources.struct_name({field.name: _type_name(field.dataType) for field in kind.fields})
    if isinstance(kind, StringType):
        return TEXT
    return BYTES if isinstance(kind, BinaryType) else kind.simpleString()


def broadcast_if_small(names: DataFrame) -> DataFrame:
    """Names, with the advice to send them to every executor while there are not too many."""
    return F.broadcast(names) if names.count() <= MAX_BROADCAST_NAMES else names


def _listed(spark: SparkSession, entries: Iterable[Entry]) -> DataFrame:
    rows = [{name: getattr(entry, name) for name in _LISTED.names} for entry in entries]
    return _shaped(spark.createDataFrame(pa.Table.from_pylist(rows, schema=_LISTED)), *_LISTED.names)


def _files(spark: SparkSession, paths: list[str]) -> DataFrame:
    """Files that Spark reads. Those without a byte it lists, and does not read."""
    files = _read_files(spark, paths)
    named = files.withColumns({"input": F.col("path"), "filename": F.col("path")}).drop("path")
    fits = F.col("length") <= MAX_FILE_BYTES  # Spark does not open the others
    read = _shaped(named.where(fits), *KEY, "content")
    large = _shaped(named.where(~fits).withColumn("size_bytes", F.col("length")), *_KEY_AND_SIZE)
    listed = spark.createDataFrame(pa.table({"input": pa.array(_listed_files(spark, files), pa.string())}))
    empty = listed.join(named.select("input"), "input", "left_anti")
    without_bytes = empty.withColumns({"filename": F.col("input"), "content": F.lit(b"")})
    return read.unionByName(large).unionByName(_shaped(without_bytes, *KEY, "content"))


_KEY_AND_SIZE = ("input", "filename", "size_bytes")


def _read_files(spark: SparkSession, paths: list[str]) -> DataFrame:
    """A hidden file is read where it is named, and not where its folder is."""
    named = [path for path in paths if path.rstrip("/").rpartition("/")[2].startswith(".")]
    others = [path for path in paths if path not in named]
    frames = [
        spark.read.format("binaryFile")
        .option("recursiveFileLookup", "true")
        .option("ignoredPathSegmentRegex", ignored)
        .load([literal_path(spark, path) for path in group])
        for group, ignored in ((others, _HIDDEN), (named, _NOTHING))
        if group
    ]
    return frames[0] if len(frames) == 1 else frames[0].unionByName(frames[1])


def _listed_files(spark: SparkSession, files: DataFrame) -> list[str]:
    """The paths of all files that Spark has listed: in one string, as each call to Java takes time."""
    context = spark.sparkContext
    assert context._jvm is not None  # noqa: S101  for mypy: the session is open
    urls = context._jvm.org.apache.hadoop.util.StringUtils.join("\n", files._jdf.inputFiles())
    return [unquote(url) for url in urls.split("\n") if url]


def _read_table(spark: SparkSession, path: str) -> DataFrame:
    return spark.read.parquet(literal_path(spark, path))


def _of_table(spark: SparkSession, source: InputSource) -> DataFrame:
    path = source.paths[0]
    table = _read_table(spark, path)
    columns = find_columns(path, spark_types(table))
    named = table.withColumn("filename", F.col(".".join(columns.name)))
    if columns.content is not None:
        content = F.col(".".join(columns.content))
        images = named.select(
            "filename", content.alias("content"), F.octet_length(content).alias("size_bytes")
        )
        _check_distinct(path, images, "filename", ".".join(columns.name))
        fits = F.col("size_bytes") <= MAX_FILE_BYTES
        images = images.withColumns({"input": F.col("filename"), "content": F.when(fits, F.col("content"))})
        images = images.withColumn("has_row", F.lit(True))
        frame = _shaped(images, *KEY, "content", "size_bytes", "has_row")
    else:
        _check_named(path, named, "filename", ".".join(columns.name))
        urls = named.select("filename", F.coalesce(URL, F.lit("")).alias("url"))
        frame = _shaped(urls.withColumn("input", F.col("url")), "input", "filename", "url").dropDuplicates(
            [*KEY]
        )
    if source.names is None:
        return frame
    names = _names(spark, source.names)
    if frame.select("filename").join(names, "filename", "left_semi").isEmpty():
        first = names.first()
        raise sources.none_wanted(source.names, path, first.filename if first else None, names.count())
    return _joined(frame, names)


def _joined(frame: DataFrame, names: DataFrame) -> DataFrame:
    """What is wanted, and by name alone what is not there."""
    missing = names.join(frame.select("filename"), "filename", "left_anti")
    wanted = frame.join(broadcast_if_small(names), "filename")
    return wanted.unionByName(_shaped(missing.withColumn("input", F.col("filename")), *KEY))


def _names(spark: SparkSession, path: str) -> DataFrame:
    if path.rstrip("/").endswith(".parquet"):
        table = _read_table(spark, path)
        check_type(path, spark_types(table), FILENAME, TEXT)
        return table.select("filename").distinct()
    names = pa.table({"filename": pa.array(sources.read_names(path), pa.string())})
    return spark.createDataFrame(names)


def _check_named(path: str, table: DataFrame, column: str, shown: str) -> None:
    if without := table.where(F.col(column).isNull()).count():
        raise BatchError(f"{path}: {shown} is null in {without:,} of its rows")


def _check_distinct(path: str, table: DataFrame, column: str, shown: str) -> None:
    _check_named(path, table, column, shown)
    twice = table.groupBy(column).count().where(F.col("count") > 1).head()
    if twice is not None:
        raise BatchError(f"{path} has more than one row of {twice[0]}: a name stands for one image")


def _shaped(frame: DataFrame, *given: str) -> DataFrame:
    """The columns of `Entry`: those that are given, and the others null."""
    columns = {name: F.col(name) if name in given else F.lit(None) for name in _TYPES}
    return frame.select(*(columns[name].cast(kind).alias(name) for name, kind in _TYPES.items()))
