"""SVG: whether a file is one, and its nominal size, read by a parser up to the first tag.

Rendering is the business of `svg_renderer`; importing this module loads no image library.
"""

import math
import re
from collections.abc import Mapping
from xml.parsers import expat

from logo_detection.errors import ImageCorrupt

MAX_BYTES = 16 * 2**20  # a token as long costs 0.2 s, one of 64 MiB 2 s: the parser reads it anew per MiB
MAX_PREAMBLE_BYTES = 2**20  # up to the end of the first tag
MAX_DEPTH = 128  # each nested group with an effect holds a canvas of its own
MAX_ELEMENTS = 250_000  # 1 kB of renderer memory each
MAX_ATTRIBUTES = 256  # per element; resvg compares each with each
MAX_DECLARATIONS = 1000  # in the DOCTYPE; Illustrator writes 20
MAX_EXPANSION_CHARS = 16 * 2**20  # of entities

SVG_NAMESPACE = "http://www.w3.org/2000/svg"
_NAMESPACES = (SVG_NAMESPACE, "")  # "": some files forget to declare it
# A byte order mark, space, a tag, in any encoding: other binary files need not bother the parser.
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\s\0]*<")
_NESTED_ENTITY = re.compile(r"&(?!#)|%")
_LENGTH = re.compile(r"\s*\+?((?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?)\s*(%|[a-z]*)\s*", re.IGNORECASE)
_PX_OF_UNIT = {
    **{"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "em": 16.0, "ex": 8.0},
    **{"in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4, "q": 96 / 101.6},
}
_DEFAULT_SIDE = 512.0  # what MediaWiki takes for a file that does not say
_MIN_SIDE, _MAX_SIDE = 1e-3, 1e9


def nominal_size(data: bytes) -> tuple[float, float] | None:
    """Width and height in px that an SVG asks for; None if the bytes are not an SVG.

    Reads up to the first tag, which is among the first MAX_PREAMBLE_BYTES. Raises ImageCorrupt if what
    comes before it is a bomb.
    """
    data = data[:MAX_PREAMBLE_BYTES]
    if not _MARKUP.match(data):
        return None

    def start(name: str, attributes: dict[str, str]) -> None:
        raise _RootFound(attributes if svg_name(name) == "svg" else None)

    parser = create_parser(data)
    parser.StartElementHandler = start
    try:
        parser.Parse(data)
    except _RootFound as root:
        return size_of_root(root.attributes) if root.attributes is not None else None
    except (expat.ExpatError, ValueError, LookupError):  # not XML, or in no encoding that Python knows
        return None
    return None


class _RootFound(Exception):
    """Not an error: it stops the parser at the first tag."""

    def __init__(self, attributes: dict[str, str] | None) -> None:
        self.attributes = attributes


def create_parser(data: bytes) -> expat.XMLParserType:
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


def svg_name(name: str) -> str | None:
    """The local name of an element of SVG; None for one of another namespace."""
    namespace, _, local = name.rpartition(" ")
    return local if namespace in _NAMESPACES else None


def size_of_root(attributes: Mapping[str, str]) -> tuple[float, float]:
    """Px, each within _MIN_SIDE and _MAX_SIDE; what is missing or senseless comes from the viewBox."""
    box = view_box(attributes)
    across, down = box[2:] if box else (_DEFAULT_SIDE, _DEFAULT_SIDE)
    width, height = _length(attributes, "width", across), _length(attributes, "height", down)
    if width is None:
        width = across if height is None else height * across / down
    if height is None:
        height = width * down / across
    return min(max(width, _MIN_SIDE), _MAX_SIDE), min(max(height, _MIN_SIDE), _MAX_SIDE)


def _length(attributes: Mapping[str, str], name: str, whole: float) -> float | None:
    found = _LENGTH.fullmatch(attributes.get(name, "")[:64])
    if found is None:
        return None
    number, unit = float(found[1]), found[2].lower()
    px = number * (whole / 100 if unit == "%" else _PX_OF_UNIT.get(unit, 0))
    return px if 0 < px < math.inf else None


def view_box(attributes: Mapping[str, str]) -> tuple[float, ...] | None:
    try:
        box = tuple(
            float(number) for number in re.split(r"[\s,]+", attributes.get("viewBox", "")[:256].strip())
        )
    except ValueError:
        return None
    return box if len(box) == 4 and all(map(math.isfinite, box)) and min(box[2:]) > 0 else None
