"""The sources: what a job's inputs are read from.

    files       paths, folders, patterns, URLs                                 read where they are
    parquet     a table with `filename` and `content`, or with `url`           joined with a list of names
    manifest    a list of URLs: one a line, or CSV with `url` and `filename`   fetched

A name stands for one input. What is named twice in a list is scored once; a table that has two rows of one
name is refused, because nobody could tell their results apart.
"""

import csv
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from glob import iglob
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from batch.errors import BatchError
from batch.inputs import Entry, find_entries, is_url

Kind = Literal["files", "parquet", "manifest"]

FILENAME, CONTENT, URL = "filename", "content", "url"
ROWS_READ = 32
"""Rows of a table that are in memory at a time: one of them is an image, whole."""

_SUFFIXES: dict[str, Kind] = {".parquet": "parquet", ".txt": "manifest", ".csv": "manifest"}


@dataclass(frozen=True, slots=True)
class InputSource:
    """Where inputs are read from.

    Attributes:
        kind: How.
        paths: Several for files, one for all else.
        names: A list of the names that are wanted of a table: text, one a line, or Parquet with `filename`.
    """

    kind: Kind
    paths: tuple[str, ...]
    names: str | None = None


def find_source(paths: Sequence[str], kind: Kind | None, names: str | None) -> InputSource:
    """What the operator means.

    Raises:
        BatchError: There is a list of names, or more than one path, where that has no meaning.
    """
    suffix = "" if is_url(paths[0]) else Path(paths[0]).suffix.lower()
    found = kind or _SUFFIXES.get(suffix, "files")
    if found != "files" and len(paths) > 1:
        raise BatchError(f"of {found} inputs there is one; {paths[1]} is another")
    if names is not None and found != "parquet":
        raise BatchError(f"a list of names is joined with a table of parquet, and not with {found}")
    return InputSource(found, tuple(paths), names)


def count(source: InputSource) -> int:
    """How many inputs there are. Raises BatchError as `entries` does."""
    if source.kind == "parquet":
        return len(_wanted(source)) if source.names else _count_rows(source.paths[0])
    return sum(1 for _ in entries(source))


def entries(source: InputSource) -> Iterator[Entry]:
    """The inputs, in their order, each name once.

    Raises:
        BatchError: The source is not there, is malformed or damaged, or lacks a column.
    """
    if source.kind == "parquet":
        return _of_table(source)
    listed = find_files(source.paths) if source.kind == "files" else read_url_list(Path(source.paths[0]))
    return _once(listed)


def find_files(paths: Sequence[str]) -> Iterator[Entry]:
    """The files that paths stand for. Raises BatchError for one that stands for nothing."""
    for path in paths:
        if not (is_url(path) or os.path.lexists(path) or any(iglob(path, recursive=True))):  # noqa: PTH207
            raise BatchError(f"there is nothing at {path}")
    yield from find_entries(paths)


def read_url_list(path: Path) -> Iterator[Entry]:
    """URLs, and what they are called: as themselves, unless a column says otherwise. Raises BatchError."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            if path.suffix.lower() != ".csv":
                yield from (Entry(line.strip(), line.strip().encode()) for line in file if line.strip())
                return
            rows = csv.DictReader(file)
            if URL not in (rows.fieldnames or ()):
                raise BatchError(f"{path} has no column {URL}")
            for row in rows:
                url = row[URL] or ""
                yield Entry(row.get(FILENAME) or url, url.encode())
    except OSError as error:
        raise BatchError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BatchError(f"{path} is not text in UTF-8 ({error})") from error


def read_names(path: str) -> dict[str, None]:
    """Names, each once and in their order. Raises BatchError."""
    if path.rstrip("/").endswith(".parquet"):
        return dict.fromkeys(_column(open_table(path, FILENAME), path, FILENAME).to_pylist())
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BatchError(f"cannot read the names in {path}: {error}") from error
    return dict.fromkeys(line for line in lines if line)


def check_columns(path: str, columns: Sequence[str], *wanted: str) -> None:
    """Raise BatchError unless a table has these columns, and bytes or URLs where they are wanted."""
    missing = [name for name in wanted if name not in columns]
    if not wanted and not (URL in columns or {FILENAME, CONTENT} <= set(columns)):
        missing = [f"{FILENAME} and {CONTENT}, or {URL}"]
    if missing:
        raise BatchError(f"{path} has no column {', '.join(missing)}; it has {', '.join(columns)}")


def _once(listed: Iterator[Entry]) -> Iterator[Entry]:
    seen: set[str] = set()
    for entry in listed:
        if entry.name not in seen:
            seen.add(entry.name)
            yield entry


def _wanted(source: InputSource) -> dict[str, None]:
    return read_names(source.names) if source.names else {}


def _of_table(source: InputSource) -> Iterator[Entry]:
    table = open_table(source.paths[0])
    named = FILENAME in table.schema.names
    _check_distinct(source.paths[0], table, FILENAME if named else URL)
    missing = _wanted(source)
    everything = not missing and source.names is None
    with _reading(source.paths[0]):
        for entry in _scan(table, named):
            if everything or entry.name in missing:
                missing.pop(entry.name, None)
                yield entry
    yield from map(Entry, missing)


def _scan(table: ds.Dataset, named: bool) -> Iterator[Entry]:
    by_content = CONTENT in table.schema.names and named
    last = CONTENT if by_content else URL
    columns = [FILENAME, last] if named else [URL]
    options = ds.ParquetFragmentScanOptions(pre_buffer=False, use_buffered_stream=True)
    for batch in table.to_batches(
        columns=columns,
        batch_size=ROWS_READ,
        batch_readahead=1,
        fragment_readahead=1,
        fragment_scan_options=options,
    ):
        for name, value in zip(batch.column(0).to_pylist(), batch.column(last).to_pylist(), strict=True):
            yield Entry(name, content=value) if by_content else Entry(name, (value or "").encode())


def open_table(path: str, *wanted: str) -> ds.Dataset:
    """A table of Parquet. Raises BatchError where there is none, or a column is missing."""
    with _reading(path):
        table = ds.dataset(path, format="parquet", partitioning="hive")
    check_columns(path, table.schema.names, *wanted)
    return table


def _count_rows(path: str) -> int:
    table = open_table(path)
    with _reading(path):
        rows: int = table.count_rows()
    return rows


def _column(table: ds.Dataset, path: str, column: str) -> pa.ChunkedArray:
    with _reading(path):
        return table.to_table([column])[column]


@contextmanager
def _reading(path: str) -> Iterator[None]:
    """Around what opens a table or reads of it: a file may have its footer, and damage before that."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise BatchError(
            f"{path} is no table of parquet that can be read: {str(error).splitlines()[0]}"
        ) from error


def _check_distinct(path: str, table: ds.Dataset, column: str) -> None:
    names = _column(table, path, column)
    if names.null_count:
        raise BatchError(f"{path} has {names.null_count:,} rows without a {column}")
    if len(names) > pc.count_distinct(names).as_py():
        counts = pc.value_counts(names)
        twice = counts.filter(pc.greater(counts.field("counts"), 1))[0]["values"]
        raise BatchError(f"{path} has more than one row of {twice}: a name stands for one input")
