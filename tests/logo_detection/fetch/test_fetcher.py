"""The fetcher against real servers: whole files, hostile origins, redirects, credentials, turns."""

import asyncio
import contextlib
import gzip
import socket
import time
import traceback
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiohttp.abc import ResolveResult
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from logo_detection.errors import FetchFailed, FetchTimeout, FetchTooLarge, ItemError, UrlNotAllowed
from logo_detection.fetch.byte_budget import ByteBudget
from logo_detection.fetch.fetcher import Credentials, Fetcher
from logo_detection.fetch.policy import AllowedHost, FetchPolicy, parse_origin_overrides
from tests.fetching import Answers, connects, get, get_with, policy
from tests.harness import origins
from tests.harness.origins import Origin
from tests.harness.timing import within
from tests.images import one_colour

__all__ = ["connects"]

SECRET_URL = "https://origin.test/a?token=hunter2"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
SCRAPS = (
    *(b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 302 \r\n", b"Location: ", b"https://[", b"Content-Length: ", b"5"),
    *(b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: ", b"\r\n", b"\0", b"\xff", b"0\r\n\r\n"),
)


async def until(condition: Callable[[], bool], timeout_s: float = 3.0) -> None:
    """Wait for what another thread or task brings about."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  nobody sets an event
            await asyncio.sleep(0.01)


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as running:
        yield running


class TestFile:
    @pytest.mark.parametrize("behave", [origins.file, origins.chunked])
    async def test_a_file_arrives_whole(self, origin: Origin, behave: Any) -> None:
        content = bytes(range(256)) * 4000
        origin.serve("/a.png", behave(content))
        body = await get_with(policy(origin), "https://origin.test/a.png")
        assert type(body) is bytes
        assert body == content

    @pytest.mark.parametrize("version", ["1.0", "1.1"])
    async def test_a_file_may_end_with_its_connection(self, origin: Origin, version: str) -> None:
        content = bytes(range(256)) * 4000

        def behave(connection: origins.Connection) -> None:
            connection.send(f"HTTP/{version} 200 OK\r\n\r\n".encode() + content)
            connection.close()

        origin.serve("/a.png", behave)
        assert await get_with(policy(origin), "https://origin.test/a.png") == content

    async def test_an_empty_file_is_a_file(self, origin: Origin) -> None:
        origin.serve("/a.png", b"")
        assert await get_with(policy(origin), "https://origin.test/a.png") == b""

    @pytest.mark.parametrize(
        "url", ["https://origin.test/w/i.php?title=A:B/c&d=%26", "http://origin.test:81/w/i.php"]
    )
    async def test_the_origin_is_asked_as_the_host_would_be(self, origin: Origin, url: str) -> None:
        origin.serve("/w/i.php", b"x")
        await get_with(policy(origin), url)
        (request,) = origin.requests
        assert request.method == "GET"
        assert f"{url.split('/')[0]}//{request.headers['host']}{request.target}" == url
        assert request.headers["accept-encoding"] == "identity"
        assert "phabricator.wikimedia.org" in request.headers["user-agent"]
        assert "aiohttp/" in request.headers["user-agent"]
        allowed = {"host", "accept", "accept-encoding", "user-agent", "connection"}
        if url.startswith("https:"):
            allowed.add("x-forwarded-proto")
            assert request.headers["x-forwarded-proto"] == "https"
        assert request.headers.keys() <= allowed

    async def test_memory_is_held_for_the_length_of_the_block(self, origin: Origin) -> None:
        origin.serve("/a", b"x" * 1000)
        memory = ByteBudget(20_000_000)
        async with Fetcher(policy(origin), memory) as fetcher:
            async with fetcher.fetch(URL("https://origin.test/a"), flow=1) as body:
                assert memory.held_bytes == len(body) == 1000
            assert memory.held_bytes == 0

    async def test_a_file_costs_its_memory_once(self, origin: Origin) -> None:
        content = bytes(8_000_000)
        origin.serve("/a", origins.chunked(content, 1_000_000))
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        try:
            await get_with(policy(origin), "https://origin.test/a")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert len(content) < peak - before < 1.4 * len(content)

    async def test_files_that_wait_for_memory_all_arrive(self, origin: Origin) -> None:
        origin.serve("/a", origins.chunked(bytes(900_000)))
        memory = ByteBudget(2_000_000)
        async with Fetcher(policy(origin, max_bytes=1_000_000), memory) as fetcher:
            bodies = await asyncio.gather(*(get(fetcher, "https://origin.test/a") for _ in range(20)))
        assert [len(body) for body in bodies] == [900_000] * 20
        assert memory.held_bytes == 0

    async def test_a_file_that_is_there_keeps_no_memory_free_for_itself(self, origin: Origin) -> None:
        origin.serve("/a", origins.chunked(bytes(600_000)))
        chosen = policy(origin, max_bytes=1_500_000, timeout_s=1.0)
        async with Fetcher(chosen, ByteBudget(2_000_000)) as fetcher, contextlib.AsyncExitStack() as stack:
            for _ in range(3):
                await stack.enter_async_context(fetcher.fetch(URL("https://origin.test/a"), flow=1))

    def test_a_budget_smaller_than_a_file_may_be_is_refused(self) -> None:
        with pytest.raises(ValueError, match="never fit"):
            Fetcher(policy(max_bytes=1001), ByteBudget(1000))


class TestOrigin:
    """What a slow, lying, broken or hostile origin can cost: one item, its timeout, its bytes."""

    @pytest.mark.parametrize("code", [201, 204, 206, 300, 304, 400, 403, 404, 416, 429, 500, 502, 503])
    async def test_another_status_than_200_fails(self, origin: Origin, code: int) -> None:
        origin.serve("/a", origins.status(code))
        with pytest.raises(FetchFailed):
            await get_with(policy(origin), "https://origin.test/a")

    @pytest.mark.parametrize(
        "behaviour",
        [
            origins.silence(),
            origins.drip(0.02),
            origins.endless_headers(0.05),
            origins.endless_interim_answers(),
            origins.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", b"", pause_s=20),
            origins.raw(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFF\r\nhello", b"", pause_s=20
            ),
            origins.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9", b"", pause_s=20),
        ],
        ids=[
            "silence",
            "drip",
            "endless headers",
            "endless 100",
            "short body",
            "short chunk",
            "half a header",
        ],
    )
    async def test_a_slow_origin_costs_the_timeout(
        self, origin: Origin, behaviour: origins.Behaviour
    ) -> None:
        origin.serve("/a", behaviour)
        began = time.monotonic()
        with pytest.raises(FetchTimeout):
            await get_with(policy(origin, timeout_s=0.3), "https://origin.test/a")
        assert 0.25 < time.monotonic() - began < 5  # a busy machine is late; without the timeout it is 30 s

    async def test_an_origin_that_never_shakes_hands_costs_the_timeout(self, origin: Origin) -> None:
        origin.serve("/a", origins.silence())
        chosen = FetchPolicy(
            allowed_hosts=(AllowedHost("origin.test"),),
            overrides=parse_origin_overrides(f"origin.test=https://127.0.0.1:{origin.port}"),
            timeout_s=0.3,
        )
        with pytest.raises(FetchTimeout):
            async with Fetcher(chosen, ByteBudget(2**30)) as fetcher:
                await get(fetcher, "https://origin.test/a")

    async def test_a_name_that_is_never_resolved_costs_the_timeout(self, connects: list[Any]) -> None:
        class Silence(Answers):
            async def resolve(self, *_: Any, **__: Any) -> list[ResolveResult]:
                await asyncio.sleep(60)
                raise AssertionError

        chosen = policy(None, "slow.test", timeout_s=0.2)
        async with Fetcher(chosen, ByteBudget(2**30), Silence({})) as fetcher:
            results = await asyncio.gather(
                *(get(fetcher, "https://slow.test/") for _ in range(5)), return_exceptions=True
            )
        assert [type(result) for result in results] == [FetchTimeout] * 5
        assert connects == []

    @pytest.mark.parametrize(
        "behaviour",
        [
            origins.closes_early(),
            origins.lying(1_000_000, b"hello"),
            origins.lying(2, b"hello"),
            origins.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"hello", pause_s=0.1),
            origins.lying(-5, b"hello"),
            origins.raw(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nhello"),
            origins.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
            origins.raw(
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKED
            ),
            origins.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n" + CHUNKED),
            origins.raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"),
            origins.endless_headers(),
            origins.raw(b"hello\r\n\r\n"),
            origins.raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
            origins.file(b"hello", content_encoding="gzip"),
            origins.file(b"hello", content_encoding="identity, br"),
        ],
        ids=range(15),
    )
    async def test_a_broken_or_lying_answer_fails(self, origin: Origin, behaviour: origins.Behaviour) -> None:
        origin.serve("/a", behaviour)
        origin.serve("/b", b"sound")
        async with Fetcher(policy(origin, timeout_s=2.0), ByteBudget(2**30)) as fetcher:
            with pytest.raises(FetchFailed):
                await get(fetcher, "https://origin.test/a")
            connections = origin.connections
            assert await get(fetcher, "https://origin.test/b") == b"sound"
        assert origin.connections == connections + 1

    async def test_an_answer_nobody_asked_for_is_not_taken_for_the_next(self, origin: Origin) -> None:
        poison = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON"
        origin.serve("/a", origins.raw(origins.response("200 OK", {"Content-Length": "5"}, b"hello"), poison))
        origin.serve("/b", b"sound")
        async with Fetcher(policy(origin), ByteBudget(2**30)) as fetcher:
            for _ in range(10):
                assert await get(fetcher, "https://origin.test/a") == b"hello"
                await asyncio.sleep(0.005)
                assert await get(fetcher, "https://origin.test/b") == b"sound"
        assert origin.connections == 20

    @pytest.mark.parametrize(
        "behaviour",
        [
            origins.file(bytes(100_001)),
            origins.chunked(bytes(100_001)),
            origins.endless_body(),
            origins.raw(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(100_001)),
            origins.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n"),
        ],
        ids=["declared", "chunked", "endless", "until the end", "declared and not sent"],
    )
    async def test_one_byte_too_many_is_too_many(self, origin: Origin, behaviour: origins.Behaviour) -> None:
        origin.serve("/a", behaviour)
        with pytest.raises(FetchTooLarge):
            await get_with(policy(origin, max_bytes=100_000), "https://origin.test/a")

    @pytest.mark.parametrize("behave", [origins.file, origins.chunked])
    async def test_as_many_bytes_as_allowed_are_allowed(self, origin: Origin, behave: Any) -> None:
        origin.serve("/a", behave(bytes(100_000)))
        assert len(await get_with(policy(origin, max_bytes=100_000), "https://origin.test/a")) == 100_000

    async def test_endless_bodies_hold_no_more_memory_than_the_budget(self, origin: Origin) -> None:
        origin.serve("/a", origins.endless_body())
        chosen = policy(origin, max_bytes=4_000_000, concurrency=8)  # without a budget: 32 MB
        memory = ByteBudget(8_000_000)
        buffers = 8 * 900_000  # aiohttp's own, per connection; 0.4 to 0.65 MB were measured
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        try:
            async with Fetcher(chosen, memory) as fetcher:
                results = await asyncio.gather(
                    *(get(fetcher, "https://origin.test/a") for _ in range(16)), return_exceptions=True
                )
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert [type(result) for result in results] == [FetchTooLarge] * 16
        assert peak - before < memory.limit_bytes * 9 / 8 + buffers  # BytesIO grows by an eighth more
        assert memory.held_bytes == 0

    async def test_a_gzip_bomb_is_not_inflated(self, origin: Origin) -> None:
        bomb = gzip.compress(bytes(50_000_000))
        origin.serve("/encoded", origins.file(bomb, content_encoding="gzip"))
        origin.serve("/file", bomb)
        tracemalloc.start()
        try:
            with pytest.raises(FetchFailed):
                await get_with(policy(origin), "https://origin.test/encoded")
            assert await get_with(policy(origin), "https://origin.test/file") == bomb
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 5_000_000

    async def test_nobody_there_is_a_failure(self) -> None:
        with Origin() as origin:
            pass
        with pytest.raises(FetchFailed):
            await get_with(policy(origin), "https://origin.test/a")

    async def test_an_unknown_name_is_a_failure(self, connects: list[Any]) -> None:
        class Unknown(Answers):
            async def resolve(self, *_: Any, **__: Any) -> list[ResolveResult]:
                raise socket.gaierror(socket.EAI_NONAME, "unknown")

        async with Fetcher(policy(None, "unknown.test"), ByteBudget(2**30), Unknown({})) as fetcher:
            with pytest.raises(FetchFailed):
                await get(fetcher, "https://unknown.test/")
        assert connects == []

    @settings(max_examples=60)
    @given(st.binary(max_size=60) | st.lists(st.sampled_from(SCRAPS), max_size=12).map(b"".join))
    def test_whatever_is_answered_ends_in_bytes_or_an_error_of_ours(self, answer: bytes) -> None:
        def behave(connection: origins.Connection) -> None:
            connection.send(answer)
            connection.close()

        with Origin() as origin, contextlib.suppress(ItemError):
            origin.serve("/a", behave)
            asyncio.run(get_with(policy(origin, timeout_s=2.0), "https://origin.test/a"))

    @pytest.mark.parametrize(
        "behaviour",
        [origins.closes_early(), origins.raw(b"nonsense\r\n\r\n"), origins.silence(), origins.status(404)],
    )
    async def test_an_error_says_nothing_of_what_was_asked(
        self, origin: Origin, behaviour: origins.Behaviour
    ) -> None:
        origin.serve("/a", behaviour)
        with pytest.raises(ItemError) as failure:
            await get_with(policy(origin, timeout_s=0.2), SECRET_URL)
        assert failure.value.message == type(failure.value).default_message
        assert "hunter2" not in "".join(traceback.format_exception(failure.value))


class TestRedirect:
    async def test_two_redirects_within_the_allowed_set_are_followed(self, origin: Origin) -> None:
        origin.serve(
            "/wiki/Special:FilePath/A.png", origins.redirect("/wiki/Special:Redirect/file/A.png", 301)
        )
        origin.serve("/wiki/Special:Redirect/file/A.png", origins.redirect("https://origin.test/a/a9/A.png"))
        origin.serve("/a/a9/A.png", b"a logo")
        assert await get_with(policy(origin), "https://origin.test/wiki/Special:FilePath/A.png") == b"a logo"

    async def test_a_third_is_not(self, origin: Origin) -> None:
        origin.serve("/a", origins.redirect("/a"))
        with pytest.raises(FetchFailed):
            await get_with(policy(origin), "https://origin.test/a")
        assert len(origin.requests) == 3

    @pytest.mark.parametrize(
        "location", ["https://evil.test/", "//evil.test/", "ftp://origin.test/", "http://[", ""]
    )
    async def test_none_leads_out_of_the_allowed_set(
        self, origin: Origin, connects: list[Any], location: str
    ) -> None:
        origin.serve("/a", origins.redirect(location))
        with pytest.raises((UrlNotAllowed, FetchFailed)):
            await get_with(policy(origin), "https://origin.test/a")
        assert set(connects) == {("127.0.0.1", origin.port)}

    async def test_none_leads_out_of_the_path_prefix(self, origin: Origin) -> None:
        origin.serve("/x/a", origins.redirect("/y"))
        chosen = FetchPolicy(
            allowed_hosts=(AllowedHost("origin.test", "/x/"),),
            overrides=parse_origin_overrides(f"origin.test={origin.url}"),
        )
        with pytest.raises(UrlNotAllowed):
            async with Fetcher(chosen, ByteBudget(2**30)) as fetcher:
                await get(fetcher, "https://origin.test/x/a")
        assert [request.target for request in origin.requests] == ["/x/a"]

    async def test_the_timeout_is_for_all_of_them_together(self, origin: Origin) -> None:
        slow = origins.response("302 Found", {"Location": "/b", "Content-Length": "0"})
        origin.serve("/a", origins.raw(b"", slow, pause_s=0.25))
        origin.serve("/b", origins.raw(b"", slow, pause_s=0.25))
        for stopwatch in within(1.0):
            with stopwatch, pytest.raises(FetchTimeout):
                await get_with(policy(origin, timeout_s=0.4), "https://origin.test/a")


class TestStash:
    FILE = "/wiki/Special:UploadStash/file/1a.b.3.svg"
    THUMBNAIL = "/wiki/Special:UploadStash/thumb/1a.b.3.svg/330px-1a.b.3.svg"
    CALLER = Credentials(cookie="session=s3cret")

    async def test_the_thumbnail_is_taken_where_the_file_is_refused(self, origin: Origin) -> None:
        origin.serve(self.FILE, origins.status(500))
        origin.serve(self.THUMBNAIL, b"a thumbnail")
        chosen = policy(origin, forward_credentials=True)
        assert await get_with(chosen, "https://origin.test" + self.FILE, self.CALLER) == b"a thumbnail"
        assert [request.headers["cookie"] for request in origin.requests] == ["session=s3cret"] * 2

    async def test_the_file_is_taken_where_it_is_served(self, origin: Origin) -> None:
        origin.serve(self.FILE, b"a file")
        assert await get_with(policy(origin), "https://origin.test" + self.FILE) == b"a file"
        assert origin.connections == 1

    async def test_without_either_the_fetch_fails_after_four_requests(self, origin: Origin) -> None:
        origin.serve(self.FILE, origins.status(500))
        origin.serve(self.THUMBNAIL, origins.status(500))
        with pytest.raises(FetchFailed):
            await get_with(policy(origin), "https://origin.test" + self.FILE)
        narrower = [self.THUMBNAIL.replace("330px", width) for width in ("250px", "120px")]
        assert [request.target for request in origin.requests] == [self.FILE, self.THUMBNAIL, *narrower]

    async def test_a_thumbnail_is_opened_after_the_file_and_not_before(self, origin: Origin) -> None:
        origin.serve(self.FILE, b"a file")
        origin.serve(self.THUMBNAIL, b"a thumbnail")
        memory = ByteBudget(20_000_000)
        async with Fetcher(policy(origin), memory) as fetcher:
            file = fetcher.file(URL("https://origin.test" + self.FILE), flow=1)
            with pytest.raises(FetchFailed):
                file.open_thumbnail()
            async with file.open() as body:
                assert body == b"a file"
            async with file.open_thumbnail() as body:
                assert body == b"a thumbnail"
                assert memory.held_bytes == len(body)
            with pytest.raises(FetchFailed):
                file.open_thumbnail()
        assert memory.held_bytes == 0


class TestWebPage:
    PAGE = b"<!DOCTYPE html><html><title>Login required</title></html>"

    async def test_a_web_page_is_no_file(self, origin: Origin) -> None:
        origin.serve("/a.png", origins.file(self.PAGE, content_type="Text/HTML; charset=UTF-8"))
        memory = ByteBudget(20_000_000)
        async with Fetcher(policy(origin), memory) as fetcher:
            with pytest.raises(FetchFailed, match="web page") as failure:
                await get(fetcher, "https://origin.test/a.png")
        assert failure.value.status == 200
        assert memory.held_bytes == 0

    async def test_an_image_that_is_labelled_as_one_is_a_file(self, origin: Origin) -> None:
        origin.serve("/a.png", origins.file(one_colour("red"), content_type="text/html"))
        assert await get_with(policy(origin), "https://origin.test/a.png") == one_colour("red")


class TestCredentials:
    CALLER = Credentials(authorization="Bearer s3cret", cookie="session=s3cret; a=b")

    async def test_they_stay_here_by_default(self, origin: Origin) -> None:
        origin.serve("/a", b"x")
        await get_with(policy(origin), "https://origin.test/a", self.CALLER)
        assert "s3cret" not in str(origin.requests[0].headers)

    async def test_they_are_forwarded_as_they_came_if_the_policy_says_so(self, origin: Origin) -> None:
        origin.serve("/a", b"x")
        await get_with(policy(origin, forward_credentials=True), "https://origin.test/a", self.CALLER)
        headers = origin.requests[0].headers
        assert (headers["authorization"], headers["cookie"]) == ("Bearer s3cret", "session=s3cret; a=b")

    async def test_one_without_the_other_is_forwarded_alone(self, origin: Origin) -> None:
        origin.serve("/a", b"x")
        chosen = policy(origin, forward_credentials=True)
        await get_with(chosen, "https://origin.test/a", Credentials(cookie="a=b"))
        assert origin.requests[0].headers["cookie"] == "a=b"
        assert "authorization" not in origin.requests[0].headers

    async def test_they_stay_with_a_redirect_within_the_host_and_cross_no_other(self, origin: Origin) -> None:
        with Origin() as other:
            chosen = FetchPolicy(
                allowed_hosts=(AllowedHost("origin.test"), AllowedHost("other.test")),
                overrides=parse_origin_overrides(f"origin.test={origin.url},other.test={other.url}"),
                headers={"origin.test": {"X-Swift-Secret": "hunter2"}},
                forward_credentials=True,
            )
            origin.serve("/a", origins.redirect("https://origin.test/b"))
            origin.serve("/b", origins.redirect("https://other.test/c"))
            other.serve("/c", b"x")
            async with Fetcher(chosen, ByteBudget(2**30)) as fetcher:
                assert await get(fetcher, "https://origin.test/a", self.CALLER) == b"x"
            first, second, third = [*origin.requests, *other.requests]
        assert "s3cret" in str(first.headers)
        assert first.headers["cookie"] == second.headers["cookie"] == self.CALLER.cookie
        assert first.headers["authorization"] == second.headers["authorization"]
        assert first.headers["x-swift-secret"] == second.headers["x-swift-secret"] == "hunter2"
        assert "s3cret" not in str(third.headers)
        assert "hunter2" not in str(third.headers)

    async def test_they_are_one_requests_alone(self, origin: Origin) -> None:
        set_cookie = {"Set-Cookie": "c=d; Path=/", "Content-Length": "0"}
        origin.serve("/a", origins.raw(origins.response("200 OK", set_cookie)))
        chosen = FetchPolicy(
            allowed_hosts=(AllowedHost("origin.test"),),
            # By name: a cookie jar would keep no cookie of an IP address anyway.
            overrides=parse_origin_overrides(f"origin.test=http://localhost:{origin.port}"),
            forward_credentials=True,
        )
        async with Fetcher(chosen, ByteBudget(2**30)) as fetcher:
            await get(fetcher, "https://origin.test/a", self.CALLER)
            await get(fetcher, "https://origin.test/a")
        assert {"authorization", "cookie"}.isdisjoint(origin.requests[1].headers)

    async def test_an_operator_may_say_how_the_caller_came(self, origin: Origin) -> None:
        origin.serve("/a", b"x")
        own = {"origin.test": {"x-forwarded-proto": "http"}}
        await get_with(policy(origin, headers=own), "https://origin.test/a")
        assert origin.requests[0].headers["x-forwarded-proto"] == "http"

    async def test_the_operators_headers_go_before_the_callers(self, origin: Origin) -> None:
        origin.serve("/a", b"x")
        own = {"origin.test": {"authorization": "Bearer own", "User-Agent": "own"}, "b.test": {"X-B": "b"}}
        await get_with(
            policy(origin, forward_credentials=True, headers=own), "https://origin.test/a", self.CALLER
        )
        headers = origin.requests[0].headers
        assert (headers["authorization"], headers["user-agent"]) == ("Bearer own", "own")
        assert "x-b" not in headers

    async def test_what_cannot_be_a_header_is_not_sent(self, origin: Origin) -> None:
        origin.serve("/a", b"x")
        with pytest.raises(FetchFailed):
            await get_with(
                policy(origin, forward_credentials=True),
                "https://origin.test/a",
                Credentials(cookie="a=b\r\nX-Injected: c"),
            )
        assert origin.requests == []

    def test_they_do_not_show(self) -> None:
        assert "s3cret" not in repr(self.CALLER)


class TestTurns:
    async def test_no_more_than_the_allowed_number_run_at_once(self, origin: Origin) -> None:
        at_once = most = 0

        def behave(connection: origins.Connection) -> None:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            connection.pause(0.02)
            at_once -= 1
            connection.send(origins.response("200 OK", {"Content-Length": "1"}, b"x"))

        origin.serve("/a", behave)
        async with Fetcher(policy(origin, concurrency=3), ByteBudget(2**30)) as fetcher:
            await asyncio.gather(*(get(fetcher, "https://origin.test/a") for _ in range(12)))
        assert most == 3

    async def test_one_file_does_not_wait_behind_somebodys_fifty(self, origin: Origin) -> None:
        for path in ("/many", "/one"):
            origin.serve(path, b"x")
        async with Fetcher(policy(origin, concurrency=1), ByteBudget(2**30)) as fetcher:

            async def get_in(flow: str) -> None:
                async with fetcher.fetch(URL(f"https://origin.test/{flow}"), flow=flow):
                    pass

            await asyncio.gather(*(get_in("many") for _ in range(50)), get_in("one"))
        assert [request.target for request in origin.requests].index("/one") <= 2

    async def test_a_file_that_is_there_holds_no_turn(self, origin: Origin) -> None:
        origin.serve("/a", b"x")
        async with (
            Fetcher(policy(origin, concurrency=1), ByteBudget(2**30)) as fetcher,
            fetcher.fetch(URL("https://origin.test/a"), flow=1),
        ):
            assert await asyncio.wait_for(get(fetcher, "https://origin.test/a"), 2) == b"x"

    async def test_waiting_for_a_turn_does_not_count_against_the_timeout(self, origin: Origin) -> None:
        origin.serve(
            "/a", origins.raw(b"", origins.response("200 OK", {"Content-Length": "0"}), pause_s=0.15)
        )
        async with Fetcher(policy(origin, concurrency=1, timeout_s=0.5), ByteBudget(2**30)) as fetcher:
            await asyncio.gather(*(get(fetcher, "https://origin.test/a") for _ in range(6)))

    async def test_a_cancelled_fetch_frees_its_turn_its_memory_and_its_connection(
        self, origin: Origin
    ) -> None:
        origin.serve("/slow", origins.drip(0.01))
        origin.serve("/a", b"x")
        memory = ByteBudget(2**30)
        async with Fetcher(policy(origin, concurrency=1), memory) as fetcher:
            slow = asyncio.create_task(get(fetcher, "https://origin.test/slow"))
            await asyncio.to_thread(origin.wait_for_request, 2)
            await until(lambda: memory.held_bytes > 0)
            slow.cancel()
            with pytest.raises(asyncio.CancelledError):
                await slow
            assert memory.held_bytes == 0
            assert await asyncio.wait_for(get(fetcher, "https://origin.test/a"), 2) == b"x"

    async def test_an_outer_deadline_is_not_a_fetch_timeout(self, origin: Origin) -> None:
        origin.serve("/slow", origins.silence())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await get_with(policy(origin), "https://origin.test/slow")

    async def test_a_timeout_of_whoever_uses_the_file_is_not_a_fetch_timeout(self, origin: Origin) -> None:
        origin.serve("/a", b"x")
        async with Fetcher(policy(origin), ByteBudget(2**30)) as fetcher:
            with pytest.raises(TimeoutError, match="theirs"):
                async with fetcher.fetch(URL("https://origin.test/a"), flow=1):
                    raise TimeoutError("theirs")

    async def test_nothing_is_left_open(self, origin: Origin) -> None:
        origin.serve("/a", b"x")
        origin.serve("/lie", origins.lying(100, b"x"))
        origin.serve("/large", origins.endless_body())
        origin.serve("/slow", origins.silence())
        paths = ["a", "lie", "large", "missing", "slow"] * 8
        chosen = policy(origin, timeout_s=0.2, max_bytes=200_000)

        async def round_trip() -> int:
            async with Fetcher(chosen, ByteBudget(2**30)) as fetcher:
                urls = [f"https://origin.test/{path}" for path in paths]
                await asyncio.gather(*(get(fetcher, url) for url in urls), return_exceptions=True)
                await asyncio.sleep(0.05)
                return len(asyncio.all_tasks())

        assert await round_trip() == 1
        assert len(origin.requests) >= len(paths)
        await until(lambda: origin.open_connections == 0)
