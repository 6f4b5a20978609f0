"""The output: a folder of Parquet files that appear whole or not at all, and what is in it already.

    OUTPUT/part-….parquet, or OUTPUT/error=image_corrupt/part-….parquet where it is partitioned

A row that is there is done: whoever starts again leaves it out. So an output has rows of one model version
and one target, unless it is partitioned by what they differ in.
"""

import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from batch.errors import BatchError
from batch.rows import FEATURES, KEY, OUTCOME_SCORED, SCHEMA, RowSchema
from datasets.lock import lock

NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
LOCK = "_lock"  # of Hive's and Spark's readers, none looks at what begins with _


@dataclass(frozen=True, slots=True)
class Done:
    """What of a job has its row already: the keys (see `Entry.key`), and what they came to."""

    keys: set[tuple[str, str]]
    outcomes: Counter[str]


@dataclass(frozen=True, slots=True)
class Output:
    """A folder, and the columns that it is partitioned by."""

    path: Path
    partition_by: tuple[str, ...] = ()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The folder to oneself, made where there is none.

        Raises:
            BatchError: Another job of this machine writes to it, or nobody may.
        """
        with ExitStack() as stack:
            with self._writing():
                self.path.mkdir(parents=True, exist_ok=True)
                try:
                    stack.enter_context(lock(self.path / LOCK))
                except BlockingIOError as error:
                    raise BatchError(f"another job writes to {self.path}") from error
            yield

    def done(self, row_schema: RowSchema) -> Done:
        """What has its row already.

        Raises:
            BatchError: There are rows of another model or target, partitions by other columns, or features
                where none are wanted, or the other way round.
        """
        table = self._read(row_schema.embed)
        if table is None:
            return Done(set(), Counter())
        mine = {"model_version": row_schema.model_version, "target": row_schema.target.name}
        for column, value in mine.items():
            for other in pc.unique(table[column]).to_pylist():
                check_same(str(self.path), column, other, value, self.partition_by)
            table = table.filter(pc.equal(table[column], value))
        keys = zip(*(table[column].to_pylist() for column in KEY), strict=True)
        counts = pc.value_counts(table["error"]).to_pylist()
        outcomes = Counter({each["values"] or OUTCOME_SCORED: each["counts"] for each in counts})
        return Done({(name, filename) for name, filename in keys}, outcomes)

    def forget(self, row_schema: RowSchema, errors: Collection[str]) -> None:
        """Remove the rows of a job that have one of these errors, so that they are not done.

        Each file is replaced whole, or removed. What is forgotten and not scored anew has no row.

        Raises:
            BatchError: They cannot be removed, or are not such rows.
        """
        if not errors or self._first_file() is None:
            return
        self.done(row_schema)  # it checks what there is
        table = self._open()
        is_mine = (ds.field("model_version") == row_schema.model_version) & (
            ds.field("target") == row_schema.target.name
        )
        forgotten = is_mine & ds.field("error").isin(list(errors))
        with self._writing():
            for fragment in table.get_fragments(filter=forgotten):
                rows = fragment.to_table(schema=table.schema)
                # Of rows without an error, the condition is null.
                kept = rows.filter(ds.field("error").is_null() | ~forgotten).drop_columns(
                    [*self.partition_by]
                )
                if not len(kept):
                    Path(fragment.path).unlink()
                elif len(kept) < len(rows):
                    _write(kept, Path(fragment.path).parent, Path(fragment.path).name)

    def add(self, rows: pa.Table) -> None:
        """Write rows: a file for each partition, which is there when it is whole.

        Raises:
            BatchError: They cannot be written.
        """
        with self._writing():
            for folder, part in self._partitions(rows):
                folder.mkdir(parents=True, exist_ok=True)
                _write(part, folder, f"part-{uuid4()}.parquet")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise BatchError(f"cannot write to {self.path}: {error.strerror or error}") from error

    def _partitions(self, rows: pa.Table) -> Iterator[tuple[Path, pa.Table]]:
        if not self.partition_by:
            yield self.path, rows
            return
        for values in rows.group_by(list(self.partition_by)).aggregate([]).to_pylist():
            part, folder = rows, self.path
            for column, value in values.items():
                one = pc.is_null(part[column]) if value is None else pc.equal(part[column], value)
                part = part.filter(one)
                folder /= f"{column}={NULL_PARTITION if value is None else quote(value, safe='')}"
            yield folder, part.drop_columns(list(values))

    def _read(self, embed: bool) -> pa.Table | None:
        first = self._first_file()
        if first is None:
            return None
        check_layout(str(self.path), layout(first.as_posix()), self.partition_by)
        try:
            table = self._open()
            check_row_columns(str(self.path), table.schema.names, embed)
            return table.to_table([*KEY, "target", "model_version", "error"])
        except (pa.ArrowInvalid, OSError) as error:
            raise BatchError(f"{self.path} holds something else: {str(error).splitlines()[0]}") from error

    def _open(self) -> ds.Dataset:
        types = pa.schema([SCHEMA.field(column) for column in self.partition_by])
        hive = ds.partitioning(types, flavor="hive") if self.partition_by else None
        return ds.dataset(self.path, format="parquet", partitioning=hive)

    def _first_file(self) -> Path | None:
        files = (file.relative_to(self.path) for file in self.path.rglob("*.parquet"))
        return next((file for file in files if not any(part[0] in "._" for part in file.parts)), None)


def _write(rows: pa.Table, folder: Path, name: str) -> None:
    hidden = folder / f"_{name}"
    with hidden.open("wb") as file:
        pq.write_table(rows, file)
        file.flush()
        os.fsync(file.fileno())
    hidden.rename(folder / name)


def layout(path: str) -> tuple[str, ...]:
    """The columns that a file's path, relative to its output, says this is partitioned by."""
    return tuple(segment.partition("=")[0] for segment in path.split("/")[:-1] if "=" in segment)


def check_layout(output: str, found: Sequence[str], wanted: Sequence[str]) -> None:
    """Raise BatchError if an output is partitioned otherwise than wanted."""
    if tuple(found) != tuple(wanted):
        has, asked = (", ".join(columns) or "nothing" for columns in (found, wanted))
        raise BatchError(f"{output} is partitioned by {has}, and not by {asked}")


def check_row_columns(output: str, columns: Sequence[str], embed: bool) -> None:
    """Raise BatchError if rows have no key, or have features where the job writes none, or the reverse."""
    if missing := [column for column in KEY if column not in columns]:
        raise BatchError(f"{output} holds something else: its rows have no column {missing[0]}")
    found = FEATURES.name in columns
    if found != embed:
        has = "with" if found else "without"
        raise BatchError(f"{output} has rows {has} features: choose another output, or the same --embed")


def check_same(output: str, column: str, found: str, wanted: str, partition_by: Sequence[str]) -> None:
    """Raise BatchError if an output has rows that would stand beside new ones of the same names."""
    if found != wanted and column not in partition_by:
        raise BatchError(
            f"{output} has rows whose {column} is {found}, and not {wanted}:"
            f" choose another output, or partition by {column}"
        )
