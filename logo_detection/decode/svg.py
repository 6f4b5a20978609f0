"""SVG: a stranger's markup made harmless, then rendered.

resvg reads the local files that an `href` names, decodes embedded images of any size, and dies of a
stack overflow on deep nesting. So it never sees a stranger's markup: what it gets is written anew from
the elements and attributes of the SVG namespace alone, within limits. What is merely slow (a huge
filter, a thousand patterns) is for the caller's deadline.
"""

import base64
import binascii
import contextlib
import math
import re
import threading
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from xml.parsers import expat

import resvg_py

from logo_detection.errors import ImageCorrupt

# The media subtype ("png", …) of an image inside an SVG, or None if it is not to be decoded.
Admit = Callable[[bytes], str | None]

MAX_BYTES = 16 * 2**20  # a token as long costs 0.2 s, one of 64 MiB 2 s: the parser reads it anew per MiB
MAX_PREAMBLE_BYTES = 2**20  # up to the end of the first tag
MAX_DEPTH = 128  # each nested group with an effect holds a canvas of its own
MAX_ELEMENTS = 250_000  # 1 kB of renderer memory each
MAX_ATTRIBUTES = 256  # per element; resvg compares each with each
MAX_DECLARATIONS = 1000  # in the DOCTYPE; Illustrator writes 20
MAX_EXPANSION_CHARS = 16 * 2**20  # of entities
_STACK_BYTES = 64 * 2**20  # resvg takes 30 kB a level, and follows <use> 1,024 levels deep

_NAMESPACES = ("http://www.w3.org/2000/svg", "")  # "": some files forget to declare it
_HREF = ("href", "http://www.w3.org/1999/xlink href")
_SPACE = "http://www.w3.org/XML/1998/namespace space"
_DROPPED = frozenset({"script", "foreignObject"})

# A byte order mark, space, a tag, in any encoding: other binary files need not bother the parser.
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\s\0]*<")
_NESTED_ENTITY = re.compile(r"&(?!#)|%")
_URL = re.compile(r"url\(([^)]*)\)?", re.IGNORECASE)
_DATA_URL = re.compile(r"\s*data:image/(?:png|jpe?g|gif|webp);base64,", re.IGNORECASE)

_LENGTH = re.compile(r"\s*\+?((?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)\s*(%|[a-z]*)\s*", re.IGNORECASE)
_PX_OF_UNIT = {
    **{"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "em": 16.0, "ex": 8.0},
    **{"in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4, "q": 96 / 101.6},
}
_DEFAULT_SIDE = 512.0  # what MediaWiki takes for a file that does not say
_MIN_SIDE, _MAX_SIDE = 1e-3, 1e9

# A generic family without a font is blank, and an unknown family becomes the generic serif. Arial and
# Helvetica are what logos name most, so that the stand-in for what is unknown is a sans.
_SANS, _MONOSPACE = "DejaVu Sans", "DejaVu Sans Mono"


def nominal_size(data: bytes) -> tuple[float, float] | None:
    """Width and height in px that an SVG asks for; None if the bytes are not an SVG.

    Reads up to the first tag, which is among the first MAX_PREAMBLE_BYTES. Raises ImageCorrupt if what
    comes before it is a bomb.
    """
    data = data[:MAX_PREAMBLE_BYTES]
    if not _MARKUP.match(data):
        return None

    def start(name: str, attributes: dict[str, str]) -> None:
        raise _RootFound(attributes if _svg_name(name) == "svg" else None)

    parser = _parser(data)
    parser.StartElementHandler = start
    try:
        parser.Parse(data)
    except _RootFound as root:
        return _size(root.attributes) if root.attributes is not None else None
    except (expat.ExpatError, ValueError, LookupError):  # not XML, or in no encoding that Python knows
        return None
    return None


def render(data: bytes, width: int, height: int, admit: Admit) -> bytes:
    """A PNG of exactly width x height px, squashed if the SVG is not of that shape, transparent where bare.

    Squashing while rendering gives what squashing a large rendering gives, at a cost that does not
    depend on the shape. Raises ImageCorrupt.
    """
    rewriter = _Rewriter(_parser(data), width, height, admit)
    try:
        markup = rewriter.rewrite(data)
    except (expat.ExpatError, ValueError, LookupError):
        raise ImageCorrupt from None
    return _render(markup, has_text=rewriter.has_text)


class _RootFound(Exception):
    """Not an error: it stops the parser at the first tag."""

    def __init__(self, attributes: dict[str, str] | None) -> None:
        self.attributes = attributes


def _parser(data: bytes) -> expat.XMLParserType:
    """A parser that fetches nothing, and in which entities cannot explode.

    Illustrator declares entities for namespaces and styles, so flat ones are expanded. Refused is one
    that names another (billion laughs), or that, if every & of the file meant it, would exceed
    MAX_EXPANSION_CHARS (quadratic blowup). External ones are skipped by expat, as they have no handler.
    """
    ampersands = data.count(b"&")
    declarations = 0

    def declare(*_: object) -> None:
        nonlocal declarations
        declarations += 1
        if declarations > MAX_DECLARATIONS:
            raise ImageCorrupt

    def declare_entity(_name: str, _is_parameter: bool, value: str | None, *_external: object) -> None:
        declare()
        if value and (_NESTED_ENTITY.search(value) or len(value) * ampersands > MAX_EXPANSION_CHARS):
            raise ImageCorrupt

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.EntityDeclHandler = declare_entity
    parser.AttlistDeclHandler = declare
    parser.specified_attributes = True  # else the DOCTYPE's defaults come again with every element
    parser.buffer_text = True
    return parser


def _svg_name(name: str) -> str | None:
    """The local name of an element of SVG; None for one of another namespace."""
    namespace, _, local = name.rpartition(" ")
    return local if namespace in _NAMESPACES else None


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
        local = _svg_name(name)
        if self._elements > MAX_ELEMENTS or len(attributes) > MAX_ATTRIBUTES or len(self._open) >= MAX_DEPTH:
            raise ImageCorrupt
        if self._dropping or local is None or local in _DROPPED:
            self._dropping += 1
            return
        kept = self._kept(attributes)
        if not self._open:
            self._out.append(self._outer(*_size(attributes)))
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
            f'<svg xmlns="{_NAMESPACES[0]}" width="{self._size[0]}" height="{self._size[1]}" '
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


def _size(attributes: Mapping[str, str]) -> tuple[float, float]:
    """Px, each within _MIN_SIDE and _MAX_SIDE; what is missing or senseless comes from the viewBox."""
    box = _view_box(attributes)
    across, down = box[2:] if box else (_DEFAULT_SIDE, _DEFAULT_SIDE)
    width, height = _length(attributes, "width", across), _length(attributes, "height", down)
    if width is None:
        width = across if height is None else height * across / down
    if height is None:
        height = width * down / across
    return min(max(width, _MIN_SIDE), _MAX_SIDE), min(max(height, _MIN_SIDE), _MAX_SIDE)


def _inner(attributes: Mapping[str, str]) -> dict[str, str]:
    """The stranger's root as a child of ours: its size is explicit, and its viewBox valid."""
    width, height = _size(attributes)
    box = _view_box(attributes)
    sized = {"x": "0", "y": "0", "width": repr(width), "height": repr(height), "overflow": "visible"}
    return sized | {"viewBox": " ".join(map(repr, box or (0.0, 0.0, width, height)))}


def _length(attributes: Mapping[str, str], name: str, whole: float) -> float | None:
    found = _LENGTH.fullmatch(attributes.get(name, "")[:64])
    if found is None:
        return None
    number, unit = float(found[1]), found[2].lower()
    px = number * (whole / 100 if unit == "%" else _PX_OF_UNIT.get(unit, 0))
    return px if 0 < px < math.inf else None


def _view_box(attributes: Mapping[str, str]) -> tuple[float, ...] | None:
    try:
        box = tuple(
            float(number) for number in re.split(r"[\s,]+", attributes.get("viewBox", "")[:256].strip())
        )
    except ValueError:
        return None
    return box if len(box) == 4 and all(map(math.isfinite, box)) and min(box[2:]) > 0 else None


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
