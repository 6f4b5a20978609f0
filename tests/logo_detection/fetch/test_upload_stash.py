from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from yarl import URL

from logo_detection.errors import FetchFailed, FetchTimeout, ImageCorrupt, ImageUnsupported, UrlNotAllowed
from logo_detection.fetch.upload_stash import (
    Open,
    find_stand_ins,
    find_thumbnails,
    is_refusal,
    read_or_thumbnail,
)

HOST = "https://commons.wikimedia.org"
KEY = "1ax8vy7ctc3k.op1rqo.3.jpg"
PAGE = "/wiki/Special:UploadStash"
THUMBNAILS = [f"/thumb/{KEY}/{width}px-{KEY}" for width in (330, 250, 120)]


@pytest.mark.parametrize(
    ("stashed", "page"),
    [
        (f"/wiki/Special:UploadStash/file/{KEY}", "/wiki/Special:UploadStash{}"),
        (f"/wiki/Special%3AUploadStash%2Ffile%2F{KEY}", "/wiki/Special:UploadStash{}"),
        (f"/wiki/Special:UploadStash/file/{KEY}?a=b", "/wiki/Special:UploadStash{}?a=b"),
        (f"/index.php/Special:UploadStash/file/{KEY}", "/index.php/Special:UploadStash{}"),
        (
            f"/w/index.php?title=Special:UploadStash/file/{KEY}&a=b",
            "/w/index.php?title=Special:UploadStash{}&a=b",
        ),
        (f"/?title=Special%3AUploadStash%2Ffile%2F{KEY}", "/?title=Special:UploadStash{}"),
        (f"/wiki/Spezial:Hochladespeicher/file/{KEY}", "/wiki/Spezial:Hochladespeicher{}"),
        (f"/wiki/%D0%A1:%D0%A5/file/{KEY}", "/wiki/\u0421:\u0425{}"),
    ],
)
def test_a_stashed_file_has_thumbnails_whose_names_end_with_its_key(stashed: str, page: str) -> None:
    thumbnails = [URL(HOST + page.format(thumbnail)) for thumbnail in THUMBNAILS]
    assert find_thumbnails(URL(HOST + stashed)) == thumbnails
    assert find_stand_ins(URL(HOST + stashed)) == thumbnails


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/wiki/File:A.jpg",
        "/wiki/File:A.jpg/file/b.png",
        f"/wiki/UploadStash/file/{KEY}",
        f"{PAGE}/file/{KEY}/more",
        f"{PAGE}/thumb/{KEY}",
        f"{PAGE}/thumb/{KEY}/330px-{KEY}/more",
        f"{PAGE}/file/",
        "/w/index.php?title=File:A.jpg",
    ],
)
def test_another_url_has_nothing_that_stands_in_for_it(path: str) -> None:
    url = URL(HOST + path)
    assert find_thumbnails(url) == find_stand_ins(url) == []
    assert not is_refusal(url, 500)


@pytest.mark.parametrize(
    ("extension", "parameters"),
    [("djvu", "page1-330px"), ("PDF", "page1-330px"), ("tif", "lossy-page1-330px"), ("webm", "330px-")],
)
@pytest.mark.parametrize("page", [PAGE, "/w/index.php?title=Special:UploadStash"])
def test_the_name_that_the_formats_handler_reads_is_first(extension: str, parameters: str, page: str) -> None:
    key = f"1a.b.3.{extension}"
    names = [f"{given}-{key}" for given in (parameters, "330px", "250px", "120px")]
    found = find_thumbnails(URL(f"{HOST}{page}/file/{key}"))
    assert found == [URL(f"{HOST}{page}/thumb/{key}/{name}") for name in names]


def test_for_a_thumbnail_there_are_the_others_and_at_last_the_file() -> None:
    def urls(*paths: str) -> list[URL]:
        return [URL(HOST + PAGE + path) for path in paths]

    assert find_stand_ins(URL(HOST + PAGE + THUMBNAILS[0])) == urls(*THUMBNAILS[1:], f"/file/{KEY}")
    other = URL(f"{HOST}{PAGE}/thumb/{KEY}/800px-{KEY}")
    assert find_stand_ins(other) == urls(*THUMBNAILS, f"/file/{KEY}")
    assert find_thumbnails(other) == []


@pytest.mark.parametrize(("path", "statuses"), [(f"/file/{KEY}", {500}), (THUMBNAILS[0], {404, 500})])
def test_a_refusal_has_another_status_for_a_file_than_for_a_thumbnail(path: str, statuses: set[int]) -> None:
    url = URL(HOST + PAGE + path)
    assert {status for status in range(100, 600) if is_refusal(url, status)} == statuses


def opening(body: bytes | Exception) -> Open:
    @asynccontextmanager
    async def opened() -> AsyncIterator[bytes]:
        if isinstance(body, Exception):
            raise body
        yield body

    return opened


async def read(body: bytes) -> str:
    if body.startswith(b"odd"):
        raise ImageUnsupported(body.decode())
    if body == b"broken":
        raise ImageCorrupt
    return body.decode()


async def test_what_is_read_is_the_file_where_its_format_is() -> None:
    assert await read_or_thumbnail(opening(b"file"), opening(b"thumbnail"), read) == "file"
    assert await read_or_thumbnail(opening(b"odd"), opening(b"thumbnail"), read) == "thumbnail"


@pytest.mark.parametrize("error", [ImageCorrupt(), FetchFailed(), FetchTimeout(), UrlNotAllowed()])
async def test_nothing_else_that_is_wrong_with_a_file_leads_to_its_thumbnail(error: Exception) -> None:
    with pytest.raises(type(error)):
        await read_or_thumbnail(opening(error), opening(b"thumbnail"), read)
    with pytest.raises(ImageCorrupt):
        await read_or_thumbnail(opening(b"broken"), opening(b"thumbnail"), read)


@pytest.mark.parametrize("thumbnail", [None, opening(FetchFailed()), opening(UrlNotAllowed())])
async def test_without_a_thumbnail_the_format_is_what_is_wrong(thumbnail: Open | None) -> None:
    with pytest.raises(ImageUnsupported, match="odd file"):
        await read_or_thumbnail(opening(b"odd file"), thumbnail, read)


async def test_what_is_wrong_with_a_thumbnail_is_said() -> None:
    with pytest.raises(FetchTimeout):
        await read_or_thumbnail(opening(b"odd"), opening(FetchTimeout()), read)
    with pytest.raises(ImageUnsupported, match="odd thumbnail"):
        await read_or_thumbnail(opening(b"odd"), opening(b"odd thumbnail"), read)
