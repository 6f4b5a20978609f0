"""Files: an operator's own, read whole and within limits. Callers' files come through `fetch`."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from logo_detection.errors import FetchFailed, ImageTooLarge, ItemError, NoSuchFile
from logo_detection.fetch.byte_budget import ByteBudget

MAX_FILE_BYTES = 64 * 2**20
"""Of one file that a command reads."""

FIRST_BYTES = 256 * 2**10
"""Read in the step that opens a file, before the byte budget is asked. A second step in a thread costs
0.5 ms: beside two workers that is one image in sixty."""


def read_file(path: Path, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """A file's bytes.

    Raises:
        ImageTooLarge: It has more than `max_bytes`.
        NoSuchFile: There is nothing at the path.
        FetchFailed: It cannot be read, or is a pipe, a device or a folder.
    """
    try:
        with _open_regular(path) as file:
            return file.read(_checked_size(file, max_bytes))
    except OSError as error:
        raise _unreadable(error) from error


@asynccontextmanager
async def held_file(
    path: Path, *, memory: ByteBudget, max_bytes: int = MAX_FILE_BYTES
) -> AsyncIterator[bytes]:
    """A file's bytes, which count against the byte budget for the length of the block.

    Raises:
        ImageTooLarge, NoSuchFile, FetchFailed: As `read_file` does.
    """
    async with memory.lease() as lease:
        try:
            file, size_bytes, data = await asyncio.to_thread(_begin, path, max_bytes)
            with file:
                await lease.grow(size_bytes)
                if len(data) < size_bytes:
                    data += await asyncio.to_thread(file.read, size_bytes - len(data))
        except OSError as error:
            raise _unreadable(error) from error
        yield data


def _begin(path: Path, max_bytes: int) -> tuple[BinaryIO, int, bytes]:
    """An open file, its size, and its first bytes."""
    with ExitStack() as stack:
        file = stack.enter_context(_open_regular(path))
        size_bytes = _checked_size(file, max_bytes)
        data = file.read(min(size_bytes, FIRST_BYTES))
        stack.pop_all()
    return file, size_bytes, data


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


def _unreadable(error: OSError) -> ItemError:
    if isinstance(error, FileNotFoundError):
        return NoSuchFile()
    return FetchFailed(f"the file cannot be read: {error.strerror}")
