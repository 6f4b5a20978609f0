"""URLs: what a caller may write for one. Where it leads is the policy's business."""

import re
from urllib.parse import unquote

from yarl import URL

from logo_detection.errors import UrlNotAllowed

URL_MAX_CHARS = 2048
DECODING_ROUNDS = 3
"""A path that still changes in the last round of percent-decoding (encoded more than twice) is refused."""

# The authority as RFC 3986 writes it, less what is never meant: user information, other alphabets,
# percent signs, an empty port or one with zeros before it. yarl would read more than this.
_URL = re.compile(
    r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?([/?].*)?", re.ASCII | re.IGNORECASE
)


def parse_url(text: object) -> URL:
    """Parse, once, what is plain enough that any two parsers would agree on it.

    Raises:
        UrlNotAllowed: It is not a string, too long, not an http or https URL, or could be read in two ways.
    """
    if not isinstance(text, str) or len(text) > URL_MAX_CHARS:
        raise UrlNotAllowed
    # No control or format characters, lone surrogates or white space; yarl would drop some of them.
    if not text.isprintable() or any(character in text for character in " \\#") or not _URL.fullmatch(text):
        raise UrlNotAllowed
    try:
        url = URL(text)
        if _climbs(url.raw_path):
            raise UrlNotAllowed
    except ValueError:
        raise UrlNotAllowed from None
    return url


def follow(url: URL, location: str) -> URL:
    """Where a redirect leads: no more trusted than a caller's URL, absolute now, and parsed.

    Raises:
        UrlNotAllowed: Nowhere that could be told, or to a URL that is not plain.
    """
    try:
        return parse_url(str(url.join(URL(location))))
    except ValueError:
        raise UrlNotAllowed from None


def _climbs(path: str) -> bool:
    """Whether any reader could find a `..` or a control character in a path.

    Raises:
        ValueError: It is not UTF-8: readers would disagree about it.
    """
    for _ in range(DECODING_ROUNDS):
        decoded = unquote(path, errors="strict")
        if decoded == path:
            break
        path = decoded
    else:
        return True
    segments = {segment.split(";")[0] for segment in re.split(r"[/\\]", path)}
    return not segments.isdisjoint((".", "..")) or min(path) < " "
