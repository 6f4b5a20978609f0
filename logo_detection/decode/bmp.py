"""BMP: what its header says of the pixels, and a header that Pillow reads for one that it does not."""

import struct
from dataclasses import dataclass
from typing import NamedTuple

CORE_HEADER_BYTES = 12
"""OS/2's first: sides of 16 bits."""

_FILE_HEADER_BYTES = 14
_INFO_HEADER_BYTES = 40  # Windows 3
_BITFIELDS, _ALPHA_BITFIELDS = 3, 6
_OS2_HEADER_BYTES = 64  # in which 3 stands for a fax coding


class BmpLayout(NamedTuple):
    """Of the pixels: width and height, bits a pixel, and the number of their coding."""

    width: int
    height: int
    depth: int
    compression: int


@dataclass(frozen=True, slots=True)
class BmpMasks:
    """Pixels of 16 or 32 bits, in which each channel has the bits of its mask.

    Attributes:
        channels: The masks of red, green, blue and alpha; 0 for one that is absent.
        top_down: Whether the first row is the upper one.
        at: Offset of the first row.
    """

    width: int
    height: int
    depth: int
    channels: tuple[int, int, int, int]
    top_down: bool
    at: int


def read_layout(data: bytes) -> BmpLayout:
    """Raises struct.error if the file ends before its header does."""
    (header_bytes,) = struct.unpack_from("<I", data, _FILE_HEADER_BYTES)
    if header_bytes == CORE_HEADER_BYTES:
        width, height, _, depth = struct.unpack_from("<HHHH", data, 18)
        return BmpLayout(width, height, depth, 0)
    width, height, _, depth = struct.unpack_from("<iiHH", data, 18)
    (compression,) = struct.unpack_from("<I", data, 30) if header_bytes >= _INFO_HEADER_BYTES else (0,)
    return BmpLayout(width, abs(height), depth, compression)  # a negative height is top-down


def with_whole_header(data: bytes) -> bytes:
    """The file with a header of 40 bytes, if it has OS/2's of 16; the fields that it lacks are 0."""
    (header_bytes,) = struct.unpack_from("<I", data, _FILE_HEADER_BYTES)
    if not CORE_HEADER_BYTES < header_bytes < _INFO_HEADER_BYTES:
        return data
    missing = _INFO_HEADER_BYTES - header_bytes
    end = _FILE_HEADER_BYTES + header_bytes
    (pixels_at,) = struct.unpack_from("<I", data, 10)
    head = data[:10] + struct.pack("<II", pixels_at + missing, _INFO_HEADER_BYTES) + data[18:end]
    return b"".join((head, bytes(missing), memoryview(data)[end:]))


def read_masks(data: bytes) -> BmpMasks | None:
    """The masks of a file that has any; nothing of one whose channels have their usual bits."""
    layout = read_layout(data)
    (at, header_bytes) = struct.unpack_from("<II", data, 10)
    coded = layout.compression in (_BITFIELDS, _ALPHA_BITFIELDS) and header_bytes != _OS2_HEADER_BYTES
    if not coded or layout.depth not in (16, 32):
        return None
    with_alpha = header_bytes >= 56 or layout.compression == _ALPHA_BITFIELDS
    red, green, blue = struct.unpack_from("<3I", data, 54)
    (alpha,) = struct.unpack_from("<I", data, 66) if with_alpha else (0,)
    top_down = struct.unpack_from("<i", data, 22)[0] < 0
    return BmpMasks(layout.width, layout.height, layout.depth, (red, green, blue, alpha), top_down, at)
