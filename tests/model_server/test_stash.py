"""The upload stash, end to end: a real server, and an origin that behaves as MediaWiki's does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import origins
from tests.images import one_colour
from tests.origins import Origin
from tests.running import RunningServer, running_server

MAX_SERVED_BYTES = 2**20
COOKIE = "commonswikiSession=s3cret"
STASH = "/wiki/Special:UploadStash"

XCF = b"gimp xcf v011\0" + bytes(500)
DJVU = b"AT&TFORM\0\0\1\0DJVMDIRM" + bytes(500)
WEBM = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1" + bytes(500)
RED, BLUE = one_colour("red"), one_colour("blue")


class Stash:
    """`Special:UploadStash` on an origin: for its owner alone, up to 1 MiB, and without Content-Length."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    def upload(self, key: str, file: bytes, thumbnail: bytes, parameters: str = "330px") -> str:
        """Put a file there. Returns its URL."""
        self._serve(f"{STASH}/file/{key}", file)
        self._serve(f"{STASH}/thumb/{key}/{parameters}-{key}", thumbnail)
        if parameters != "330px":
            self._origin.serve(f"{STASH}/thumb/{key}/330px-{key}", origins.status(500))
        return f"https://stash.test{STASH}/file/{key}"

    def asked(self) -> list[str]:
        """What was asked for since the last time, without what all have in common."""
        asked = [request.target.removeprefix(STASH) for request in self._origin.requests]
        assert all(request.headers.get("cookie") == COOKIE for request in self._origin.requests)
        self._origin.requests.clear()
        return asked

    def _serve(self, path: str, content: bytes) -> None:
        answer = origins.chunked(content) if len(content) <= MAX_SERVED_BYTES else origins.status(500)

        def behave(connection: origins.Connection) -> None:
            (request,) = [request for request in self._origin.requests if request.target == path][-1:]
            allowed = request.headers.get("cookie") == COOKIE
            (answer if allowed else origins.status(403))(connection)

        self._origin.serve(path, behave)


@pytest.fixture(scope="module")
def origin() -> Iterator[Origin]:
    with Origin() as running:
        yield running


@pytest.fixture
def stash(origin: Origin) -> Stash:
    origin.requests.clear()
    return Stash(origin)


@pytest.fixture(scope="module")
def server(
    artifact: Path, tmp_path_factory: pytest.TempPathFactory, origin: Origin
) -> Iterator[RunningServer]:
    settings: dict[str, Any] = {
        "ALLOWED_HOSTS": f"stash.test{STASH}/,elsewhere.test",
        "ORIGIN_OVERRIDES": f"stash.test={origin.url},elsewhere.test={origin.url}",
        "FORWARD_CREDENTIALS": "true",
        "FETCH_TIMEOUT_S": 2,
    }
    stderr = tmp_path_factory.mktemp("stash") / "stderr"
    with running_server(stderr, MODEL_PATH=artifact, WORKERS=1, **settings) as running:
        yield running


def score(server: RunningServer, url: str, cookie: str = COOKIE) -> dict[str, Any]:
    """The prediction for one URL, as the owner of the cookie gets it."""
    item = {"filename": "a", "url": url, "target": "logo"}
    response = server.predict({"instances": [item], "debug": True}, headers={"Cookie": cookie})
    (prediction,) = response.json()["predictions"]
    return dict(prediction)


@pytest.fixture
def red_score(server: RunningServer, stash: Stash) -> float:
    prediction = score(server, stash.upload("1a.red.3.png", RED, BLUE))
    assert stash.asked() == ["/file/1a.red.3.png"]
    return float(prediction["prediction"])


@pytest.mark.parametrize(("key", "file"), [("1a.x.3.xcf", XCF), ("1a.d.3.djvu", DJVU), ("1a.w.3.webm", WEBM)])
def test_a_file_whose_format_is_not_read_is_scored_by_its_thumbnail(
    server: RunningServer, stash: Stash, red_score: float, key: str, file: bytes
) -> None:
    prediction = score(server, stash.upload(key, file, RED))
    assert (prediction["prediction"], prediction["format"]) == (red_score, "png")
    assert stash.asked() == [f"/file/{key}", f"/thumb/{key}/330px-{key}"]


@pytest.mark.parametrize("key", ["1a.p.3.png", "1a.s.3.svg", "1a.x.3.xcf"])
def test_a_file_that_is_refused_for_its_size_is_scored_by_its_thumbnail(
    server: RunningServer, stash: Stash, red_score: float, key: str
) -> None:
    large = RED + bytes(MAX_SERVED_BYTES)
    assert score(server, stash.upload(key, large, RED))["prediction"] == red_score
    assert stash.asked() == [f"/file/{key}", f"/thumb/{key}/330px-{key}"]


@pytest.mark.parametrize(
    ("extension", "parameters"),
    [("djvu", "page1-330px"), ("tiff", "lossy-page1-330px"), ("webm", "330px-")],
)
@pytest.mark.parametrize("file", [DJVU, DJVU + bytes(MAX_SERVED_BYTES)], ids=["small", "large"])
def test_thumbnails_that_go_by_a_name_of_their_own_are_found(
    server: RunningServer, stash: Stash, red_score: float, extension: str, parameters: str, file: bytes
) -> None:
    key = f"1a.{len(file)}.3.{extension}"
    assert score(server, stash.upload(key, file, RED, parameters))["prediction"] == red_score
    assert stash.asked() == [
        f"/file/{key}",
        f"/thumb/{key}/330px-{key}",
        f"/thumb/{key}/{parameters}-{key}",
    ]


def test_a_file_of_a_format_that_is_read_is_not_asked_for_twice(server: RunningServer, stash: Stash) -> None:
    url = stash.upload("1a.broken.3.png", RED[:60], RED)
    assert score(server, url)["error"]["code"] == "image_corrupt"
    assert stash.asked() == ["/file/1a.broken.3.png"]


def test_without_a_thumbnail_the_format_is_what_is_wrong(
    server: RunningServer, stash: Stash, origin: Origin
) -> None:
    url = stash.upload("1a.no.3.xcf", XCF, RED)
    origin.serve(f"{STASH}/thumb/1a.no.3.xcf/330px-1a.no.3.xcf", origins.status(500))
    assert score(server, url)["error"]["code"] == "image_unsupported"
    url = stash.upload("1a.odd.3.xcf", XCF, XCF)
    assert score(server, url)["error"]["code"] == "image_unsupported"


def test_both_fetches_share_one_timeout(server: RunningServer, stash: Stash, origin: Origin) -> None:
    url = stash.upload("1a.slow.3.xcf", XCF, RED)
    slow = origins.response("200 OK", {"Content-Length": str(len(XCF))}, XCF)
    origin.serve(f"{STASH}/file/1a.slow.3.xcf", origins.raw(b"", slow, pause_s=1.4))
    origin.serve(f"{STASH}/thumb/1a.slow.3.xcf/330px-1a.slow.3.xcf", origins.silence())
    prediction = score(server, url)
    assert prediction["error"]["code"] == "fetch_timeout"
    assert 1.9 < prediction["latency"]["fetch (s)"] < 3.0  # 3.4 if each had its own


def test_strangers_get_neither_the_file_nor_its_thumbnail(
    server: RunningServer, stash: Stash, origin: Origin
) -> None:
    url = stash.upload("1a.own.3.xcf", XCF, RED)
    assert score(server, url, cookie="commonswikiSession=other")["error"]["code"] == "fetch_failed"
    assert [request.target for request in origin.requests] == [f"{STASH}/file/1a.own.3.xcf"]


def test_a_thumbnails_redirect_takes_no_credentials_along(
    server: RunningServer, stash: Stash, origin: Origin, red_score: float
) -> None:
    url = stash.upload("1a.moved.3.xcf", XCF, RED)
    thumbnail = f"{STASH}/thumb/1a.moved.3.xcf/330px-1a.moved.3.xcf"
    origin.serve(thumbnail, origins.redirect("https://elsewhere.test/thumbnail.png"))
    origin.serve("/thumbnail.png", RED)
    assert score(server, url)["prediction"] == red_score
    assert [request.headers.get("cookie") for request in origin.requests] == [COOKIE, COOKIE, None]


def test_the_neighbours_of_stashed_files_are_scored_as_ever(server: RunningServer, stash: Stash) -> None:
    urls = [stash.upload("1a.one.3.png", RED, BLUE), stash.upload("1a.two.3.xcf", XCF, RED)]
    items = [{"filename": str(index), "url": url, "target": "logo"} for index, url in enumerate(urls * 10)]
    response: httpx.Response = server.predict(items, headers={"Cookie": COOKIE})
    assert response.status_code == 200
    assert len({prediction["prediction"] for prediction in response.json()["predictions"]}) == 1
