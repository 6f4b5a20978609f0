"""Where a request ends: the server, and the proxies before it, have to agree, whatever the bytes.

Each request has an id, which the server echoes and logs. A request that lies in another's body and is served
all the same shows in the log; an answer that reaches somebody else has another's id.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.framing import cut, exchange, send
from tests.harness.server import PREDICT, RunningServer, running_server
from tests.hostile.proxies import haproxy, nginx

POST = f"POST {PREDICT} HTTP/1.1".encode()
INNER = "inner"
UPGRADE = (
    b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
)
STALLED_S = 5.0
numbers = count()


def request(name: str, line: bytes = b"POST /any HTTP/1.1", body: bytes = b"", more: bytes = b"") -> bytes:
    """A sound request with an id."""
    head = b"%b\r\nHost: x\r\nX-Request-Id: %b\r\n%b" % (line, name.encode(), more)
    return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


SMUGGLED = request(INNER)


def chunk(data: bytes, extension: bytes = b"", end: bytes = b"\r\n") -> bytes:
    return b"%x%b%b%b%b" % (len(data), extension, end, data, end)


def outer(framing: bytes, body: bytes, line: bytes = POST) -> bytes:
    """A request whose framing may be read in more than one way."""
    return b"%b\r\nHost: x\r\nX-Request-Id: outer\r\n%b\r\n\r\n%b" % (line, framing, body)


def length(size: int) -> bytes:
    return b"Content-Length: %d" % size


CHUNKED = b"Transfer-Encoding: chunked"
END = b"0\r\n\r\n"
SIZE = len(SMUGGLED)
CASES = {
    "length and chunks": outer(length(SIZE + 5) + b"\r\n" + CHUNKED, END + SMUGGLED),
    "chunks and length": outer(CHUNKED + b"\r\n" + length(SIZE + 5), END + SMUGGLED),
    "length that covers less than the chunks": outer(length(4) + b"\r\n" + CHUNKED, chunk(SMUGGLED) + END),
    "two lengths": outer(length(0) + b"\r\n" + length(SIZE), SMUGGLED),
    "two lengths, the other way round": outer(length(SIZE) + b"\r\n" + length(0), SMUGGLED),
    "one length twice": outer(length(SIZE) + b"\r\n" + length(SIZE), SMUGGLED),
    "a list of lengths": outer(b"Content-Length: 0, %d" % SIZE, SMUGGLED),
    "a length with a sign": outer(b"Content-Length: +%d" % SIZE, SMUGGLED),
    "a length in hexadecimals": outer(b"Content-Length: 0x%x" % SIZE, SMUGGLED),
    "a length beyond 64 bits": outer(b"Content-Length: %d" % (2**64 + 3), SMUGGLED),
    "an empty length": outer(b"Content-Length: ", SMUGGLED),
    "a space before the colon of a length": outer(b"Content-Length : %d" % SIZE, SMUGGLED),
    "a tab before the colon of chunks": outer(
        length(SIZE + 5) + b"\r\nTransfer-Encoding\t: chunked", END + SMUGGLED
    ),
    "a space before a length": outer(b"X: y\r\n Content-Length: %d" % SIZE, SMUGGLED),
    "a folded length": outer(b"Content-Length:\r\n %d" % SIZE, SMUGGLED),
    "folded chunks": outer(length(SIZE + 5) + b"\r\nTransfer-Encoding:\r\n chunked", END + SMUGGLED),
    "a length behind a bare LF": outer(b"X: y\nContent-Length: %d" % SIZE, SMUGGLED),
    "a length behind a bare CR": outer(b"X: y\rContent-Length: %d" % SIZE, SMUGGLED),
    "a length behind a NUL": outer(b"X: y\0\r\nContent-Length: %d" % SIZE, SMUGGLED),
    "lines that end with a bare LF": outer(length(SIZE), b"").replace(b"\r\n", b"\n") + SMUGGLED,
    "two codings": outer(length(SIZE + 5) + b"\r\nTransfer-Encoding: identity\r\n" + CHUNKED, END + SMUGGLED),
    "chunks twice": outer(CHUNKED + b"\r\n" + CHUNKED, END + SMUGGLED),
    "chunks that are not last": outer(b"Transfer-Encoding: chunked, identity", END + SMUGGLED),
    "chunks by another name": outer(b"Transfer-Encoding: xchunked", END + SMUGGLED),
    "chunks in quotes": outer(b'Transfer-Encoding: "chunked"', END + SMUGGLED),
    "chunks behind a vertical tab": outer(
        length(SIZE + 5) + b"\r\nTransfer-Encoding: \x0bchunked", END + SMUGGLED
    ),
    "chunks in HTTP/1.0": outer(
        CHUNKED + b"\r\nConnection: keep-alive", END + SMUGGLED, POST.replace(b"1.1", b"1.0")
    ),
    "a compressed body in chunks": outer(b"Transfer-Encoding: gzip, chunked", chunk(SMUGGLED) + END),
    "a request in a chunk": outer(CHUNKED, chunk(SMUGGLED) + END),
    "a request in a chunk extension": outer(
        CHUNKED, chunk(b"[]", b";" + SMUGGLED.replace(b"\r\n", b" ")) + END
    ),
    "a chunk extension with a bare LF": outer(CHUNKED, chunk(b"[]", b";a\n" + SMUGGLED) + END),
    "chunks that end with a bare LF": outer(CHUNKED, chunk(SMUGGLED, end=b"\n") + b"0\n\n"),
    "a chunk without an end": outer(CHUNKED, b"2\r\n[]" + END + SMUGGLED),
    "a chunk size with a prefix": outer(CHUNKED, b"0x2\r\n[]\r\n" + END + SMUGGLED),
    "a chunk size beyond 64 bits": outer(CHUNKED, b"1" + b"0" * 15 + b"2\r\n[]\r\n" + END + SMUGGLED),
    "a negative chunk size": outer(CHUNKED, b"-2\r\n[]\r\n" + END + SMUGGLED),
    "trailers": outer(CHUNKED, chunk(b"[]") + b"0\r\nX-Request-Id: inner\r\nConnection: close\r\n\r\n"),
    "a length in the trailers": outer(CHUNKED, chunk(b"[]") + b"0\r\n" + length(SIZE) + b"\r\n\r\n"),
    "an upgrade in the trailers": outer(CHUNKED, chunk(b"[]") + b"0\r\n" + UPGRADE + b"\r\n"),
    "an upgrade": outer(UPGRADE + length(SIZE), SMUGGLED),
    "an upgrade in chunks": outer(UPGRADE + CHUNKED, chunk(SMUGGLED) + END),
    "an upgrade to a WebSocket": outer(
        b"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" + length(SIZE), SMUGGLED
    ),
    "a tunnel": outer(length(SIZE), SMUGGLED, b"CONNECT x:443 HTTP/1.1"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SMUGGLED,
    "HTTP/0.9": b"GET /v2/health/live\r\n" + SMUGGLED,
    "a version of the future": outer(length(SIZE), SMUGGLED, POST.replace(b"1.1", b"1.9")),
    "an absolute target": outer(length(SIZE), SMUGGLED, b"POST http://x" + POST.removeprefix(b"POST ")),
    "another authority": outer(length(SIZE), SMUGGLED, b"POST x:80 HTTP/1.1"),
    "every target": outer(length(SIZE), SMUGGLED, b"OPTIONS * HTTP/1.1"),
    "a space in the target": outer(length(SIZE), SMUGGLED, POST.replace(b":predict", b":predict HTTP/1.1")),
    "two hosts": outer(b"Host: y\r\n" + length(SIZE), SMUGGLED),
    "no route": outer(length(SIZE), SMUGGLED, b"POST /nowhere HTTP/1.1"),
    "a route that takes no body": outer(length(SIZE), SMUGGLED, b"GET /v2/health/live HTTP/1.1"),
    "a request to explain": outer(length(SIZE), SMUGGLED, POST.replace(b":predict", b":explain")),
    "a body that is too large": outer(length(10**9), SMUGGLED * 100),
    "a body that may wait": outer(b"Expect: 100-continue\r\n" + length(SIZE), SMUGGLED),
    "the end of the connection": outer(b"Connection: close\r\n" + length(SIZE), SMUGGLED),
}
"""What may be read in more than one way; by every sound reading, the request inside is another's body."""

TWO_REQUESTS_FOR_PROXIES = {
    "length and chunks",
    "chunks and length",
    "two codings",
    "HTTP/2",
    "a space before a length",  # it belongs to the line before, which is folded
    "a tunnel",  # it has no body
}
"""A proxy may say that the body ends before the request inside, and send that on as one of its own."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of one case: the ids of the answers, and those of the server's log lines meanwhile."""

    answered: list[str]
    served: list[str]
    next_answered: list[str]
    next_served: list[str]


@pytest.fixture(scope="module")
def server(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    stderr = tmp_path_factory.mktemp("framing") / "stderr"
    with running_server(stderr, MODEL_PATH=artifact, WORKERS=1) as running:
        yield running


def port_of(server: RunningServer) -> int:
    return server.port


def answered_ids(port: int, segments: list[bytes]) -> list[str]:
    """The ids of the answers that come from the server, on one connection; a proxy has answers of its own."""
    received = send(port, segments, stalls_s=STALLED_S).decode("latin-1")  # a proxy may wait for the rest
    return re.findall(r"^x-request-id: (\S+)\r$", received, re.IGNORECASE | re.MULTILINE)


def logged(server: RunningServer, since: int) -> list[str]:
    """The ids of requests that were answered since."""
    lines = server.stderr()[since:].splitlines()
    found = [re.search(r" request_id=(\S+) status=(\d+)", line) for line in lines]
    return [match[1] for match in found if match is not None and match[2] != "499"]


def log_until(server: RunningServer, since: int, names: set[str]) -> list[str]:
    """The same, once these are among them: a line follows its answer."""
    give_up = time.monotonic() + 10
    while not names <= set(found := logged(server, since)):
        assert time.monotonic() < give_up, f"{names} were not all served: {server.stderr()[since:]}"
        time.sleep(0.01)
    return found


def try_case(server: RunningServer, port: int, segments: list[bytes]) -> Seen:
    """Send a case, and then a sound request of somebody else's, through the same proxy."""
    since, name = len(server.stderr()), f"next-{next(numbers)}"
    closing = request(f"{name}0", more=b"Connection: close\r\n")
    answered = answered_ids(port, [*segments, closing])
    next_answered = answered_ids(port, [request(name, more=b"Connection: close\r\n")])
    served = log_until(server, since, {name, *answered, *next_answered})
    return Seen(
        answered=[each for each in answered if each in ("outer", INNER)],
        served=[each for each in served if each in ("outer", INNER)],
        next_answered=next_answered,
        next_served=[each for each in served if each == name],
    )


@pytest.mark.parametrize("case", CASES)
def test_no_request_within_another_is_served(server: RunningServer, case: str) -> None:
    sent = CASES[case]
    head_bytes = (sent.find(b"\r\n\r\n") + 4) or len(sent)
    for segments in (
        [sent],
        cut(sent, [head_bytes]),
        cut(sent, [head_bytes - 1, head_bytes + 1, len(sent) - 1]),
    ):
        seen = try_case(server, port_of(server), segments)
        assert INNER not in seen.served + seen.answered
        assert len(seen.served) <= 1
        assert len(seen.next_answered) == len(seen.next_served) == 1
        assert seen.next_answered == seen.next_served


Front = Callable[[int, Path], AbstractContextManager[int]]
FRONTS: dict[str, Front] = {
    "nginx": nginx,
    "nginx that streams": partial(nginx, buffers=False),
    "nginx that upgrades": partial(nginx, upgrades=True, buffers=False),
    "HAProxy": haproxy,
}


@pytest.mark.slow
@pytest.mark.parametrize("front", FRONTS)
def test_a_proxy_and_the_server_agree_where_requests_end(
    server: RunningServer, front: str, tmp_path: Path
) -> None:
    wrong = []
    with FRONTS[front](port_of(server), tmp_path) as port:
        for case, sent in CASES.items():
            seen = try_case(server, port, [sent])
            # What the server served was answered to whoever sent it, and nothing else was.
            agreed = sorted(seen.served) == sorted(seen.answered) and seen.next_answered == seen.next_served
            smuggled = INNER in seen.served and case not in TWO_REQUESTS_FOR_PROXIES
            if not agreed or smuggled:
                wrong.append((case, seen))
    assert wrong == []


SOUND = [
    request("a", POST, b"[]"),
    request("b", POST, b"[]", UPGRADE),
    request("c", b"GET /v2/health/live HTTP/1.1"),
    outer(CHUNKED, chunk(b"[") + chunk(b"]", b";x=y") + b"0\r\nX: y\r\n\r\n"),
    outer(UPGRADE + CHUNKED, chunk(b"{}") + END),
]
FAULTY = [
    b"no HTTP at all\r\n\r\n",
    CASES["length and chunks"],
    outer(CHUNKED, b"zz\r\n"),
    outer(length(2) + b"\r\nX : y", b"[]"),
    CASES["a tunnel"],
]
LAST = request("last", more=b"Connection: close\r\n")


def told(server: RunningServer, segments: list[bytes]) -> list[tuple[int, bytes]]:
    return [(answer.status, answer.body) for answer in exchange(port_of(server), segments)]


@given(
    requests=st.lists(st.sampled_from(SOUND), max_size=4),
    fault=st.sampled_from([b"", *FAULTY]),
    places=st.lists(st.floats(0, 1), min_size=1, max_size=6),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_answers_do_not_depend_on_how_the_bytes_are_cut(
    server: RunningServer, requests: list[bytes], fault: bytes, places: list[float]
) -> None:
    stream = b"".join(requests) + fault + LAST
    answers = told(server, [stream])
    assert told(server, cut(stream, [int(place * len(stream)) for place in places])) == answers
    assert len(answers) == len(requests) + 1
    assert (answers[-1][0] == 404) == (not fault)
