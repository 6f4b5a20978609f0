"""Archives: zip files as a browser sent them, of which nothing is unpacked that could do harm.

Nothing is ever written under a name that an archive gives. A file's bytes are counted while they are
unpacked, whatever the archive says of them.
"""

import lzma
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from logo_detection.errors import ImageCorrupt
from studio.images.candidates import Candidate, Candidates, ImportRefused, RefusedFile
from studio.images.store import Readable

_END = b"PK\x05\x06"  # of the end record, which has 22 bytes and a comment
_END_BYTES = 22
_ZIP64_LOCATOR = b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES = 20
_COMMENT_MAX_BYTES = 2**16
_DIRECTORY_BYTES_PER_FILE = 1024  # an entry has 46, a name, and some tools' extra fields
_DAMAGES = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, NotImplementedError, RuntimeError,
    ValueError,
)  # fmt: skip
_CONTROL = frozenset(
    {"Cc", "Cs", "Zl", "Zp"}
)  # in Unicode's general categories; other languages need the rest
_NESTED = frozenset({".zip", ".jar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst"})


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How much an archive may hold: files, bytes of all of them unpacked, bytes of each."""

    files: int
    bytes: int
    file_bytes: int


@contextmanager
def opened_archive(path: Path, limits: ArchiveLimits) -> Iterator[Candidates]:
    """The files of an archive, for the length of a block; refused ones by name and kind, and not unpacked.

    Raises:
        ImportRefused: It is no zip file, or has more than the limits allow.
    """
    try:
        with path.open("rb") as file:
            _check_directory(file, limits)
        archive = zipfile.ZipFile(path)
    except _DAMAGES as error:
        raise ImportRefused("the file is not a zip archive, or is a damaged one") from error
    with archive:
        yield _list(archive, limits)


def _list(archive: zipfile.ZipFile, limits: ArchiveLimits) -> Candidates:
    entries = [entry for entry in archive.infolist() if not _is_left_out(entry)]
    if len(entries) > limits.files:
        raise ImportRefused(f"the archive has {len(entries):,} files, and may have {limits.files:,}")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > limits.bytes:
        raise ImportRefused(f"the archive unpacks to {unpacked:,} bytes, and may to {limits.bytes:,}")
    reasons = [(entry, _why_refused(entry, limits)) for entry in entries]
    refused = tuple(RefusedFile(entry.filename, reason) for entry, reason in reasons if reason)
    return Candidates(tuple(_candidate(archive, entry) for entry, reason in reasons if not reason), refused)


def _check_directory(file: BinaryIO, limits: ArchiveLimits) -> None:
    """Look at the size of the archive's directory before `zipfile` reads all of it into memory."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END_BYTES - _COMMENT_MAX_BYTES - _ZIP64_LOCATOR_BYTES))
    tail = file.read()
    at = _end_record(tail)
    if at < 0:
        raise ImportRefused("the file is not a zip archive, or is a damaged one")
    if tail[max(0, at - _ZIP64_LOCATOR_BYTES) : at].startswith(_ZIP64_LOCATOR):
        raise ImportRefused("the archive is a zip64, which so many files do not need")
    directory_bytes = int.from_bytes(tail[at + 12 : at + 16], "little")
    if directory_bytes > limits.files * _DIRECTORY_BYTES_PER_FILE:
        raise ImportRefused(f"the archive has more than {limits.files:,} files, or very long names")


def _end_record(tail: bytes) -> int:
    """Where the end record begins, by the rule of `zipfile`; -1: nowhere."""
    last = len(tail) - _END_BYTES
    if last >= 0 and tail[last : last + 4] == _END and tail[-2:] == b"\0\0":
        return last
    return tail.rfind(_END)


def _is_left_out(entry: zipfile.ZipInfo) -> bool:
    """Folders, and what macOS and editors leave behind: nobody misses them."""
    parts = PurePosixPath(entry.filename).parts
    return entry.is_dir() or "__MACOSX" in parts or (bool(parts) and parts[-1].startswith("."))


def _why_refused(entry: zipfile.ZipInfo, limits: ArchiveLimits) -> str:
    path = PurePosixPath(entry.filename)
    mode = entry.external_attr >> 16
    if not path.parts:
        return "it has no name"
    if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or ":" in path.parts[0]:
        return "its path leaves the archive"
    if any(unicodedata.category(each) in _CONTROL for each in entry.filename):
        return "its name has control characters"
    if mode and not (stat.S_ISREG(mode) or stat.S_IFMT(mode) == 0):
        return "it is a link or a device"
    if entry.flag_bits & 1:
        return "it is encrypted"
    if path.suffix.lower() in _NESTED:
        return "it is an archive itself"
    if entry.file_size > limits.file_bytes:
        return f"it has more than {limits.file_bytes:,} bytes"
    return ""


def _candidate(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Candidate:
    inside = PurePosixPath(entry.filename)
    label = inside.parts[0] if len(inside.parts) > 1 else ""
    return Candidate(entry.filename, partial(_unpack, archive, entry), label)


@contextmanager
def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[Readable]:
    """An entry's bytes. Whatever is wrong with them is an ImageCorrupt."""
    try:
        with archive.open(entry) as file:
            yield file
    except _DAMAGES as error:
        raise ImageCorrupt from error
