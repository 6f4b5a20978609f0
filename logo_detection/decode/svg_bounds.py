"""Bounds of an SVG: elements, depth, and the images inside it, counted by a parser before the renderer runs.

librsvg refuses some bombs itself, late, and decodes embedded images of any size. What is merely slow (a huge
filter, a tree of uses) is for the caller's deadline and the worker's limit of memory.
"""

import binascii
import re
import zlib
from urllib.parse import unquote_to_bytes
from xml.parsers import expat

from logo_detection.decode.header import DecodeLimits, Format, read_header
from logo_detection.decode.svg import MAX_BYTES, create_parser, with_known_encoding
from logo_detection.errors import ImageCorrupt, ImageTooManyPixels, ItemError

MAX_DEPTH = 250  # libxml2 refuses 257, and only where nothing in the file is long
MAX_ELEMENTS = 250_000  # 17 microseconds and 1 kB each in librsvg
MAX_EMBEDDED_PIXELS = 32_000_000  # of all images together: librsvg keeps each, and takes 12 bytes a pixel
MAX_EMBEDDING_DEPTH = 4  # SVG within SVG

_EMBEDDED_LIMITS = DecodeLimits(max_pixels=MAX_EMBEDDED_PIXELS)
_DATA_URL = re.compile(r"[\0- ]*data:([^,]*),", re.IGNORECASE)
_BASE64 = re.compile(r";\s*base64\s*$", re.IGNORECASE)
_GZIP = b"\x1f\x8b"


def check_bounds(data: bytes) -> None:
    """Admit or refuse a whole SVG: about a tenth of the time that rendering it takes.

    Raises:
        ImageCorrupt: It is not well-formed, or a bomb of elements, depth or entities.
        ImageTooManyPixels: The images inside it have more than MAX_EMBEDDED_PIXELS together.
    """
    _Bounds().check(data)


class _Bounds:
    """Counts over a document and the documents inside it."""

    def __init__(self) -> None:
        self._elements = 0
        self._pixels = 0
        self._embedding_depth = 0
        self._seen: set[str] = set()  # data URLs: librsvg decodes each once

    def check(self, data: bytes) -> None:
        depth = 0

        def start(_name: str, attributes: dict[str, str]) -> None:
            nonlocal depth
            depth += 1
            self._elements += 1
            if depth > MAX_DEPTH or self._elements > MAX_ELEMENTS:
                raise ImageCorrupt
            for name, value in attributes.items():
                if name.rpartition(" ")[2] == "href":
                    self._check_reference(value)

        def end(_name: str) -> None:
            nonlocal depth
            depth -= 1

        data = with_known_encoding(data)
        parser = create_parser(data)
        parser.StartElementHandler = start
        parser.EndElementHandler = end
        try:
            parser.Parse(data, True)
        except (expat.ExpatError, ValueError, LookupError):
            raise ImageCorrupt from None

    def _check_reference(self, href: str) -> None:
        if href not in self._seen and (image := embedded_image(href)):
            self._seen.add(href)
            self._check_image(image)

    def _check_image(self, data: bytes) -> None:
        if data.startswith(_GZIP):
            data = _unzipped(data)
        try:
            header = read_header(data, _EMBEDDED_LIMITS)
        except ImageTooManyPixels:
            raise
        except ItemError:  # librsvg draws nothing in its place
            return
        if header.format is Format.SVG:
            self._check_document(data)
        else:
            self._pixels += header.width * header.height
            if self._pixels > MAX_EMBEDDED_PIXELS:
                raise ImageTooManyPixels

    def _check_document(self, data: bytes) -> None:
        if self._embedding_depth == MAX_EMBEDDING_DEPTH:
            raise ImageCorrupt
        self._embedding_depth += 1
        self.check(data)
        self._embedding_depth -= 1


def embedded_image(href: str) -> bytes | None:
    """The bytes of a data: URL, whatever its media type and padding; None of another URL."""
    found = _DATA_URL.match(href)
    if found is None:
        return None
    body = unquote_to_bytes(href[found.end() :])
    if not _BASE64.search(found[1]):
        return body
    text = b"".join(body.split()).rstrip(b"=")
    try:
        return binascii.a2b_base64(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return None


def _unzipped(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data, MAX_BYTES)
    except zlib.error:
        raise ImageCorrupt from None
