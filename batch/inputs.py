"""The inputs: the files, folders and URLs that an operator names, one by one and in a fixed order."""

import asyncio
import os
import re
import stat
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from batch.engine import Input
from logo_detection.errors import FetchFailed, ImageTooLarge
from logo_detection.fetch import Fetcher
from logo_detection.memory import MemoryBudget

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def find_inputs(
    arguments: Iterable[str], *, fetcher: Fetcher, memory: MemoryBudget, max_bytes: int
) -> Iterator[Input]:
    """What the arguments stand for, in their order; a folder stands for all the files in it.

    Args:
        arguments: URLs, and paths, which are opened as they are: whoever names them may read them.
        fetcher: Gets the URLs, and decides which it may.
        memory: What the bytes of files count against; the fetcher has its own or the same.
        max_bytes: Of a file; a larger one is an ImageTooLarge.
    """
    lane = object()
    for argument in arguments:
        if _URL.match(argument):
            yield Input(argument, partial(fetcher.fetch, argument, lane=lane))
        else:
            for path in _find_files(Path(argument)):
                yield Input(_text(path), partial(read_file, path, memory=memory, max_bytes=max_bytes))


def _text(path: Path) -> str:
    """A path for people and JSON: file names are bytes, and need not be UTF-8."""
    return os.fsencode(path).decode(errors="replace")


def _find_files(path: Path) -> Iterator[Path]:
    """A path itself; of a folder every regular file below it that is not hidden, sorted level by level.

    What cannot be listed is given out as it is: to be opened, and so to be reported. Links to folders are
    not followed: they could lead back.
    """
    try:
        waiting = _reversed_entries(path)
    except OSError:
        yield path
        return
    while waiting:
        entry = waiting.pop()
        if entry.is_dir(follow_symlinks=False):
            try:
                waiting += _reversed_entries(entry)
            except OSError:
                yield Path(entry)
        elif _is_file(entry):
            yield Path(entry)


def _reversed_entries(folder: os.PathLike[str]) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        shown = [entry for entry in entries if not entry.name.startswith(".")]
    return sorted(shown, key=lambda entry: entry.name, reverse=True)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself, or to where nobody may look
        return True


@asynccontextmanager
async def read_file(path: Path, *, memory: MemoryBudget, max_bytes: int) -> AsyncIterator[bytes]:
    """A file's bytes, which count against the memory budget for the length of the block.

    Raises:
        ImageTooLarge: It has more than `max_bytes`.
        FetchFailed: It cannot be read, or is a pipe, a device or a folder.
    """
    async with memory.lease() as lease:
        try:
            with await asyncio.to_thread(_open_regular, path) as file:
                size_bytes = os.fstat(file.fileno()).st_size
                if size_bytes > max_bytes:
                    raise ImageTooLarge(f"the file has more than {max_bytes:,} bytes")
                await lease.grow(size_bytes)
                data = await asyncio.to_thread(file.read, size_bytes)
        except OSError as error:
            raise FetchFailed(f"the file cannot be read: {error.strerror}") from error
        yield data


def _open_regular(path: Path) -> BinaryIO:
    fd = os.open(
        path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    )  # O_NONBLOCK: a pipe would wait for a writer
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise FetchFailed("it is not a regular file")
    return os.fdopen(fd, "rb")
