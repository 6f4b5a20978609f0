"""The log: its two forms, and what a hostile caller gets into it, which is nothing."""

import base64
import json
import logging
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from model_server.http.request_context import RequestContext
from model_server.logs import JSONFormatter, TextFormatter, trace
from tests.harness.origins import Origin, redirect
from tests.harness.server import PREDICT, RunningServer, running_server
from tests.model_server.conftest import Files

SECRET = "s3cr3t"


def record(**extra: object) -> logging.LogRecord:
    made = logging.LogRecord("model_server.requests", logging.INFO, "", 0, "%s done", ("POST",), None)
    made.__dict__.update(extra)
    return made


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


def test_text_puts_fields_behind_the_message() -> None:
    fields = {
        "status": 200,
        "items": {"scored": 2, "internal": 1},
        "none": {},
        "failed": {"internal": [0, 7]},
    }
    line = TextFormatter().format(record(fields=fields))
    assert line.endswith(
        "INFO model_server.requests POST done status=200 items=scored:2,internal:1 none=- failed=internal:0+7"
    )


def test_json_is_one_object_with_the_fields() -> None:
    line = JSONFormatter().format(record(fields={"status": 200, "text": "a\nb"}))
    assert "\n" not in line
    document = json.loads(line)
    assert document["message"] == "POST done"
    assert (document["status"], document["text"]) == (200, "a\nb")


@pytest.mark.parametrize(
    "hostile", ["a\r\nb", "\x1b[2J", "\u202e", "\u2028", "\x85", "\x7f", "\ud800", "\x00"]
)
@pytest.mark.parametrize("formatter", [TextFormatter(), JSONFormatter()])
def test_no_character_breaks_a_line_or_a_terminal(formatter: logging.Formatter, hostile: str) -> None:
    line = formatter.format(record(args=(f"é{hostile}",), fields={"text": hostile}))
    assert line.isprintable()
    assert line.encode()


def test_json_keeps_an_exception_in_its_line() -> None:
    error = raised(ValueError(SECRET))
    line = JSONFormatter().format(record(exc_info=(ValueError, error, error.__traceback__)))
    exception = json.loads(line)["exception"]
    assert re.fullmatch(rf"ValueError\n  at {re.escape(__file__)}:\d+ raised", exception)


def test_an_exceptions_text_stays_out_of_the_text_log_too() -> None:
    error = raised(ValueError(SECRET))
    lines = TextFormatter().format(record(exc_info=(ValueError, error, error.__traceback__)))
    assert "ValueError" in lines
    assert SECRET not in lines


def test_a_trace_begins_with_the_cause() -> None:
    error = ValueError("what the caller sent")
    error.__cause__ = raised(OSError(24, "where the caller wanted to go"))
    kinds = [line for line in trace(error).splitlines() if not line.startswith("  ")]
    assert kinds == ["OSError: Too many open files", "ValueError"]


@dataclass(frozen=True, slots=True)
class LoggingServer:
    """A server with an origin, and its log."""

    log_format: str
    server: RunningServer
    origin: Origin

    def lines(self) -> list[str]:
        """The lines so far."""
        return self.server.stderr().splitlines()

    def lines_after(self, start: int, count: int) -> list[str]:
        """The next lines after so many, as soon as there are `count`; one comes after its answer."""
        give_up = time.monotonic() + 30
        while len(lines := self.lines()[start:]) < count and time.monotonic() < give_up:
            time.sleep(0.02)
        assert len(lines) == count
        return lines


def logging_server(log_format: str, artifact: Path, directory: Path) -> Iterator[LoggingServer]:
    with Origin() as origin:
        settings: dict[str, Any] = {
            "MODEL_PATH": artifact,
            "WORKERS": 1,
            "LOG_FORMAT": log_format,
            "FORWARD_CREDENTIALS": "true",
            "SLOW_REQUEST_S": 0.000001,
            "ALLOWED_HOSTS": "origin.test",
            "ORIGIN_OVERRIDES": f"origin.test={origin.url}",
        }
        with running_server(directory / "stderr", **settings) as server:
            yield LoggingServer(log_format, server, origin)


@pytest.fixture(scope="module", params=["text", "json"])
def served(
    request: pytest.FixtureRequest, artifact: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LoggingServer]:
    yield from logging_server(request.param, artifact, tmp_path_factory.mktemp("log"))


def as_fields(log_format: str, line: str) -> dict[str, Any]:
    """A line's fields; in a text line they are strings."""
    return json.loads(line) if log_format == "json" else dict(re.findall(r" ([a-z_]+)=(\S+)", line))


def send(server: RunningServer, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", httpx.URL(server.url).port or 0), timeout=10) as connection:
        connection.sendall(request)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def test_a_path_adds_no_fields_to_its_line(served: LoggingServer) -> None:
    start = len(served.lines())
    send(
        served.server,
        b"POST /x%20status=200%20items=scored:50 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    )
    (line,) = served.lines_after(start, 1)
    assert "POST /x%20status=200%20items=scored:50" in line
    assert line.count(" status=200") == 0
    assert str(as_fields(served.log_format, line)["status"]) == "404"


def test_the_ready_line_tells_which_model(served: LoggingServer) -> None:
    (line,) = [line for line in served.lines() if "ready: /v1/models/logo-detection:predict" in line]
    fields = as_fields(served.log_format, line)
    told = [str(fields[key]) for key in ("name", "version", "runtime", "precision", "workers")]
    assert told == ["mean-colour", "1", "openvino", "f32", "1"]


def test_one_line_tells_all_of_a_request(served: LoggingServer, files: Files) -> None:
    before = len(served.lines())
    red = base64.b64encode(files.red).decode()
    items = [{"filename": "a", "target": "logo", "image": image} for image in (red, "eA==", red, "!")]
    served.server.predict(items, headers={"x-request-id": "abc-1"})
    (line,) = served.lines_after(before, 1)
    fields = as_fields(served.log_format, line)
    assert f"POST {PREDICT}" in line
    assert (fields["request_id"], str(fields["status"])) == ("abc-1", "200")
    if served.log_format == "json":
        assert fields["items"] == {"scored": 2, "image_unsupported": 1, "image_corrupt": 1}
        assert fields["failed"] == {"image_unsupported": [1], "image_corrupt": [3]}
    else:
        assert fields["failed"] == "image_unsupported:1,image_corrupt:3"
    assert 0 < float(fields["preprocess_s"]) <= float(fields["total_s"]) <= float(fields["seconds"])


def test_a_slow_request_is_explained_by_its_own_line_and_followed_by_its_trace(
    served: LoggingServer, files: Files
) -> None:
    served.origin.serve("/moved.png", redirect("https://origin.test/a.png"))
    served.origin.serve("/a.png", files.red)
    before, trace = len(served.lines()), "4bf92f3577b34da6a3ce929d0e0e4736"
    items = [
        {"filename": "a", "target": "logo", "image": base64.b64encode(files.red).decode()},
        {"filename": "b", "target": "logo", "url": "https://origin.test/moved.png"},
    ]
    served.server.predict(items, headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
    (line,) = served.lines_after(before, 1)
    fields = as_fields(served.log_format, line)
    assert (str(fields["bytes"]), str(fields["attempts"]), fields["trace_id"]) == (
        str(len(files.red)),
        "2",
        trace,
    )
    for stage in ("fetch", "queue", "decode", "score"):
        assert (
            0
            <= float(fields[f"{stage}_s"])
            <= float(fields[f"{stage}_sum_s"])
            <= 2 * float(fields["seconds"])
        )
    assert float(fields["fetch_s"]) > 0
    assert "item" in fields["slowest"]
    passed_on = [request.headers["traceparent"] for request in served.origin.requests[-2:]]
    assert all(re.fullmatch(rf"00-{trace}-(?!00f067aa0ba902b7)[0-9a-f]{{16}}-01", one) for one in passed_on)


def test_only_a_slow_request_tells_of_its_slowest_file() -> None:
    context = RequestContext("a", 0.0, 12.0, slowest={"item": 3}, slow_s=5.0)
    assert "slowest" not in context.log_fields(4.9)
    assert context.log_fields(5.0)["slowest"] == {"item": 3}


def test_a_refused_request_says_why(served: LoggingServer) -> None:
    before = len(served.lines())
    served.server.post(b"[")
    httpx.post(f"{served.server.url}/v1/models/other:predict", content=b"[]")
    lines = [as_fields(served.log_format, line) for line in served.lines_after(before, 2)]
    told = [(str(fields["status"]), fields["refused"]) for fields in lines]
    assert told == [("400", "request_malformed"), ("404", "model_unknown")]


def test_nothing_of_a_hostile_request_is_logged_but_its_path(served: LoggingServer, files: Files) -> None:
    served.origin.serve("/a.png", files.red)
    before, asked = len(served.lines()), len(served.origin.requests)
    item = {"filename": f"{SECRET}.png", "target": "logo", "url": f"https://origin.test/a.png?{SECRET}"}
    broken = {"filename": SECRET, "target": "logo", "image": base64.b64encode(SECRET.encode()).decode()}
    wrong = {"filename": SECRET, "target": SECRET, "image": SECRET}
    headers = {"authorization": SECRET, "cookie": f"a={SECRET}", "x-request-id": f"{SECRET} {SECRET}"}
    server, query = served.server, {"token": SECRET}
    assert server.predict([item], params=query, headers=headers).status_code == 200
    assert server.predict([item, broken], headers=headers).status_code == 200
    assert server.predict([wrong], params=query, headers=headers).status_code == 400
    assert server.post(SECRET.encode(), headers=headers).status_code == 400
    assert httpx.post(f"{server.url}/none", params=query, headers=headers).status_code == 404
    log = "\n".join(served.lines_after(before, 5))
    assert [request.headers["authorization"] for request in served.origin.requests[asked:]] == [SECRET] * 2
    assert SECRET not in log
    assert "token" not in log


def test_a_hostile_request_line_is_one_short_line(served: LoggingServer) -> None:
    asked = [
        b"POST /%0d%0aforged%20line%1b%5b2J%e2%80%ae HTTP/1.1\r\nX-Request-Id: a%0d%0ab\r\n",
        b"POST /" + b"x" * 8000 + b" HTTP/1.1\r\nX-Request-Id: " + b"y" * 4000 + b"\r\n",
        b"POST http://user:password@x/v1 HTTP/1.1\r\n",
        b"POST /v1 HTTP/1.1\r\nX-Request-Id: a\r\n b\r\n",
        b"POST /v1\xff HTTP/1.1\r\n",
        b"FORGED /v1 HTTP/1.1\r\n",
    ]
    before = len(served.lines())
    for request in asked:
        answer = send(served.server, request + b"Host: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        assert re.match(rb"HTTP/1.1 4\d\d ", answer)
    httpx.post(f"{served.server.url}/last")
    written = served.lines()[before:]
    assert 1 <= len(written) <= len(asked) + 1
    assert sum("forged" in line for line in written) == 1
    for line in written:
        assert line.isprintable()
        assert len(line) < 600
        assert "password" not in line
        assert served.log_format == "text" or json.loads(line)
        assert "request_id" not in line or as_fields(served.log_format, line)["request_id"].isalnum()
