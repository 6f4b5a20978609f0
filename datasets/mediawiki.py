"""The MediaWiki API: reads categories, metadata of files, and thumbnails, within the rules for guests.

Requests go through the guarded fetcher, say who asks, come one after the other, ask with `maxlag`, and are
repeated no sooner than the wiki asks: https://www.mediawiki.org/wiki/API:Etiquette.
"""

import asyncio
import json
import math
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError
from yarl import URL

from logo_detection.errors import FetchFailed, FetchTimeout, ItemError, LogoDetectionError
from logo_detection.fetch.fetcher import Fetcher
from logo_detection.fetch.policy import (
    AllowedHost,
    FetchPolicy,
    OriginOverride,
    parse_allowed_hosts,
    parse_origin_overrides,
)
from logo_detection.fetch.url import parse_url

THUMBNAIL_WIDTHS = (20, 40, 60, 120, 250, 330, 500, 960, 1280, 1920, 3840)
"""Pixels: Wikimedia's steps, https://www.mediawiki.org/wiki/Common_thumbnail_sizes; others may be refused."""
MAX_LAG_S = 5  # as https://www.mediawiki.org/wiki/Manual:Maxlag_parameter recommends
PAGES_PER_QUERY = 50  # what a guest may ask for at once
MAX_TEXT = 500  # characters of an author's or a licence's name
RESPONSE_TIMEOUT_S = 30.0
MAX_RESPONSE_BYTES = 16 * 2**20

FILE_NAMESPACE = 6
CATEGORY_NAMESPACE = 14
RETRY_STATUSES = frozenset({429, 500, 502, 503, 504})  # HTTP statuses after which one may ask again
RETRY_CODES = frozenset({"maxlag", "ratelimited", "readonly"})  # the API's own errors of that kind

_CONTACT = re.compile(r"https?://[!-'*-~]+|[!-'*-?A-~]+@[!-'*-?A-~]+\.[!-'*-?A-~]+")


class WikiError(LogoDetectionError):
    """The wiki does not answer, or not as its API should. One line."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a request is tried, and how long to wait between attempts.

    Attributes:
        attempts: Of one request.
        first_wait_s: After the first; each wait is twice the one before.
        lag_wait_s: The least after a wiki said that it lags.
        longest_wait_s: The most. A wiki that asks for more ends the import.
    """

    attempts: int = 6
    first_wait_s: float = 1.0
    lag_wait_s: float = 5.0
    longest_wait_s: float = 120.0


class Member(BaseModel):
    """A page of a category."""

    pageid: int
    ns: int
    title: str


class FileInfo(BaseModel):
    """What a wiki knows of a file. `thumburl` is missing where there is nothing to see, as with sounds."""

    thumburl: str | None = None
    descriptionurl: str = ""
    mime: str = ""
    timestamp: str = ""
    extmetadata: Any = None

    @property
    def licence(self) -> str:
        """Its short name, such as `CC BY-SA 4.0`."""
        return self._metadata_text("LicenseShortName")

    @property
    def author(self) -> str:
        """As the page names them, without markup."""
        return self._metadata_text("Artist")

    def _metadata_text(self, name: str) -> str:
        fields = self.extmetadata if isinstance(self.extmetadata, dict) else {}  # PHP's empty table is a list
        field = fields.get(name)
        value = field.get("value") if isinstance(field, dict) else None
        return plain_text(value)[:MAX_TEXT] if isinstance(value, str) else ""


class _Page(Member):
    missing: bool = False
    imageinfo: list[FileInfo] = []


def user_agent(contact: str) -> str:
    """As https://foundation.wikimedia.org/wiki/Policy:Wikimedia_Foundation_User-Agent_Policy wants it.

    Raises:
        ValueError: The contact is neither a mail address nor a URL.
    """
    if _CONTACT.fullmatch(contact) is None:
        raise ValueError(f"contact: {contact!r} is neither a mail address nor a URL")
    return f"logo-detection-import/1.0 ({contact})"


def policy_for(api: str, image_hosts: str, origins: str, contact: str, concurrency: int) -> FetchPolicy:
    """What may be fetched from a wiki: its API, and images from its own host and others.

    Args:
        api: URL of `api.php`. If that is http, or on a port of its own, requests for its host go there.
        image_hosts: `upload.wikimedia.org,host/prefix/`.
        origins: `host=http://127.0.0.1:6101`: where requests for some hosts go instead.
        contact: Who asks: a mail address or a URL.
        concurrency: Images fetched at once.

    Raises:
        ValueError: One of them is not that; names it.
    """
    try:
        url = parse_url(api)
    except ItemError:
        raise ValueError(f"api: {api!r} is not a plain URL") from None
    host, overrides = url.raw_host or "", parse_origin_overrides(origins)
    if (url.scheme, url.port) != ("https", 443) and host not in {override.host for override in overrides}:
        scheme: Literal["http", "https"] = "https" if url.scheme == "https" else "http"
        overrides += (OriginOverride(host, scheme, host, url.port or 80),)
    return FetchPolicy(
        allowed_hosts=(AllowedHost(host), *parse_allowed_hosts(image_hosts)),
        overrides=overrides,
        timeout_s=RESPONSE_TIMEOUT_S,
        max_bytes=MAX_RESPONSE_BYTES,
        concurrency=concurrency,
        user_agent=user_agent(contact),
    )


class WikiClient:
    """A client of one wiki's API: an open fetcher, at most `concurrency` requests. For one event loop."""

    def __init__(self, fetcher: Fetcher, api: str, retry_policy: RetryPolicy, concurrency: int) -> None:
        self._fetcher = fetcher
        self._api = URL(api)
        self._retry_policy = retry_policy
        self._slots = asyncio.Semaphore(concurrency)
        self._flow = object()
        self._resume_at = 0.0

    async def members(self, category: str) -> AsyncIterator[Member]:
        """Files and subcategories of `Category:...`, in the wiki's order. Raises WikiError."""
        query = {"list": "categorymembers", "cmtitle": category, "cmtype": "file|subcat", "cmlimit": "max"}
        async for answer in self._query(query):
            for member in _rows(Member, answer, "categorymembers"):
                yield member

    async def describe(self, pages: Sequence[int], width: int) -> dict[int, FileInfo]:
        """What is known of files, by page id, with thumbnails of a width; those that are gone are left out.

        Raises:
            WikiError: The wiki does not say.
            ValueError: More pages than a guest may ask for at once, or a width that is not a step.
        """
        if len(pages) > PAGES_PER_QUERY or width not in THUMBNAIL_WIDTHS:
            raise ValueError(f"{len(pages)} pages, {width} pixels")
        query = {
            "prop": "imageinfo",
            "pageids": "|".join(map(str, pages)),
            "iiprop": "url|mime|timestamp|extmetadata",
            "iiurlwidth": str(width),
            "iiextmetadatafilter": "LicenseShortName|Artist",
        }
        found: dict[int, FileInfo] = {}
        async for answer in self._query(query):  # one file may be in several answers, and described in one
            for page in _rows(_Page, answer, "pages"):
                if page.imageinfo and not page.missing:
                    found[page.pageid] = page.imageinfo[0]
        return found

    async def file(self, url: str) -> bytes:
        """A thumbnail's bytes.

        Raises:
            ItemError: This file cannot be fetched.
            WikiError: The wiki asks for a longer wait than the retry policy allows.
        """
        return await self._file(parse_url(url))

    async def _file(self, url: URL) -> bytes:
        for attempt in range(1, self._retry_policy.attempts + 1):
            try:
                return await self._fetch(url)
            except (FetchFailed, FetchTimeout) as error:
                if attempt == self._retry_policy.attempts or not is_transient(error):
                    raise
                self._wait_before_next(attempt, _retry_after_s(error))
        raise ValueError("retry policy: there is no attempt")

    async def _fetch(self, url: URL) -> bytes:
        """Fetch when a slot is free and the wiki has not asked for a wait."""
        async with self._slots:
            await self._pause()
            async with self._fetcher.fetch(url, flow=self._flow) as body:
                return body

    async def _query(self, query: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        """All answers to a query, however many it takes."""
        position: dict[str, str] = {}
        while True:
            answer = await self._ask({**query, **position})
            yield answer
            if (further := answer.get("continue")) is None:
                return
            if further == position or not isinstance(further, dict):
                raise WikiError(f"{self._api}: the answer continues where it began")
            position = {str(name): str(value) for name, value in further.items()}

    async def _ask(self, query: Mapping[str, str]) -> dict[str, Any]:
        """One answer of the API, which is not an error."""
        always = {"action": "query", "format": "json", "formatversion": "2", "maxlag": str(MAX_LAG_S)}
        url = self._api.with_query({**always, **query})
        for attempt in range(1, self._retry_policy.attempts + 1):
            try:
                answer = _document(await self._file(url))
            except ItemError as error:
                raise WikiError(f"{self._api}: {_describe_error(error)}") from error
            if (refusal := answer.get("error")) is None:
                return answer
            if not isinstance(refusal, dict):
                raise WikiError(f"{self._api}: {plain_text(str(refusal))[:MAX_TEXT]}")
            if (code := plain_text(str(refusal.get("code")))[:MAX_TEXT]) not in RETRY_CODES:
                raise WikiError(f"{self._api}: {code}: {plain_text(str(refusal.get('info', '')))[:MAX_TEXT]}")
            self._wait_before_next(attempt, max(self._retry_policy.lag_wait_s, _lag_s(refusal)))
        raise WikiError(f"{self._api}: is still busy ({code}) after {attempt} requests")

    async def _pause(self) -> None:
        while (left_s := self._resume_at - time.monotonic()) > 0:  # noqa: ASYNC110 - meanwhile it may move on
            await asyncio.sleep(left_s)

    def _wait_before_next(self, attempt: int, asked_s: float) -> None:
        """Let all requests wait: a wiki that lags or asks for less gets none meanwhile."""
        if asked_s > self._retry_policy.longest_wait_s:
            raise WikiError(f"{self._api}: asks to be left alone for {asked_s:.0f} s")
        wait_s = max(asked_s, self._retry_policy.first_wait_s * 2 ** (attempt - 1))
        until = time.monotonic() + min(wait_s, self._retry_policy.longest_wait_s)
        self._resume_at = max(self._resume_at, until)


def is_transient(error: ItemError) -> bool:
    """Whether a later attempt may succeed: the wiki was busy, or the connection failed."""
    if isinstance(error, FetchFailed):
        return error.status is None or error.status in RETRY_STATUSES
    return isinstance(error, FetchTimeout)


_Row = TypeVar("_Row", bound=BaseModel)


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise WikiError("the wiki's answer is not JSON") from None
    if not isinstance(document, dict):
        raise WikiError("the wiki's answer is not a JSON object")
    return document


def _rows(kind: type[_Row], answer: Mapping[str, Any], part: str) -> list[_Row]:
    """The list `part` of an answer's `query`; the answer may lack it."""
    query = answer.get("query", {})
    try:
        return [kind.model_validate(row) for row in query.get(part, [])]
    except (ValidationError, AttributeError, TypeError) as error:
        raise WikiError(f"the wiki's {part} are not as they should be ({type(error).__name__})") from error


def _describe_error(error: ItemError) -> str:
    status = error.status if isinstance(error, FetchFailed) else None
    return error.message if status is None else f"{error.message} (HTTP {status})"


def _retry_after_s(error: ItemError) -> float:
    """Seconds that `Retry-After` asks for, as a number or as a date; 0 if it says nothing."""
    text = (error.retry_after or "").strip() if isinstance(error, FetchFailed) else ""
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        then = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a year or a zone of twenty digits
        return 0.0
    return max(0.0, (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _lag_s(refusal: Mapping[str, Any]) -> float:
    lag = refusal.get("lag")
    try:
        return float(lag) if isinstance(lag, int | float) else 0.0
    except OverflowError:
        return math.inf


class _Text(HTMLParser):
    """The text between tags, with a space where a tag begins a new line."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"br", "p", "div", "li", "tr", "td"}:
            self.parts.append(" ")


def plain_text(html: str) -> str:
    """The text of a piece of HTML, on one line, without what cannot be printed."""
    text = _Text()
    text.feed(html)
    text.close()
    return plain_line("".join(text.parts))


def plain_line(text: str) -> str:
    """Text on one line, without what cannot be printed."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())
