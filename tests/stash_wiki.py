"""A fake wiki with an upload stash: a small real server that behaves as MediaWiki 1.39 was seen to.

    with StashWiki() as wiki:
        wiki.files["1a.logo.3.png"] = Stashed(content, thumbnail)
        ...                         # Special:UploadStash/file/1a.logo.3.png, with the cookie OWNER
        assert wiki.asked() == ["/file/1a.logo.3.png"]

It is for https alone. Whoever is not logged in gets a page to log in at, other users get 500, and a name of
the special page that is not its own is redirected to the one that is.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from tests.harness.origins import Connection, Origin, Request, response

HOST = "stash.test"
OWNER, OTHER = "wiki_session=owner", "wiki_session=other"
SPECIAL = "Special:UploadStash"
GERMAN = "Spezial:Hochladespeicher"
GERMAN_NAMES = (GERMAN, SPECIAL, "spezial:uploadstash")
"""What the special page may be called on a German wiki."""

PATHS = (
    "/wiki/Special:UploadStash/file/{}",
    "/wiki/Special:UploadStash/file/{}?a=b",
    "/index.php/Special:UploadStash/file/{}",
    "/index.php?title=Special:UploadStash/file/{}",
    "/index.php?title=Special%3AUploadStash%2Ffile%2F{}&a=b",
    "/wiki/Special%3AUploadStash/file/{}",
    "/wiki/Special:UploadStash%2Ffile%2F{}",
    "/wiki/special:uploadstash/file/{}",
    "/wiki/Special:Uploadstash/file/{}",
    "/index.php?title=special:uploadstash/file/{}&a=b",
)
"""The ways to name a file of the stash, whose key stands in the braces. tests/mediawiki asks a real wiki."""

MAX_SERVED_BYTES = 2**20
NAMES = {"special:uploadstash", "spezial:uploadstash", "spezial:hochladespeicher"}
PLAIN, PAGED, LOSSY_PAGED = r"(\d+)px", r"page\d+-(\d+)px", r"(?:lossy|lossless)-page\d+-(\d+)px"
LOG_IN_PAGE = (
    b'<!DOCTYPE html>\n<html class="client-nojs"><head><title>Login required</title></head>'
    b'<body><svg width="8" height="8"></svg><a href="/wiki/Special:UserLogin">log in</a></body></html>'
)


@dataclass(slots=True)
class Stashed:
    """A file in the stash.

    Attributes:
        content: Its bytes.
        thumbnail: What every thumbnail of it is.
        width: Pixels; thumbnails are narrower.
        names: How its format's handler names thumbnails, a pattern whose group is the width.
        misnamed: The status for another name.
        cold_s: Seconds that a thumbnail takes.
        mime: How both are labelled.
    """

    content: bytes
    thumbnail: bytes = b""
    width: int = 800
    names: str = PLAIN
    misnamed: int = 404
    cold_s: float = 0.0
    mime: str = "image/png"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered with."""

    status: int
    body: bytes = b""
    mime: str = "text/html; charset=utf-8"
    location: str | None = None


class StashWiki:
    """A server on a free port of 127.0.0.1. `page` is what the special page is called at `host`."""

    def __init__(self, host: str = HOST, page: str = SPECIAL) -> None:
        self.files: dict[str, Stashed] = {}
        self.requests: list[Request] = []
        self._host = host
        self._page = page
        self._origin = Origin()
        self._origin.otherwise = self._respond

    @property
    def origin(self) -> str:
        """Where it is, for an override."""
        return self._origin.url

    def url(self, key: str, page: str = SPECIAL) -> str:
        """A stashed file's URL."""
        return f"https://{self._host}/wiki/{page}/file/{key}"

    def asked(self) -> list[str]:
        """What was asked for since the last time, without what stands before it."""
        requests, self.requests = self.requests, []
        assert all(request.headers["host"] == self._host for request in requests)
        return [re.sub(r".*?(?=/(?:file|thumb)/)", "", unquote(request.target)) for request in requests]

    def answer(self, target: str, headers: Mapping[str, str]) -> Answer:
        """What MediaWiki answers."""
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        title = query.pop("title", [""])[0] or re.sub(
            r"/(?:wiki|index\.php)/", "", unquote(parts.path), count=1
        )
        page, _, rest = title.partition("/")
        if headers.get("x-forwarded-proto") != "https":
            return Answer(302, location=f"https://{self._host}{target}")
        if page.lower() not in NAMES:
            return Answer(404, b"<!DOCTYPE html><html>no such special page</html>")
        if page != self._page:
            extra = f"?{urlencode(query, doseq=True)}" if query else ""
            return Answer(302, location=f"https://{self._host}/wiki/{quote(f'{self._page}/{rest}')}{extra}")
        if headers.get("cookie") not in (OWNER, OTHER):
            return Answer(200, LOG_IN_PAGE, "text/html; charset=UTF-8")
        return self._serve(rest, headers["cookie"])

    def __enter__(self) -> Self:
        self._origin.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._origin.__exit__(kind, error, trace)

    def _respond(self, connection: Connection) -> None:
        request = connection.request
        self.requests.append(request)
        answer = self.answer(request.target, request.headers)
        headers = {"Content-Type": answer.mime, "Connection": "close"}  # no Content-Length, as the real one
        if answer.location is not None:
            headers["Location"] = answer.location
        connection.send(response(f"{answer.status} Told To", headers, answer.body))
        connection.close()

    def _serve(self, rest: str, cookie: str) -> Answer:
        kind, key, *name = rest.split("/")
        if (file := self.files.get(key)) is None:
            return _refused(404, f"Key {key} not found in stash.")
        if cookie != OWNER:
            return _refused(500, f"This file ({key}) doesn't belong to the current user.")
        if kind == "file":
            return _served(file.content, file.mime)
        parameters = name[0][: name[0].rindex(key) - 1]
        time.sleep(file.cold_s)
        if (named := re.fullmatch(file.names, parameters)) is None:
            return _refused(file.misnamed, "No local path for scaled item.")
        if int(named[1]) >= file.width:
            return _refused(404, "No local path for scaled item.")
        return _served(file.thumbnail, file.mime)


def _served(content: bytes, mime: str) -> Answer:
    if len(content) > MAX_SERVED_BYTES:
        return _refused(500, f"Cannot serve a file larger than {MAX_SERVED_BYTES} bytes.")
    return Answer(200, content, mime)


def _refused(status: int, message: str) -> Answer:
    return Answer(status, f"<!DOCTYPE html><html><body><p>{message}</p></body></html>".encode())
