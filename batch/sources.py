"""The sources: what a job's inputs are read from.

    files       paths, folders, patterns, URLs                                 read where they are
    parquet     a table with images or URLs (see `batch.table_columns`)        joined with a list of names
    manifest    a list of URLs: one a line, or CSV with `url` and `filename`   fetched

An input is known by its `Entry.key`. Of several entries with one key, one is scored. A table of images with
two rows of one name is refused, because nobody could tell their results apart.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from batch.lists import read_csv, read_lines
from batch.table_columns import (
    BYTES,
    FILENAME,
    IMAGE_STRUCT,
    TEXT,
    URL,
    TableColumns,
    check_type,
    find_columns,
)

SourceKind = Literal["files", "parquet", "manifest"]

ROWS_READ = 32
"""Rows of a table that are in memory at a time: one of them is an image, whole."""

_SUFFIXES: dict[str, SourceKind] = {".parquet": "parquet", ".txt": "manifest", ".csv": "manifest"}
_FILE_SCHEME = "file://"


@dataclass(frozen=True, slots=True)
class InputSource:
    """Where inputs are read from.

    Attributes:
        kind: How.
        paths: Several for files, one for all else.
        names: A list of the names that are wanted of a table: text, one a line, or Parquet with `filename`.
    """

    kind: SourceKind
    paths: tuple[str, ...]
    names: str | None = None


def find_source(paths: Sequence[str], kind: SourceKind | None, names: str | None) -> InputSource:
    """What the operator means.

    A path that begins with `file://` is a path of this machine, as the rest of it says.

    Raises:
        BatchError: There is a list of names, or more than one path, where that has no meaning; or a table's
            path is not UTF-8.
    """
    path = without_file_scheme(paths[0])
    suffix = "" if is_url(path) else Path(path).suffix.lower()
    found = kind or _SUFFIXES.get(suffix, "files")
    if found != "files" and len(paths) > 1:
        raise BatchError(f"of {found} inputs there is one; {paths[1]} is another")
    if names is not None and found != "parquet":
        raise BatchError(f"a list of names is joined with a table of parquet, and not with {found}")
    if found == "parquet":
        _check_encoding(paths[0], names or "")
        return InputSource(found, tuple(paths), names)
    return InputSource(found, tuple(map(without_file_scheme, paths)), names)


def without_file_scheme(path: str) -> str:
    """The path of this machine that a path with the scheme `file://` stands for; others as they are."""
    rest = path.removeprefix(_FILE_SCHEME)
    return rest if rest.startswith("/") else path


def count_entries(source: InputSource) -> int:
    """How many inputs there are. Raises BatchError as `entries` does."""
    if source.kind == "parquet":
        return len(read_names(source.names)) if source.names else _count_rows(source.paths[0])
    return sum(1 for _ in entries(source))


def entries(source: InputSource) -> Iterator[Entry]:
    """The inputs, in their order, each key once.

    Raises:
        BatchError: The source is not there, is malformed or damaged, or lacks a column.
    """
    if source.kind == "parquet":
        return _of_table(source)
    listed = find_files(source.paths) if source.kind == "files" else read_url_list(Path(source.paths[0]))
    return _once(listed)


def find_files(paths: Sequence[str]) -> Iterator[Entry]:
    """The files that paths stand for.

    Raises:
        BatchError: A path stands for nothing, or is a folder of Parquet, whose files are no images.
    """
    for path in paths:
        if not (is_url(path) or os.path.lexists(path) or any(iglob(path, recursive=True))):  # noqa: PTH207
            raise BatchError(f"no such file: {path}")
        if os.path.isdir(path) and _begins_with_parquet(path):  # noqa: PTH112
            raise BatchError(f"{path} has files of Parquet: --read parquet reads them as a table of images")
    yield from find_entries(paths)


def _begins_with_parquet(folder: str) -> bool:
    files = (entry.input for entry in find_entries([folder]))
    # Of a table, what begins with _ is no part.
    first = next((file for file in files if not os.path.basename(file).startswith("_")), "")  # noqa: PTH119
    return first.lower().endswith(".parquet")


def read_url_list(path: Path) -> Iterator[Entry]:
    """URLs, and what they are called: as themselves, unless a column says otherwise.

    Raises:
        BatchError: The list cannot be read, or the first of its URLs is none: a header, a path, a name.
    """
    listed = _url_entries(path)
    first = next(listed, None)
    if first is None:
        return
    if first.url and not is_url(first.url):
        raise BatchError(
            f"{path}: {first.url!r} is no URL, and the first of the list; paths are"
            " given as folders, files or patterns"
        )
    yield first
    yield from listed


def _url_entries(path: Path) -> Iterator[Entry]:
    if path.suffix.lower() == ".csv":
        rows = read_csv(path, URL)
        return (Entry.of_url(row[URL], row.get(FILENAME) or row[URL]) for row in rows)
    return (Entry.of_url(url) for line in read_lines(path) if (url := line.strip(" \t")))


def read_names(path: str) -> dict[str, None]:
    """Names, each once and in their order. Raises BatchError."""
    if not path.rstrip("/").endswith(".parquet"):
        return dict.fromkeys(read_lines(Path(path)))
    table = _open_table(path)
    check_type(path, arrow_types(table.schema), FILENAME, TEXT)
    return dict.fromkeys(_read_column(table, path, (FILENAME,)).to_pylist())


def arrow_types(schema: pa.Schema) -> dict[str, str]:
    """The types of a table's columns, as `table_columns` has them."""
    return {field.name: _type_name(field.type) for field in schema}


def _type_name(kind: pa.DataType) -> str:
    is_type = pa.types
    if is_type.is_dictionary(kind):
        return _type_name(kind.value_type)
    if is_type.is_string(kind) or is_type.is_large_string(kind) or is_type.is_string_view(kind):
        return TEXT
    if is_type.is_binary(kind) or is_type.is_large_binary(kind) or is_type.is_binary_view(kind):
        return BYTES
    if is_type.is_fixed_size_binary(kind):
        return BYTES
    if is_type.is_struct(kind):
        fields: Mapping[str, str] = {field.name: _type_name(field.type) for field in kind}
        return struct_name(fields)
    return str(kind)


def struct_name(fields: Mapping[str, str]) -> str:
    """The type of a struct with such fields, as `table_columns` has it."""
    if fields.get("bytes") == BYTES and fields.get("path") == TEXT:
        return IMAGE_STRUCT
    return f"struct<{', '.join(f'{name}: {kind}' for name, kind in fields.items())}>"


def _check_encoding(*paths: str) -> None:
    for path in paths:
        try:
            path.encode()
        except UnicodeEncodeError as error:
            raise BatchError(f"{os.fsencode(path)!r} is not UTF-8: a table's path is text") from error


def _once(listed: Iterable[Entry]) -> Iterator[Entry]:
    seen: set[tuple[str, str]] = set()
    for entry in listed:
        if entry.key not in seen:
            seen.add(entry.key)
            yield entry


def _of_table(source: InputSource) -> Iterator[Entry]:
    path = source.paths[0]
    table = _open_table(path)
    columns = find_columns(path, arrow_types(table.schema))
    names = _read_column(table, path, columns.name)
    _check_names(path, names, columns)
    wanted = None if source.names is None else read_names(source.names)
    if wanted is not None and not pc.any(pc.is_in(names, value_set=pa.array(wanted, pa.string()))).as_py():
        raise none_wanted(source.names or "", path, next(iter(wanted), None), len(wanted))
    missing = dict(wanted or {})
    with _reading(path):
        found = _scan(table, columns)
        for entry in found if columns.content else _once(found):
            if wanted is None or entry.filename in wanted:
                missing.pop(entry.filename, None)
                yield entry
    yield from map(Entry.of_name, missing)


def _scan(table: ds.Dataset, columns: TableColumns) -> Iterator[Entry]:
    last = _as_type(columns.content, pa.large_binary()) if columns.content else _as_type((URL,), pa.string())
    options = ds.ParquetFragmentScanOptions(pre_buffer=False, use_buffered_stream=True)
    for batch in table.to_batches(
        columns={"name": _as_type(columns.name, pa.string()), "value": last},
        batch_size=ROWS_READ,
        batch_readahead=1,
        fragment_readahead=1,
        fragment_scan_options=options,
    ):
        for name, value in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
            yield Entry.of_content(name, value) if columns.content else Entry.of_url(value or "", name)


def _as_type(column: tuple[str, ...], kind: pa.DataType) -> pc.Expression:
    return ds.field(*column).cast(kind)


def _open_table(path: str) -> ds.Dataset:
    with _reading(path):
        return ds.dataset(path, format="parquet", partitioning="hive")


def _count_rows(path: str) -> int:
    table = _open_table(path)
    find_columns(path, arrow_types(table.schema))
    with _reading(path):
        rows: int = table.count_rows()
    return rows


def _read_column(table: ds.Dataset, path: str, column: tuple[str, ...]) -> pa.ChunkedArray:
    with _reading(path):
        return table.to_table({"name": _as_type(column, pa.string())})["name"]


@contextmanager
def _reading(path: str) -> Iterator[None]:
    """Around what opens a table or reads of it: a file may have its footer, and damage before that."""
    try:
        yield
    except FileNotFoundError as error:
        raise BatchError(f"no such file: {path}") from error
    except (OSError, pa.ArrowException) as error:
        raise BatchError(
            f"{path} is no table of parquet that can be read: {str(error).splitlines()[0]}"
        ) from error


def none_wanted(names: str, table: str, first: str | None, number: int) -> BatchError:
    """The error of a list of names of which a table has none: it is hardly the list that was meant."""
    if first is None:
        return BatchError(f"{names} has no names")
    header = "; a list has a name a line, and no header" if "," in first or first == FILENAME else ""
    return BatchError(
        f"{names}: {table} has none of its {number:,} names, of which the first is {first!r}{header}"
    )


def _check_names(path: str, names: pa.ChunkedArray, columns: TableColumns) -> None:
    """Every row has a name; and a name of its own, where images have nothing else to be known by."""
    if names.null_count:
        raise BatchError(f"{path}: {'.'.join(columns.name)} is null in {names.null_count:,} of its rows")
    if columns.content and len(names) > pc.count_distinct(names).as_py():
        counts = pc.value_counts(names)
        twice = counts.filter(pc.greater(counts.field("counts"), 1))[0]["values"]
        raise BatchError(f"{path} has more than one row of {twice}: a name stands for one image")
