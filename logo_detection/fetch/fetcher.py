"""The fetcher: gets the file of a caller's URL, and nothing it is not meant to get.

What guards it, from the outside in:

    url         only allowed hosts, https, and paths nobody could misread         UrlNotAllowed
    permits     so many fetches at once, round-robin over the requests
    resolver    so many look-ups at once, in threads that nobody has to wait for
    addresses   no socket to an address that is not public, whoever names it      UrlNotAllowed
    timeout     one for all there is to wait for, from the first lookup on        FetchTimeout
    requests    so many for one file (request_plan), each guarded anew            FetchFailed
    answer      200, not compressed, whole, and no web page                       FetchFailed
    bytes       counted as they come, and taken from the byte budget            FetchTooLarge
"""

import io
import socket
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDict
from yarl import URL

from logo_detection.errors import FetchFailed, FetchTimeout, FetchTooLarge, UrlNotAllowed
from logo_detection.fetch.addresses import AddressDenied, SocketFactory, is_public, public_socket, sockets_for
from logo_detection.fetch.byte_budget import ByteBudget, Lease
from logo_detection.fetch.policy import FetchPolicy, OriginOverride
from logo_detection.fetch.request_plan import NO_HEADERS, Request, RequestPlan
from logo_detection.fetch.resolver import SystemResolver
from logo_detection.fetch.web_page import FIRST_BYTES, is_web_page
from logo_detection.pool.fair_queue import FairSemaphore

RESERVED_SHARE = 4
"""One permit more for every four is reserved for requests that hold none: somebody's hanging fetches do not
hold up everybody's first."""
WEB_PAGE = "the origin answered with a web page, not with a file"
REDIRECTS = {HTTPStatus(code) for code in (301, 302, 303, 307, 308)}
READ_BUFFER_BYTES = 2**16
"""What aiohttp reads ahead of us per connection; it stops at twice that."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Values of the caller's headers `Authorization` and `Cookie`, as they came."""

    authorization: str | None = field(default=None, repr=False)
    cookie: str | None = field(default=None, repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """Those that are there."""
        given = {"Authorization": self.authorization, "Cookie": self.cookie}
        return {name: value for name, value in given.items() if value is not None}


class PublicResolver(AbstractResolver):
    """Resolves names, and refuses all answers if one of them is not public."""

    def __init__(self, resolver: AbstractResolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host.

        Raises:
            AddressDenied: One of them is not public.
        """
        answers = await self._resolver.resolve(host, port, family)
        if not all(is_public(answer["host"]) for answer in answers):
            raise AddressDenied
        return answers

    async def close(self) -> None:
        """Close the resolver that does the work."""
        await self._resolver.close()


class Fetcher:
    """Fetches files under a policy. Enter it to open its sessions; belongs to one event loop."""

    def __init__(
        self, policy: FetchPolicy, byte_budget: ByteBudget, resolver: AbstractResolver | None = None
    ) -> None:
        byte_budget.check_fits(policy.max_bytes)
        self._policy = policy
        self._byte_budget = byte_budget
        self._resolver = resolver
        self._permits = FairSemaphore(policy.concurrency, reserved=policy.concurrency // RESERVED_SHARE)
        self._sessions: dict[OriginOverride | None, aiohttp.ClientSession] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open one session for the public, and one of its own for every override."""
        names = SystemResolver()
        public = PublicResolver(self._resolver or names)
        await self._open(None, public_socket, public)
        for override in self._policy.overrides:
            sockets = sockets_for(override.address, override.port)
            await self._open(override, sockets, names)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close them."""
        await self._stack.aclose()

    def file(
        self,
        url: URL,
        *,
        flow: Hashable,
        credentials: Credentials | None = None,
        trace: Mapping[str, str] = NO_HEADERS,
    ) -> "RemoteFile":
        """A file that is to be fetched.

        Args:
            url: As `parse_url` gives it; the policy says whether it is fetched.
            flow: Stands for the request: permits go round-robin over flows.
            credentials: The caller's, sent on to the URL's host if the policy says so, and to no other.
            trace: Headers that say which trace the request belongs to, sent to every host.
        """
        headers = credentials.headers if credentials and self._policy.forward_credentials else {}
        return RemoteFile(self, partial(RequestPlan, self._policy, url, headers, trace), flow)

    def fetch(
        self, url: URL, *, flow: Hashable, credentials: Credentials | None = None
    ) -> AbstractAsyncContextManager[bytes]:
        """The bytes of a file that nobody wants a thumbnail of; see `file` and `RemoteFile.open`."""
        return self.file(url, flow=flow, credentials=credentials).open()

    @asynccontextmanager
    async def carry_out(self, plan: RequestPlan, flow: Hashable) -> AsyncIterator[bytes]:
        """What a plan's requests come to. The bytes count against the byte budget in the block.

        Raises:
            ItemError: As `RemoteFile.open`.
        """
        async with self._byte_budget.lease() as lease:
            async with self._permits.permit(flow):
                with _as_item_errors():
                    async with plan.time_budget.spend():
                        body = await self._get(plan, lease)
            yield body

    async def _open(
        self, override: OriginOverride | None, sockets: SocketFactory, resolver: AbstractResolver
    ) -> None:
        user_agent = f"{self._policy.user_agent} aiohttp/{aiohttp.__version__}"
        connector = aiohttp.TCPConnector(
            resolver=resolver,
            socket_factory=sockets,
            happy_eyeballs_delay=None,
            limit=0,  # the permits limit
            # An answer that comes unasked on a pooled connection is taken by aiohttp 3.14 for the answer
            # to the next request, which may be somebody else's. So each connection carries one.
            force_close=True,
        )
        self._sessions[override] = await self._stack.enter_async_context(
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": user_agent, "Accept-Encoding": "identity"},
                auto_decompress=False,
                trust_env=False,
                timeout=aiohttp.ClientTimeout(total=None),  # `fetch` has one for all there is to wait for
                read_bufsize=READ_BUFFER_BYTES,
            )
        )

    async def _get(self, plan: RequestPlan, lease: Lease) -> bytes:
        while True:
            async with self._send(plan.next(), plan.trace) as response:
                if response.status == HTTPStatus.OK:
                    return await self._read(response, lease)
                if response.status in REDIRECTS:
                    plan.redirect(response.headers.get("Location", ""))
                else:
                    retry_after = response.headers.get("Retry-After")
                    plan.refuse(FetchFailed(status=response.status, retry_after=retry_after))

    def _send(
        self, request: Request, trace: Mapping[str, str]
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        # Credentials are safe here: a route is https, or an operator's override.
        route = request.route
        host = route.url.raw_host or ""
        headers = CIMultiDict({**trace, **request.credentials})
        if route.override is not None and route.url.scheme == "https":
            # A wiki behind a proxy that ends TLS: without this, one that is served by https alone redirects.
            headers["X-Forwarded-Proto"] = "https"
        headers.update(self._policy.headers.get(host, {}))
        headers["Host"] = route.url.host_port_subcomponent or ""
        url = route.url if route.override is None else route.override.diverted(route.url)
        # The certificate is the original host's, too, as with curl's --connect-to.
        return self._sessions[route.override].get(
            url, headers=headers, allow_redirects=False, server_hostname=host
        )

    async def _read(self, response: aiohttp.ClientResponse, lease: Lease) -> bytes:
        """The whole body, in the one copy that the lease covers."""
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise FetchFailed
        max_bytes = self._policy.max_bytes
        # A false Content-Length does no harm here: the parser stops at what was declared.
        declared_bytes = max_bytes if response.content_length is None else response.content_length
        if declared_bytes > max_bytes:
            raise FetchTooLarge
        protocol = response.connection.protocol if response.connection else None
        lease.expect(declared_bytes)
        # getvalue() hands its buffer over, where join() and bytes() would copy it; and if there is an
        # error, the end of the block empties it: an error keeps the frames that it passed through.
        with io.BytesIO() as body:
            async for chunk in response.content.iter_any():
                if body.tell() + len(chunk) > max_bytes:
                    raise FetchTooLarge
                await lease.grow(len(chunk))
                body.write(chunk)
            lease.expect(lease.held_bytes)
            fault = protocol.exception() if protocol is not None else None
            # Else more came than was declared, or the connection broke.
            if fault is not None and not (
                _ends_with_connection(response) and isinstance(fault, aiohttp.ServerDisconnectedError)
            ):
                raise FetchFailed
            body.seek(0)
            if is_web_page(response.content_type, body.read(FIRST_BYTES)):
                raise FetchFailed(WEB_PAGE, status=response.status)
            return body.getvalue()


def _ends_with_connection(response: aiohttp.ClientResponse) -> bool:
    """Whether nothing in an answer says how long its body is; so HTTP/1.0 has it, and so PHP's own server."""
    return response.content_length is None and "Transfer-Encoding" not in response.headers


class RemoteFile:
    """A file that a fetcher gets; and its thumbnail, if it is in the upload stash. Belongs to one task."""

    def __init__(self, fetcher: Fetcher, make_plan: Callable[[], RequestPlan], flow: Hashable) -> None:
        self._fetcher = fetcher
        self._make_plan = make_plan
        self._flow = flow
        self._plan: RequestPlan | None = None

    @property
    def attempts(self) -> int:
        """Requests sent so far."""
        return self._plan.sent if self._plan else 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[bytes]:
        """The file; or, where a wiki refuses a stashed one, its thumbnail.

        The bytes count against the fetcher's byte budget for the length of the block.

        Raises:
            UrlNotAllowed: The URL, a redirect, or an address that it leads to is not allowed.
            FetchFailed: The origin answered other than 200, compressed, with a web page, or broke off.
            FetchTimeout: The file was not whole in time.
            FetchTooLarge: It has more bytes than a file may have.
        """
        self._plan = self._make_plan()
        async with self._fetcher.carry_out(self._plan, self._flow) as body:
            yield body

    def open_thumbnail(self) -> AbstractAsyncContextManager[bytes]:
        """A thumbnail of the stashed file that was opened before, within what is left of its time.

        Raises:
            FetchFailed: There is none, and nothing is asked for.
            ItemError: As `open`, when the block is entered.
        """
        if self._plan is None:
            raise FetchFailed
        self._plan.ask_for_thumbnail()
        return self._fetcher.carry_out(self._plan, self._flow)


@contextmanager
def _as_item_errors() -> Iterator[None]:
    """Turn what aiohttp raises into what the caller may know. The causes hold URLs: they are cut off."""
    try:
        yield
    except TimeoutError:
        raise FetchTimeout from None
    except aiohttp.InvalidURL:
        raise UrlNotAllowed from None  # a number for a host, such as 2130706433
    except (aiohttp.ClientError, OSError, ValueError) as error:  # ValueError: a header that cannot be sent
        if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, AddressDenied):
            raise UrlNotAllowed from None
        raise FetchFailed from None
