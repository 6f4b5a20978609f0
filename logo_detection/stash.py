"""The upload stash: how MediaWiki serves files that were uploaded and are not published yet."""

import re

from yarl import URL

_FILE = re.compile(r"(.*Special:UploadStash)/file/([\w.-]+)", re.ASCII)
THUMBNAIL_WIDTH = 330
"""Pixels; one of the widths that Wikimedia has at hand (T414805), and no smaller than the model's input."""


def thumbnail_of(url: URL) -> URL | None:
    """The thumbnail of a stashed file; None if the URL is not of a stashed file.

    `Special:UploadStash/file/` answers with an HTTP 500 for files of more than 1 MiB, and
    `Special:UploadStash/thumb/` does not. Of a file that is no JPEG or PNG (SVG, XCF, a video), the
    thumbnail is one. Read in MediaWiki 1.39, SpecialUploadStash.php.
    """
    if (path := _FILE.fullmatch(url.path)) is not None:
        return url.with_path(_thumbnail(path), keep_query=True)
    if (title := _FILE.fullmatch(url.query.get("title", ""))) is not None:
        return url.update_query(title=_thumbnail(title))
    return None


def _thumbnail(file: re.Match[str]) -> str:
    page, key = file.groups()
    return f"{page}/thumb/{key}/{THUMBNAIL_WIDTH}px-{key}"
