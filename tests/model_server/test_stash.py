"""The upload stash, end to end: a real server, and a fake wiki that behaves as MediaWiki's was seen to."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.harness import origins
from tests.harness.origins import Origin
from tests.harness.server import RunningServer, running_server
from tests.images import jpeg, one_colour, picture
from tests.stash_wiki import (
    GERMAN,
    GERMAN_NAMES,
    HOST,
    LOG_IN_PAGE,
    LOSSY_PAGED,
    MAX_SERVED_BYTES,
    OTHER,
    OWNER,
    PAGED,
    PATHS,
    Stashed,
    StashWiki,
)

TIMEOUT_S = 3
KEY = "1a.logo.3"

XCF = b"gimp xcf v011\0" + bytes(500)
DJVU = b"AT&TFORM\0\0\1\0DJVMDIRM" + bytes(500)
WEBM = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1" + bytes(500)
RED, BLUE = one_colour("red"), one_colour("blue")
LARGE = BLUE + bytes(MAX_SERVED_BYTES)


def names(key: str, *parameters: str) -> list[str]:
    """What is asked for: a file, and its thumbnails in this order."""
    return [f"/file/{key}", *(f"/thumb/{key}/{given}-{key}" for given in parameters)]


@pytest.fixture(scope="module")
def running_wikis() -> Iterator[tuple[StashWiki, StashWiki]]:
    with StashWiki() as wiki, StashWiki(f"german.{HOST}", GERMAN) as german:
        yield wiki, german


@pytest.fixture
def wiki(running_wikis: tuple[StashWiki, StashWiki]) -> StashWiki:
    return emptied(running_wikis[0])


@pytest.fixture
def german_wiki(running_wikis: tuple[StashWiki, StashWiki]) -> StashWiki:
    return emptied(running_wikis[1])


def emptied(wiki: StashWiki) -> StashWiki:
    wiki.files.clear()
    wiki.requests.clear()
    return wiki


@pytest.fixture(scope="module")
def settings(running_wikis: tuple[StashWiki, StashWiki]) -> dict[str, Any]:
    wiki, german = running_wikis
    return {
        "ALLOWED_HOSTS": f"{HOST},german.{HOST}",
        "ORIGIN_OVERRIDES": f"{HOST}={wiki.origin},german.{HOST}={german.origin}",
        "FORWARD_CREDENTIALS": "true",
        "FETCH_TIMEOUT_S": TIMEOUT_S,
    }


@pytest.fixture(scope="module")
def server(
    artifact: Path, tmp_path_factory: pytest.TempPathFactory, settings: dict[str, Any]
) -> Iterator[RunningServer]:
    stderr = tmp_path_factory.mktemp("stash") / "stderr"
    with running_server(stderr, MODEL_PATH=artifact, WORKERS=1, **settings) as running:
        yield running


def score(server: RunningServer, url: str, cookie: str = OWNER) -> dict[str, Any]:
    """The prediction for one URL, as the owner of the cookie gets it."""
    item = {"filename": "a", "url": url, "target": "logo"}
    response = server.predict({"instances": [item], "debug": True}, headers={"Cookie": cookie})
    (prediction,) = response.json()["predictions"]
    return dict(prediction)


def code(prediction: dict[str, Any]) -> str:
    """What became of it."""
    return str(prediction.get("error", {}).get("code", "scored"))


@pytest.fixture
def red_score(server: RunningServer, wiki: StashWiki) -> float:
    wiki.files["1a.red.3.png"] = Stashed(RED, BLUE)
    prediction = score(server, wiki.url("1a.red.3.png"))
    assert wiki.asked() == ["/file/1a.red.3.png"]
    return float(prediction["prediction"])


class TestFallback:
    @pytest.mark.parametrize(("kind", "file"), [("png", LARGE), ("svg", LARGE), ("xcf", LARGE), ("xcf", XCF)])
    def test_a_file_that_is_refused_or_not_read_is_scored_by_its_thumbnail(
        self, server: RunningServer, wiki: StashWiki, red_score: float, kind: str, file: bytes
    ) -> None:
        key = f"{KEY}.{kind}"
        wiki.files[key] = Stashed(file, RED)
        prediction = score(server, wiki.url(key))
        assert (prediction["prediction"], prediction["format"]) == (red_score, "png")
        assert wiki.asked() == names(key, "330px")

    @pytest.mark.parametrize(
        ("kind", "handler", "parameters"),
        [
            ("djvu", PAGED, "page1-330px"),
            ("pdf", PAGED, "page1-330px"),
            ("tiff", LOSSY_PAGED, "lossy-page1-330px"),
            ("webm", r"(\d+)px-", "330px-"),
        ],
    )
    @pytest.mark.parametrize("file", [DJVU, DJVU + bytes(MAX_SERVED_BYTES)], ids=["small", "large"])
    def test_thumbnails_that_go_by_a_name_of_their_own_are_found(
        self, server: RunningServer, wiki: StashWiki, red_score: float, kind: str, handler: str,
        parameters: str, file: bytes,
    ) -> None:  # fmt: skip
        key = f"{KEY}.{kind}"
        wiki.files[key] = Stashed(file, RED, names=handler)
        assert score(server, wiki.url(key))["prediction"] == red_score
        assert wiki.asked() == names(key, parameters)

    @pytest.mark.parametrize("misnamed", [404, 500])
    def test_a_wiki_that_does_not_know_that_name_is_asked_for_the_plain_one(
        self, server: RunningServer, wiki: StashWiki, red_score: float, misnamed: int
    ) -> None:
        key = f"{KEY}.tif"
        wiki.files[key] = Stashed(LARGE, RED, misnamed=misnamed)
        assert score(server, wiki.url(key))["prediction"] == red_score
        assert wiki.asked() == names(key, "lossy-page1-330px", "330px")

    @pytest.mark.parametrize(
        ("width", "widths"),
        [(331, (330,)), (330, (330, 250)), (200, (330, 250, 120)), (100, (330, 250, 120))],
    )
    def test_of_a_narrow_picture_a_narrower_thumbnail_is_asked_for(
        self, server: RunningServer, wiki: StashWiki, width: int, widths: tuple[int, ...]
    ) -> None:
        key = f"{KEY}.png"
        wiki.files[key] = Stashed(LARGE, RED, width=width)
        found = code(score(server, wiki.url(key)))
        assert found == ("scored" if width > widths[-1] else "fetch_failed")
        assert wiki.asked() == names(key, *(f"{asked}px" for asked in widths))

    def test_a_thumbnail_that_is_too_wide_leads_to_the_file_itself(
        self, server: RunningServer, wiki: StashWiki, red_score: float
    ) -> None:
        key = f"{KEY}.png"
        wiki.files[key] = Stashed(RED, BLUE, width=100)
        url = wiki.url(key).replace("/file/", "/thumb/") + f"/330px-{key}"
        assert score(server, url)["prediction"] == red_score
        file, *thumbnails = names(key, "330px", "250px", "120px")
        assert wiki.asked() == [*thumbnails, file]

    def test_a_file_that_is_broken_is_not_asked_for_twice(
        self, server: RunningServer, wiki: StashWiki
    ) -> None:
        wiki.files[f"{KEY}.png"] = Stashed(RED[:60], RED)
        assert code(score(server, wiki.url(f"{KEY}.png"))) == "image_corrupt"
        assert wiki.asked() == names(f"{KEY}.png")

    @pytest.mark.parametrize("thumbnail", [XCF, LOG_IN_PAGE])
    def test_without_a_thumbnail_the_format_is_what_is_wrong(
        self, server: RunningServer, wiki: StashWiki, thumbnail: bytes
    ) -> None:
        key = f"{KEY}.xcf"
        wiki.files[key] = Stashed(XCF, thumbnail)
        assert code(score(server, wiki.url(key))) == "image_unsupported"
        assert wiki.asked() == names(key, "330px")
        wiki.files[key] = Stashed(XCF, RED, width=10)
        assert code(score(server, wiki.url(key))) == "image_unsupported"
        assert wiki.asked() == names(key, "330px", "250px", "120px")

    def test_all_requests_for_a_file_share_one_timeout(self, server: RunningServer, wiki: StashWiki) -> None:
        key = f"{KEY}.png"
        wiki.files[key] = Stashed(LARGE, RED, width=200, cold_s=2.0)
        prediction = score(server, wiki.url(key))
        assert code(prediction) == "fetch_timeout"
        assert TIMEOUT_S - 0.1 < prediction["latency"]["fetch (s)"] < TIMEOUT_S + 2  # 6.0 without one
        assert wiki.asked() == names(key, "330px", "250px")

    def test_a_cold_thumbnail_is_waited_for(self, server: RunningServer, wiki: StashWiki) -> None:
        wiki.files[f"{KEY}.xcf"] = Stashed(XCF, RED, cold_s=1.0)
        prediction = score(server, wiki.url(f"{KEY}.xcf"))
        assert code(prediction) == "scored"
        assert prediction["latency"]["fetch (s)"] > 1.0

    def test_the_neighbours_of_stashed_files_are_scored_as_ever(
        self, server: RunningServer, wiki: StashWiki
    ) -> None:
        wiki.files |= {"1a.one.3.png": Stashed(RED, BLUE), "1a.two.3.xcf": Stashed(XCF, RED)}
        urls = [wiki.url("1a.one.3.png"), wiki.url("1a.two.3.xcf")] * 10
        items = [{"filename": str(index), "url": url, "target": "logo"} for index, url in enumerate(urls)]
        response: httpx.Response = server.predict(items, headers={"Cookie": OWNER})
        assert response.status_code == 200
        assert len({prediction["prediction"] for prediction in response.json()["predictions"]}) == 1


class TestOthers:
    @pytest.mark.parametrize("cookie", ["", "wiki_session=expired"])
    @pytest.mark.parametrize("file", [RED, XCF, LARGE], ids=["png", "xcf", "large"])
    def test_who_is_not_logged_in_gets_neither_the_file_nor_a_thumbnail(
        self, server: RunningServer, wiki: StashWiki, cookie: str, file: bytes
    ) -> None:
        wiki.files[f"{KEY}.xcf"] = Stashed(file, RED)
        assert code(score(server, wiki.url(f"{KEY}.xcf"), cookie)) == "fetch_failed"
        assert wiki.asked() == names(f"{KEY}.xcf")

    @pytest.mark.parametrize("key", [f"{KEY}.png", "1a.none.3.png"])
    def test_another_user_does_neither(self, server: RunningServer, wiki: StashWiki, key: str) -> None:
        wiki.files[f"{KEY}.png"] = Stashed(RED, RED)
        assert code(score(server, wiki.url(key), OTHER)) == "fetch_failed"
        assert 1 <= len(wiki.asked()) <= 4

    def test_a_picture_that_is_labelled_as_a_web_page_is_scored(
        self, server: RunningServer, wiki: StashWiki, red_score: float
    ) -> None:
        wiki.files |= {
            f"{KEY}.png": Stashed(RED, mime="text/html; charset=utf-8"),
            f"{KEY}.jpg": Stashed(jpeg(picture()), mime="text/html"),
        }
        assert score(server, wiki.url(f"{KEY}.png"))["prediction"] == red_score
        assert code(score(server, wiki.url(f"{KEY}.jpg"))) == "scored"


class TestNames:
    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize("file", [LARGE, XCF], ids=["refused", "not read"])
    def test_every_way_to_name_a_file_leads_to_its_thumbnail(
        self, server: RunningServer, wiki: StashWiki, red_score: float, path: str, file: bytes
    ) -> None:
        wiki.files[f"{KEY}.xcf"] = Stashed(file, RED)
        url = f"https://{HOST}" + path.format(f"{KEY}.xcf")
        assert score(server, url)["prediction"] == red_score
        assert {request.headers.get("cookie") for request in wiki.requests} == {OWNER}
        assert len(wiki.asked()) <= 3

    @pytest.mark.parametrize("page", GERMAN_NAMES)
    @pytest.mark.parametrize("file", [LARGE, XCF], ids=["refused", "not read"])
    def test_and_so_does_every_name_on_a_wiki_of_another_language(
        self, server: RunningServer, german_wiki: StashWiki, red_score: float, page: str, file: bytes
    ) -> None:
        german_wiki.files[f"{KEY}.xcf"] = Stashed(file, RED)
        assert score(server, german_wiki.url(f"{KEY}.xcf", page))["prediction"] == red_score
        assert german_wiki.requests[-1].target.startswith("/wiki/Spezial:Hochladespeicher/thumb/")


def test_a_thumbnails_redirect_to_another_host_takes_no_credentials_along(
    artifact: Path, tmp_path: Path
) -> None:
    stash = "/wiki/Special:UploadStash"
    with Origin() as origin:
        origin.serve(f"{stash}/file/1a.moved.3.xcf", XCF)
        thumbnail = f"{stash}/thumb/1a.moved.3.xcf/330px-1a.moved.3.xcf"
        origin.serve(thumbnail, origins.redirect("https://elsewhere.test/thumbnail.png"))
        origin.serve("/thumbnail.png", RED)
        settings: dict[str, Any] = {
            "ALLOWED_HOSTS": f"{HOST},elsewhere.test",
            "ORIGIN_OVERRIDES": f"{HOST}={origin.url},elsewhere.test={origin.url}",
            "FORWARD_CREDENTIALS": "true",
        }
        with running_server(tmp_path / "stderr", MODEL_PATH=artifact, WORKERS=1, **settings) as server:
            assert code(score(server, f"https://{HOST}{stash}/file/1a.moved.3.xcf")) == "scored"
        assert [request.headers.get("cookie") for request in origin.requests] == [OWNER, OWNER, None]
