"""Zip streams: a folder as an archive that is sent while it is made, and is never whole anywhere."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PIECE_BYTES = 2**20


class _Sink(io.RawIOBase):
    """What `zipfile` writes into; it cannot seek, so that sizes follow each file's bytes."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        """Whether it can be written into."""
        return True

    def write(self, piece: Any) -> int:
        """Keep a piece until it is taken."""
        self._pieces.append(bytes(piece))
        return len(piece)

    def take(self) -> bytes:
        """What has been written since."""
        taken, self._pieces = b"".join(self._pieces), []
        return taken


def stream_folder(folder: Path, root: str) -> Iterator[bytes]:
    """A zip archive of all files of a folder, piece by piece, below a folder `root` in it."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(f"{root}/{path.relative_to(folder).as_posix()}")
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w", force_zip64=False) as target, path.open("rb") as source:
                while piece := source.read(PIECE_BYTES):
                    target.write(piece)
                    yield sink.take()
    yield sink.take()
