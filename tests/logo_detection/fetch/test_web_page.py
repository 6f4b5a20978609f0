import codecs

import pytest

from logo_detection.fetch.web_page import LABELS, is_web_page
from tests.images import bmp, gif, jpeg, png, svg, svg_comment, svg_logo, tiff, webp
from tests.stash_wiki import LOG_IN_PAGE

PAGES = (
    LOG_IN_PAGE,
    codecs.BOM_UTF8 + LOG_IN_PAGE,
    b" \r\n" + LOG_IN_PAGE.upper(),
    b"<html lang='en'><body><svg></svg></body></html>",
    b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x"><html></html>',
    b"<br />\n<b>Fatal error</b>",
    b"please log in",
    b"",
)
IMAGES = {
    "jpeg": jpeg(),
    "png": png(),
    "gif": gif(),
    "webp": webp(),
    "bmp": bmp(),
    "tiff": tiff(),
    "svg": svg_logo(),
    "svg of another prefix": b'<?xml version="1.0"?><a:svg xmlns:a="http://www.w3.org/2000/svg"/>',
    "svg after a comment": svg_comment(10_000),
    "svg in UTF-16": svg("").decode().encode("utf-16"),
    "svg that embeds html": svg("<foreignObject><html/></foreignObject>"),
}


@pytest.mark.parametrize("label", sorted(LABELS))
@pytest.mark.parametrize("page", PAGES, ids=range(len(PAGES)))
def test_what_is_labelled_as_a_page_and_is_no_image_is_one(label: str, page: bytes) -> None:
    assert is_web_page(label, page)


@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)
def test_an_image_is_one_whatever_its_label(image: bytes) -> None:
    assert not is_web_page("text/html", image)


def test_what_is_labelled_otherwise_is_no_page() -> None:
    assert not is_web_page("image/png", LOG_IN_PAGE)
    assert not is_web_page("application/octet-stream", LOG_IN_PAGE)
