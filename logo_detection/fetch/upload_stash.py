"""The upload stash: how MediaWiki serves files that were uploaded and are not published yet.

`Special:UploadStash/file/KEY` refuses a file of more than 1 MiB, and serves a smaller one as it is, whatever
its format. `Special:UploadStash/thumb/KEY/330px-KEY` serves a thumbnail, a JPEG or PNG. So a thumbnail is
asked for where the wiki refuses the file (`is_refusal`), and where its format is not read
(`read_or_thumbnail`).

What is said here of MediaWiki was read in SpecialUploadStash.php (1.39) and in the handlers of the formats,
and seen at a real one (tests/mediawiki).
"""

import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from http import HTTPStatus
from typing import TypeVar

from yarl import URL

from logo_detection.errors import FetchFailed, ImageUnsupported, UrlNotAllowed

Open = Callable[[], AbstractAsyncContextManager[bytes]]
"""Gives a file's bytes for the length of a block. Raises ItemError, at once or when the block is entered."""

T = TypeVar("T")

WIDTHS = (330, 250, 120)
"""Pixels; widths that Wikimedia has at hand (T414805). The first one is no smaller than the model's input. A
wiki makes no thumbnail that is as wide as the picture, or wider."""

_PAGE = "page1-330px"
_MOMENT = "330px-"
OWN_PARAMETERS = {
    **dict.fromkeys(("djvu", "pdf"), _PAGE),
    **dict.fromkeys(("tif", "tiff"), f"lossy-{_PAGE}"),
    **dict.fromkeys(("webm", "ogv", "ogg", "mpg", "mpeg"), _MOMENT),
}
"""How thumbnails are named whose handler does not read `330px`: DjVuHandler, PdfHandler, PagedTiffHandler
and TimedMediaHandler, each in its parseParamString(). Without PagedTiffHandler a TIFF's is `330px`."""

# The special page has a name in every language, and wikis redirect to theirs; a key is known by its form:
# when, a random number, the user's number, and the format's extension.
_STASHED = re.compile(
    r"(?P<page>(?:.*/)?[^/:]+:[^/:]+)/(?P<kind>file(?=/[^/]+\Z)|thumb(?=/[^/]+/[^/]+\Z))/"
    r"(?P<key>[\w-]+\.[\w-]+\.\d+\.(?P<extension>\w+))(?:/.+)?",
    re.ASCII,
)
_REFUSALS = {
    "file": {HTTPStatus.INTERNAL_SERVER_ERROR},
    "thumb": {HTTPStatus.NOT_FOUND, HTTPStatus.INTERNAL_SERVER_ERROR},
}


def is_refusal(url: URL, status: int) -> bool:
    """Whether a status says that the wiki does not serve a stashed file so, but may serve it otherwise.

    It answers 500 for a file of more than 1 MiB, and for another user's; 404 or 500 for a thumbnail under a
    name that the format's handler does not read, and 404 for one that would be no narrower than the picture.
    """
    return any(status in _REFUSALS[stashed["kind"]] for stashed, _ in _find(url, *_REFUSALS))


def find_thumbnails(url: URL) -> list[URL]:
    """The thumbnails of a stashed file, in the order in which to ask for them; none for any other URL."""
    return [rewrite(page) for stashed, rewrite in _find(url, "file") for page in _thumbnails(stashed)]


def find_stand_ins(url: URL) -> list[URL]:
    """What to ask for, in this order, where a stashed file or thumbnail is refused; none for any other URL.

    These are its other thumbnails; and the file, where it is a thumbnail that was refused.
    """
    return [rewrite(page) for stashed, rewrite in _find(url, *_REFUSALS) for page in _stand_ins(stashed)]


async def read_or_thumbnail(
    open_file: Open, open_thumbnail: Open | None, read: Callable[[bytes], Awaitable[T]]
) -> T:
    """What `read` makes of a file; or of its thumbnail, if the file's format is not read.

    Args:
        open_file: Gives the file.
        open_thumbnail: Gives a thumbnail after that; raises FetchFailed where there is none.
        read: Is given the bytes, which are held meanwhile.

    Raises:
        ImageUnsupported: The format is not read, and there is no thumbnail.
        ItemError: Whatever else the three raise.
    """
    try:
        async with open_file() as body:
            return await read(body)
    except ImageUnsupported as error:
        if open_thumbnail is None:
            raise
        unsupported = error.with_traceback(None)  # its frames hold the file
    try:
        async with open_thumbnail() as body:
            return await read(body)
    except (FetchFailed, UrlNotAllowed):
        raise unsupported from None


def _find(url: URL, *kinds: str) -> Iterator[tuple[re.Match[str], Callable[[str], URL]]]:
    """The stashed file that a URL names in its path or its title, and how to name another one there."""
    if (stashed := _STASHED.fullmatch(url.path)) is not None:
        rewrite: Callable[[str], URL] = partial(url.with_path, keep_query=True)
    elif (stashed := _STASHED.fullmatch(url.query.get("title", ""))) is not None:
        rewrite = partial(_with_title, url)
    if stashed is not None and stashed["kind"] in kinds:
        yield stashed, rewrite


def _with_title(url: URL, title: str) -> URL:
    return url.update_query(title=title)


def _stand_ins(stashed: re.Match[str]) -> Iterator[str]:
    yield from (name for name in _thumbnails(stashed) if name != stashed[0])
    if stashed["kind"] == "thumb":
        yield f"{stashed['page']}/file/{stashed['key']}"


def _thumbnails(stashed: re.Match[str]) -> Iterator[str]:
    own = OWN_PARAMETERS.get(stashed["extension"].lower())
    for parameters in (*([own] if own else []), *(f"{width}px" for width in WIDTHS)):
        yield f"{stashed['page']}/thumb/{stashed['key']}/{parameters}-{stashed['key']}"
