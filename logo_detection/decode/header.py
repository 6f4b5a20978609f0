"""The gate: what a file is, how large, and what decoding it would cost, from its header alone.

No image library runs and nothing is allocated: each field is read at its place in the bytes. The
decoders come after the gate, and `image` checks that they found the size that was admitted.
"""

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from logo_detection.decode import bmp, jpeg, png, svg
from logo_detection.errors import ImageCorrupt, ImageTooManyPixels, ImageUnsupported


class Format(StrEnum):
    """The formats that are read."""

    JPEG = "jpeg"
    PNG = "png"
    GIF = "gif"
    WEBP = "webp"
    BMP = "bmp"
    TIFF = "tiff"
    SVG = "svg"


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """What one image may cost.

    Attributes:
        max_pixels: width x height, as stored. An SVG has no pixels of its own, and no such limit; its
            memory goes by its length, which is limited (`svg.MAX_BYTES`).
        max_memory_bytes: the most that decoding may hold at once, by the estimate for its format.
        max_scans: passes over a JPEG. An ordinary progressive one has 10 or so.
        max_scan_megapixels: scans x megapixels of a JPEG. A scan is 42 bytes that cost a pass over
            all pixels (11 ms for 25 megapixels): the cheapest way to burn a decoder's time.
    """

    max_pixels: int = 100_000_000
    max_memory_bytes: int = 512 * 2**20
    max_scans: int = 64
    max_scan_megapixels: int = 1000


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of an admitted image before it is decoded.

    Attributes:
        format: found from the content.
        width: pixels as stored, before any rotation that EXIF asks for; of an SVG, its nominal size.
        height: likewise.
        peak_bytes: the most memory that decoding holds at once, estimated. 0 for an SVG, which is
            rendered at a size of our choosing.
        scans: passes over a JPEG; 1 for any other format.
    """

    format: Format
    width: int
    height: int
    peak_bytes: int = 0
    scans: int = 1


def read_header(data: bytes, limits: DecodeLimits) -> Header:
    """Admit or refuse a file: microseconds for most, milliseconds at worst.

    Raises:
        ImageUnsupported: it is none of the formats.
        ImageCorrupt: it is one of them, but broken; or empty; or has more scans than any real JPEG.
        ImageTooManyPixels: it is larger, or would cost more memory or time, than the limits allow; or it
            is an SVG of more than `svg.MAX_BYTES`.
    """
    if not data:
        raise ImageCorrupt
    try:
        header = _reader(data)(data)
    except (struct.error, IndexError, OverflowError):  # the file ends before its header does
        raise ImageCorrupt from None
    if header.format is not Format.SVG:
        _admit(header, limits)
    return header


def _admit(header: Header, limits: DecodeLimits) -> None:
    pixels = header.width * header.height
    if pixels <= 0 or header.scans > limits.max_scans:
        raise ImageCorrupt
    if (
        pixels > limits.max_pixels
        or header.peak_bytes > limits.max_memory_bytes
        or header.scans * pixels > limits.max_scan_megapixels * 1_000_000
    ):
        raise ImageTooManyPixels


def _reader(data: bytes) -> Callable[[bytes], Header]:
    return next((reader for magic, reader in _MAGIC if magic.match(data)), _svg)


# What an image costs besides its own pixels. Its band, the pixels that are converted at a time: a million, or
# a row. Its narrow copy, squashed to the model's width but not yet to its height. Its sides: the filter, and
# what Pillow keeps for each row.
_BAND_PIXELS, _BAND_PIXEL_BYTES = 2**20, 12
_NARROW_PIXELS, _NARROW_PIXEL_BYTES = 224, 4
_SIDE_BYTES = 64


def _header(kind: Format, width: int, height: int, pixel_bytes: int, extra_bytes: int = 0) -> Header:
    """`pixel_bytes` is what was measured. Pillow takes 1 or 2 for one channel of integers, 4 for all else."""
    pixels = width * height
    band_bytes = min(pixels, max(_BAND_PIXELS, width)) * _BAND_PIXEL_BYTES
    narrow_bytes = min(width, _NARROW_PIXELS) * height * _NARROW_PIXEL_BYTES
    side_bytes = (width + height) * _SIDE_BYTES
    peak_bytes = pixels * pixel_bytes + band_bytes + narrow_bytes + side_bytes + extra_bytes
    return Header(kind, width, height, peak_bytes)


_JPEG_BITS = 8  # a sample; of 12 or 16, which no browser shows, Pillow reads none
_JPEG_COMPONENTS = (1, 3, 4)


def _jpeg(data: bytes) -> Header:
    frame: jpeg.Segment | None = None
    scans, ended = 0, False
    for segment in jpeg.segments(data):
        if segment.marker in jpeg.FRAMES and frame is None:
            frame = segment
        scans += segment.marker == jpeg.SCAN
        ended = segment.marker == jpeg.END
    if frame is None or not scans:
        raise ImageCorrupt
    return _jpeg_frame(data, frame, scans, ended)


def _jpeg_frame(data: bytes, frame: jpeg.Segment, scans: int, ended: bool) -> Header:
    bits, height, width, components = struct.unpack_from(">BHHB", data, frame.at + 2)
    if bits != _JPEG_BITS or components not in _JPEG_COMPONENTS:
        raise ImageUnsupported(f"a JPEG of {components} components of {bits} bits is not read")
    sampling = [divmod(data[frame.at + 9 + 3 * i], 16) for i in range(components)]
    if not all(1 <= h <= 4 and 1 <= v <= 4 for h, v in sampling):
        raise ImageCorrupt
    coefficient_bytes = 0
    if frame.marker in jpeg.PROGRESSIVE or scans > 1:
        # libjpeg then keeps every coefficient: 64 of 2 bytes a block, in whole units of h x v blocks.
        across = -(-width // (8 * max(h for h, _ in sampling)))
        down = -(-height // (8 * max(v for _, v in sampling)))
        coefficient_bytes = 128 * across * down * sum(h * v for h, v in sampling)
    # One without its end is decoded twice, to tell whether its pixels are there.
    header = _header(Format.JPEG, width, height, 4 if ended else 8, coefficient_bytes)
    return replace(header, scans=scans)


_PNG_CHUNK = struct.Struct(">I4s")
_PNG_FIRST_FRAME_ENDS = (b"IEND", b"fdAT")


def _png(data: bytes) -> Header:
    layout = png.read_layout(data)
    _count_png_chunks(data)
    pixel_bytes = 4 if layout.channels > 1 else max(1, layout.depth // 8)
    if (layout.depth, layout.colour) == (16, png.RGB) and b"tRNS" in data[: data.find(b"IDAT")]:
        pixel_bytes = _RGB16_KEY_PIXEL_BYTES
    # The decoder reads a copy of the file without what does not show.
    return _header(Format.PNG, layout.width, layout.height, pixel_bytes, len(data))


# The lower bytes of samples are decoded too, to look for the transparent colour.
_RGB16_KEY_PIXEL_BYTES = 16


def _count_png_chunks(data: bytes) -> None:
    at = 8
    for _ in range(png.MAX_CHUNKS):
        if at + _PNG_CHUNK.size > len(data):
            return
        length, kind = _PNG_CHUNK.unpack_from(data, at)
        if kind in _PNG_FIRST_FRAME_ENDS:
            return
        at += length + 12
    raise ImageCorrupt


_MAX_GIF_PREAMBLE_BYTES = 2**20  # before the first frame: a palette, comments, XMP


def _gif_frame_at(data: bytes) -> int:
    """Offset of the first frame's descriptor. Raises IndexError where there is none, or none so soon."""
    data = data[:_MAX_GIF_PREAMBLE_BYTES]
    at = 13 + _gif_palette_bytes(data[10])
    while data[at] != 0x2C:
        if data[at] == 0x3B:
            raise ImageCorrupt
        at = _after_gif_blocks(data, at + 2) if data[at] == 0x21 else at + 1
    return at


def _gif_palette_bytes(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_gif_blocks(data: bytes, at: int) -> int:
    """Offset past a chain of sub-blocks: each is led by its length, and a length of 0 ends the chain."""
    while length := data[at]:
        at += length + 1
    return at + 1


def first_gif_frame(data: bytes) -> bytes:
    """An admitted GIF without its later frames; all of it where the first has no end."""
    frame_at = _gif_frame_at(data)
    try:
        lzw_at = frame_at + 10 + _gif_palette_bytes(data[frame_at + 9])
        return data[: _after_gif_blocks(data, lzw_at + 1)] + b";"
    except IndexError:
        return data


def _gif(data: bytes) -> Header:
    """Pillow grows the image to hold a frame that reaches beyond the screen."""
    width, height = struct.unpack_from("<HH", data, 6)
    left, top, across, down = struct.unpack_from("<HHHH", data, _gif_frame_at(data) + 1)
    whole = max(width, left + across), max(height, top + down)
    # Round a smaller frame there is a canvas of four channels.
    return _header(Format.GIF, *whole, 3 if whole == (across, down) else 10)


def _webp(data: bytes) -> Header:
    """Pillow holds two RGBA canvases, the frame as bytes, and the image: 16 bytes a pixel."""
    kind = data[12:16]
    if kind == b"VP8X":
        sides = struct.unpack_from("<3s3s", data, 24)
        width, height = (1 + int.from_bytes(side, "little") for side in sides)
    elif kind == b"VP8L" and data[20] == 0x2F:
        bits = struct.unpack_from("<I", data, 21)[0]
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    else:
        raise ImageCorrupt
    return _header(Format.WEBP, width, height, 16)


_BMP_RUN_LENGTH = (1, 2)
_MAX_RUN_LENGTH_PIXELS = 4_000_000  # Pillow unpacks these in Python, at 15 to 500 ns a pixel


def _bmp(data: bytes) -> Header:
    width, height, depth, compression = bmp.read_layout(data)
    if compression in _BMP_RUN_LENGTH and width * height > _MAX_RUN_LENGTH_PIXELS:
        raise ImageTooManyPixels
    return _header(Format.BMP, width, height, 4 if depth > 8 else 1)


_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_DEPTH, _TIFF_SAMPLES = 256, 257, 258, 277
_TIFF_STRIP_ROWS, _TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT = 278, 322, 323
_TIFF_STRIPS, _TIFF_TILES, _TIFF_ORIENTATION = 273, 324, 274
_TIFF_PIXEL_TAGS = frozenset({258, 273, 279, 320, 324, 325, 338, 339})  # whose every value is needed
_TIFF_TYPES = {1: "B", 3: "H", 4: "I", 16: "Q"}
_MAX_TIFF_TAGS = 4096
_MAX_TIFF_STRIPS = 200_000  # Pillow makes a Python tuple of each


def _tiff(data: bytes) -> Header:
    tags = _tiff_tags(data)
    width, height = tags.get(_TIFF_WIDTH, 0), tags.get(_TIFF_HEIGHT, 0)
    sample_bytes = -(-tags.get(_TIFF_DEPTH, 1) * tags.get(_TIFF_SAMPLES, 1) // 8)
    strip_pixels = width * min(height, tags.get(_TIFF_STRIP_ROWS, height))
    tile_pixels = tags.get(_TIFF_TILE_WIDTH, 0) * tags.get(_TIFF_TILE_HEIGHT, 0)
    transposed = tags.get(_TIFF_ORIENTATION, 1) != 1  # Pillow does it at full size
    pixel_bytes = (4 if sample_bytes > 1 else 1) * (2 if transposed else 1)
    return _header(
        Format.TIFF, width, height, pixel_bytes, (tile_pixels or strip_pixels) * max(4, sample_bytes)
    )


def _tiff_tags(data: bytes) -> dict[int, int]:
    """The first value of each integer tag in the first directory."""
    order = "<" if data[:2] == b"II" else ">"
    big = 43 in data[2:4]
    (at,) = struct.unpack_from(order + ("8xQ" if big else "4xI"), data)
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, at)
    entry = struct.Struct(order + ("HHQ8s" if big else "HHI4s"))
    if count > _MAX_TIFF_TAGS:
        raise ImageCorrupt
    tags: dict[int, int] = {}
    for i in range(count):
        tag, kind, length, value = entry.unpack_from(data, at + (8 if big else 2) + i * entry.size)
        if tag in (_TIFF_STRIPS, _TIFF_TILES) and length > _MAX_TIFF_STRIPS:
            raise ImageCorrupt
        if kind in _TIFF_TYPES and length:
            one = struct.Struct(order + _TIFF_TYPES[kind])
            inline = one.size * length <= len(value)
            (offset,) = struct.unpack(order + ("Q" if big else "I"), value)
            if tag in _TIFF_PIXEL_TAGS and not inline and offset + one.size * length > len(data):
                raise ImageCorrupt
            (tags[tag],) = one.unpack_from(value) if inline else one.unpack_from(data, offset)
    return tags


def _svg(data: bytes) -> Header:
    root = svg.read_root(data)
    if root is None:
        raise ImageUnsupported
    if len(data) > svg.MAX_BYTES:
        raise ImageTooManyPixels
    return Header(Format.SVG, max(1, round(root.width)), max(1, round(root.height)))


_MAGIC: tuple[tuple[re.Pattern[bytes], Callable[[bytes], Header]], ...] = (
    (re.compile(rb"\xff\xd8\xff"), _jpeg),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), _png),
    (re.compile(rb"GIF8[79]a"), _gif),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), _webp),
    (re.compile(rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL), _bmp),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), _tiff),
)
