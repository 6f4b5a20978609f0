"""Replacement: a file that is written takes its place once it is whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUFFIX = ".part"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside this one to write to; after the block, what lies there takes this one's place.

    Where the block fails, the file that was there stays, and so does what was written: the next attempt
    overwrites it.
    """
    unfinished = path.with_name(path.name + SUFFIX)
    yield unfinished
    unfinished.replace(path)
