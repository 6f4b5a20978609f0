"""Manifests: read and write sets of labelled images.

A set is a folder per class, or files with a `manifest.csv` or a `manifest.parquet`.
"""

import csv
import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from datasets.replacement import replacing
from logo_detection.errors import LogoDetectionError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".svg"})
COLUMNS = ("path", "label", "category", "source", "original", "license", "author", "sha256")
"""What a manifest may say of an image; `path` and `label` it must. Other columns are metadata."""
CSV_NAME = "manifest.csv"
MANIFESTS = (CSV_NAME, "manifest.parquet")

LOG = logging.getLogger(__name__)

Row = Mapping[str, str]


class DatasetInvalid(LogoDetectionError):
    """A set of images is not valid. One line that names the file, the row and the column."""


@dataclass(frozen=True, slots=True)
class Example:
    """One image file.

    Attributes:
        path: Where it is.
        label: Its class.
        category: What kind of picture it is, within its class.
        source: `owner/name@commit`, or the wiki category it was found in.
        original: Its path or title there.
        licence: As its source names it; empty if unknown.
        author: As its source names them; empty if unknown.
        sha256: Of the file's bytes, in hexadecimal.
        metadata: Whatever else is known, by column of the manifest.
    """

    path: Path
    label: str
    category: str
    source: str
    original: str
    licence: str
    author: str
    sha256: str
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def repository(self) -> str:
        """The source without its commit."""
        return self.source.partition("@")[0]


def read_examples(path: Path) -> list[Example]:
    """Read the images of a set, in the order of its manifest, or of their paths.

    Args:
        path: A manifest (`.csv`, `.parquet`), a directory with one (`manifest.csv`, `manifest.parquet`), or
            a directory of `<label>/<category>/...` or `<label>/...`, less what is hidden.

    Raises:
        DatasetInvalid: There is no such set, there is no image in it, a row lacks what it must have, a file
            that it names is not there or not in the manifest's directory, or is listed with two labels; or
            something cannot be read.
    """
    try:
        manifest = manifest_of(path)
        examples = list(_from_folders(path) if manifest is None else _from_manifest(manifest))
    except OSError as error:
        raise DatasetInvalid(f"{error.filename or path}: cannot be read ({_reason(error)})") from error
    if not examples:
        raise DatasetInvalid(f"{path}: there is no image")
    return examples


def write_examples(path: Path, examples: Iterable[Example]) -> None:
    """Write a CSV that `read_examples` reads; it appears whole, or not at all.

    Raises:
        DatasetInvalid: An image is not below the manifest's directory, or its metadata has one of `COLUMNS`.
    """
    rows = [_row_of(example, path) for example in examples]
    extra = sorted({column for row in rows for column in row} - set(COLUMNS))
    with replacing(path) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [*COLUMNS, *extra], restval="")
        table.writeheader()
        table.writerows(rows)


def manifest_of(path: Path) -> Path | None:
    """The manifest that a set is read by; none where it is a folder per class.

    Raises:
        DatasetInvalid: There is no such set.
    """
    if path.is_dir():
        return next((path / name for name in MANIFESTS if (path / name).is_file()), None)
    if not path.is_file():
        raise DatasetInvalid(f"{path}: there is no such file or directory")
    if path.suffix not in _READERS:
        raise DatasetInvalid(f"{path}: a manifest is a .csv or a .parquet file")
    return path


def _from_manifest(manifest: Path) -> Iterable[Example]:
    """A file that is listed again is one image, as the last of its rows describes it."""
    listed: dict[Path, tuple[Example, str]] = {}
    for place, row in _READERS[manifest.suffix](manifest):
        example = _example(row, manifest, place)
        earlier, first_place = listed.get(example.path, (example, place))
        if earlier.label != example.label:
            labels = f"{example.label!r}, and {earlier.label!r} in {first_place}"
            raise DatasetInvalid(f"{place}, column label: {row['path']!r} is {labels}")
        if first_place is not place:
            LOG.warning(
                "%s: %r is listed already in %s, which does not count", place, row["path"], first_place
            )
        listed[example.path] = (example, place)
    return [example for example, _ in listed.values()]


def _from_folders(directory: Path) -> Iterator[Example]:
    for path in sorted(directory.rglob("*")):
        relative = path.relative_to(directory)
        if any(part.startswith(".") for part in relative.parts):  # `._a.png`, which macOS leaves behind
            continue
        if path.is_symlink() and path.is_dir():
            raise DatasetInvalid(f"{path}: is a link to a folder, and those are not followed")
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file():
            yield _in_folder(relative, directory)


def _in_folder(relative: Path, directory: Path) -> Example:
    path = directory / relative
    if len(relative.parts) < 2:
        raise DatasetInvalid(f"{path}: is in no class; expected {directory}/<label>/{path.name}")
    label, *folders, _ = relative.parts
    category = folders[0] if folders else label
    source = f"{directory.resolve().name}/{category}"
    try:
        (source + relative.as_posix()).encode()
    except UnicodeEncodeError:
        raise DatasetInvalid(f"{str(path)!r}: the name is not UTF-8") from None
    return Example(path, label, category, source, relative.as_posix(), "", "", _sha256(path))


def _read_csv(path: Path) -> Iterator[tuple[str, Row]]:
    """Rows and their places; as in a spreadsheet, the header is row 1."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file, strict=True)
            _check_columns(path, table.fieldnames or ())
            for number, row in enumerate(table, 2):
                if None in row or None in row.values():
                    raise DatasetInvalid(f"{path}, row {number}: has more or fewer columns than the header")
                yield f"{path}, row {number}", row
    except (csv.Error, UnicodeDecodeError) as error:
        raise DatasetInvalid(f"{path}: is not a CSV file in UTF-8 ({error})") from error


def _read_parquet(path: Path) -> Iterator[tuple[str, Row]]:
    """Rows and their places; what is null is empty, and what is no text is written as Python writes it."""
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.ParquetFile(path)
        _check_columns(path, table.schema_arrow.names)
        rows = (row for batch in table.iter_batches() for row in batch.to_pylist())
        for number, row in enumerate(rows, 1):
            yield f"{path}, row {number}", {name: _text(value) for name, value in row.items()}
    except (pyarrow.ArrowException, UnicodeDecodeError) as error:
        raise DatasetInvalid(f"{path}: is not a Parquet file ({error})") from error


_READERS: Mapping[str, Callable[[Path], Iterator[tuple[str, Row]]]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
}


def _check_columns(path: Path, columns: Iterable[str]) -> None:
    found = list(columns)
    for required in ("path", "label"):
        if required not in found:
            raise DatasetInvalid(f"{path}: has no column {required}")
    for column in found:
        if found.count(column) > 1:
            raise DatasetInvalid(f"{path}: has the column {column} twice")


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _example(row: Row, manifest: Path, place: str) -> Example:
    path = _file(row["path"], manifest, place)
    if not (label := row["label"].strip()):
        raise DatasetInvalid(f"{place}, column label: is empty")
    category = row.get("category") or label
    return Example(
        path=path,
        label=label,
        category=category,
        source=row.get("source") or f"{manifest.parent.resolve().name}/{category}",
        original=row.get("original") or row["path"],
        licence=row.get("license", ""),
        author=row.get("author", ""),
        sha256=row.get("sha256") or _sha256(path),
        metadata={name: value for name, value in row.items() if name not in COLUMNS},
    )


def _file(text: str, manifest: Path, place: str) -> Path:
    """The file that a row names. Links inside the directory are its owner's choice, and followed."""
    relative = PurePosixPath(text)
    if not text.strip():
        raise DatasetInvalid(f"{place}, column path: is empty")
    if relative.is_absolute() or ".." in relative.parts or "\0" in text:
        raise DatasetInvalid(f"{place}, column path: {text!r} leaves the manifest's directory")
    if not (path := manifest.parent / relative).is_file():
        raise DatasetInvalid(f"{place}, column path: there is no file {path}")
    return path


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:  # an error of reading names no file
        raise DatasetInvalid(f"{path}: cannot be read ({_reason(error)})") from error


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _row_of(example: Example, manifest: Path) -> dict[str, str]:
    try:
        relative = example.path.relative_to(manifest.parent)
    except ValueError:
        raise DatasetInvalid(f"{example.path}: is not below {manifest.parent}") from None
    if taken := set(example.metadata) & set(COLUMNS):
        raise DatasetInvalid(f"{example.path}: its metadata has the manifest's column {min(taken)}")
    own = (
        relative.as_posix(), example.label, example.category, example.source, example.original,
        example.licence, example.author, example.sha256,
    )  # fmt: skip
    return {**dict(zip(COLUMNS, own, strict=True)), **example.metadata}
