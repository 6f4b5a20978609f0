"""A wiki: a small real server that speaks as much of the MediaWiki API as an import needs.

    with WikiServer(small_commons()) as wiki:
        wiki.api                    # http://127.0.0.1:PORT/w/api.php
        wiki.faults.append(lagging())
        ...
        assert len(wiki.asked("/thumb/")) == 24

    python -m tests.wiki --port 6102 --files 60

Its pictures are drawn here: marks on white that have a licence and an author, and blurred photographs. As the
real one, it refuses those who do not say who they are, and widths that are no step.
"""

import argparse
import io
import json
import math
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image, ImageDraw

from tests.harness.origins import Connection, Origin, response

STEPS = (20, 40, 60, 120, 250, 330, 500, 960, 1280, 1920, 3840)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request is answered with."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came; header names are in lower case."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(slots=True)
class File:
    """A file page. `draw` makes its thumbnail; `thumbnail` answers instead of that, if it is given."""

    page: int
    title: str
    draw: Callable[[int], bytes]
    mime: str = "image/png"
    licence: str = "CC BY-SA 4.0"
    artist: str = "Somebody"
    thumbnail: Callable[[], Answer | None] | None = None


@dataclass(slots=True)
class Category:
    """A category page, its files, and the titles of its subcategories."""

    page: int
    files: list[File] = field(default_factory=list)
    below: list[str] = field(default_factory=list)


Commons = dict[str, Category]


def image_bytes(picture: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind)
    return out.getvalue()


def mark(seed: int, width: int) -> bytes:
    """A logo: two or three shapes of few colours, on nothing."""
    rng = random.Random(seed)
    side = 2 * width
    picture = Image.new("RGBA", (side, round(side * rng.uniform(0.5, 1.0))), (0, 0, 0, 0))
    pen = ImageDraw.Draw(picture)
    for _ in range(rng.randint(2, 3)):
        colour = tuple(rng.randint(0, 220) for _ in range(3))
        x, y, size = (rng.uniform(0.15, 0.5) * picture.height for _ in range(3))
        x += rng.uniform(0, 0.4) * picture.width
        corners = rng.randint(2, 6)
        if corners == 2:
            pen.ellipse((x, y, x + size, y + size), fill=colour)
        else:
            turns = [rng.random() + 2 * math.pi * index / corners for index in range(corners)]
            points = [(x + size / 2 * (1 + math.cos(t)), y + size / 2 * (1 + math.sin(t))) for t in turns]
            pen.polygon(points, fill=colour)
    return image_bytes(picture.resize((width, picture.height // 2), Image.Resampling.LANCZOS), "PNG")


def photo(seed: int, width: int) -> bytes:
    """A photograph: blurred blobs from edge to edge, with noise on them."""
    rng = np.random.default_rng(seed)
    height = round(width * rng.uniform(0.6, 1.0))
    coarse = Image.fromarray(rng.integers(0, 256, (5, 7, 3), np.uint8))
    pixels = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(np.int16)
    noisy = pixels + rng.normal(0, 12, pixels.shape).astype(np.int16)
    return image_bytes(Image.fromarray(noisy.clip(0, 255).astype(np.uint8)), "JPEG")


def logo_file(page: int, title: str | None = None) -> File:
    artist = f'<a href="//example.org/{page}"><b>Ann</b> &amp; Bob</a>'
    title = title or f"File:Logo of company {page}.svg"
    return File(page, title, lambda width: mark(page, width), "image/svg+xml", artist=artist)


def photo_file(page: int) -> File:
    title = f"File:Photograph {page}.jpg"
    return File(page, title, lambda width: photo(page, width), "image/jpeg", licence="CC0")


def small_commons(files: int = 12) -> Commons:
    """Two trees of three categories, `files` in each tree; the lowest contains the highest again."""
    pages: Commons = {}
    for number, (kind, make) in enumerate((("Logos", logo_file), ("Photographs", photo_file)), 1):
        titles = [f"Category:{kind}", f"Category:{kind} of companies", f"Category:{kind} by year"]
        for level, title in enumerate(titles):
            below = [titles[(level + 1) % 3]]
            own = [make(1000 * number + index) for index in range(files) if index % 3 == level]
            pages[title] = Category(100 * number + level, own, below)
    return pages


def refusing(status: int, retry_after: str | None = None) -> Answer:
    """Busy, for a while or for ever."""
    return Answer(status, b"Too busy", {} if retry_after is None else {"Retry-After": retry_after})


def lagging(lag: float = 0.1) -> Answer:
    """As the API says that its database lags: with a 200."""
    error = {"code": "maxlag", "info": f"Waiting for 10.0.0.1: {lag} seconds lagged", "lag": lag}
    return Answer(200, json.dumps({"error": error}).encode(), {"Retry-After": "5"})


class WikiServer:
    """A wiki on 127.0.0.1. A context.

    Attributes:
        faults: Answers that the next requests to the API get instead of their own.
        requests: What it was asked.
    """

    def __init__(
        self, pages: Commons, port: int = 0, members_per_answer: int = 4, delay_s: float = 0.0
    ) -> None:
        self.pages = pages
        self.faults: list[Answer] = []
        self.requests: list[Asked] = []
        self._members_per_answer = members_per_answer
        self._delay_s = delay_s
        self._origin = Origin(port=port)
        self._origin.otherwise = self._respond
        self.url = self._origin.url

    @property
    def api(self) -> str:
        return f"{self.url}/w/api.php"

    @property
    def files(self) -> dict[int, File]:
        return {file.page: file for category in self.pages.values() for file in category.files}

    def asked(self, prefix: str) -> list[Asked]:
        """Requests for paths that begin so."""
        return [request for request in self.requests if request.path.startswith(prefix)]

    def __enter__(self) -> Self:
        self._origin.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._origin.__exit__(*error)

    def _respond(self, connection: Connection) -> None:
        url = urlsplit(connection.request.target)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        answer = self.answer(Asked(url.path, query, connection.request.headers))
        headers = {"Content-Length": str(len(answer.body)), **answer.headers}
        connection.send(response(f"{answer.status} Told To", headers, answer.body))

    def answer(self, request: Asked) -> Answer:
        self.requests.append(request)
        agent = request.headers.get("user-agent", "")
        if "@" not in agent and "http" not in agent:
            return Answer(403, b"Please set a user-agent and respect our robot policy")
        if request.path == "/w/api.php":
            return self.faults.pop(0) if self.faults else self._api(request.query)
        if request.path.startswith("/thumb/"):
            time.sleep(self._delay_s)
            return self._thumbnail(*request.path.split("/")[2:])
        return Answer(404, b"")

    def _thumbnail(self, page: str, name: str) -> Answer:
        width, file = int(name.partition("px")[0]), self.files[int(page)]
        if width not in STEPS:
            return Answer(400, b"Use thumbnail sizes listed on Common_thumbnail_sizes")
        instead = file.thumbnail() if file.thumbnail is not None else None
        return instead or Answer(200, file.draw(width))

    def _api(self, query: Mapping[str, str]) -> Answer:
        if query.get("action") != "query" or query.get("formatversion") != "2" or "maxlag" not in query:
            answer: dict[str, Any] = {"error": {"code": "badrequest", "info": "not as an import asks"}}
        elif query.get("list") == "categorymembers":
            answer = self._members(query)
        elif query.get("prop") == "imageinfo":
            answer = self._imageinfo(query)
        else:
            answer = {"error": {"code": "unknown", "info": "<b>Unrecognized</b> query"}}
        return Answer(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _members(self, query: Mapping[str, str]) -> dict[str, Any]:
        category = self.pages.get(query["cmtitle"], Category(0))
        rows = [{"pageid": self.pages[title].page, "ns": 14, "title": title} for title in category.below]
        rows += [{"pageid": file.page, "ns": 6, "title": file.title} for file in category.files]
        return self._part("categorymembers", rows, query, "cmcontinue")

    def _imageinfo(self, query: Mapping[str, str]) -> dict[str, Any]:
        """All pages in every answer, but details of a few at a time, as the real one when there are many."""
        numbers = [int(number) for number in query["pageids"].split("|")]
        start = int(query.get("iicontinue", "0"))
        end = start + 3 * self._members_per_answer
        rows = []
        for index, number in enumerate(numbers):
            if number not in self.files:
                rows.append({"pageid": number, "ns": 6, "title": "?", "missing": True})
                continue
            file = self.files[number]
            row: dict[str, Any] = {"pageid": number, "ns": 6, "title": file.title}
            if start <= index < end:
                row["imageinfo"] = [self._info(file, int(query["iiurlwidth"]))]
            rows.append(row)
        answer: dict[str, Any] = {"query": {"pages": rows}}
        if end < len(numbers):
            answer["continue"] = {"iicontinue": str(end), "continue": "||"}
        return answer

    def _info(self, file: File, width: int) -> dict[str, Any]:
        info: dict[str, Any] = {
            "timestamp": "2024-05-01T12:00:00Z",
            "mime": file.mime,
            "url": f"{self.url}/original/{file.page}",
            "descriptionurl": f"{self.url}/wiki/{file.page}",
            "extmetadata": {
                "LicenseShortName": {"value": file.licence, "source": "commons-desc-page"},
                "Artist": {"value": file.artist, "source": "commons-desc-page"},
            },
        }
        if file.mime.startswith("image/"):
            info["thumburl"] = f"{self.url}/thumb/{file.page}/{width}px-{file.page}.png"
        return info

    def _part(self, name: str, rows: list[Any], query: Mapping[str, str], position: str) -> dict[str, Any]:
        start = int(query.get(position, "0"))
        end = start + self._members_per_answer
        answer: dict[str, Any] = {"query": {name: rows[start:end]}}
        if end < len(rows):
            answer["continue"] = {position: str(end), "continue": "-||"}
        return answer


def main() -> None:
    parser = argparse.ArgumentParser(description="A wiki on 127.0.0.1, for hands-on tries.")
    parser.add_argument("--port", type=int, default=6102)
    parser.add_argument("--files", type=int, default=60, help="of each kind")
    options = parser.parse_args()
    with WikiServer(small_commons(options.files), options.port) as wiki:
        print(wiki.api, *wiki.pages, sep="\n", flush=True)  # noqa: T201
        threading.Event().wait()


if __name__ == "__main__":
    main()
