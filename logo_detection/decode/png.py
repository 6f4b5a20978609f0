"""PNG: of a file's chunks, those that make its picture. All others are dropped before a decoder sees them.

A viewer shows a PNG whose text, profile or resolution is damaged, and so does libpng; Pillow refuses it.
Dropping those chunks also leaves nothing to unpack but pixels.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from logo_detection.errors import ImageCorrupt

MAX_CHUNKS = 50_000
"""64 MiB in libpng's chunks of 8 KiB are 8,192; Pillow takes 3 µs for each."""

GREY, RGB, PALETTE = 0, 2, 3
"""Colour types that may have transparent colours without an alpha channel."""

_CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, 4: 2, 6: 4}
_CHUNK = struct.Struct(">I4s")
_HEADER = struct.Struct(">I4sIIBBxxB")  # IHDR with its length; compression and filter have one value each
_HEADER_ENDS_AT = 33  # the signature and IHDR
_SHOWN = re.compile(rb"PLTE|tRNS|IDAT|IEND")
_MAX_DAMAGED_CHUNKS = 8  # whose ends are searched for: each search may sum up as many bytes as the file has
_PALETTE_BYTES = 768
_INPUT_BYTES, _OUTPUT_BYTES = 2**16, 2**20  # unpacked at a time
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


@dataclass(frozen=True, slots=True)
class PngLayout:
    """IHDR: the fields that say how samples are stored.

    Attributes:
        depth: Bits of a sample.
        colour: Type 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha.
    """

    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool

    @property
    def channels(self) -> int:
        """Samples of a pixel; an index of a palette is one."""
        return _CHANNELS[self.colour]

    @property
    def pixel_bits(self) -> int:
        """Of all samples of a pixel."""
        return self.depth * self.channels


@dataclass(frozen=True, slots=True)
class PngPicture:
    """What of a PNG is decoded.

    Attributes:
        layout: Its header.
        file: A PNG of the header, palette, transparency and pixels alone. Transparent greys of fewer than
            eight bits are stated as Pillow will have scaled them.
        key: The transparent colour of an RGB image of 16 bits a sample, which Pillow cannot look for once it
            has made eight bits of them.
        pixels: Where the pixels' chunks are in `file`.
    """

    layout: PngLayout
    file: bytes
    key: tuple[int, int, int] | None
    pixels: slice


@dataclass(frozen=True, slots=True)
class _Chunk:
    kind: bytes
    start: int
    body: slice
    end: int


def read_layout(data: bytes) -> PngLayout:
    """The header of a file that begins as a PNG does.

    Raises:
        ImageCorrupt: Its first chunk is no header, or has a colour type that there is not.
        struct.error: The file ends before its header does.
    """
    length, kind, width, height, depth, colour, interlace = _HEADER.unpack_from(data, 8)
    if (length, kind) != (13, b"IHDR") or colour not in _CHANNELS:
        raise ImageCorrupt
    return PngLayout(width, height, depth, colour, interlaced=interlace == 1)


def read_picture(data: bytes) -> PngPicture:
    """An admitted PNG without all that does not show.

    Raises:
        ImageCorrupt: Its header or palette is damaged, or no pixels follow.
    """
    if zlib.crc32(data[12:29]) != struct.unpack_from(">I", data, 29)[0]:
        raise ImageCorrupt
    layout = read_layout(data)
    palette = transparency = b""
    pixels: slice | None = None
    for chunk in _chunks(data):
        if chunk.kind == b"IDAT":
            pixels = slice(pixels.start if pixels else chunk.start, chunk.end)
        elif pixels or chunk.kind == b"IEND":
            break
        elif chunk.kind == b"PLTE" and layout.colour == PALETTE and not palette:
            palette = _palette(data, chunk)
        elif chunk.kind == b"tRNS" and not transparency and _is_sound(data, chunk):
            transparency = data[chunk.body]
    if pixels is None or (layout.colour == PALETTE and not palette):
        raise ImageCorrupt
    transparency, key = _transparency(layout, transparency, len(palette) // 3)
    # Without IEND, so that pixels that break off meet the end of the file.
    palette = palette and palette.ljust(_PALETTE_BYTES, b"\0")  # an index beyond its end is black
    head = data[:_HEADER_ENDS_AT] + _written(b"PLTE", palette) + _written(b"tRNS", transparency)
    file = b"".join((head, memoryview(data)[pixels]))
    return PngPicture(layout, file, key, slice(len(head), len(file)))


def has_all_rows(picture: PngPicture) -> bool:
    """Whether the pixels unpack to as many bytes as the header promises. It costs about half a decoding."""
    missing = _expected_bytes(picture.layout)
    unpacker = zlib.decompressobj()
    for packed in _packed(picture):
        rest: bytes | memoryview = packed
        while rest and missing > 0 and not unpacker.eof:
            missing -= len(unpacker.decompress(rest, min(missing, _OUTPUT_BYTES)))
            rest = unpacker.unconsumed_tail
    return missing <= 0


def _packed(picture: PngPicture) -> Iterator[memoryview]:
    """The pixels as they are packed, piece by piece."""
    file = memoryview(picture.file)
    for chunk in _chunks(picture.file, picture.pixels.start):
        for at in range(chunk.body.start, chunk.body.stop, _INPUT_BYTES):
            yield file[at : min(at + _INPUT_BYTES, chunk.body.stop)]


def _expected_bytes(layout: PngLayout) -> int:
    """Of all rows, each led by a byte that names its filter."""
    passes = _ADAM7 if layout.interlaced else ((0, 0, 1, 1),)
    sizes = (
        (-(-(layout.width - left) // across), -(-(layout.height - top) // down))
        for left, top, across, down in passes
    )
    return sum(
        rows * (1 + -(-columns * layout.pixel_bits // 8))
        for columns, rows in sizes
        if columns > 0 and rows > 0
    )


def _chunks(data: bytes, at: int = _HEADER_ENDS_AT) -> Iterator[_Chunk]:
    """The chunks that show, in order. Where a length cannot be believed, the next sound one follows."""
    damaged = 0
    for _ in range(MAX_CHUNKS):
        chunk = _chunk(data, at)
        if chunk is not None and not _end_is_believed(data, chunk):
            chunk, damaged = _next_sound_chunk(data, at + _CHUNK.size), damaged + 1
        if chunk is None or damaged > _MAX_DAMAGED_CHUNKS:
            return
        if _SHOWN.fullmatch(chunk.kind):
            yield chunk
        at = chunk.end
    raise ImageCorrupt


def _chunk(data: bytes, at: int) -> _Chunk | None:
    """The chunk at a place, cut where the file ends; or nothing, if the file ends before."""
    if at + _CHUNK.size > len(data):
        return None
    length, kind = _CHUNK.unpack_from(data, at)
    start = at + _CHUNK.size
    return _Chunk(kind, at, slice(start, min(start + length, len(data))), min(start + length + 4, len(data)))


def _end_is_believed(data: bytes, chunk: _Chunk) -> bool:
    """Pixels are for zlib to check. Of other chunks, either the sum is right or that of the next one is."""
    if chunk.kind == b"IDAT" or _is_sound(data, chunk):
        return True
    following = _chunk(data, chunk.end)
    return following is not None and (following.kind == b"IDAT" or _is_sound(data, following))


def _is_sound(data: bytes, chunk: _Chunk) -> bool:
    """Whether the sum after the chunk's body is that of its kind and body."""
    right = zlib.crc32(memoryview(data)[chunk.start + 4 : chunk.body.stop])
    return data[chunk.body.stop : chunk.body.stop + 4] == right.to_bytes(4, "big")


def _next_sound_chunk(data: bytes, at: int) -> _Chunk | None:
    """The next chunk that shows and has the right sum. Sums up no more bytes than the file has."""
    may_sum_bytes = len(data)
    for found in _SHOWN.finditer(data, at):
        chunk = _chunk(data, found.start() - 4)
        if chunk is None or chunk.body.stop + 4 > len(data):
            continue
        may_sum_bytes -= chunk.end - chunk.start
        if may_sum_bytes < 0:
            return None
        if _is_sound(data, chunk):
            return chunk
    return None


def _palette(data: bytes, chunk: _Chunk) -> bytes:
    entries = data[chunk.body]
    if not _is_sound(data, chunk) or not entries or len(entries) % 3 or len(entries) > _PALETTE_BYTES:
        raise ImageCorrupt
    return entries


def _transparency(layout: PngLayout, body: bytes, entries: int) -> tuple[bytes, tuple[int, int, int] | None]:
    """The tRNS chunk's body as Pillow reads it, and the key that it does not; nothing of a senseless one."""
    highest = 2**layout.depth - 1
    if layout.colour == GREY and len(body) == 2:
        # Greys of two and four bits are scaled to eight before the transparent one is looked for.
        scale = 255 // highest if layout.depth in (2, 4) else 1
        (grey,) = struct.unpack(">H", body)
        return struct.pack(">H", (grey & highest) * scale), None
    if layout.colour == RGB and len(body) == 6:
        red, green, blue = (value & highest for value in struct.unpack(">3H", body))
        return (
            (b"", (red, green, blue)) if layout.depth == 16 else (struct.pack(">3H", red, green, blue), None)
        )
    if layout.colour == PALETTE and len(body) <= entries:
        return body, None
    return b"", None


def _written(kind: bytes, body: bytes) -> bytes:
    """A chunk; nothing without a body."""
    if not body:
        return b""
    return b"".join((struct.pack(">I", len(body)), kind, body, struct.pack(">I", zlib.crc32(kind + body))))
