"""The JSON contract against bodies that nobody would send, at a real server.

Whatever comes: a status of the table, a body of the documented shape, never a 500, never `internal`;
and where files were scored, each under its own name and in its place. Afterwards the server is as it was.
Answers are checked against the server's own OpenAPI document.
"""

import base64
import codecs
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.documented import Document, document_of
from tests.harness.origins import Origin
from tests.harness.server import PREDICT, RunningServer, running_server
from tests.images import one_colour

WORKERS = 2
IDLE_WITHIN_S = 30.0  # of a busy machine
QUICK, LONG = 150, 600  # requests a test

REQUEST = {"$ref": "#/components/schemas/PredictRequest"}
IMAGE = base64.b64encode(one_colour("red")).decode()
URL = "https://origin.test/red.png"


@pytest.fixture(scope="module")
def server(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that can fetch one file, from here, and nothing else."""
    stderr = tmp_path_factory.mktemp("fuzzed") / "stderr"
    with Origin() as origin:
        origin.serve("/red.png", one_colour("red"))
        settings: dict[str, Any] = {
            "ALLOWED_HOSTS": "origin.test",
            "ORIGIN_OVERRIDES": f"origin.test={origin.url}",
        }
        with running_server(stderr, MODEL_PATH=artifact, WORKERS=WORKERS, **settings) as running:
            yield running


@pytest.fixture(
    params=[pytest.param(QUICK, marks=pytest.mark.brief), pytest.param(LONG, marks=pytest.mark.slow)]
)
def requests(request: pytest.FixtureRequest) -> int:
    """How many are sent."""
    count: int = request.param
    return count


# Values

NUMBERS = st.one_of(
    st.integers(),
    st.integers(min_value=-(10**400), max_value=10**400),
    st.sampled_from([2**53, 2**63, 2**64, -(2**63) - 1, 10**308, -0.0, 1e308, 5e-324]),
    st.floats(),  # NaN and the infinities among them
)
CHARACTERS = st.characters() | st.characters(categories=["Cs", "Cc", "Cf", "Co", "Cn"])  # Cs: lone surrogates
TEXTS = st.one_of(
    st.text(CHARACTERS, max_size=30),
    st.sampled_from(
        ["", " ", "\0", "\u202e", "logo", "LOGO", "out_of_domain", "../../etc/passwd", "%00", IMAGE, URL]
    ),
    st.sampled_from([1023, 1024, 1025, 5000]).map(lambda length: "ü" * length),
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
KEYS = st.sampled_from(
    ["filename", "url", "image", "target", "instances", "debug", "all_scores", "Filename", "target ", "extra"]
)
JSON_VALUES: SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | TEXTS, inner, max_size=4),
    max_leaves=8,
)


@st.composite
def items(draw: DrawFn) -> dict[str, Any]:
    """One file, as it should be asked for."""
    source = draw(st.sampled_from([{"image": IMAGE}, {"url": URL}, {"image": "bm8gaW1hZ2U="}]))
    filename = draw(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
    return {"filename": filename, **source, "target": "logo"}


@st.composite
def good_requests(draw: DrawFn) -> Any:
    instances = draw(st.lists(items(), min_size=1, max_size=4))
    return draw(
        st.sampled_from([instances, {"instances": instances}, {"instances": instances, "debug": True}])
    )


@st.composite
def near_requests(draw: DrawFn) -> Any:
    """A request with one thing wrong, or at least unusual."""
    document = draw(good_requests())
    holders = list(_containers(document))
    holder = draw(st.sampled_from(holders))
    change: Callable[[DrawFn, Any], None] = draw(st.sampled_from([_replace, _remove, _add]))
    change(draw, holder)
    return document


def _containers(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list) and value:
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _containers(inner)


def _place(draw: DrawFn, holder: Any) -> Any:
    return draw(st.sampled_from(list(holder) if isinstance(holder, dict) else range(len(holder))))


def _replace(draw: DrawFn, holder: Any) -> None:
    holder[_place(draw, holder)] = draw(JSON_VALUES)


def _remove(draw: DrawFn, holder: Any) -> None:
    del holder[_place(draw, holder)]


def _add(draw: DrawFn, holder: Any) -> None:
    if isinstance(holder, dict):
        holder[draw(KEYS)] = draw(JSON_VALUES)
    elif draw(st.booleans()):
        holder.append(draw(JSON_VALUES))
    else:
        holder.extend(holder * 50)


# Bytes


def encode(document: Any) -> bytes:
    """JSON as Python writes it: with NaN, and with lone surrogates as escapes."""
    return json.dumps(document).encode()


@st.composite
def spoilt_bytes(draw: DrawFn) -> bytes:
    """A good request, spoilt below the level of JSON."""
    text = json.dumps(draw(good_requests()), ensure_ascii=draw(st.booleans()))
    return draw(st.sampled_from(SPOILERS))(draw, text)


def _spelt_otherwise(draw: DrawFn, text: str) -> bytes:
    """The same JSON: this one spoils nothing."""
    space = draw(st.text(" \t\r\n", max_size=20))
    escaped = "".join(f"\\u{ord(character):04x}" for character in "filename")
    return f"{space}{text.replace('filename', escaped)}{space}".encode()


def _truncated(draw: DrawFn, text: str) -> bytes:
    body = text.encode()
    return body[: draw(st.integers(0, len(body) - 1))]


def _with_bytes_inside(draw: DrawFn, text: str) -> bytes:
    body = text.encode()
    at = draw(st.integers(0, len(body)))
    return body[:at] + draw(st.binary(min_size=1, max_size=8)) + body[at + draw(st.integers(0, 4)) :]


def _in_another_encoding(draw: DrawFn, text: str) -> bytes:
    encodings = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "latin-1", "shift-jis", "cp037"]
    return text.encode(draw(st.sampled_from(encodings)), errors="replace")


def _with_a_mark(draw: DrawFn, text: str) -> bytes:
    marks = [
        codecs.BOM_UTF8,
        codecs.BOM_UTF8 * 2,
        codecs.BOM_UTF16_LE,
        codecs.BOM_UTF32_BE,
        b"\0",
        b"\x1e",
        b")]}'\n",
    ]
    return draw(st.sampled_from(marks)) + text.encode()


def _with_duplicate_keys(draw: DrawFn, text: str) -> bytes:
    key, value = json.dumps(draw(KEYS)), json.dumps(draw(SCALARS))
    return text.replace('"target"', f'{key}: {value}, "target"', 1).encode()


def _nested(draw: DrawFn, text: str) -> bytes:
    depth = draw(st.sampled_from([1, 100, 1023, 1024, 1025, 100_000]))
    opening, closing = draw(st.sampled_from([("[", "]"), ('{"instances":', "}"), ('{"a":', "}")]))
    return (opening * depth + text + draw(st.sampled_from(["", closing * depth]))).encode()


def _with_surrogates(draw: DrawFn, text: str) -> bytes:
    lone = draw(st.sampled_from(["\\ud800", "\\udfff", "\\ud83d\\ud83d", "\\u0000", "\ud800"]))
    return text.replace('"logo"', f'"{lone}"', 1).encode(errors="surrogatepass")


def _twice(draw: DrawFn, text: str) -> bytes:
    return (text + draw(st.sampled_from(["", "\n", "\0", ","])) + text).encode()


def _with_countless_values(draw: DrawFn, text: str) -> bytes:
    """More than are made: a list of them before the request, or in place of it."""
    value = draw(st.sampled_from(["[],", "{},", '"",', '{"a":0},', "1e9,"]))
    return f"[{value * 100_001}{draw(st.sampled_from([text, '0']))}]".encode()


SPOILERS = [
    _spelt_otherwise,
    _truncated,
    _with_bytes_inside,
    _in_another_encoding,
    _with_a_mark,
    _with_duplicate_keys,
    _nested,
    _with_surrogates,
    _twice,
    _with_countless_values,
]

HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from(
            [
                "application/json",
                "application/json; charset=utf-16",
                "text/xml",
                "multipart/form-data",
                "",
                ";;=",
            ]
        ),
        "content-encoding": st.sampled_from(["gzip", "identity", "IDENTITY", ""]),
        "accept": st.sampled_from(["text/html", "*/*;q=0", ""]),
        "x-request-id": st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=200),
        "ce-id": st.just("1"),
        "ce-specversion": st.just("9"),
        "inference-header-content-length": st.sampled_from(["-1", "5", "x"]),
        "authorization": st.just("Bearer x"),
        "cookie": st.sampled_from([b"a=b", b"=;=;", b"\x80"]),
        "range": st.just("bytes=0-1"),
    },
)


# Judgement


def check(server: RunningServer, response: httpx.Response, sent: bytes) -> None:
    """Hold one answer against the contract."""
    assert response.status_code in (200, 400, 415, 422), response.text
    assert (response.status_code == 415) == (response.request.headers.get("content-encoding") == "gzip")
    assert document_of(server).contradictions(response) == []
    if response.status_code in (400, 415):
        return
    asked = json.loads(sent.removeprefix(codecs.BOM_UTF8))
    asked_items = asked if isinstance(asked, list) else asked["instances"]
    predictions = response.json()["predictions"]
    assert [(item["filename"], item["target"]) for item in asked_items] == [
        (prediction["filename"], prediction["target"]) for prediction in predictions
    ]
    assert "internal" not in [prediction.get("error", {}).get("code") for prediction in predictions]


def is_right(document: Document, value: Any) -> bool:
    """Whether a value is a request by the document's schema, and JSON as the standard has it."""
    try:
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()  # no NaN, no lone surrogates
    except ValueError:
        return False
    return not _has_endless_numbers(value) and document.errors(REQUEST, value) == []


def _has_endless_numbers(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (isinstance(value, int) and abs(value) > 1.79e308) or any(map(_has_endless_numbers, inner))


@contextmanager
def left_as_it_was(server: RunningServer) -> Iterator[httpx.Client]:
    """A connection to the server, which afterwards still has its workers and scores."""
    with httpx.Client(base_url=server.url, timeout=30) as client:
        yield client
        wait_until_idle(client)
    (prediction,) = server.predict([{"filename": "a", "image": IMAGE, "target": "logo"}]).json()[
        "predictions"
    ]
    assert prediction["prediction"] > 0.9
    assert "Traceback" not in server.stderr()


def wait_until_idle(client: httpx.Client) -> None:
    """Until every worker is there, and nothing is held for a request: an answer comes before that."""
    idle = {f"logo_workers_ready {WORKERS:.1f}", "logo_in_flight_images 0.0", "logo_held_bytes 0.0"}
    give_up = time.monotonic() + IDLE_WITHIN_S
    while missing := idle.difference(client.get("/metrics").text.splitlines()):
        assert time.monotonic() < give_up, missing
        time.sleep(0.02)


def fuzz(count: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Settings: the same requests every time, kept nowhere."""
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


def test_arbitrary_json_is_refused_or_answered(server: RunningServer, requests: int) -> None:
    with left_as_it_was(server) as client:

        @fuzz(requests)
        @given(document=JSON_VALUES, headers=HEADERS)
        def send(document: Any, headers: dict[str, Any]) -> None:
            body = encode(document)
            check(server, client.post(PREDICT, content=body, headers=headers), body)

        send()


def test_a_request_is_refused_if_and_only_if_the_document_says_so(
    server: RunningServer, requests: int
) -> None:
    statuses = set()
    with left_as_it_was(server) as client:

        @fuzz(requests)
        @given(document=near_requests())
        def send(document: Any) -> None:
            body = encode(document)
            response = client.post(PREDICT, content=body)
            check(server, response, body)
            assert (response.status_code != 400) == is_right(document_of(server), document), response.text
            statuses.add(response.status_code)

        send()
    assert statuses == {200, 400, 422}


def test_spoilt_bytes_are_refused_or_answered(server: RunningServer, requests: int) -> None:
    statuses = set()
    with left_as_it_was(server) as client:

        @fuzz(requests)
        @given(body=spoilt_bytes() | st.binary(max_size=200), headers=HEADERS)
        def send(body: bytes, headers: dict[str, Any]) -> None:
            response = client.post(PREDICT, content=body, headers=headers)
            check(server, response, body)
            statuses.add(response.status_code)

        send()
    assert statuses == {200, 400, 415, 422}


def test_good_requests_are_never_refused(server: RunningServer, requests: int) -> None:
    with left_as_it_was(server) as client:

        @fuzz(requests)
        @given(document=good_requests(), headers=HEADERS)
        def send(document: Any, headers: dict[str, Any]) -> None:
            body = encode(document)
            response = client.post(PREDICT, content=body, headers=headers)
            assert response.status_code != 400, response.text
            check(server, response, body)

        send()
