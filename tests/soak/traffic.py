"""Traffic: what a public service meets in a bad week, request by request, each decided by its number alone.

`Traffic.send(number)` sends one and says what came of it. An answer that breaks the contract raises
AssertionError; so does a good file whose score is another than it was on the quiet server.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from random import Random
from typing import Any

import httpx
import numpy as np
from PIL import Image

from tests import images
from tests.harness.origins import Origin
from tests.harness.process import ROOT
from tests.harness.requests import by_url, connect, head, inline, predictions
from tests.harness.server import PREDICT, READY, RunningServer

HOST = "origin.test"
BODY_MAX_SIZE = 16 * 2**20
ANSWER_TIMEOUT_S = 150.0

Fate = str


def photograph(width: int, height: int) -> Image.Image:
    """Something with detail, so that its file has a photograph's size."""
    grain = np.random.default_rng(1).integers(-12, 12, (height, width, 1))
    return Image.fromarray((np.asarray(images.picture(width, height)) + grain).clip(0, 255).astype(np.uint8))


def small_files() -> dict[str, bytes]:
    """Every format and mode, and the samples."""
    samples = {path.name: path.read_bytes() for path in (ROOT / "samples").iterdir()}
    return images.every_kind() | samples


def large_files() -> dict[str, bytes]:
    """A few of the size that cameras and scanners make."""
    large = photograph(3000, 2000)
    return {
        "large.jpg": images.jpeg(large, quality=85),
        "large-progressive.jpg": images.jpeg(large, quality=85, progressive=True),
        "large.png": images.png(photograph(1600, 1200), compress_level=1),
        "large.webp": images.webp(photograph(1600, 1200), lossless=False),
        "large.gif": images.gif(photograph(1200, 900)),
        "large.tif": images.tiff(photograph(1200, 900), compression="tiff_lzw"),
    }


def bad_files() -> dict[str, tuple[bytes, str]]:
    """Files that no worker dies of, each with its code."""
    return {
        "cut off": (images.jpeg()[:700], "image_corrupt"),
        "empty": (b"", "image_corrupt"),
        "text": (b"not an image at all", "image_unsupported"),
        "pdf": (b"%PDF-1.7\n", "image_unsupported"),
        "webp bomb": (images.webp_bomb(), "image_too_many_pixels"),
        "png bomb": (images.png_bomb(), "image_too_many_pixels"),
        "gif bomb": (images.gif_bomb(), "image_too_many_pixels"),
        "scan bomb": (images.scan_bomb(), "image_corrupt"),
        "laughs": (images.svg_entity_bomb(), "image_corrupt"),
        "nested": (images.svg_nested(), "image_corrupt"),
    }


class Traffic:
    """Requests to one server, some of whose files are on one origin, which the server reaches as HOST."""

    def __init__(self, server: RunningServer, origin: Origin) -> None:
        self._server = server
        self._client = httpx.Client()
        self._small, self._large = small_files(), large_files()
        self._good = self._small | self._large
        self._bad = bad_files()
        self._scores: dict[str, tuple[float, float]] = {}
        for name, data in [*self._good.items(), *((name, data) for name, (data, _) in self._bad.items())]:
            origin.serve(f"/{name.replace(' ', '-')}", data)

    def learn_scores(self) -> None:
        """Ask for every good file once, on a quiet server; what comes later is compared with that."""
        with self._connections():
            for name, data in self._good.items():
                (answer,) = predictions(self._ask([inline(data, name)]))
                self._scores[name] = answer["prediction"], answer["out_of_domain"]

    def send_all(self, numbers: range, at_once: int) -> Counter[Fate]:
        """Send the requests of these numbers, so many at a time. Returns how many came to which fate."""
        with self._connections(), ThreadPoolExecutor(at_once) as callers:
            return Counter(callers.map(self.send, numbers))

    @contextmanager
    def _connections(self) -> Iterator[None]:
        """Connections that are used again and again, and closed at the end of the block."""
        with httpx.Client(timeout=ANSWER_TIMEOUT_S) as self._client:
            yield

    def send(self, number: int) -> Fate:
        """Send the request of that number."""
        random = Random(number)
        kinds: Mapping[Any, float] = {
            self._one: 62,
            self._several: 9,
            self._fifty: 0.3,
            self._malformed: 8,
            self._probe: 8,
            self._hang_up: 8,
            self._declare_too_much: 2,
            self._send_too_much: 0.3,
            self._close_early: 2.4,
        }
        (kind,) = random.choices(list(kinds), list(kinds.values()))
        fate: Fate = kind(random)
        return fate

    def _one(self, random: Random) -> Fate:
        return self._predict([self._item(random)])

    def _several(self, random: Random) -> Fate:
        return self._predict([self._item(random) for _ in range(random.randint(2, 8))])

    def _fifty(self, random: Random) -> Fate:
        return self._predict([self._item(random) for _ in range(50)])

    def _item(self, random: Random) -> dict[str, Any]:
        """A file, four times of five a good one, inline or by a URL; or a URL that leads nowhere."""
        if random.random() < 0.04:
            url = random.choice(["https://127.0.0.1/a.png", f"https://{HOST}/nowhere", "file:///etc/passwd"])
            return by_url(url, f"url {url}")
        pools = list(self._small), list(self._large), list(self._bad)
        (names,) = random.choices(pools, [76, 4, 20])
        name = random.choice(names)
        data = self._good[name] if name in self._good else self._bad[name][0]
        if random.random() < 0.5:
            return inline(data, name)
        return by_url(f"https://{HOST}/{name.replace(' ', '-')}", name)

    def _predict(self, items: list[dict[str, Any]]) -> Fate:
        response = self._ask(items)
        if response.status_code == 503:
            assert response.headers["retry-after"].isdigit()
            return "503"
        document = response.json()
        for item, answer in zip(items, document["predictions"], strict=True):
            self._check(item["filename"], answer)
        scored = any("error" not in answer for answer in document["predictions"])
        assert response.status_code == (200 if scored else 422), response.text
        return str(response.status_code)

    def _check(self, name: str, answer: Mapping[str, Any]) -> None:
        assert answer["filename"] == name
        if name in self._good:
            assert (answer.get("prediction"), answer.get("out_of_domain")) == self._scores[name], answer
        elif name in self._bad:
            assert answer["error"]["code"] == self._bad[name][1], name
        else:
            nowhere = name.endswith("nowhere")
            assert answer["error"]["code"] == ("fetch_failed" if nowhere else "url_not_allowed"), name

    def _ask(self, items: list[dict[str, Any]]) -> httpx.Response:
        return self._client.post(self._server.url + PREDICT, json={"instances": items})

    def _malformed(self, random: Random) -> Fate:
        good = inline(b"x", "a")
        wrong: list[Any] = [[], [{}], None, [good] * 51, [{**good, "target": "x"}], [{**good, "url": 1}]]
        broken = [b"", b"{", b"[" * 100_000, b"\xff\xfe"]
        body = random.choice([*broken, *(json.dumps(document).encode() for document in wrong)])
        response = self._client.post(self._server.url + PREDICT, content=body)
        assert response.status_code == 400, (body[:100], response.text)
        return "400"

    def _probe(self, random: Random) -> Fate:
        path = random.choice([READY, "/metrics", "/v2/health/live", "/nowhere"])
        response = self._client.get(self._server.url + path)
        assert response.status_code == (404 if path == "/nowhere" else 200)
        return f"GET {response.status_code}"

    def _hang_up(self, random: Random) -> Fate:
        """Go away: in the midst of the head or the body, or before there is an answer."""
        body = json.dumps([self._item(random) for _ in range(random.choice((1, 1, 5)))]).encode()
        request = head(f"Content-Length: {len(body)}") + body
        keep = random.choice([30, len(request) // 2, len(request) - 1, len(request)])
        with connect(self._server, ANSWER_TIMEOUT_S) as connection:
            connection.sendall(request[:keep])
            time.sleep(random.choice([0, 0.005, 0.02]))
        return "hung up"

    def _declare_too_much(self, random: Random) -> Fate:
        with connect(self._server, ANSWER_TIMEOUT_S) as connection, connection.makefile("rb") as answer:
            connection.sendall(head(f"Content-Length: {BODY_MAX_SIZE + 1}") + b"[")
            status = answer.readline()
        assert b" 413 " in status, status
        return "413"

    def _send_too_much(self, random: Random) -> Fate:
        """Without a declared length. The server closes on a caller who sends; so its answer may get lost."""
        status = b""
        with connect(self._server, ANSWER_TIMEOUT_S) as connection, connection.makefile("rb") as answer:
            with suppress(ConnectionError):
                connection.sendall(head("Transfer-Encoding: chunked"))
                for _ in range(BODY_MAX_SIZE // 2**16 + 32):
                    connection.sendall(b"10000\r\n%s\r\n" % bytes(2**16))
            with suppress(ConnectionError):
                status = answer.readline()
        assert b" 413 " in status or not status, status
        return "413" if status else "closed"

    def _close_early(self, random: Random) -> Fate:
        """Connect, and say nothing, or nothing of HTTP."""
        with connect(self._server, ANSWER_TIMEOUT_S) as connection:
            connection.sendall(random.choice([b"", b"\x16\x03\x01\x02\0", b"GET", b"hello\r\n\r\n"]))
        return "hung up"
