"""Files of Spark's file systems: some are replaced, so that no row is there twice at any moment."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import unquote

from pyspark.sql import SparkSession


def replace_files(spark: SparkSession, files: Sequence[str], beside: str, folder: str) -> None:
    """Remove files, and move those of a hidden folder to where they were.

    Args:
        spark: Knows the file system.
        files: What is removed: URIs, as Spark names them.
        beside: The hidden folder, which is removed, too: likewise.
        folder: Where its files go, below the same folders of partitions.
    """
    context = spark.sparkContext
    assert context._jvm is not None  # noqa: S101  for mypy: the session is open
    path = context._jvm.org.apache.hadoop.fs.Path
    system = path(unquote(folder)).getFileSystem(context._jsc.hadoopConfiguration())
    moved = list(_parquet_files(system, path(unquote(beside))))
    for file in files:
        system.delete(path(unquote(file)), False)
    for file in moved:
        _, _, below = file.rpartition(unquote(beside).rpartition("/")[2] + "/")
        target = path(f"{unquote(folder)}/{below}")
        system.mkdirs(target.getParent())
        system.rename(path(file), target)
    system.delete(path(unquote(beside)), True)


def _parquet_files(system: Any, folder: Any) -> Iterator[str]:
    """The files below a folder, without Spark's marks of success."""
    found = system.listFiles(folder, True)
    while found.hasNext():
        name = found.next().getPath().toString()
        if name.endswith(".parquet"):
            yield name
