"""SVG: a stranger's markup made harmless, then rendered.

resvg reads the local files that an `href` names, decodes embedded images of any size, and dies of a
stack overflow on deep nesting. So it never sees a stranger's markup: what it gets is written anew from
the elements and attributes of the SVG namespace alone, within limits. What is merely slow (a huge
filter, a thousand patterns) is for the caller's deadline.
"""

import base64
import binascii
import contextlib
import re
import threading
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from xml.parsers import expat

import resvg_py

from logo_detection.decode.svg import (
    MAX_ATTRIBUTES,
    MAX_DEPTH,
    MAX_ELEMENTS,
    SVG_NAMESPACE,
    create_parser,
    size_of_root,
    svg_name,
    view_box,
)
from logo_detection.errors import ImageCorrupt

# The media subtype ("png", …) of an image inside an SVG, or None if it is not to be decoded.
Admit = Callable[[bytes], str | None]

_STACK_BYTES = 64 * 2**20  # resvg takes 30 kB a level, and follows <use> 1,024 levels deep

_HREF = ("href", "http://www.w3.org/1999/xlink href")
_SPACE = "http://www.w3.org/XML/1998/namespace space"
_DROPPED = frozenset({"script", "foreignObject"})

_URL = re.compile(r"url\(([^)]*)\)?", re.IGNORECASE)
_DATA_URL = re.compile(r"\s*data:image/(?:png|jpe?g|gif|webp);base64,", re.IGNORECASE)

# A generic family without a font is blank, and an unknown family becomes the generic serif. Arial and
# Helvetica are what logos name most, so that the stand-in for what is unknown is a sans.
_SANS, _MONOSPACE = "DejaVu Sans", "DejaVu Sans Mono"


def render(data: bytes, width: int, height: int, admit: Admit) -> bytes:
    """A PNG of exactly width x height px, squashed if the SVG is not of that shape, transparent where bare.

    Squashing while rendering gives what squashing a large rendering gives, at a cost that does not
    depend on the shape. Raises ImageCorrupt.
    """
    rewriter = _Rewriter(create_parser(data), width, height, admit)
    try:
        markup = rewriter.rewrite(data)
    except (expat.ExpatError, ValueError, LookupError):
        raise ImageCorrupt from None
    return _render(markup, has_text=rewriter.has_text)


class _Rewriter:
    """Writes an SVG's markup anew, inside a root of the wanted size, from one pass of a parser.

    Elements of other namespaces go with all that is in them (metadata, editors' private data,
    megabytes of Illustrator's); so do comments, processing instructions and the DOCTYPE.
    """

    def __init__(self, parser: expat.XMLParserType, width: int, height: int, admit: Admit) -> None:
        self.has_text = False
        self._parser = parser
        self._size = width, height
        self._admit = admit
        self._out: list[str] = []
        self._text: list[str] = []
        self._open: list[str] = []
        self._elements = 0
        self._dropping = 0  # depth within a dropped element

    def rewrite(self, data: bytes) -> str:
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.Parse(data, True)
        return "".join(self._out)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._flush()
        self._elements += 1
        local = svg_name(name)
        if self._elements > MAX_ELEMENTS or len(attributes) > MAX_ATTRIBUTES or len(self._open) >= MAX_DEPTH:
            raise ImageCorrupt
        if self._dropping or local is None or local in _DROPPED:
            self._dropping += 1
            return
        kept = self._kept(attributes)
        if not self._open:
            self._out.append(self._outer(*size_of_root(attributes)))
            kept |= _inner(attributes)
        self.has_text |= local == "text"
        self._open.append(local)
        self._out.append("".join([f"<{local}", *(f" {key}={_quoted(kept[key])}" for key in kept), ">"]))

    def _end(self, _name: str) -> None:
        self._flush()
        if self._dropping:
            self._dropping -= 1
            return
        self._out.append(f"</{self._open.pop()}>")
        if not self._open:
            self._out.append("</svg>")

    def _characters(self, text: str) -> None:
        if not self._dropping:
            self._text.append(text)

    def _flush(self) -> None:
        """The text since the last tag, whole: a `url(` may come in pieces."""
        if self._text:
            self._out.append(escape(_local_urls("".join(self._text)), quote=False))
            self._text.clear()

    def _outer(self, width: float, height: float) -> str:
        return (
            f'<svg xmlns="{SVG_NAMESPACE}" width="{self._size[0]}" height="{self._size[1]}" '
            f'viewBox="0 0 {width!r} {height!r}" preserveAspectRatio="none">'
        )

    def _kept(self, attributes: dict[str, str]) -> dict[str, str]:
        kept = {}
        for name, value in attributes.items():
            if name in _HREF:
                if target := self._target(value):
                    kept["href"] = target
            elif name == _SPACE:
                kept["xml:space"] = value
            elif " " not in name:
                kept[name] = _local_urls(value)
        return kept

    def _target(self, href: str) -> str | None:
        """What a reference may stay: a fragment, or an image that is its own bytes and passed the gate."""
        if href.lstrip().startswith("#"):
            return href.strip()
        found = _DATA_URL.match(href)
        if found is None:
            return None
        try:
            image = base64.b64decode(href[found.end() :])
        except (binascii.Error, ValueError):
            return None
        subtype = self._admit(image)
        return subtype and f"data:image/{subtype};base64,{base64.b64encode(image).decode()}"


def _local_urls(text: str) -> str:
    """CSS in which a url() that is no fragment is `none`."""
    return _URL.sub(lambda url: url[0] if url[1].strip(" \t\r\n'\"").startswith("#") else "none", text)


def _quoted(value: str) -> str:
    """An attribute's value in XML; `xml.sax.saxutils` would import urllib and email, 4 MB of every worker."""
    escaped = escape(value).replace("\n", "&#10;").replace("\r", "&#13;").replace("\t", "&#9;")
    return f'"{escaped}"'


def _inner(attributes: Mapping[str, str]) -> dict[str, str]:
    """The stranger's root as a child of ours: its size is explicit, and its viewBox valid."""
    width, height = size_of_root(attributes)
    box = view_box(attributes)
    sized = {"x": "0", "y": "0", "width": repr(width), "height": repr(height), "overflow": "visible"}
    return sized | {"viewBox": " ".join(map(repr, box or (0.0, 0.0, width, height)))}


def _render(markup: str, has_text: bool) -> bytes:
    """Run resvg on a stack that holds whatever depth it allows itself."""
    result: list[bytes] = []

    def run() -> None:
        with contextlib.suppress(BaseException):  # a panic in Rust arrives as a BaseException
            result.append(_png(markup, has_text))

    previous = threading.stack_size(_STACK_BYTES)
    try:
        thread = threading.Thread(target=run, name="resvg")
        thread.start()
    finally:
        threading.stack_size(previous)
    thread.join()
    if not result:
        raise ImageCorrupt
    return result[0]


def _png(markup: str, has_text: bool) -> bytes:
    return resvg_py.svg_to_bytes(
        svg_string=markup,
        dpi=96,  # the default of 0 makes every mm and pt nothing
        skip_system_fonts=not has_text,  # 25 ms for a few fonts, the first time
        # No path is left to be resolved; but without this it would be in the working directory.
        resources_dir=str(Path(__file__).parent),
        font_family=_SANS,
        sans_serif_family=_SANS,
        serif_family=_SANS,
        cursive_family=_SANS,
        fantasy_family=_SANS,
        monospace_family=_MONOSPACE,
    )
