"""Mutations: files that were images once, each made from a number and from nothing else.

    mutant(4711).data

Its seed decides which file it was, of `images.every_kind()` and of some that `raster_kinds` has, and what was
done to that: bits flipped, the end cut off, blocks doubled, moved or taken from another file, lengths and
header fields set to what they should never be. The sums of a PNG's chunks are mostly put right again
afterwards, or no decoder would look any further.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from random import Random

from tests import images
from tests.raster_kinds import every_raster
from tests.rasters import Raster

MAX_BYTES = 200_000
CHANGES_AT_ONCE = (1, 1, 2, 4)
HEADER_BYTES = 100
MAX_COPIES = 300

_RASTERS = (
    *("png-grey-4-key", "png-rgb-16-key", "png-grey-alpha-16", "png-rgba-8-interlaced"),
    *("png-palette-2-partial-alpha-interlaced", "gif-local-palette", "gif-small-frame", "gif-interlaced"),
    *("webp-small-frame", "bmp-4-header-16", "bmp-8-header-12", "bmp-4444-header-108"),
    *("bmp-101010-header-40", "bmp-run-length-4-absolute", "jpeg-4-1-1", "jpeg-rgb", "jpeg-without-end"),
    *("tiff-white-is-0-16-mm", "tiff-grey-12-ii", "tiff-planar-16-ii", "tiff-palette-4", "tiff-tiles"),
    *("jpeg-pictures", "tiff-ycbcr-4-2-0", "tiff-subdirectory"),
)

Change = Callable[[bytearray, Random], bytearray]

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MARKUP = (b"<g>", b"</g>", b"<use href='#a'/>", b"&a;", b"url(#a)", b"<!--", b"]]>", b'"', b"<", b"\0", b"%")
_NUMBERS = (b"0", b"-1", b"1e9", b"1e-9", b"1e308", b"NaN", b"99999999999", b"100%", b"")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A file, and how to make it again.

    Attributes:
        seed: Of this very file.
        name: Seed, and the file that it was.
        data: Its bytes.
    """

    seed: int
    name: str
    data: bytes


def mutant(seed: int) -> Mutant:
    """The mutant of a seed; the kinds of files come in turn."""
    random = Random(seed)
    kinds = _seeds()
    kind = sorted(kinds)[seed % len(kinds)]
    data = bytearray(kinds[kind])
    for _ in range(random.choice(CHANGES_AT_ONCE)):
        data = random.choice(_CHANGES)(data, random)
    if random.random() < 0.7:
        data = _with_sums(data)
    return Mutant(seed, f"{seed} ({kind})", bytes(data[:MAX_BYTES]))


@cache
def _seeds() -> dict[str, bytes]:
    return images.every_kind() | {name: raster.data for name, raster in _rasters()}


def _rasters() -> Iterator[tuple[str, Raster]]:
    """Of each way of storing pixels that `images` has no file for, one."""
    found = every_raster()
    return ((name, found[name]) for name in _RASTERS)


def _flip_bits(data: bytearray, random: Random) -> bytearray:
    for _ in range(random.choice((1, 1, 2, 4, 16)) if data else 0):
        data[_place(data, random)] ^= 1 << random.randrange(8)
    return data


def _overwrite(data: bytearray, random: Random) -> bytearray:
    at = _place(data, random)
    data[at : at + random.randint(0, 8)] = random.randbytes(random.randint(0, 8))
    return data


def _truncate(data: bytearray, random: Random) -> bytearray:
    return data[: random.randint(0, len(data))]


def _splice(data: bytearray, random: Random) -> bytearray:
    """The beginning of this file, and the end of another one; or a piece of that in the midst."""
    other = random.choice(list(_seeds().values()))
    begin, end = sorted(random.choices(range(len(other) + 1), k=2))
    at = _place(data, random)
    return data[:at] + other[begin:] if random.random() < 0.5 else data[:at] + other[begin:end] + data[at:]


def _repeat_a_block(data: bytearray, random: Random) -> bytearray:
    begin, end = _block(data, random)
    copies = random.choice((1, 2, 10, MAX_COPIES))
    return (data[:end] + data[begin:end] * copies + data[end:])[:MAX_BYTES]


def _drop_a_block(data: bytearray, random: Random) -> bytearray:
    begin, end = _block(data, random)
    return data[:begin] + data[end:]


def _move_a_block(data: bytearray, random: Random) -> bytearray:
    begin, end = _block(data, random)
    rest = data[:begin] + data[end:]
    at = _place(rest, random)
    return rest[:at] + data[begin:end] + rest[at:]


def _set_a_field(data: bytearray, random: Random) -> bytearray:
    """A length, count, size or offset becomes an extreme one, or is off by one."""
    found = [field for field in _fields(bytes(data)) if field[0] + struct.calcsize(field[1]) <= len(data)]
    if not found:
        return _flip_bits(data, random)
    at, kind = random.choice(found)
    top = 1 << 8 * struct.calcsize(kind)
    (now,) = struct.unpack_from(kind, data, at)
    extremes = (0, 1, 2, 255, 65535, top - 1, top // 2, top // 2 - 1, now + 1, now - 1, 2 * now, now // 2)
    struct.pack_into(kind, data, at, random.choice(extremes) % top)
    return data


def _mark_up(data: bytearray, random: Random) -> bytearray:
    """Markup where none belongs, or a number that is none; in a file without markup, a changed field."""
    if b"<" not in data[:HEADER_BYTES]:
        return _set_a_field(data, random)
    numbers = list(re.finditer(rb"\d+", data))
    if numbers and random.random() < 0.5:
        found = random.choice(numbers)
        data[found.start() : found.end()] = random.choice(_NUMBERS)
        return data
    at = _place(data, random)
    data[at:at] = random.choice(_MARKUP)
    return data


_CHANGES: tuple[Change, ...] = (
    *(_flip_bits, _overwrite, _truncate, _splice, _mark_up),
    *(_repeat_a_block, _drop_a_block, _move_a_block),
    *(_set_a_field, _set_a_field, _set_a_field),
)


def _place(data: bytearray, random: Random) -> int:
    """Somewhere in a file; every other time in its header."""
    end = len(data) if random.random() < 0.5 else min(HEADER_BYTES, len(data))
    return random.randrange(end) if end else 0


def _block(data: bytearray, random: Random) -> tuple[int, int]:
    """From one field to another, as chunks and segments go; or anything."""
    edges = [at for at, _ in _fields(bytes(data))] if random.random() < 0.7 else []
    if len(edges) < 2:
        edges = [_place(data, random), _place(data, random)]
    begin, end = sorted(random.choices(edges, k=2))
    return begin, end


def _fields(data: bytes) -> Iterator[tuple[int, str]]:
    """Offset and struct format of numbers that decoders believe."""
    if data.startswith(_PNG_SIGNATURE):
        yield from _png_fields(data)
    elif data.startswith(b"\xff\xd8"):
        yield from _jpeg_fields(data)
    elif data.startswith(b"GIF8"):
        yield from _gif_fields(data)
    elif data.startswith(b"RIFF"):
        yield from _webp_fields(data)
    elif data.startswith(b"BM"):
        yield from ((at, "<I") for at in (2, 10, 14, 18, 22, 30, 34, 46))
        yield from ((at, "<H") for at in (26, 28))
    elif data[:2] in (b"II", b"MM"):
        yield from _tiff_fields(data)


def _png_fields(data: bytes) -> Iterator[tuple[int, str]]:
    yield from ((at, ">I") for at in (16, 20))
    yield from ((at, "B") for at in range(24, 29))
    at = len(_PNG_SIGNATURE)
    while at + 8 <= len(data):
        yield at, ">I"
        at += 12 + struct.unpack_from(">I", data, at)[0]


def _jpeg_fields(data: bytes) -> Iterator[tuple[int, str]]:
    """Lengths of segments, and what a frame or scan says first."""
    for found in re.finditer(rb"\xff[\xc0-\xcf\xd9-\xfe]", data):
        at = found.end()
        yield at, ">H"
        if data[at - 1] & 0xF0 == 0xC0:
            yield from ((at + 3, ">H"), (at + 5, ">H"), (at + 7, "B"), (at + 9, "B"))


def _gif_fields(data: bytes) -> Iterator[tuple[int, str]]:
    yield from ((6, "<H"), (8, "<H"), (10, "B"))
    for found in re.finditer(rb"[!,]", data):
        yield from ((found.end() + offset, "<H") for offset in (0, 2, 4, 6))
        yield from ((found.end() + offset, "B") for offset in (1, 8, 9, 10))


def _webp_fields(data: bytes) -> Iterator[tuple[int, str]]:
    yield 4, "<I"
    at = 12
    while at + 8 <= len(data):
        yield at + 4, "<I"
        yield from ((at + offset, "<I") for offset in (8, 9, 12, 14))
        at += 8 + (struct.unpack_from("<I", data, at + 4)[0] + 1 & ~1)


def _tiff_fields(data: bytes) -> Iterator[tuple[int, str]]:
    """The first directory's entries: tag, type, count and value."""
    if len(data) < 16:
        return
    order = "<" if data.startswith(b"II") else ">"
    big = 43 in data[2:4]
    directory, count, entry = ("Q", "Q", 20) if big else ("I", "H", 12)
    start = 8 if big else 4
    (at,) = struct.unpack_from(order + directory, data, start)
    yield from ((start, order + directory), (at, order + count))
    first = at + struct.calcsize(order + count)
    for tag in range(first, min(len(data), first + 40 * entry) - entry, entry):
        yield from ((tag, order + "H"), (tag + 2, order + "H"))
        yield from ((tag + 4, order + directory), (tag + 4 + struct.calcsize(order + directory), order + "I"))


def _with_sums(data: bytearray) -> bytearray:
    """A PNG whose chunks have the sums that they should; any other file as it is."""
    at = len(_PNG_SIGNATURE)
    while data.startswith(_PNG_SIGNATURE) and at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        if at + 12 + length > len(data):
            break
        struct.pack_into(">I", data, at + 8 + length, zlib.crc32(data[at + 4 : at + 8 + length]))
        at += 12 + length
    return data
