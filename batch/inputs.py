"""The inputs: the files, folders and URLs that an operator names, one by one and in a fixed order."""

import os
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from glob import has_magic, iglob
from pathlib import Path
from typing import Self

from batch.names import display_name
from logo_detection.errors import FetchFailed, ImageTooLarge, ItemError, NoContent, UrlNotAllowed
from logo_detection.fetch.byte_budget import ByteBudget
from logo_detection.fetch.fetcher import Fetcher
from logo_detection.fetch.url import parse_url
from logo_detection.files import MAX_FILE_BYTES, held_file
from logo_detection.scoring import Input

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_FETCHED = ("http", "https")


@dataclass(frozen=True, slots=True)
class Entry:
    """An input that is not opened yet.

    Attributes:
        input: What it is: the display name of its path, its URL, or its name in a table of images.
        filename: What its row is called. Several inputs may have one filename.
        path: A path of this machine, where it is a file: bytes, as file names need not be UTF-8.
        url: A URL, where it is fetched.
        content: Its bytes, where they are there already. With none of these three it is known by name alone.
        size_bytes: Of the content, where it was too large to be brought along.
        has_row: Whether it is a row of a table of images, be it one without bytes.
    """

    input: str
    filename: str
    path: bytes | None = None
    url: str | None = None
    content: bytes | None = None
    size_bytes: int | None = None
    has_row: bool | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What tells this input from others, and its row from theirs."""
        return self.input, self.filename

    @classmethod
    def of_path(cls, path: bytes) -> Self:
        """A file."""
        name = display_name(path)
        return cls(name, name, path=path)

    @classmethod
    def of_url(cls, url: str, filename: str | None = None) -> Self:
        """Something to fetch, called by its URL unless it has a filename."""
        return cls(url, filename or url, url=url)

    @classmethod
    def of_content(cls, filename: str, content: bytes | None) -> Self:
        """An image of a table."""
        return cls(filename, filename, content=content, has_row=True)

    @classmethod
    def of_name(cls, filename: str) -> Self:
        """What is wanted and not there."""
        return cls(filename, filename)


def find_inputs(
    arguments: Iterable[str], *, fetcher: Fetcher, memory: ByteBudget, max_bytes: int
) -> Iterator[Input]:
    """What the arguments stand for, in their order; see `find_entries` and `as_input`."""
    for entry in find_entries(arguments):
        yield as_input(entry, fetcher=fetcher, memory=memory, max_bytes=max_bytes)


def find_entries(arguments: Iterable[str]) -> Iterator[Entry]:
    """What the arguments stand for, in their order: URLs, paths, patterns; a folder stands for its files.

    Paths are opened as they are: whoever names them may read them.
    """
    for argument in arguments:
        if is_url(argument):
            argument_bytes = os.fsencode(argument)
            yield Entry.of_url(argument_bytes.decode(errors="replace"), display_name(argument_bytes))
        else:
            for path in _matches(argument):
                for file in _find_files(path):
                    yield Entry.of_path(os.fsencode(file))


def is_url(argument: str) -> bool:
    """Whether an argument has a scheme, and so is no path."""
    return _URL.match(argument) is not None


def is_remote(argument: str) -> bool:
    """Whether it is for Spark to read or write: it has a scheme, and not one that is fetched."""
    return is_url(argument) and argument.partition(":")[0].lower() not in _FETCHED


def as_input(entry: Entry, *, fetcher: Fetcher, memory: ByteBudget, max_bytes: int = MAX_FILE_BYTES) -> Input:
    """How an entry's bytes are had.

    Args:
        entry: Which.
        fetcher: Gets the URLs, and decides which it may.
        memory: What the bytes of files count against; the fetcher has its own or the same.
        max_bytes: Of a file; a larger one is an ImageTooLarge.
    """
    if entry.url == "":
        return Input(entry.filename, partial(_refuse, NoContent()))
    if entry.url is not None:
        return _remote_input(entry.filename, entry.url, fetcher)
    if entry.path is not None:
        path = Path(os.fsdecode(entry.path))
        return Input(entry.filename, partial(held_file, path, memory=memory, max_bytes=max_bytes))
    return Input(entry.filename, partial(_content, entry, max_bytes))


def _remote_input(name: str, text: str, fetcher: Fetcher) -> Input:
    try:
        file = fetcher.file(parse_url(text), flow=None)
    except UrlNotAllowed as error:
        return Input(name, partial(_refuse, error.with_traceback(None)))
    return Input(name, file.open, file.open_thumbnail)


def _refuse(error: ItemError) -> AbstractAsyncContextManager[bytes]:
    raise error


@asynccontextmanager
async def _content(entry: Entry, max_bytes: int) -> AsyncIterator[bytes]:
    if (entry.size_bytes or len(entry.content or b"")) > max_bytes:
        raise ImageTooLarge(f"the file has more than {max_bytes:,} bytes")
    if entry.content is None:
        raise NoContent if entry.has_row else FetchFailed("there are no bytes of that name")
    yield entry.content


def _matches(argument: str) -> Iterable[Path]:
    """The paths that a pattern stands for, sorted; what is there by that very name is no pattern."""
    if has_magic(argument) and not os.path.lexists(argument):
        return map(Path, sorted(iglob(argument, recursive=True)))  # noqa: PTH207  of any root
    return (Path(argument),)


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
