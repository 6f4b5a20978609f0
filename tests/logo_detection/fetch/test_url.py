import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from logo_detection.errors import UrlNotAllowed
from logo_detection.fetch.url import URL_MAX_CHARS, follow, parse_url
from tests.crooked import CROOKED


@pytest.mark.parametrize("text", CROOKED, ids=ascii)
def test_a_crooked_url_is_refused(text: Any) -> None:
    with pytest.raises(UrlNotAllowed) as refusal:
        parse_url(text)
    assert refusal.value.message == UrlNotAllowed.default_message


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("https://a.test", "https://a.test"),
        ("HTTPS://A.Test/X", "https://a.test/X"),
        ("https://a.test:443/", "https://a.test/"),
        ("https://a.test/?", "https://a.test/"),
        ("https://a.test?x=//y/../z", "https://a.test/?x=//y/../z"),
        ("https://a.test/100%25_logo.png", "https://a.test/100%25_logo.png"),
        ("https://a.test/Ünïcödé_字.svg", "https://a.test/%C3%9Cn%C3%AFc%C3%B6d%C3%A9_%E5%AD%97.svg"),
        ("https://a.test/%E2%80%8C.svg", "https://a.test/%E2%80%8C.svg"),
        ("https://a.test/a...b/..c/d../.e", "https://a.test/a...b/..c/d../.e"),
        (
            "https://commons.wikimedia.org/w/index.php?title=Special:UploadStash/file/1ax8.op1rqo.3.jpg",
            "https://commons.wikimedia.org/w/index.php?title=Special:UploadStash/file/1ax8.op1rqo.3.jpg",
        ),
        (
            "https://commons.wikimedia.org/wiki/Special:UploadStash/file/1ax8.op1rqo.3.jpg",
            "https://commons.wikimedia.org/wiki/Special:UploadStash/file/1ax8.op1rqo.3.jpg",
        ),
        (
            "https://upload.wikimedia.org/wikipedia/commons/thumb/a/a9/A_(b),_c!.jpg/330px-A_(b),_c!.jpg",
            "https://upload.wikimedia.org/wikipedia/commons/thumb/a/a9/A_(b),_c!.jpg/330px-A_(b),_c!.jpg",
        ),
        ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/"),
        ("https://a.test/" + "x" * (URL_MAX_CHARS - 15), "https://a.test/" + "x" * (URL_MAX_CHARS - 15)),
    ],
)
def test_a_plain_url_is_parsed(text: str, parsed: str) -> None:
    assert str(parse_url(text)) == parsed


ALPHABET = "htps:/@.[]%#?\\;&=+-_0127fex \t\n\u00ad\u200b\u3002\uff0fé\ud800"


@given(st.text(ALPHABET, max_size=40) | st.text(ALPHABET, max_size=30).map("https://a.test".__add__))
def test_whatever_is_parsed_parses_to_itself_and_has_an_ascii_host(text: str) -> None:
    try:
        url = parse_url(text)
    except UrlNotAllowed:
        return
    assert parse_url(str(url)) == url
    assert url.scheme in ("http", "https")
    assert url.raw_host is not None
    assert url.raw_host.isascii()
    assert url.raw_host in text.lower()
    assert (url.raw_user, url.raw_password, url.raw_fragment) == (None, None, "")


@given(st.text(max_size=60))
def test_a_location_is_followed_or_refused(location: str) -> None:
    with contextlib.suppress(UrlNotAllowed):
        follow(URL("https://a.test/x/y"), location)


@pytest.mark.parametrize(
    ("location", "absolute"),
    [
        ("/z", "https://a.test/z"),
        ("z", "https://a.test/x/z"),
        ("?z=1", "https://a.test/x/y?z=1"),
        ("//b.test/z", "https://b.test/z"),
        ("http://b.test/z", "http://b.test/z"),
    ],
)
def test_a_relative_location_becomes_absolute(location: str, absolute: str) -> None:
    assert follow(URL("https://a.test/x/y"), location) == URL(absolute)
