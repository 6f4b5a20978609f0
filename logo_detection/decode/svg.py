"""SVG: whether a file is one, and its nominal size, read by a parser up to the first tag.

Bounds on the whole document are in `svg_bounds`, rendering is in `svg_renderer`. Importing this module loads
no image library.
"""

import codecs
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from xml.parsers import expat

from logo_detection.errors import ImageCorrupt

MAX_BYTES = 16 * 2**20  # a token as long costs 0.2 s, one of 64 MiB 2 s: the parser reads it anew per MiB
MAX_PREAMBLE_BYTES = 2**20  # up to the end of the first tag
MAX_DECLARATIONS = 1000  # in the DOCTYPE; Illustrator writes 20
MAX_EXPANSION_CHARS = 16 * 2**20  # of entities

_NAMESPACES = ("http://www.w3.org/2000/svg", "")  # "": librsvg draws files that forget to declare it

# A byte order mark, space, a tag, in any encoding: other binary files need not bother the parser.
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\s\0]*<")
_DECLARED_ENCODING = re.compile(
    rb"""((?:\xef\xbb\xbf)?<\?xml[^>]{0,100}?)\sencoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']"""
)
# Encodings that expat, or the parser inside libvips, does not read: Python's names.
_TRANSCODED = frozenset(
    {f"iso8859-{part}" for part in range(2, 17)}
    | {f"cp125{page}" for page in range(9)}
    | {"cp437", "cp866", "cp874", "koi8-r", "koi8-u", "mac-roman", "mac-cyrillic", "tis-620"}
    | {"big5", "euc_jp", "shift_jis", "cp932", "iso2022_jp", "gb2312", "gbk", "gb18030", "euc_kr", "cp949"}
)

_REFERENCE = re.compile(r"&([^#&;][^&;]*);")
_PREDEFINED = {"amp": 1, "lt": 1, "gt": 1, "quot": 1, "apos": 1}

_LENGTH = re.compile(r"\s*\+?((?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)\s*(%|[a-z]*)\s*", re.IGNORECASE)
_PX_OF_UNIT = {
    **{"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "em": 16.0, "ex": 8.0},
    **{"in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4, "q": 96 / 101.6},
}
_DEFAULT_SIDE = 512.0  # what MediaWiki takes for a file that does not say
_MIN_SIDE, _MAX_SIDE = 1e-3, 1e9


@dataclass(frozen=True, slots=True)
class Root:
    """What the first tag of an SVG says.

    Attributes:
        width: px that the file asks for, as MediaWiki reads it.
        height: likewise.
        is_sized: whether the file says any size; of one that does not, librsvg shows what is drawn.
    """

    width: float
    height: float
    is_sized: bool


def read_root(data: bytes) -> Root | None:
    """The root of an SVG; None if the bytes are not one.

    Reads up to the first tag, which is among the first MAX_PREAMBLE_BYTES. Raises ImageCorrupt if what
    comes before it is a bomb.
    """
    data = data[:MAX_PREAMBLE_BYTES]
    if not _MARKUP.match(data):
        return None

    def start(name: str, attributes: dict[str, str]) -> None:
        raise _RootFound(attributes if _is_svg(name) else None)

    data = with_known_encoding(data)
    parser = create_parser(data)
    parser.StartElementHandler = start
    try:
        parser.Parse(data)
    except _RootFound as found:
        return _root(found.attributes) if found.attributes is not None else None
    except (expat.ExpatError, ValueError, LookupError):  # not XML, or in no encoding that is known
        return None
    return None


class _RootFound(Exception):
    """Not an error: it stops the parser at the first tag."""

    def __init__(self, attributes: dict[str, str] | None) -> None:
        self.attributes = attributes


def with_known_encoding(data: bytes) -> bytes:
    """The same document in an encoding that every XML parser reads; mostly the bytes as they are.

    Files name UTF-8 as `utf8`, or stand in encodings of one country that Debian's librsvg converts and the
    one of libvips does not.
    """
    found = _DECLARED_ENCODING.match(data)
    if found is None:
        return data
    declared = found[2].decode()
    try:
        codec = codecs.lookup(declared).name
    except LookupError:
        return data
    rest = data[found.end() :]
    if codec == "utf-8" and declared.lower() != "utf-8":
        return found[1] + rest
    return found[1] + rest.decode(codec, "replace").encode() if codec in _TRANSCODED else data


def create_parser(data: bytes) -> expat.XMLParserType:
    """A parser that fetches nothing, and in which entities cannot explode; to be fed these bytes.

    Illustrator declares entities for namespaces and styles, so they are expanded. Refused (ImageCorrupt) is
    one that, if every & of the file meant it, would exceed MAX_EXPANSION_CHARS (billion laughs, quadratic
    blowup), and one that names itself or another that is not declared before it; attributes' defaults that,
    if every tag had them, would exceed it too; and a document that uses a parameter entity: expat stops
    reading declarations there, and librsvg does not. External entities are skipped, by expat because it has
    no handler, by librsvg always.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    doctype = _Doctype(parser, data.count(b"&"), data.count(b"<"))
    parser.StartDoctypeDeclHandler = doctype.start
    parser.EndDoctypeDeclHandler = doctype.end
    parser.EntityDeclHandler = doctype.declare_entity
    parser.AttlistDeclHandler = doctype.declare_attribute
    parser.specified_attributes = True  # the DOCTYPE's defaults matter to nothing that is read here
    parser.buffer_text = True
    return parser


class _Doctype:
    """What a document declares, within its bounds."""

    def __init__(self, parser: expat.XMLParserType, ampersands: int, tags: int) -> None:
        self._parser = parser
        self._ampersands = ampersands
        self._tags = tags
        self._default_chars = 0
        self._declarations = 0
        self._chars = dict(_PREDEFINED)  # of each entity, expanded

    def start(self, *_: object) -> None:
        self._parser.DefaultHandlerExpand = _refuse_parameter_entity

    def end(self) -> None:
        self._parser.DefaultHandlerExpand = None

    def _declare(self) -> None:
        self._declarations += 1
        if self._declarations > MAX_DECLARATIONS:
            raise ImageCorrupt

    def declare_attribute(self, _tag: str, _name: str, _kind: str, default: str | None, *_: object) -> None:
        self._declare()
        self._default_chars += len(default or "")
        if self._default_chars * self._tags > MAX_EXPANSION_CHARS:
            raise ImageCorrupt

    def declare_entity(self, name: str, is_parameter: bool, value: str | None, *_external: object) -> None:
        self._declare()
        if value is None or is_parameter:
            return
        try:
            chars = len(value) + sum(self._chars[reference] for reference in _REFERENCE.findall(value))
        except KeyError:
            raise ImageCorrupt from None
        if chars * self._ampersands > MAX_EXPANSION_CHARS:
            raise ImageCorrupt
        self._chars.setdefault(name, chars)  # the first declaration counts


def _refuse_parameter_entity(markup: str) -> None:
    if markup.startswith("%") and len(markup) > 1:
        raise ImageCorrupt


def _is_svg(name: str) -> bool:
    """Of an element's name, as expat gives it."""
    namespace, _, local = name.rpartition(" ")
    return local == "svg" and namespace in _NAMESPACES


def _root(attributes: Mapping[str, str]) -> Root:
    """Px, each within _MIN_SIDE and _MAX_SIDE; what is missing or senseless comes from the viewBox."""
    box = _view_box(attributes)
    across, down = box[2:] if box else (_DEFAULT_SIDE, _DEFAULT_SIDE)
    width, height = _length(attributes, "width", across), _length(attributes, "height", down)
    is_sized = box is not None or (_is_absolute(attributes, "width") and _is_absolute(attributes, "height"))
    if width is None:
        width = across if height is None else height * across / down
    if height is None:
        height = width * down / across
    return Root(min(max(width, _MIN_SIDE), _MAX_SIDE), min(max(height, _MIN_SIDE), _MAX_SIDE), is_sized)


def _is_absolute(attributes: Mapping[str, str], name: str) -> bool:
    """Whether a length is one, and no percentage."""
    return _length(attributes, name, 0) is not None


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
