"""Tables: the Parquet that `logo-batch` writes, read a piece at a time and within limits.

A table lies in the studio's folder for imports, where its operator has put it: it is read by this process.
Its columns are checked by name and type before any row is read, and its sizes by its own metadata.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from batch.output import layout
from batch.rows import PARTITIONS, SCHEMA
from logo_detection.errors import LogoDetectionError
from studio.review.scored_files import ScoredFile, ScoredFileInvalid, check

MAX_FILES = 10_000
MAX_ROWS = 2_000_000
MAX_GROUP_BYTES = 512 * 2**20
"""Of the columns that are read of a row group, unpacked."""
ROWS_AT_A_TIME = 1000
MAX_SOURCE_CHARS = 4096

_TEXT, _NUMBER, _TIME = "text", "a floating-point number", "a time"
_COLUMNS: Mapping[str, str] = {
    "filename": _TEXT,
    "input": _TEXT,
    "target": _TEXT,
    "prediction": _NUMBER,
    "error": _TEXT,
    "model_version": _TEXT,
    "scored_at": _TIME,
}


class TableRefused(LogoDetectionError):
    """Nothing of a table can come in. One line."""


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that is no scored file, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of a table.

    Attributes:
        files: Those that are scored files of the class that was asked for.
        unscored: How many have an error in place of a score.
    """

    files: tuple[ScoredFile, ...]
    refused: tuple[RefusedRow, ...]
    unscored: int

    @property
    def rows(self) -> int:
        return len(self.files) + len(self.refused) + self.unscored


@dataclass(frozen=True, slots=True)
class Table:
    """A table that has been checked."""

    dataset: ds.Dataset
    rows: int

    def pieces(self, target: str) -> Iterator[Piece]:
        """The rows, some at a time.

        Raises:
            TableRefused: They cannot be read.
        """
        options = {"batch_size": ROWS_AT_A_TIME, "batch_readahead": 1, "fragment_readahead": 1}
        try:
            scanner = self.dataset.scanner(columns=list(_COLUMNS), use_threads=False, **options)
            for batch in scanner.to_batches():
                yield _piece(batch.to_pylist(), target)
        except (pa.ArrowException, OSError, UnicodeDecodeError, OverflowError) as error:
            raise TableRefused(f"the table cannot be read: {_line(error)}") from error


def open_table(path: Path, root: Path) -> Table:
    """Open a file, or a folder of files as `logo-batch --output` writes it.

    Args:
        path: Its own.
        root: No file is read that lies elsewhere.

    Raises:
        TableRefused: It is no such table, or too large.
    """
    files = [file for file in _files(path) if file.resolve().is_relative_to(root.resolve())]
    if not 0 < len(files) <= MAX_FILES:
        raise TableRefused(f"the table has {len(files):,} Parquet files, and may have 1 to {MAX_FILES:,}")
    try:
        rows = sum(_rows(file) for file in files)
        if rows > MAX_ROWS:
            raise TableRefused(f"the table has {rows:,} rows, and may have {MAX_ROWS:,}")
        dataset = ds.dataset(
            [str(file) for file in files],
            format="parquet",
            partitioning=_partitioning(files[0], path),
        )
    except (pa.ArrowException, OSError) as error:
        raise TableRefused(f"the table cannot be read: {_line(error)}") from error
    _check_columns(dataset.schema)
    return Table(dataset, rows)


def _files(path: Path) -> list[Path]:
    """Those of a table, less what is hidden or unfinished."""
    if path.is_file():
        return [path]
    found = sorted(path.rglob("*.parquet"))
    return [file for file in found if not any(part[0] in "._" for part in file.relative_to(path).parts)]


def _rows(file: Path) -> int:
    """How many a file has; its row groups are checked."""
    metadata = pq.read_metadata(file)
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        columns = (group.column(place) for place in range(group.num_columns))
        size = sum(each.total_uncompressed_size for each in columns if each.path_in_schema in _COLUMNS)
        if size > MAX_GROUP_BYTES:
            raise TableRefused(
                f"{file.name}: a row group has {size:,} bytes, and may have {MAX_GROUP_BYTES:,}"
            )
    return int(metadata.num_rows)


def _partitioning(file: Path, path: Path) -> Any:
    """By the columns that the folders name, of the types that these have in a table."""
    names = layout(file.relative_to(path).as_posix()) if path.is_dir() else ()
    known = [SCHEMA.field(name) for name in names if name in PARTITIONS]
    return ds.partitioning(pa.schema(known), flavor="hive") if known else None


def _check_columns(schema: pa.Schema) -> None:
    for name, wanted in _COLUMNS.items():
        if name not in schema.names:
            raise TableRefused(f"the table has no column {name}; it has {', '.join(schema.names)}"[:400])
        kind = schema.field(name).type
        if not _is(kind, wanted):
            raise TableRefused(f"the column {name} is {kind}, and not {wanted}")


def _is(kind: pa.DataType, wanted: str) -> bool:
    if wanted == _NUMBER:
        return bool(pa.types.is_floating(kind))
    if wanted == _TIME:
        return bool(pa.types.is_timestamp(kind))
    # Of a table whose every row has a score, an engine may say that the column of errors is null.
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind))


def _piece(rows: Sequence[Mapping[str, Any]], target: str) -> Piece:
    files, refused, unscored = [], [], 0
    for row in rows:
        if row["error"] is not None:
            unscored += 1
            continue
        try:
            files.append(_scored_file(row, target))
        except ScoredFileInvalid as error:
            refused.append(
                RefusedRow(str(row["filename"] or row["input"] or "a row without a name"), str(error))
            )
    return Piece(tuple(files), tuple(refused), unscored)


def _scored_file(row: Mapping[str, Any], target: str) -> ScoredFile:
    if row["target"] != target:
        raise ScoredFileInvalid(f"target: the queue is about {target!r}, and the row is not")
    if row["scored_at"] is None:
        raise ScoredFileInvalid("scored_at: is missing")
    source = row["input"] or ""
    if len(source) > MAX_SOURCE_CHARS:
        raise ScoredFileInvalid(f"input: has more than {MAX_SOURCE_CHARS:,} characters")
    file = ScoredFile(
        filename=row["filename"] or "",
        source=source,
        score=math.nan if row["prediction"] is None else row["prediction"],
        model_version=row["model_version"] or "",
        scored_at=_with_zone(row["scored_at"]),
    )
    check(file)
    return file


def _with_zone(time: datetime) -> datetime:
    """A time of a table; one without a time zone is in UTC, as Hive writes it."""
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
