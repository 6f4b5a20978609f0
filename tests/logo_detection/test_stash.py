import pytest
from yarl import URL

from logo_detection.stash import thumbnail_of

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
