"""The store: files by the SHA-256 of their bytes, and the pictures of them that people see.

files/ab/abcd…            as it came; no browser is ever sent it
thumbnails/ab/abcd….jpg   of the grid, and previews/ab/abcd….jpg of the single view: JPEGs of our own making
heat_maps/MODEL/ab/abcd….png   what speaks for a class in it, as a model has it, likewise
"""

import hashlib
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from logo_detection.errors import ImageTooLarge

PIECE_BYTES = 2**20


class Readable(Protocol):
    """What bytes come out of."""

    def read(self, size: int, /) -> bytes:
        """At most so many; none at the end."""
        ...


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that is in the store."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class FileStore:
    """A directory of files; it need not exist yet."""

    root: Path

    def file(self, sha256: str) -> Path:
        """Where a file lies."""
        return self.root / "files" / sha256[:2] / sha256

    def thumbnail(self, sha256: str) -> Path:
        """The picture for the grid."""
        return self.root / "thumbnails" / sha256[:2] / f"{sha256}.jpg"

    def preview(self, sha256: str) -> Path:
        """The picture for the single view."""
        return self.root / "previews" / sha256[:2] / f"{sha256}.jpg"

    def heat_map(self, sha256: str, model: str) -> Path:
        """The heat map that a model has of it."""
        folder = re.sub(r"[^A-Za-z0-9.-]+", "_", model).strip(".")
        return self.root / "heat_maps" / folder / sha256[:2] / f"{sha256}.png"

    def add(self, source: Readable, max_bytes: int) -> StoredFile:
        """Copy a file into the store, unless it is there.

        Raises:
            ImageTooLarge: It has more bytes.
        """
        digest, size = hashlib.sha256(), 0
        with self._unfinished() as (path, file):
            while piece := source.read(PIECE_BYTES):
                size += len(piece)
                if size > max_bytes:
                    raise ImageTooLarge(f"the file has more than {max_bytes:,} bytes")
                digest.update(piece)
                file.write(piece)
            file.close()
            _move(path, self.file(digest.hexdigest()))
        return StoredFile(digest.hexdigest(), size)

    def write(self, path: Path, content: bytes) -> None:
        """Write a picture; it appears whole, or not at all."""
        with self._unfinished() as (unfinished, file):
            file.write(content)
            file.close()
            _move(unfinished, path)

    def drop(self, sha256: str) -> None:
        """Forget a file that no data set came to hold."""
        for path in (self.file(sha256), self.thumbnail(sha256), self.preview(sha256)):
            path.unlink(missing_ok=True)

    @contextmanager
    def _unfinished(self) -> Iterator[tuple[Path, BinaryIO]]:
        directory = self.root / "unfinished"
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / secrets.token_hex(16)
        try:
            with path.open("xb") as file:
                yield path, file
        finally:
            path.unlink(missing_ok=True)


def _move(unfinished: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished.chmod(0o440)
    unfinished.replace(path)
