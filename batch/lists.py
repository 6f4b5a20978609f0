"""Lists: text files that an operator has written, read line by line or as CSV, in UTF-8."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from batch.errors import BatchError


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a file that are not empty, without their ends: a line feed, or CR and line feed.

    Other separators, such as U+2028 and form feed, may be part of a name, and end no line.

    Raises:
        BatchError: The file cannot be read, or is not UTF-8.
    """
    try:
        with path.open(newline="\n", encoding="utf-8-sig") as file:
            for line in file:
                if text := line.removesuffix("\n").removesuffix("\r"):
                    yield text
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def read_csv(path: Path, *required: str) -> Iterator[dict[str, str]]:
    """The rows of a CSV with a header, by column.

    Raises:
        BatchError: The file cannot be read, is not UTF-8, lacks a required column, or is malformed: a quote
            that is never closed would cost the rows behind it.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file, strict=True)
            begins = 1  # the line in which a row begins; a quoted field may go on in the next ones
            try:
                _check_header(path, rows.fieldnames or (), required)
                begins = rows.line_num + 1
                for row in rows:
                    _check_row(path, begins, row)
                    yield row
                    begins = rows.line_num + 1
            except csv.Error as error:
                raise BatchError(f"{path}, line {begins}: {error}; is a quote left open?") from error
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _check_header(path: Path, columns: Sequence[str], required: Sequence[str]) -> None:
    if missing := [name for name in required if name not in columns]:
        has = ", ".join(columns) or "no header"
        raise BatchError(f"{path} has no column {', '.join(missing)}; it has {has}")
    if twice := next((name for name in columns if columns.count(name) > 1), None):
        raise BatchError(f"{path} has two columns {twice}")


def _check_row(path: Path, line: int, row: dict[str, str]) -> None:
    """Refuse a row whose fields do not fit the header or have a line break, as a stray quote makes them."""
    if None in row or None in row.values():
        raise BatchError(f"{path}, line {line}: the row has more or fewer fields than the header")
    for column, value in row.items():
        if "\n" in value or "\r" in value:
            raise BatchError(f"{path}, line {line}: {column} has a line break; is a quote left open?")


def _unreadable(path: Path, error: OSError | UnicodeDecodeError) -> BatchError:
    if isinstance(error, OSError):
        return BatchError(f"cannot read {path}: {error.strerror}")
    return BatchError(f"{path} is not text in UTF-8 ({error})")
