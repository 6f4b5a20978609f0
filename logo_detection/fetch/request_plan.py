"""The request plan: which requests are sent for one file, and with whose credentials.

    the URL             and where it redirects to
    what stands in      thumbnails of a stashed file that is refused, or whose format is not read

Each is guarded anew by the policy. Together they are bounded in number and in time.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import MappingProxyType

from yarl import URL

from logo_detection.errors import FetchFailed, UrlNotAllowed
from logo_detection.fetch.policy import FetchPolicy, Route
from logo_detection.fetch.upload_stash import find_stand_ins, find_thumbnails, is_refusal
from logo_detection.fetch.url import follow

MAX_REQUESTS = 5
"""For one file: a stashed one that is refused may have a thumbnail under four names."""

MAX_REDIRECTS = 2
"""For one file: Special:FilePath redirects to Special:Redirect, and that to upload.wikimedia.org."""


NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class TimeBudget:
    """How long one file's fetches may still take together, in seconds; waiting for a permit costs none."""

    def __init__(self, seconds: float) -> None:
        self._left_s = seconds

    @asynccontextmanager
    async def spend(self) -> AsyncIterator[None]:
        """Take what the block takes. Raises TimeoutError when nothing is left."""
        now = asyncio.get_running_loop().time
        began = now()
        try:
            async with asyncio.timeout(self._left_s):
                yield
        finally:
            self._left_s -= now() - began


@dataclass(frozen=True, slots=True)
class Request:
    """Where to send one request, and the caller's headers that go with it."""

    route: Route
    credentials: Mapping[str, str] = field(repr=False)

    def redirected(self, route: Route) -> "Request":
        """The request that follows from this one: credentials do not leave the host."""
        is_same_host = route.url.raw_host == self.route.url.raw_host
        return Request(route, self.credentials if is_same_host else {})


class RequestPlan:
    """What is sent for one file, request by request. Belongs to one task.

    Args:
        policy: Says where requests may go.
        url: As `parse_url` gives it.
        credentials: The caller's headers, for the URL's host alone.
        trace: Headers for every host, which say which trace the file is fetched for.

    Raises:
        UrlNotAllowed: The URL is not allowed.
    """

    def __init__(
        self,
        policy: FetchPolicy,
        url: URL,
        credentials: Mapping[str, str],
        trace: Mapping[str, str] = NO_HEADERS,
    ) -> None:
        self.trace = trace
        self.time_budget = TimeBudget(policy.timeout_s)
        self._policy = policy
        self._request = Request(policy.route(url), credentials)
        self._sent: list[Request] = []
        self._redirects_left = MAX_REDIRECTS
        self._waiting: list[Request] | None = None  # the stand-ins not asked for yet, once one is needed

    @property
    def sent(self) -> int:
        """How many requests there were so far."""
        return len(self._sent)

    def next(self) -> Request:
        """The request to send now.

        Raises:
            FetchFailed: There were enough.
        """
        if len(self._sent) == MAX_REQUESTS:
            raise FetchFailed
        self._sent.append(self._request)
        return self._request

    def redirect(self, location: str) -> None:
        """Go where a redirect leads.

        Raises:
            FetchFailed: There were enough of them.
            UrlNotAllowed: It leads nowhere, or where nobody may go.
        """
        if self._redirects_left == 0:
            raise FetchFailed
        self._redirects_left -= 1
        elsewhere = follow(self._request.route.url, location)
        self._request = self._request.redirected(self._policy.route(elsewhere))

    def refuse(self, refusal: FetchFailed) -> None:
        """Go on to what stands in for what the last request was answered with.

        Raises:
            FetchFailed: The refusal, where nothing stands in.
        """
        url = self._request.route.url
        if refusal.status is None or not is_refusal(url, refusal.status):
            raise refusal
        if self._waiting is None:
            self._waiting = self._stand_ins(self._request, find_stand_ins(url))
        if not self._waiting:
            raise refusal
        self._request = self._waiting.pop(0)

    def ask_for_thumbnail(self) -> None:
        """Go on to a thumbnail of the file that was fetched; there is no other one for a thumbnail.

        Raises:
            FetchFailed: There is none.
        """
        if self._waiting is None:
            found = (self._stand_ins(sent, find_thumbnails(sent.route.url)) for sent in reversed(self._sent))
            self._waiting = next(filter(None, found), [])
            if self._waiting:
                self._request = self._waiting.pop(0)
                return
        raise FetchFailed

    def _stand_ins(self, request: Request, urls: Iterable[URL]) -> list[Request]:
        return [request.redirected(route) for route in self._allowed(urls)]

    def _allowed(self, urls: Iterable[URL]) -> Iterator[Route]:
        for url in urls:
            with suppress(UrlNotAllowed):
                yield self._policy.route(url)
