"""The upload stash: how MediaWiki serves files that were uploaded and are not published yet.

What is said here of MediaWiki was read in SpecialUploadStash.php (1.39) and in the handlers of the formats.
"""

import re
from collections.abc import Callable

from yarl import URL

_FILE = re.compile(r"(.*Special:UploadStash)/file/([\w.-]+)", re.ASCII)
_THUMBNAIL = re.compile(r"(.*Special:UploadStash/thumb/([\w.-]+\.(\w+)))/\d+px-\2", re.ASCII)

THUMBNAIL_WIDTH = 330
"""Pixels; one of the widths that Wikimedia has at hand (T414805), and no smaller than the model's input."""

_PAGE = f"page1-{THUMBNAIL_WIDTH}px"
_MOMENT = f"{THUMBNAIL_WIDTH}px-"
OWN_PARAMETERS = {
    **dict.fromkeys(("djvu", "pdf"), _PAGE),
    **dict.fromkeys(("tif", "tiff"), f"lossy-{_PAGE}"),
    **dict.fromkeys(("webm", "ogv", "ogg", "mpg", "mpeg"), _MOMENT),
}
"""How thumbnails are named whose handler does not read `330px`: DjVuHandler, PdfHandler, PagedTiffHandler and
TimedMediaHandler, each in its parseParamString()."""


def thumbnail_of(url: URL) -> URL | None:
    """The thumbnail of a stashed file, a JPEG or PNG whatever the file is; None for any other URL."""
    return _rewritten(url, _FILE, _thumbnail)


def next_best(url: URL) -> URL | None:
    """What to ask for where the wiki answers with an HTTP 500; None if there is nothing.

    `Special:UploadStash/file/` does so for files of more than 1 MiB, and `thumb/` does not; but some formats
    have thumbnails under a name of their own alone.
    """
    return thumbnail_of(url) or _rewritten(url, _THUMBNAIL, _own_thumbnail)


def _rewritten(
    url: URL, pattern: re.Pattern[str], rewrite: Callable[[re.Match[str]], str | None]
) -> URL | None:
    """A URL whose page, in the path or in the query, is another."""
    if (path := pattern.fullmatch(url.path)) is not None:
        page = rewrite(path)
        return None if page is None else url.with_path(page, keep_query=True)
    if (title := pattern.fullmatch(url.query.get("title", ""))) is not None:
        page = rewrite(title)
        return None if page is None else url.update_query(title=page)
    return None


def _thumbnail(file: re.Match[str]) -> str:
    page, key = file.groups()
    return f"{page}/thumb/{key}/{THUMBNAIL_WIDTH}px-{key}"


def _own_thumbnail(thumbnail: re.Match[str]) -> str | None:
    page, key, extension = thumbnail.groups()
    parameters = OWN_PARAMETERS.get(extension.lower())
    return None if parameters is None else f"{page}/{parameters}-{key}"
