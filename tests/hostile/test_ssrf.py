"""What callers' URLs must not reach, asked of a real server process; connections are counted at accept."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.addresses import DENIED, PUBLIC
from tests.crooked import CROOKED
from tests.harness.origins import Origin, redirect
from tests.harness.server import PREDICT, RunningServer, running_server
from tests.hostile.worlds import Answers, Canary, world

pytestmark = pytest.mark.slow

ITEMS = 50
REBINDINGS = 1000
ANSWERS_CACHED_S = 11  # aiohttp's connector keeps an answer for 10

# What getaddrinfo, or a URL parser, reads as 127.0.0.1 or 0.0.0.0; and the name for it.
NUMBERS = ("2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1", "0", "0x0")
NAMES = (*NUMBERS, "localhost")
LITERALS = tuple(address for address in DENIED if "%" not in address)


def host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def numbered(prefix: str, answers: Iterable[list[Answers]]) -> dict[str, list[Answers]]:
    return {f"{prefix}{number}.test": rounds for number, rounds in enumerate(answers)}


FORBIDDEN_NAMES = numbered("forbidden", ([[address]] for address in DENIED))
MIXED_NAMES = {
    **numbered("first", ([[address, "8.8.8.8"]] for address in DENIED)),
    **numbered("last", ([["2606:4700:4700::1111", address]] for address in DENIED)),
}
PUBLIC_NAMES = numbered("public", ([[address]] for address in PUBLIC))
# A name that is public when it is checked and private when it is used, and the other way around.
ROUNDS: list[list[Answers]] = [[["8.8.8.8"], ["127.0.0.1"]], [["::1"], ["8.8.8.8"]]]
REBOUND_NAMES = numbered("rebound", (ROUNDS[number % 2] for number in range(REBINDINGS)))
ALL_NAMES = {**FORBIDDEN_NAMES, **MIXED_NAMES, **PUBLIC_NAMES, **REBOUND_NAMES}

# Addresses that an operator has opened: the canaries count who gets there, as they would count any caller.
OPENED = ("127.0.0.1:6101", "10.0.0.1:80", "169.254.169.254:80", "[::1]:6101", "[fd00:ec2::254]:80")


@pytest.fixture(scope="module")
def inside() -> Iterator[Canary]:
    with Canary() as canary:
        yield canary


@pytest.fixture(scope="module")
def outside() -> Iterator[Canary]:
    with Canary() as canary:
        yield canary


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin() as running:
        yield running


@pytest.fixture(scope="module")
def server(
    artifact: Path, tmp_path_factory: pytest.TempPathFactory, inside: Canary, outside: Canary, origin: Origin
) -> Iterator[RunningServer]:
    """A server whose operator allows every forbidden address as a host: the address policy alone is left."""
    opened = {f"opened{number}.test": address for number, address in enumerate(OPENED)}
    overrides = [f"origin.test={origin.url}", *(f"{name}=http://{place}" for name, place in opened.items())]
    settings: dict[str, Any] = {
        "ALLOWED_HOSTS": ",".join(["origin.test", *opened, *LITERALS, *NAMES, *PUBLIC, *ALL_NAMES]),
        "ORIGIN_OVERRIDES": ",".join(overrides),
        "FORWARD_CREDENTIALS": "true",
        **world(ALL_NAMES, inside=inside, outside=outside, origins=[origin]),
    }
    stderr = tmp_path_factory.mktemp("ssrf") / "stderr"
    with running_server(stderr, MODEL_PATH=artifact, WORKERS=1, **settings) as running:
        yield running


def fetch(server: RunningServer, urls: Iterable[str]) -> list[str]:
    """What became of each URL: an error's code, or "scored"."""
    items = [{"filename": "a", "url": url, "target": "logo"} for url in urls]
    outcomes = []
    with httpx.Client(base_url=server.url, timeout=30) as client:
        for start in range(0, len(items), ITEMS):
            response = client.post(PREDICT, content=json.dumps(items[start : start + ITEMS]))
            answered = response.json()["predictions"]
            outcomes += [prediction.get("error", {}).get("code", "scored") for prediction in answered]
    return outcomes


class TestCanary:
    """It would count: the same sockets in the same process do reach it, where they may."""

    def test_it_counts_whoever_is_let_in(self, server: RunningServer, inside: Canary) -> None:
        before = list(inside.accepted)
        outcomes = fetch(server, (f"https://opened{number}.test/" for number in range(len(OPENED))))
        assert outcomes == ["fetch_failed"] * len(OPENED)
        four, six = (now - then for now, then in zip(inside.accepted, before, strict=True))
        assert four >= 3  # aiohttp may ask a second time where nobody answered
        assert six >= 2

    @pytest.mark.parametrize("hosts", [[host(address) for address in PUBLIC], list(PUBLIC_NAMES)])
    def test_it_counts_connections_to_public_addresses(
        self, server: RunningServer, inside: Canary, outside: Canary, hosts: list[str]
    ) -> None:
        before, counted = list(outside.accepted), inside.connections
        assert fetch(server, (f"https://{name}/" for name in hosts)) == ["fetch_failed"] * len(PUBLIC)
        six = sum(":" in address for address in PUBLIC)
        reached = [now - then for now, then in zip(outside.accepted, before, strict=True)]
        assert reached == [len(PUBLIC) - six, six]
        assert inside.connections == counted


@pytest.fixture
def reached(inside: Canary, outside: Canary) -> Callable[[], int]:
    """How many connections there were anywhere since the test began."""
    before = inside.connections + outside.connections
    return lambda: inside.connections + outside.connections - before


class TestForbidden:
    """58 forms of address and more, each an allowed host, in three ways."""

    @pytest.mark.parametrize("form", ["https://{}/", "https://{}:443/x", "http://{}/", "https://{}:22/"])
    def test_no_literal_is_reached(
        self, server: RunningServer, reached: Callable[[], int], form: str
    ) -> None:
        urls = [form.format(host(name)) for name in (*LITERALS, *NAMES)]
        assert len(LITERALS) >= 58
        assert fetch(server, urls) == ["url_not_allowed"] * len(urls)
        assert reached() == 0

    def test_no_dns_answer_is_reached(self, server: RunningServer, reached: Callable[[], int]) -> None:
        outcomes = fetch(server, (f"https://{name}/" for name in FORBIDDEN_NAMES))
        assert len(outcomes) >= 58
        assert set(outcomes) == {"url_not_allowed"}
        assert reached() == 0

    def test_one_forbidden_address_among_public_ones_forbids_them_all(
        self, server: RunningServer, reached: Callable[[], int]
    ) -> None:
        outcomes = fetch(server, (f"https://{name}/" for name in MIXED_NAMES))
        assert len(outcomes) >= 2 * 58
        assert set(outcomes) == {"url_not_allowed"}
        assert reached() == 0

    @pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
    def test_no_redirect_leads_there(
        self, server: RunningServer, origin: Origin, reached: Callable[[], int], code: int
    ) -> None:
        hosts = [host(name) for name in (*LITERALS, *NAMES, *FORBIDDEN_NAMES)]
        locations = [*(f"https://{name}/" for name in hosts), *(f"http://{name}/" for name in hosts)]
        for number, location in enumerate(locations):
            origin.serve(f"/{code}/{number}", redirect(location, code))
        asked = origin.connections
        outcomes = fetch(server, (f"https://origin.test/{code}/{number}" for number in range(len(locations))))
        assert outcomes == ["url_not_allowed"] * len(locations)
        assert origin.connections - asked == len(locations)
        assert reached() == 0


class TestCrooked:
    def test_no_crooked_url_is_reached(
        self, server: RunningServer, origin: Origin, reached: Callable[[], int]
    ) -> None:
        crooked = [text.replace("a.test", "origin.test") for text in CROOKED if isinstance(text, str)]
        sent = [text for text in crooked if "\ud800" not in text]  # no JSON: the request is refused
        assert len(sent) >= 40
        asked = origin.connections
        assert fetch(server, sent) == ["url_not_allowed"] * len(sent)
        assert origin.connections == asked
        assert reached() == 0

    @pytest.mark.parametrize("url", [None, 5, ["https://a.test/"], {}, True, "https://a.test/\ud800"])
    def test_what_is_no_text_refuses_the_request(self, server: RunningServer, url: Any) -> None:
        body = [{"filename": "a", "url": url, "target": "logo"}]
        assert server.post(json.dumps(body).encode()).status_code == 400


class TestRebinding:
    def test_a_name_that_changes_its_mind_never_leads_inside(
        self, server: RunningServer, inside: Canary, outside: Canary
    ) -> None:
        before, went_out = inside.connections, outside.connections
        outcomes = fetch(server, (f"https://{name}/" for name in REBOUND_NAMES))
        assert outcomes == ["fetch_failed", "url_not_allowed"] * (REBINDINGS // 2)
        assert outside.connections - went_out == REBINDINGS // 2  # what was checked is what was used
        time.sleep(ANSWERS_CACHED_S)
        outcomes = fetch(server, (f"https://{name}/" for name in REBOUND_NAMES))
        assert outcomes == ["url_not_allowed", "fetch_failed"] * (REBINDINGS // 2)
        assert server.stderr().count("look-up of rebound") == 2 * REBINDINGS
        assert inside.connections == before


class TestRefusal:
    """It says that the URL is not allowed, and nothing else."""

    OFF_THE_LIST = (
        "https://unknown.test/",
        "https://forbidden0.test.evil.test/",
        "https://192.168.7.7/",
        "https://[fd00::7]/",
        "https://8.8.4.4/",
        "http://origin.test@10.0.0.1/",
    )

    def test_nothing_is_looked_up_for_a_host_that_is_not_on_the_list(
        self, server: RunningServer, reached: Callable[[], int]
    ) -> None:
        assert set(fetch(server, self.OFF_THE_LIST)) == {"url_not_allowed"}
        fetch(server, ["https://public0.test/marker", "https://forbidden0.test/"])
        assert "look-up of forbidden0.test\n" in server.stderr()
        assert "look-up of unknown.test" not in server.stderr()
        assert "evil.test" not in server.stderr()

    def test_every_refusal_is_the_same_to_the_letter(self, server: RunningServer) -> None:
        urls = [*self.OFF_THE_LIST, "https://127.0.0.1/", "https://forbidden0.test/", "gopher://x", ""]
        items = [{"filename": "a", "url": url, "target": "logo"} for url in urls]
        answered = server.predict(items).json()["predictions"]
        assert len({json.dumps(prediction) for prediction in answered}) == 1
