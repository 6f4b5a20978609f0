import pytest
from yarl import URL

from logo_detection.fetch.upload_stash import next_best, thumbnail_of

KEY = "1ax8vy7ctc3k.op1rqo.3.jpg"


@pytest.mark.parametrize(
    ("stashed", "thumbnail"),
    [
        (f"/wiki/Special:UploadStash/file/{KEY}", f"/wiki/Special:UploadStash/thumb/{KEY}/330px-{KEY}"),
        (f"/wiki/Special%3AUploadStash/file/{KEY}", f"/wiki/Special:UploadStash/thumb/{KEY}/330px-{KEY}"),
        (
            f"/w/index.php?title=Special:UploadStash/file/{KEY}&a=b",
            f"/w/index.php?title=Special:UploadStash/thumb/{KEY}/330px-{KEY}&a=b",
        ),
        (
            f"/w/index.php?title=Special%3AUploadStash%2Ffile%2F{KEY}",
            f"/w/index.php?title=Special:UploadStash/thumb/{KEY}/330px-{KEY}",
        ),
    ],
)
def test_a_stashed_file_has_a_thumbnail_whose_name_ends_with_its_key(stashed: str, thumbnail: str) -> None:
    assert thumbnail_of(URL("https://commons.wikimedia.org" + stashed)) == URL(
        "https://commons.wikimedia.org" + thumbnail
    )


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/wiki/File:A.jpg",
        f"/wiki/Special:UploadStash/thumb/{KEY}/330px-{KEY}",
        f"/wiki/Special:UploadStash/file/{KEY}/more",
        "/wiki/Special:UploadStash/file/",
        "/w/index.php?title=File:A.jpg",
    ],
)
def test_another_url_has_none(path: str) -> None:
    assert thumbnail_of(URL("https://commons.wikimedia.org" + path)) is None


@pytest.mark.parametrize(
    ("extension", "name"),
    [
        ("djvu", "page1-330px-1a.b.3.djvu"),
        ("PDF", "page1-330px-1a.b.3.PDF"),
        ("tif", "lossy-page1-330px-1a.b.3.tif"),
        ("webm", "330px--1a.b.3.webm"),
    ],
)
def test_where_a_thumbnail_is_refused_there_may_be_one_with_a_name_of_its_own(
    extension: str, name: str
) -> None:
    key = f"1a.b.3.{extension}"
    for page in ("/wiki/Special:UploadStash", "/w/index.php?title=Special:UploadStash"):
        file = URL(f"https://commons.wikimedia.org{page}/file/{key}")
        thumbnail = next_best(file)
        assert thumbnail == thumbnail_of(file)
        assert thumbnail is not None
        own = next_best(thumbnail)
        assert own == URL(f"https://commons.wikimedia.org{page}/thumb/{key}/{name}")
        assert next_best(own) is None


@pytest.mark.parametrize("path", ["/", f"/wiki/Special:UploadStash/thumb/{KEY}/330px-{KEY}"])
def test_there_is_not_always_a_next_best(path: str) -> None:
    assert next_best(URL("https://commons.wikimedia.org" + path)) is None
