"""What the fetcher must not reach: no socket of this process may so much as try to."""

import asyncio
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.abc import ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from logo_detection.errors import FetchFailed, UrlNotAllowed
from logo_detection.fetch.byte_budget import ByteBudget
from logo_detection.fetch.fetcher import Fetcher
from logo_detection.fetch.policy import AllowedHost, FetchPolicy, parse_origin_overrides
from tests.addresses import DENIED
from tests.crooked import CROOKED
from tests.fetching import Answers, connects, get, get_with, policy
from tests.harness import origins
from tests.harness.origins import Origin

__all__ = ["connects"]

LITERALS = tuple(f"[{address}]" if ":" in address else address for address in DENIED if "%" not in address)
# What getaddrinfo, or a URL parser, reads as 127.0.0.1 or 0.0.0.0; and the name for it.
NUMBERS = ("2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "0", "0x0")
NAMES = (*NUMBERS, "localhost")


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as running:
        yield running


@pytest.fixture
def canaries() -> Iterator[tuple[Origin, Origin]]:
    with Origin("127.0.0.1") as four, Origin("::1") as six:
        yield four, six


class TestGuard:
    """Nothing but an override leads to an address that is not public."""

    async def test_the_watch_sees_connects(self, origin: Origin, connects: list[Any]) -> None:
        origin.serve("/a", b"x")
        await get_with(policy(origin), "https://origin.test/a")
        assert connects == [("127.0.0.1", origin.port)]

    @pytest.mark.parametrize("text", CROOKED, ids=range(len(CROOKED)))
    async def test_a_crooked_url_connects_to_nothing(
        self, origin: Origin, connects: list[Any], text: object
    ) -> None:
        crooked = text.replace("a.test", "origin.test") if isinstance(text, str) else text
        with pytest.raises(UrlNotAllowed):
            await get_with(policy(origin, "evil.test", "127.0.0.1"), crooked)
        assert connects == []

    async def test_no_forbidden_literal_is_connected_to_though_it_is_an_allowed_host(
        self, connects: list[Any]
    ) -> None:
        allowed = tuple(AllowedHost(host.strip("[]")) for host in (*DENIED, *NAMES))
        chosen = FetchPolicy(allowed_hosts=allowed, max_bytes=1000)
        refused = 0
        async with Fetcher(chosen, ByteBudget(2**20)) as fetcher:
            for host in (*LITERALS, *NAMES):
                for url in (
                    f"https://{host}/",
                    f"https://{host}:443/x",
                    f"http://{host}/",
                    f"https://{host}:22/",
                ):
                    with pytest.raises(UrlNotAllowed):
                        await get(fetcher, url)
                    refused += 1
        assert refused >= 4 * 58
        assert connects == []

    async def test_no_forbidden_dns_answer_is_connected_to(
        self, canaries: tuple[Origin, Origin], connects: list[Any]
    ) -> None:
        answers = {f"host{number}.test": [address] for number, address in enumerate(DENIED)}
        mixed = {f"mixed{number}.test": ["8.8.8.8", address] for number, address in enumerate(DENIED)}
        names = {**answers, **mixed, **{f"x{name}": ["8.8.8.8", pair[0]] for name, pair in answers.items()}}
        for canary in canaries:
            resolver = Answers(names, canary.port)
            async with Fetcher(policy(None, *names), ByteBudget(2**30), resolver) as fetcher:
                for name in names:
                    with pytest.raises(UrlNotAllowed):
                        await get(fetcher, f"https://{name}/")
            assert canary.connections == 0
        assert connects == []

    async def test_all_who_wait_for_the_same_forbidden_answer_are_refused(self, connects: list[Any]) -> None:
        class Slow(Answers):
            async def resolve(self, *args: Any, **options: Any) -> list[ResolveResult]:
                await asyncio.sleep(0.05)
                return await super().resolve(*args, **options)

        resolver = Slow({"inner.test": ["10.0.0.1"]})
        async with Fetcher(policy(None, "inner.test"), ByteBudget(2**30), resolver) as fetcher:
            results = await asyncio.gather(
                *(get(fetcher, f"https://inner.test/{number}") for number in range(20)),
                return_exceptions=True,
            )
        assert [type(result) for result in results] == [UrlNotAllowed] * 20
        assert connects == []

    async def test_no_redirect_leads_to_a_forbidden_address(
        self, origin: Origin, canaries: tuple[Origin, Origin], connects: list[Any]
    ) -> None:
        answers = {f"host{number}.test": [address] for number, address in enumerate(DENIED)}
        elsewhere = [f"https://{host}/" for host in (*LITERALS, *NAMES, *answers)]
        elsewhere += [f"http://{host}/" for host in LITERALS]
        elsewhere += [canary.url for canary in canaries]
        chosen = policy(origin, *(host.strip("[]") for host in (*LITERALS, *NAMES)), *answers)
        async with Fetcher(chosen, ByteBudget(2**30), Answers(answers, canaries[0].port)) as fetcher:
            for number, location in enumerate(elsewhere):
                origin.serve("/a", origins.redirect(location, (301, 302, 303, 307, 308)[number % 5]))
                with pytest.raises((UrlNotAllowed, FetchFailed)):
                    await get(fetcher, "https://origin.test/a")
        assert set(connects) == {("127.0.0.1", origin.port)}
        assert len(connects) == origin.connections == len(elsewhere)
        assert [canary.connections for canary in canaries] == [0, 0]

    async def test_rebinding_never_wins(self, canaries: tuple[Origin, Origin], connects: list[Any]) -> None:
        class Rebinding(dict[str, Any]):
            """An answer that is public for as long as it is being checked."""

            reads = 0

            def __getitem__(self, key: str) -> Any:
                if key == "host":
                    self.reads += 1
                    return "8.8.8.8" if self.reads == 1 else "127.0.0.1"
                return super().__getitem__(key)

        class Rebinder(Answers):
            asked = 0

            async def resolve(self, host: str, *_: Any, **__: Any) -> Any:
                self.asked += 1
                return [Rebinding(self.answer(host, "127.0.0.1"))]

        rebinder = Rebinder({}, canaries[0].port)
        names = [f"rebound{number}.test" for number in range(1000)]  # a name's answer is cached for seconds
        async with Fetcher(policy(None, *names), ByteBudget(2**30), rebinder) as fetcher:
            for name in names:
                with pytest.raises(UrlNotAllowed):
                    await get(fetcher, f"https://{name}/")
        assert rebinder.asked == 1000
        assert canaries[0].connections == 0
        assert connects == []

    async def test_the_exemption_of_an_override_is_nobody_elses(
        self, origin: Origin, connects: list[Any]
    ) -> None:
        origin.serve("/a", b"x")
        resolver = Answers({"other.test": ["127.0.0.1"]}, origin.port)
        chosen = policy(origin, "other.test", "127.0.0.1")
        async with Fetcher(chosen, ByteBudget(2**30), resolver) as fetcher:
            assert await get(fetcher, "https://origin.test/a") == b"x"
            for url in ("https://other.test/a", "https://127.0.0.1/a", origin.url + "/a"):
                with pytest.raises(UrlNotAllowed):
                    await get(fetcher, url)
        assert origin.connections == len(connects) == 1

    async def test_an_override_to_a_name_and_to_ipv6_works(self, canaries: tuple[Origin, Origin]) -> None:
        four, six = canaries
        for target in (f"http://localhost:{four.port}", six.url):
            chosen = FetchPolicy(
                allowed_hosts=(AllowedHost("origin.test"),),
                overrides=parse_origin_overrides(f"origin.test={target}"),
            )
            for canary in canaries:
                canary.serve("/a", b"x")
            async with Fetcher(chosen, ByteBudget(2**30)) as fetcher:
                assert await get(fetcher, "https://origin.test/a") == b"x"
        assert [canary.requests[0].headers["host"] for canary in canaries] == ["origin.test"] * 2

    async def test_proxies_and_netrc_of_the_environment_are_ignored(
        self, origin: Origin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("default login u password p\n")
        monkeypatch.setenv("NETRC", str(netrc))
        origin.serve("/a", b"x")
        with Origin() as proxy:
            for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
                monkeypatch.setenv(name, proxy.url)
            assert await get_with(policy(origin), "https://origin.test/a") == b"x"
            with pytest.raises(UrlNotAllowed):
                await get_with(policy(origin, "127.0.0.1"), "https://127.0.0.1/")
            assert proxy.connections == 0
        assert "authorization" not in origin.requests[0].headers

    async def test_every_refusal_looks_the_same(self, origin: Origin) -> None:
        origin.serve("/r", origins.redirect("https://127.0.0.1/"))
        chosen = policy(origin, "127.0.0.1")
        messages = set()
        for url in (
            "https://evil.test/",
            "https://127.0.0.1/",
            "https://origin.test/r",
            "gopher://x",
            "https://é/",
        ):
            with pytest.raises(UrlNotAllowed) as refusal:
                await get_with(chosen, url)
            messages.add((refusal.value.message, refusal.value.code))
        assert messages == {("this url is not allowed", "url_not_allowed")}


class TestTls:
    """An override to https is verified against the original host, as curl's --connect-to does it."""

    FETCH = """
import asyncio, sys
from logo_detection.fetch.fetcher import Fetcher
from logo_detection.fetch.policy import FetchPolicy, parse_allowed_hosts, parse_origin_overrides
from logo_detection.fetch.byte_budget import ByteBudget
from logo_detection.fetch.url import parse_url

async def main(host, url):
    policy = FetchPolicy(
        allowed_hosts=parse_allowed_hosts(host), overrides=parse_origin_overrides(f"{host}={url}")
    )
    async with Fetcher(policy, ByteBudget(2**30)) as fetcher:
        async with fetcher.fetch(parse_url(f"https://{host}/a"), flow=1) as body:
            print(body.decode())

asyncio.run(main(*sys.argv[1:]))
"""

    @pytest.fixture
    def certificate(self, tmp_path: Path) -> Path:
        """A key and a certificate for origin.test, signed by itself."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "origin.test")])
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("origin.test")]), critical=False)
            .sign(key, hashes.SHA256())
        )
        encoding = serialization.Encoding.PEM
        private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path = tmp_path / "origin.pem"
        path.write_bytes(private + certificate.public_bytes(encoding))
        return path

    @pytest.fixture
    def tls_origin(self, certificate: Path) -> Iterator[Origin]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        with Origin(ssl_context=context) as running:
            running.serve("/a", b"verified")
            yield running

    async def test_a_certificate_that_nobody_vouches_for_fails(self, tls_origin: Origin) -> None:
        with pytest.raises(FetchFailed):
            await get_with(policy(tls_origin), "https://origin.test/a")
        assert tls_origin.connections >= 1
        assert tls_origin.requests == []

    def test_the_certificate_has_to_be_the_original_hosts(
        self, tls_origin: Origin, certificate: Path
    ) -> None:
        def fetch(host: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-c", self.FETCH, host, tls_origin.url],
                env={**os.environ, "SSL_CERT_FILE": str(certificate)},  # read when aiohttp is imported
                capture_output=True,
                text=True,
                timeout=30,
            )

        assert fetch("origin.test").stdout == "verified\n"
        assert "FetchFailed" in fetch("other.test").stderr
        assert [request.headers["host"] for request in tls_origin.requests] == ["origin.test"]
