"""JPEG: a file's segments, and whether its scans say all of its picture."""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from logo_detection.errors import ImageCorrupt

SCAN, END = 0xDA, 0xD9
END_MARKER = b"\xff\xd9"
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})

MAX_SEGMENTS = 10_000
"""Real files have tens, and the loops over them, here and in Pillow, are Python."""

# A marker that leads a segment, or ends the image. FF00 is data, FFD0 to FFD7 are restarts within
# data; of the rest below FFC0 libjpeg skips some and refuses the others.
_MARKER = re.compile(rb"\xff([\xc0-\xcf\xd9-\xfe])")

_COEFFICIENTS = 64  # of a block


@dataclass(frozen=True, slots=True)
class Segment:
    """One marker's.

    Attributes:
        marker: Its second byte.
        at: Where its length stands; of `END`, where the file goes on.
    """

    marker: int
    at: int


def segments(data: bytes) -> Iterator[Segment]:
    """In order, `END` the last if it is there.

    Raises:
        ImageCorrupt: There are more than `MAX_SEGMENTS`.
        struct.error: The file ends after a marker.
    """
    at = 2
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(data, at)
        if found is None:
            return
        segment = Segment(found[1][0], found.end())
        yield segment
        if segment.marker == END:
            return
        at = segment.at + struct.unpack_from(">H", data, segment.at)[0]
    raise ImageCorrupt


def has_all_scans(data: bytes) -> bool:
    """Whether the scans, of which the last may still break off, say every coefficient of every component.

    A scan names its components, the first and last coefficient that it says, and, in its lowest four bits,
    how many of their lowest bits it leaves to later scans.
    """
    components: set[int] = set()
    said: set[tuple[int, int]] = set()
    for segment in segments(data):
        at = segment.at + 2
        if segment.marker in FRAMES and not components:
            components = {data[at + 6 + 3 * i] for i in range(data[at + 5])}
        elif segment.marker == SCAN:
            count = data[at]
            first, last, precision = data[at + 1 + 2 * count : at + 4 + 2 * count]
            if precision & 0xF == 0:
                named = (data[at + 1 + 2 * i] for i in range(count))
                said |= {(name, k) for name in named for k in range(first, min(last, _COEFFICIENTS - 1) + 1)}
    return said >= {(name, k) for name in components for k in range(_COEFFICIENTS)}
