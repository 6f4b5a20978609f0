"""Files: an operator's own, read whole and within limits. Strangers' files come through `fetch`."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from logo_detection.errors import FetchFailed, ImageTooLarge
from logo_detection.memory import MemoryBudget

MAX_FILE_BYTES = 64 * 2**20
"""Of one file that a command reads."""


def read_file(path: Path, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """A file's bytes.

    Raises:
        ImageTooLarge: It has more than `max_bytes`.
        FetchFailed: It cannot be read, or is a pipe, a device or a folder.
    """
    try:
        with _open_regular(path) as file:
            return file.read(_checked_size(file, max_bytes))
    except OSError as error:
        raise _unreadable(error) from error


@asynccontextmanager
async def held_file(
    path: Path, *, memory: MemoryBudget, max_bytes: int = MAX_FILE_BYTES
) -> AsyncIterator[bytes]:
    """A file's bytes, which count against the memory budget for the length of the block.

    Raises:
        ImageTooLarge, FetchFailed: As `read_file` does.
    """
    async with memory.lease() as lease:
        try:
            with await asyncio.to_thread(_open_regular, path) as file:
                size_bytes = _checked_size(file, max_bytes)
                await lease.grow(size_bytes)
                data = await asyncio.to_thread(file.read, size_bytes)
        except OSError as error:
            raise _unreadable(error) from error
        yield data


def _open_regular(path: Path) -> BinaryIO:
    fd = os.open(
        path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    )  # O_NONBLOCK: a pipe would wait for a writer
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise FetchFailed("it is not a regular file")
    return os.fdopen(fd, "rb")


def _checked_size(file: BinaryIO, max_bytes: int) -> int:
    size_bytes = os.fstat(file.fileno()).st_size
    if size_bytes > max_bytes:
        raise ImageTooLarge(f"the file has more than {max_bytes:,} bytes")
    return size_bytes


def _unreadable(error: OSError) -> FetchFailed:
    return FetchFailed(f"the file cannot be read: {error.strerror}")
