"""Web pages: how an answer that is meant for people is told from a file.

A wiki answers whoever is not logged in and asks for a stashed file with 200 and a page to log in at.
"""

import re

LABELS = {"text/html", "application/xhtml+xml"}

FIRST_BYTES = 2**16
"""So far into a file its first tag is looked for: editors write licences, entities and comments before it."""

# What the formats begin with that are read; and XML in UTF-16, whose tags are not looked for.
_IMAGE = re.compile(
    rb"\xff\xd8\xff|\x89PNG|GIF8|RIFF....WEBP|BM|II[*+]\0|MM\0[*+]|\xff\xfe|\xfe\xff", re.DOTALL
)
_SVG = re.compile(rb"<(?:[\w.-]+:)?svg[\s>/]")
_HTML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+)?html[\s>]", re.IGNORECASE)


def is_web_page(content_type: str, first: bytes) -> bool:
    """Whether an answer is labelled as a web page, and is no image by its content.

    Args:
        content_type: As the answer has it, without parameters, in lower case.
        first: The first bytes of the body, FIRST_BYTES or all.
    """
    if content_type not in LABELS or _IMAGE.match(first):
        return False
    return _HTML.match(first) is not None or _SVG.search(first) is None
