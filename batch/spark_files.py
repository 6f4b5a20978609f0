"""Files of Spark's file systems: where they are, and how some are replaced with no row there twice."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pyspark.sql import SparkSession

from batch.errors import BatchError
from batch.inputs import is_url


def check_colons(*paths: str) -> None:
    """Raise BatchError for a path that Hadoop writes in part, or not at all, and cannot list."""
    for path in paths:
        below = path.partition("://")[2].partition("/")[2] if is_url(path) else path
        if ":" in below:
            raise BatchError(f"{path} has a colon: Spark can use no such path; the local engine can")


def local_path(spark: SparkSession, path: str) -> Path | None:
    """Where a path of Spark's is on a disk of this machine, or None if it is on another file system."""
    context = spark.sparkContext
    assert context._jvm is not None  # noqa: S101  for mypy: the session is open
    found = context._jvm.org.apache.hadoop.fs.Path(path)
    # Asked of Hadoop, as its settings say where a path without a scheme is.
    uri = found.getFileSystem(context._jsc.hadoopConfiguration()).makeQualified(found).toUri()
    return Path(uri.getPath()) if uri.getScheme() == "file" else None


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
