"""The upload stash of a real MediaWiki: whose files are scored, and which of them.

Installs Debian's package, and so wants root on Debian 12. The wiki is for https alone; the server reaches it
over http, by an override.
"""

import base64
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.harness.server import RunningServer, running_server
from tests.images import encode
from tests.mediawiki.files import disc, files
from tests.mediawiki.wiki import GERMAN_HOST, HOST, PAGED_TIFF_HANDLER, MediaWiki, running_wiki
from tests.soak import report
from tests.stash_wiki import GERMAN_NAMES, PATHS

pytestmark = pytest.mark.soak

PAGE = f"https://{HOST}/wiki/Special:UploadStash"
SAME = 0.05
"""By how much the score of a thumbnail, or of another format, may differ."""

# Without PagedTiffHandler, a wiki makes no thumbnail of a TIFF of several pages.
LARGE_PAGES = "scored" if os.environ.get(PAGED_TIFF_HANDLER) else "fetch_failed"
NOBODY_ELSE = {"logged out": "fetch_failed", "other": "fetch_failed"}
OUTCOMES = {"large-pages.tif": LARGE_PAGES, "broken.png": "image_corrupt"}


@dataclass(frozen=True, slots=True)
class Stash:
    """What was uploaded, as name -> key, and the cookies of who did, of another user, and of nobody."""

    keys: dict[str, str]
    callers: dict[str, str]


@pytest.fixture(scope="module")
def wiki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MediaWiki]:
    with running_wiki(tmp_path_factory.mktemp("mediawiki") / "wiki") as running:
        yield running


@pytest.fixture(scope="module")
def stash(wiki: MediaWiki) -> Stash:
    uploader, other = wiki.log_in("Uploader"), wiki.log_in("Other")
    keys = {name: uploader.stash(name, content) for name, content in files().items()}
    return Stash(keys, {"uploader": uploader.cookie, "logged out": "", "other": other.cookie})


@pytest.fixture(scope="module")
def server(
    artifact: Path, tmp_path_factory: pytest.TempPathFactory, wiki: MediaWiki
) -> Iterator[RunningServer]:
    settings: dict[str, Any] = {
        "ALLOWED_HOSTS": f"{HOST},{GERMAN_HOST}",
        "ORIGIN_OVERRIDES": f"{HOST}={wiki.english},{GERMAN_HOST}={wiki.german}",
        "FORWARD_CREDENTIALS": "true",
        # A busy machine costs time, and no file its score.
        "FETCH_TIMEOUT_S": 60,
        "REQUEST_TIMEOUT_S": 90,
    }
    stderr = tmp_path_factory.mktemp("server") / "stderr"
    with running_server(stderr, MODEL_PATH=artifact, WORKERS=1, **settings) as running:
        yield running


def is_same(found: float | None, score: float) -> bool:
    """Whether a picture has the score that it should have, if it has one."""
    return found is None or abs(found - score) < SAME


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file."""

    code: str
    score: float | None
    seconds: float


def ask(server: RunningServer, url: str, cookie: str) -> Outcome:
    """One file, as the owner of the cookie gets it."""
    item = {"filename": "a", "url": url, "target": "logo"}
    began = time.monotonic()
    response = server.predict({"instances": [item]}, headers={"Cookie": cookie} if cookie else {})
    seconds = time.monotonic() - began
    (prediction,) = response.json()["predictions"]
    return Outcome(prediction.get("error", {}).get("code", "scored"), prediction.get("prediction"), seconds)


@pytest.fixture(scope="module")
def score(server: RunningServer) -> float:
    """The disc's own score."""
    item = {"filename": "a", "image": base64.b64encode(encode(disc(), "PNG")).decode(), "target": "logo"}
    return float(server.predict([item]).json()["predictions"][0]["prediction"])


def test_the_uploaders_files_are_scored_and_nobody_elses(
    server: RunningServer, stash: Stash, score: float
) -> None:
    table: list[dict[str, Any]] = []
    wrong: list[str] = []
    for name, key in stash.keys.items():
        found = {who: ask(server, f"{PAGE}/file/{key}", cookie) for who, cookie in stash.callers.items()}
        codes = {who: outcome.code for who, outcome in found.items()}
        own = found["uploader"]
        expected = {**NOBODY_ELSE, "uploader": OUTCOMES.get(name, "scored")}
        if codes != expected or not is_same(own.score, score):
            wrong.append(name)
        table.append({"file": name, **codes, "score": own.score, "seconds": round(own.seconds, 2)})
    report.write("upload-stash", {"score": score, "files": table}, table)
    assert wrong == []


@pytest.mark.parametrize("name", ["small.png", "large.jpg", "small.djvu"])
@pytest.mark.parametrize("path", PATHS)
def test_every_way_to_name_a_file_leads_to_it(
    server: RunningServer, stash: Stash, score: float, name: str, path: str
) -> None:
    outcome = ask(server, f"https://{HOST}" + path.format(stash.keys[name]), stash.callers["uploader"])
    assert outcome.score == pytest.approx(score, abs=SAME)


@pytest.mark.parametrize("name", ["small.png", "large.jpg", "small.djvu"])
@pytest.mark.parametrize("page", GERMAN_NAMES)
def test_so_does_every_name_in_another_language(
    server: RunningServer, stash: Stash, score: float, name: str, page: str
) -> None:
    url = f"https://{GERMAN_HOST}/wiki/{page}/file/{stash.keys[name]}"
    outcome = ask(server, url, stash.callers["uploader"])
    assert outcome.score == pytest.approx(score, abs=SAME)
