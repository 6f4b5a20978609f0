"""The import: what a wiki is asked, how it is treated, and what becomes of its answers."""

import asyncio
import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from datasets.commons import (
    MAX_LOST_IN_A_ROW,
    ImportRequest,
    LabelledCategory,
    import_files,
    main,
    parse_category,
)
from datasets.manifest import Example, read_examples
from datasets.mediawiki import RetryPolicy, WikiError, plain_text, policy_for
from logo_detection.commands import INTERRUPTED
from logo_detection.decode.header import DecodeLimits, read_header
from tests.harness.process import ROOT, clean_environment
from tests.wiki import Answer, Category, WikiServer, lagging, logo_file, photo_file, refusing, small_commons

HASTY = RetryPolicy(first_wait_s=0.01, lag_wait_s=0.05, longest_wait_s=2.0)
LOGOS = LabelledCategory("logo", "brand", "Category:Logos")
PHOTOS = LabelledCategory("out_of_domain", "photo", "Category:Photographs")
BOTH = ImportRequest((LOGOS, PHOTOS), depth=2, limit=100)


@pytest.fixture
def wiki() -> Iterator[WikiServer]:
    with WikiServer(small_commons()) as server:
        yield server


def run(wiki: WikiServer, into: Path, request: ImportRequest = BOTH, **options: Any) -> tuple[int, int]:
    policy = policy_for(wiki.api, "", "", "tests@example.org", concurrency=2)
    return asyncio.run(import_files(request, wiki.api, policy, into, **{"retry_policy": HASTY, **options}))


def failures(into: Path) -> dict[int, str]:
    with (into / "failures.csv").open(newline="") as file:
        return {int(row["page"]): row["reason"] for row in csv.DictReader(file)}


def page(example: Example) -> int:
    return int(example.metadata["page"])


def test_categories_become_a_data_set_with_licence_and_author(wiki: WikiServer, tmp_path: Path) -> None:
    assert run(wiki, tmp_path) == (24, 0)
    examples = read_examples(tmp_path)
    assert {page(item) for item in examples} == set(wiki.files)
    (logo,) = [item for item in examples if page(item) == 1001]
    assert (logo.label, logo.category, logo.licence, logo.author) == (
        "logo",
        "brand",
        "CC BY-SA 4.0",
        "Ann & Bob",
    )
    assert (logo.source, logo.original) == ("Category:Logos of companies", "File:Logo of company 1001.svg")
    assert logo.metadata == {
        "group": "Category:Logos of companies",
        "page": "1001",
        "mime": "image/svg+xml",
        "timestamp": "2024-05-01T12:00:00Z",
        "description_url": f"{wiki.url}/wiki/1001",
    }
    for item in examples:
        header = read_header(item.path.read_bytes(), DecodeLimits())
        assert header.width == 330
        assert item.path.name == f"{page(item)}-330.{header.format}"
    assert failures(tmp_path) == {}


@pytest.mark.parametrize(("depth", "levels"), [(0, {0}), (1, {0, 1}), (2, {0, 1, 2}), (9, {0, 1, 2})])
def test_subcategories_are_looked_through_once_down_to_a_depth(
    wiki: WikiServer, tmp_path: Path, depth: int, levels: set[int]
) -> None:
    run(wiki, tmp_path, ImportRequest((LOGOS,), depth, limit=100))
    assert {page(item) % 3 for item in read_examples(tmp_path)} == {(1000 + level) % 3 for level in levels}
    looked_through = [asked.query["cmtitle"] for asked in wiki.requests if "cmtitle" in asked.query]
    first = [asked for asked in wiki.requests if "cmtitle" in asked.query and "cmcontinue" not in asked.query]
    assert len(first) == len(set(looked_through)) == len(levels)


def test_every_answer_is_followed_to_its_end(tmp_path: Path) -> None:
    with WikiServer(small_commons(60), members_per_answer=3) as wiki:
        assert run(wiki, tmp_path, ImportRequest((LOGOS, PHOTOS), 2, limit=1000)) == (120, 0)
        assert sum("cmcontinue" in asked.query for asked in wiki.requests) > 25
        assert sum("iicontinue" in asked.query for asked in wiki.requests) > 10
        described = [asked.query["pageids"] for asked in wiki.requests if "pageids" in asked.query]
        assert max(pages.count("|") + 1 for pages in described) == 50


def test_of_more_files_than_wanted_the_same_ones_are_drawn(tmp_path: Path) -> None:
    drawn = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        with WikiServer(small_commons(60)) as wiki:
            assert run(wiki, tmp_path / name, ImportRequest((LOGOS,), 2, limit=10, seed=seed)) == (10, 0)
            assert len(wiki.asked("/thumb/")) == 10
        drawn.append({page(item) for item in read_examples(tmp_path / name)})
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_lagging_wiki_is_given_time(wiki: WikiServer, tmp_path: Path) -> None:
    wiki.faults += [lagging(), lagging()]
    started = time.monotonic()
    assert run(wiki, tmp_path) == (24, 0)
    assert time.monotonic() - started >= 2 * 0.1
    assert all(asked.query["maxlag"] == "5" for asked in wiki.asked("/w/api.php"))


def test_a_wiki_that_lags_for_ever_is_left_alone(wiki: WikiServer, tmp_path: Path) -> None:
    wiki.faults += [lagging()] * 100
    with pytest.raises(WikiError, match="is still busy"):
        run(wiki, tmp_path)
    assert len(wiki.requests) == HASTY.attempts


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_kept_to(wiki: WikiServer, tmp_path: Path, status: int, as_date: bool) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    wiki.faults.append(refusing(status, later if as_date else "1"))
    started = time.monotonic()
    assert run(wiki, tmp_path, ImportRequest((LOGOS,), 0, 1)) == (1, 0)
    assert time.monotonic() - started >= (0.9 if as_date else 1.0)


@pytest.mark.parametrize(
    "retry_after",
    ["soon", "-1", f"Mon, 01 Jan {'9' * 20} 00:00:00 GMT", f"Mon, 01 Jan 2024 00:00:00 +{'9' * 20}"],
)
def test_a_retry_after_that_says_nothing_delays_as_none_does(
    wiki: WikiServer, tmp_path: Path, retry_after: str
) -> None:
    wiki.faults.append(refusing(503, retry_after))
    assert run(wiki, tmp_path, ImportRequest((LOGOS,), 0, 1)) == (1, 0)


def test_a_wiki_that_asks_for_an_hour_is_left_alone(wiki: WikiServer, tmp_path: Path) -> None:
    wiki.faults.append(refusing(429, "3600"))
    with pytest.raises(WikiError, match="asks to be left alone for 3600 s"):
        run(wiki, tmp_path)
    assert len(wiki.requests) == 1


def test_while_one_thumbnail_is_refused_none_is_asked_for(wiki: WikiServer, tmp_path: Path) -> None:
    refused: list[float] = []

    def once() -> Answer | None:
        if refused:
            return None
        refused.append(time.monotonic())
        return refusing(429, "1")

    for file in wiki.files.values():
        file.thumbnail = once
    assert run(wiki, tmp_path) == (24, 0)
    assert time.monotonic() - refused[0] >= 1.0
    assert len(wiki.asked("/thumb/")) == 25


def test_an_error_of_the_api_is_told_on_one_line(wiki: WikiServer, tmp_path: Path) -> None:
    wiki.faults.append(Answer(200, b'{"error": {"code": "badtitle", "info": "<b>Bad</b>\\ntitle"}}'))
    with pytest.raises(WikiError, match=r"badtitle: Bad title$"):
        run(wiki, tmp_path)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b'{"query": {"categorymembers": [{"title": "x"}]}}',
        b'{"query": []}',
        b'{"query": 1}',
        b"[" * 100_000,
        b'{"error": "words"}',
        b'{"error": {"code": "maxlag", "lag": 1' + b"0" * 400 + b"}}",
    ],
)
def test_an_answer_that_is_none_is_an_error(wiki: WikiServer, tmp_path: Path, body: bytes) -> None:
    wiki.faults.append(Answer(200, body))
    with pytest.raises(WikiError):
        run(wiki, tmp_path)


def test_a_category_without_files_is_an_error(wiki: WikiServer, tmp_path: Path) -> None:
    with pytest.raises(WikiError, match="Category:Nothing: there is no file in it"):
        run(wiki, tmp_path, ImportRequest((LabelledCategory("logo", "logo", "Category:Nothing"),), 1, 1))


def test_a_broken_picture_costs_itself_alone(wiki: WikiServer, tmp_path: Path) -> None:
    files = wiki.files
    whole = files[1003].draw(330)
    files[1000].thumbnail = lambda: Answer(200, b"<html>not found</html>")
    files[1001].thumbnail = lambda: Answer(200, whole[: len(whole) // 2])
    files[1002].thumbnail = lambda: Answer(404, b"")
    files[1004].thumbnail = lambda: refusing(500)
    files[2000].mime = "audio/ogg"
    assert run(wiki, tmp_path) == (19, 5)
    lost = {1000, 1001, 1002, 1004, 2000}
    assert {page(item) for item in read_examples(tmp_path)} == set(files) - lost
    assert failures(tmp_path) == {
        1000: "image_unsupported: the file is not a JPEG, PNG, GIF, WebP, BMP, TIFF or SVG image",
        1001: "image_corrupt: the image cannot be decoded",
        1002: "fetch_failed: the file could not be fetched",
        1004: "fetch_failed: the file could not be fetched",
        2000: "is no picture, but audio/ogg",
    }
    asked = [request.path for request in wiki.asked("/thumb/")]
    assert asked.count("/thumb/1002/330px-1002.png") == 1
    assert asked.count("/thumb/1004/330px-1004.png") == HASTY.attempts
    files[1001].thumbnail = None
    assert run(wiki, tmp_path) == (20, 4)  # what failed is tried again


def test_a_wiki_that_gives_nothing_is_left_alone(wiki: WikiServer, tmp_path: Path) -> None:
    for file in wiki.files.values():
        file.thumbnail = lambda: refusing(503)
    with pytest.raises(WikiError, match=f"{MAX_LOST_IN_A_ROW} files in a row were not given"):
        run(wiki, tmp_path, retry_policy=RetryPolicy(attempts=1))
    assert len(wiki.asked("/thumb/")) <= MAX_LOST_IN_A_ROW + 2


def test_a_file_of_two_labels_is_left_out(tmp_path: Path) -> None:
    pages = small_commons()
    both = pages["Category:Logos"].files[0]
    pages["Category:Photographs by year"].files.append(both)
    pages["Category:Logos by year"].files.append(
        pages["Category:Logos"].files[1]
    )  # twice in one label is fine
    with WikiServer(pages) as wiki:
        assert run(wiki, tmp_path) == (23, 1)
        assert not [asked for asked in wiki.asked("/thumb/") if f"/{both.page}/" in asked.path]
    assert failures(tmp_path) == {both.page: "is in categories of two labels: logo and out_of_domain"}


def test_the_wiki_is_told_who_asks(wiki: WikiServer, tmp_path: Path) -> None:
    run(wiki, tmp_path)
    agents = {asked.headers["user-agent"] for asked in wiki.requests}
    assert len(agents) == 1
    assert agents.pop().startswith("logo-detection-import/1.0 (tests@example.org) aiohttp/")


TITLES = (
    "File:../../../etc/passwd.png",
    "File:Two\nlines\r.png",
    "File:nul\0.png",
    "File:=1+1.png",
    "File:\",'.png",
)


def test_titles_name_no_file_and_break_no_table(tmp_path: Path) -> None:
    files = [logo_file(1000 + index, title) for index, title in enumerate(TITLES)]
    into = tmp_path / "deep" / "set"
    with WikiServer(
        {"Category:Logos": Category(1, files), "Category:Photographs": Category(2, [photo_file(1)])}
    ) as wiki:
        assert run(wiki, into) == (6, 0)
    originals = {page(item): item.original for item in read_examples(into)}
    assert originals[1001] == "File:Two lines .png"
    assert originals[1002] == "File:nul.png"
    assert originals[1000] == TITLES[0]
    assert {path.name for path in (into / "images").iterdir()} == {
        *(f"{1000 + i}-330.png" for i in range(5)),
        "1-330.jpeg",
    }
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]


def test_files_of_a_subcategory_are_a_group_and_those_of_the_category_itself_stand_alone(
    wiki: WikiServer, tmp_path: Path
) -> None:
    run(wiki, tmp_path)
    examples = read_examples(tmp_path)
    below = [item for item in examples if item.source not in (LOGOS.title, PHOTOS.title)]
    assert below
    for item in examples:
        assert item.metadata["group"] == (item.source if item in below else "")


def test_what_is_there_is_not_fetched_again(wiki: WikiServer, tmp_path: Path) -> None:
    run(wiki, tmp_path)
    manifest = (tmp_path / "manifest.csv").read_bytes()
    before = len(wiki.requests)
    assert run(wiki, tmp_path) == (24, 0)
    assert len(wiki.requests) == before
    assert (tmp_path / "manifest.csv").read_bytes() == manifest
    next((tmp_path / "images").iterdir()).unlink()
    assert run(wiki, tmp_path) == (24, 0)
    assert len(wiki.requests) == before + 2


def test_another_request_fetches_what_it_lacks_alone(wiki: WikiServer, tmp_path: Path) -> None:
    run(wiki, tmp_path, ImportRequest((LOGOS,), 2, 100))
    assert run(wiki, tmp_path) == (24, 0)
    assert len(wiki.asked("/thumb/")) == 24
    assert run(wiki, tmp_path, width=120) == (24, 0)
    assert len(wiki.asked("/thumb/")) == 48


def command(wiki: WikiServer, into: Path, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "datasets.commons", "--into", str(into), "--api", wiki.api,
        "--contact", "https://example.org/me", "--category", "logo=Category:Logos",
        "--category", "out_of_domain/photo=Category:Photographs", *more,
    ]  # fmt: skip


def start(arguments: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(arguments, cwd=ROOT, env=clean_environment({}), stderr=subprocess.PIPE)


def test_an_import_that_is_killed_goes_on_where_it_stood(tmp_path: Path) -> None:
    with WikiServer(small_commons(40), delay_s=0.1) as wiki:
        with subprocess.Popen(
            command(wiki, tmp_path), cwd=ROOT, env=clean_environment({}), stderr=subprocess.PIPE
        ) as first:
            give_up = time.monotonic() + 60
            while len(wiki.asked("/thumb/")) < 20 and time.monotonic() < give_up:
                time.sleep(0.02)
            os.kill(first.pid, signal.SIGKILL)
        assert first.returncode == -signal.SIGKILL
        assert not (tmp_path / "manifest.csv").exists()
        there = len(list((tmp_path / "images").glob("*-330.*")))
        listed = len([asked for asked in wiki.requests if "cmtitle" in asked.query])
        assert 10 <= there < 80
        again = subprocess.run(
            command(wiki, tmp_path), cwd=ROOT, env=clean_environment({}), capture_output=True, timeout=100
        )
        assert again.returncode == 0, again.stderr
        assert b"80 files; 0 failures" in again.stderr
        assert len(wiki.asked("/thumb/")) <= 80 + 4  # those that were on their way
        assert len([asked for asked in wiki.requests if "cmtitle" in asked.query]) == listed
    examples = read_examples(tmp_path)
    assert len(examples) == 80
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("listing", [b"[]", b"{}", b'{"asked', b"null"])
def test_a_listing_that_is_none_is_made_anew(wiki: WikiServer, tmp_path: Path, listing: bytes) -> None:
    (tmp_path / "listing.json").write_bytes(listing)
    assert run(wiki, tmp_path, ImportRequest((LOGOS,), 0, 1)) == (1, 0)


def test_an_import_that_is_interrupted_says_how_to_go_on(tmp_path: Path) -> None:
    with WikiServer(small_commons(40), delay_s=0.1) as wiki, start(command(wiki, tmp_path)) as process:
        give_up = time.monotonic() + 60
        while len(wiki.asked("/thumb/")) < 4 and time.monotonic() < give_up:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    assert b"the same command goes on where it stood" in error
    assert b"Traceback" not in error


def test_a_folder_that_cannot_be_made_is_named(
    wiki: WikiServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert main(command(wiki, tmp_path / "file")[3:]) == 2
    assert "file/images: Not a directory" in caplog.text
    assert wiki.requests == []


def test_a_line_of_the_journal_that_was_cut_off_does_not_count(wiki: WikiServer, tmp_path: Path) -> None:
    run(wiki, tmp_path)
    journal = tmp_path / "progress.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])
    (tmp_path / "listing.json").write_bytes(b'{"asked"')
    assert run(wiki, tmp_path) == (24, 0)
    assert len(wiki.asked("/thumb/")) == 25


@pytest.mark.parametrize("contact", ["", "me", "a@b", "x@y.org) (", "x@y.org\r\nX-Evil: 1", "ftp://x"])
def test_who_does_not_say_who_asks_does_not_start(
    wiki: WikiServer, tmp_path: Path, contact: str, caplog: pytest.LogCaptureFixture
) -> None:
    arguments = command(wiki, tmp_path / "set")[3:]
    arguments[arguments.index("--contact") + 1] = contact
    assert main(arguments) == 2
    assert "is neither a mail address nor a URL" in caplog.text
    assert wiki.requests == []
    assert not (tmp_path / "set").exists()


def test_a_contact_is_required(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["--into", str(tmp_path), "--category", "logo=Category:Logos"])
    assert "--contact" in capsys.readouterr().err


def test_categories_are_parsed_with_their_label() -> None:
    assert parse_category("logo=Category:Logos_of_X") == LabelledCategory(
        "logo", "logo", "Category:Logos of X"
    )
    assert parse_category("out_of_domain/map=Category:Maps") == LabelledCategory(
        "out_of_domain", "map", "Category:Maps"
    )
    for text in (
        "Category:Maps",
        "logo=Maps",
        "=Category:Maps",
        "a/b/c=Category:Maps",
        "logo=Category:A|B",
        "../x=Category:A",
    ):
        with pytest.raises(ValueError, match="is not label=Category:Title"):
            parse_category(text)


@pytest.mark.parametrize("api", ["commons.wikimedia.org", "ftp://x/api.php", "http://a b/", "https://u@x/"])
def test_an_api_that_is_no_url_is_refused(api: str) -> None:
    with pytest.raises(ValueError, match="is not a plain URL"):
        policy_for(api, "", "", "tests@example.org", 1)


def test_markup_becomes_one_line_of_text() -> None:
    assert plain_text('<a href="x">Jo &amp;\n Ann</a><br>and \x00<b>Max</b>') == "Jo & Ann and Max"
