"""Raster files written byte by byte, each with the picture that everyone sees in it.

    every_raster()["png-grey-4-key"].shown

No decoder takes part: the samples are chosen, packed as the format's specification says, and the picture is
reckoned from those samples.
"""

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests import images

Samples = NDArray[np.int64]
"""[height, width, channels], each from 0 to what its depth in bits holds."""

Shown = NDArray[np.float64]
"""[height, width, 3], 0..255, on white."""

Tags = Mapping[int, int | Sequence[int]]
"""A TIFF's."""

WIDTH, HEIGHT = 48, 32


@dataclass(frozen=True, slots=True)
class Raster:
    """A file, and what it shows.

    Attributes:
        data: Its bytes.
        shown: Its picture.
        tolerance: Levels of 255 by which a decoder may be away from that, on average.
    """

    data: bytes
    shown: Shown
    tolerance: float = 1.0


def colours(depth: int = 8) -> Samples:
    """RGB: the gradient with a disc of `images.picture`, as samples of a depth."""
    values = np.asarray(images.picture(WIDTH, HEIGHT), np.float64)
    samples: Samples = np.rint(values / 255 * (2**depth - 1)).astype(np.int64)
    return samples


def greys(depth: int = 8) -> Samples:
    """One channel of it."""
    return colours(depth)[..., :1]


def alphas(depth: int = 8) -> Samples:
    """One channel, from transparent at the left to opaque at the right."""
    ramp = np.linspace(0, 2**depth - 1, WIDTH)
    samples: Samples = np.rint(np.broadcast_to(ramp[None, :, None], (HEIGHT, WIDTH, 1))).astype(np.int64)
    return samples


def shown(samples: Samples, depth: int, alpha: Samples | None = None) -> Shown:
    """The picture of grey or RGB samples, on white where they are transparent; unassociated alpha."""
    colour = np.broadcast_to(samples, (*samples.shape[:2], 3)) / (2**depth - 1)
    opacity = 1.0 if alpha is None else alpha / (2**depth - 1)
    return np.asarray(255 * (colour * opacity + 1 - opacity), np.float64)


def shown_without(samples: Samples, depth: int, key: Sequence[int]) -> Shown:
    """The picture of samples of which one colour is transparent."""
    opaque = (samples != np.asarray(key)).any(axis=-1, keepdims=True)
    return np.where(opaque, shown(samples, depth), 255.0)


def packed(samples: Samples, depth: int, order: str = ">") -> bytes:
    """Rows one after another, each of whole bytes, the first sample in the highest bits."""
    rows = samples.reshape(samples.shape[0], -1)
    if depth == 16 or depth == 32:
        return rows.astype(f"{order}u{depth // 8}").tobytes()
    bits = rows[..., None] >> np.arange(depth - 1, -1, -1) & 1
    return np.packbits(bits.reshape(rows.shape[0], -1).astype(np.uint8), axis=1).tobytes()


def squashed(picture: Shown, width: int = 224, height: int = 224) -> Shown:
    """[height, width, 3]: shrunk or widened channel by channel, in floats, with nothing rounded."""
    bands = (Image.fromarray(np.ascontiguousarray(picture[..., i], np.float32)) for i in range(3))
    return np.dstack([np.asarray(band.resize((width, height), Image.Resampling.BILINEAR)) for band in bands])


# --- PNG: colour types 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGB and alpha.

_ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def _filtered(samples: Samples, depth: int) -> bytes:
    """A filter byte, which is none, before each row."""
    if not samples.size:
        return b""
    rows = np.frombuffer(packed(samples, depth), np.uint8).reshape(samples.shape[0], -1)
    return np.insert(rows, 0, 0, axis=1).tobytes()


def png(samples: Samples, depth: int, colour: int, *chunks: bytes, interlaced: bool = False) -> bytes:
    """Of any depth and colour type; `chunks` stand before the pixels."""
    height, width = samples.shape[:2]
    passes = [samples[y::down, x::across] for y, x, down, across in _ADAM7] if interlaced else [samples]
    rows = b"".join(_filtered(part, depth) for part in passes)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            images.png_chunk(b"IHDR", header),
            *chunks,
            images.png_chunk(b"IDAT", zlib.compress(rows)),
            images.png_chunk(b"IEND", b""),
        )
    )


def png_key(*values: int) -> bytes:
    """A tRNS chunk that names one grey or colour."""
    return images.png_chunk(b"tRNS", struct.pack(f">{len(values)}H", *values))


def png_palette(entries: NDArray[np.uint8]) -> bytes:
    return images.png_chunk(b"PLTE", entries.tobytes())


def palette_entries(count: int) -> NDArray[np.uint8]:
    """[count, 3]: no two alike, and none of them grey."""
    index = np.arange(count)
    step = 256 // count
    return np.stack([index * step, 255 - index * step, (index * step + 90) % 256], axis=-1).astype(np.uint8)


# --- GIF.


def gif(
    indices: Samples,
    palette: NDArray[np.uint8],
    *,
    screen: tuple[int, int] | None = None,
    at: tuple[int, int] = (0, 0),
    background: int = 0,
    transparent: int | None = None,
    local: bool = False,
    interlaced: bool = False,
    disposal: int = 0,
) -> bytes:
    """A GIF of one frame, which stands `at` (x, y) on a screen of (width, height); 256 colours."""
    height, width = indices.shape[:2]
    across, down = screen or (width, height)
    table = palette.tobytes().ljust(768, b"\0")
    flags = 0x80 if local else 0
    rows = np.concatenate([indices[start::step] for start, step in ((0, 8), (4, 8), (2, 4), (1, 2))])
    return b"".join(
        (
            b"GIF89a" + struct.pack("<HHBBB", across, down, 0 if local else 0xF7, background, 0),
            b"" if local else table,
            struct.pack(
                "<BBBBHBB", 0x21, 0xF9, 4, disposal << 2 | (transparent is not None), 0, transparent or 0, 0
            ),
            struct.pack(
                "<BHHHHB", 0x2C, *at, width, height, flags | (7 if local else 0) | (0x40 if interlaced else 0)
            ),
            table if local else b"",
            b"\x08" + _sub_blocks(_lzw((rows if interlaced else indices).reshape(-1).tolist())) + b";",
        )
    )


def _lzw(values: Sequence[int]) -> bytes:
    """Codes of nine bits: the table is cleared before it needs more."""
    codes: list[int] = []
    for first in range(0, len(values), 250):
        codes += [256, *values[first : first + 250]]
    bits = np.asarray([*codes, 257])[:, None] >> np.arange(9) & 1
    return np.packbits(bits.reshape(-1).astype(np.uint8), bitorder="little").tobytes()


def _sub_blocks(data: bytes) -> bytes:
    blocks = (data[first : first + 255] for first in range(0, len(data), 255))
    return b"".join(bytes((len(block),)) + block for block in blocks) + b"\0"


# --- WebP.


def webp_of_small_frame(image: Image.Image, canvas: tuple[int, int], at: tuple[int, int]) -> bytes:
    """An animation of one frame without alpha, smaller than the canvas; `at` has even numbers."""
    still = images.webp(image.convert("RGB"))
    (length,) = struct.unpack_from("<I", still, 16)
    bitstream = still[12 : 20 + length + (length & 1)]
    frame = b"".join(
        number.to_bytes(3, "little")
        for number in (at[0] // 2, at[1] // 2, image.width - 1, image.height - 1, 100)
    )
    sides = b"".join((side - 1).to_bytes(3, "little") for side in canvas)
    body = b"WEBP" + _riff(b"VP8X", b"\x02\0\0\0" + sides) + _riff(b"ANIM", b"\0\0\0\xff\0\0")
    body += _riff(b"ANMF", frame + b"\0" + bitstream)
    return _riff(b"RIFF", body)


def _riff(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1)


# --- BMP: the pixels' rows come from the top; they are stored from the bottom unless `top_down`.


def bmp(
    rows: Sequence[bytes],
    width: int,
    depth: int,
    *,
    header_bytes: int = 40,
    compression: int = 0,
    masks: Sequence[int] = (),
    palette: NDArray[np.uint8] | None = None,
    top_down: bool = False,
    pixels: bytes | None = None,
) -> bytes:
    """Of any header and depth. `masks` are those of red, green, blue and perhaps alpha."""
    height = len(rows)
    padded = [row.ljust(-(-len(row) // 4) * 4, b"\0") for row in rows]
    body = pixels if pixels is not None else b"".join(padded if top_down else padded[::-1])
    if header_bytes == 12:
        info = struct.pack("<IHHHH", 12, width, height, 1, depth)
    else:
        used = 0 if palette is None else len(palette)
        info = struct.pack("<IiiHH", header_bytes, width, -height if top_down else height, 1, depth)
        info += struct.pack("<IIiiII", compression, len(body), 0, 0, used, 0)
        info = (info + struct.pack(f"<{len(masks)}I", *masks) if header_bytes > 40 else info)[:header_bytes]
        info = info.ljust(header_bytes, b"\0")
        info += struct.pack(f"<{len(masks)}I", *masks) if header_bytes == 40 else b""
    table = b""
    if palette is not None:
        bgr = palette[:, ::-1].tobytes()
        table = bgr if header_bytes == 12 else b"".join(bgr[i : i + 3] + b"\0" for i in range(0, len(bgr), 3))
    offset = 14 + len(info) + len(table)
    return b"BM" + struct.pack("<IHHI", offset + len(body), 0, 0, offset) + info + table + body


def bmp_masked(channels: Sequence[tuple[Samples, int]], depth: int) -> list[bytes]:
    """Rows of pixels of `depth` bits: each channel's samples, moved up to the lowest bit of its mask."""
    words = sum(
        (samples[..., 0] << shift for samples, shift in channels), np.zeros((HEIGHT, WIDTH), np.int64)
    )
    return [row.astype(f"<u{depth // 8}").tobytes() for row in words]


# --- TIFF.

_TIFF_SHORT, _TIFF_LONG = (3, "H"), (4, "I")


def tiff(
    strips: Sequence[bytes],
    tags: Tags,
    *,
    order: str = "<",
    width: int = WIDTH,
    height: int = HEIGHT,
) -> bytes:
    """A TIFF of strips, or of tiles where the tags have a tile's size; the tags are shorts."""
    tiled = 322 in tags
    offsets, data = [], bytearray()
    for strip in strips:
        offsets.append(8 + len(data))
        data += strip + b"\0" * (len(strip) & 1)
    fields: dict[int, int | Sequence[int]] = {256: width, 257: height, 259: 1, 277: 1, **tags}
    if not tiled:
        fields.setdefault(278, height)
    fields[324 if tiled else 273] = offsets
    fields[325 if tiled else 279] = [len(strip) for strip in strips]
    entries, extra, extra_at = b"", b"", 8 + len(data) + 2 + 12 * len(fields) + 4
    for tag, value in sorted(fields.items()):
        values = [value] if isinstance(value, int) else list(value)
        kind, letter = _TIFF_LONG if tag in (273, 279, 324, 325) else _TIFF_SHORT
        raw = struct.pack(f"{order}{len(values)}{letter}", *values)
        place = raw.ljust(4, b"\0")
        if len(raw) > 4:
            place = struct.pack(order + "I", extra_at + len(extra))
            extra += raw + b"\0" * (len(raw) & 1)
        entries += struct.pack(order + "HHI", tag, kind, len(values)) + place
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8 + len(data))
    return head + bytes(data) + struct.pack(order + "H", len(fields)) + entries + bytes(4) + extra
