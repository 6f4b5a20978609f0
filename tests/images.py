"""Images for tests, made in memory: every format, every awkward mode, and bombs. Nothing here is a file.

Encoders take a Pillow image, `picture()` by default, and return a file's bytes.
"""

import base64
import io
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageChops, TiffImagePlugin

ORIENTATION = 0x0112  # EXIF

XMP_TURNED = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    b"</rdf:RDF></x:xmpmeta>"
)
"""XMP that asks for a quarter turn. Nobody who shows a picture heeds it."""


def picture(width: int = 96, height: int = 64, mode: str = "RGB") -> Image.Image:
    """A smooth gradient with a dark disc off its centre: no two of its eight rotations are alike."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    u, v = x / max(1, width - 1), y / max(1, height - 1)
    rgb = np.stack([60 + 180 * u, 200 - 150 * v, 90 + 100 * u * v], axis=-1)
    rgb[(u - 0.3) ** 2 + (v - 0.35) ** 2 < 0.03] = (20, 30, 40)
    return Image.fromarray(rgb.astype(np.uint8)).convert(mode)


def see_through(width: int = 96, height: int = 64) -> Image.Image:
    """RGBA: opaque at the left, fading to nothing at the right, with black hidden below nothing."""
    image = picture(width, height, "RGBA")
    alpha = Image.linear_gradient("L").transpose(Image.Transpose.ROTATE_270).resize((width, height))
    image.putalpha(alpha)
    hidden = Image.new("RGBA", image.size, (0, 0, 0, 0))
    return Image.composite(image, hidden, alpha.point(lambda value: 255 if value else 0))


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The file that Pillow's encoder of that name writes."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def one_colour(colour: str, width: int = 40, height: int = 30) -> bytes:
    """A PNG."""
    return png(Image.new("RGB", (width, height), colour))


def jpeg(image: Image.Image | None = None, *, quality: int = 95, **options: Any) -> bytes:
    return encode(image or picture(), "JPEG", quality=quality, **options)


def jpeg_oriented(image: Image.Image, orientation: int) -> bytes:
    """A JPEG whose EXIF asks for one of the turns 1 to 8; lossless enough to compare (quality 100, 4:4:4)."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encode(image, "JPEG", quality=100, subsampling=0, exif=exif)


def jpeg_cmyk(image: Image.Image | None = None, *, marker: bool = True) -> bytes:
    """A CMYK JPEG with inverted inks, as Adobe writes and everyone reads them; its marker may lack."""
    data = encode((image or picture()).convert("CMYK"), "JPEG", quality=100, subsampling=0)
    at = data.index(b"\xff\xee")
    return data if marker else data[:at] + data[at + 2 + struct.unpack_from(">H", data, at + 2)[0] :]


def jpeg_ycck(image: Image.Image | None = None) -> bytes:
    """A JPEG with Adobe's other coding of CMYK; Pillow reads it but does not write it."""
    cyan, magenta, yellow, black = (image or picture()).convert("CMYK").split()
    coded = Image.merge("RGB", (cyan, magenta, yellow)).convert("YCbCr").split()
    planes = Image.merge("CMYK", (*(ImageChops.invert(plane) for plane in coded), black))
    data = bytearray(encode(planes, "JPEG", quality=100, subsampling=0))
    data[data.index(b"Adobe") + 11] = 2
    return bytes(data)


def png(image: Image.Image | None = None, **options: Any) -> bytes:
    return encode(image or picture(), "PNG", **options)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_raw(width: int, height: int, depth: int, colour: int, rows: bytes, *chunks: bytes) -> bytes:
    """A PNG from its parts: unfiltered rows without their filter bytes, and chunks to precede the pixels."""
    stride = len(rows) // height
    filtered = b"".join(b"\0" + rows[at : at + stride] for at in range(0, len(rows), stride))
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)),
            *chunks,
            png_chunk(b"IDAT", zlib.compress(filtered)),
            png_chunk(b"IEND", b""),
        )
    )


def png_rgb16(image: Image.Image) -> bytes:
    """RGB of 16 bits a channel, which Pillow reads but does not write."""
    values = np.asarray(image.convert("RGB")).astype(">u2") * 257
    return png_raw(*image.size, 16, 2, values.astype(">u2").tobytes())


def grey16(image: Image.Image) -> Image.Image:
    """Pillow's mode I;16."""
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


def palette(image: Image.Image | None = None) -> Image.Image:
    """Pillow's mode P, of 16 colours."""
    return (image or picture()).quantize(16)


def gif(image: Image.Image | None = None, **options: Any) -> bytes:
    return encode(palette(image), "GIF", **options)


def webp(image: Image.Image | None = None, *, lossless: bool = True, **options: Any) -> bytes:
    return encode(image or picture(), "WEBP", lossless=lossless, exact=True, **options)


def bmp(image: Image.Image | None = None, **options: Any) -> bytes:
    return encode(image or picture(), "BMP", **options)


def bmp_run_length(width: int, height: int, body: bytes) -> bytes:
    """An 8-bit BMP with run-length coded pixels and a palette of colours."""
    colours = b"".join(bytes((i, 255 - i, 7 * i % 256, 0)) for i in range(256))
    offset = 14 + 40 + len(colours)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(body), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", offset + len(body), 0, 0, offset) + info + colours + body


def bmp_of_short_runs(width: int = 2000, height: int = 2000) -> bytes:
    """A run-length coded BMP in which no run is of more than a pixel."""
    return bmp_run_length(width, height, (b"\1\1" * width + b"\0\0") * height + b"\0\1")


def tiff(image: Image.Image | None = None, **options: Any) -> bytes:
    return encode(image or picture(), "TIFF", **options)


def tiff_oriented(image: Image.Image, orientation: int) -> bytes:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[ORIENTATION] = orientation
    return tiff(image, tiffinfo=tags)


def tiff_grey32(image: Image.Image) -> bytes:
    """Grey of 32 bits without a sign, white at the highest; Pillow writes them as signed."""
    values = np.asarray(image.convert("L")).astype(np.uint32) * 0x01010101
    data = tiff(Image.fromarray(values.view(np.int32)))
    signed = struct.pack("<HHIH", 339, 3, 1, 2)  # SampleFormat, one short
    assert data.count(signed) == 1
    return data.replace(signed, struct.pack("<HHIH", 339, 3, 1, 1))


def tiff_float(image: Image.Image) -> bytes:
    """Grey of 32 bits of floating point, white at 1."""
    return tiff(Image.fromarray(np.asarray(image.convert("L"), np.float32) / 255))


def animation(kind: str, frames: Sequence[Image.Image]) -> bytes:
    """An animated GIF, WebP or PNG, or a TIFF of several pages."""
    options = {"lossless": True} if kind == "WEBP" else {}
    return encode(frames[0], kind, save_all=True, append_images=frames[1:], **options)


SVG_NAMESPACES = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'


def svg(body: str, attributes: str = 'width="100" height="100"', before: str = "") -> bytes:
    return f"{before}<svg {SVG_NAMESPACES} {attributes}>{body}</svg>".encode()


def svg_logo() -> bytes:
    """What people upload: an orange disc on a blue field, written by an editor."""
    return svg(
        '<metadata><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></metadata>'
        '<rect width="200" height="100" fill="#003399"/><circle cx="100" cy="50" r="30" fill="orange"/>',
        'width="200" height="100" viewBox="0 0 200 100"',
        before='<?xml version="1.0" encoding="UTF-8"?>\n<!-- Created with an editor -->\n',
    )


def svg_embedding(image: bytes, kind: str = "png") -> bytes:
    """An SVG that is all one raster image."""
    href = f"data:image/{kind};base64,{base64.b64encode(image).decode()}"
    return svg(f'<image width="100" height="100" preserveAspectRatio="none" xlink:href="{href}"/>')


def svg_entity_bomb() -> bytes:
    """Billion laughs."""
    entities = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    before = f'<!DOCTYPE svg [<!ENTITY a0 "{"lol" * 10}">{entities}]>'
    return svg("<text>&a9;</text>", before=before)


def svg_quadratic_bomb() -> bytes:
    """One long entity, named many times."""
    before = f'<!DOCTYPE svg [<!ENTITY a "{"a" * 50_000}">]>'
    return svg(f"<text>{'&a;' * 50_000}</text>", before=before)


def svg_nested(depth: int = 100_000) -> bytes:
    return svg("<g>" * depth + "</g>" * depth)


def svg_blurs(blurs: int = 3000) -> bytes:
    """One shape, blurred over and over."""
    blur = '<feGaussianBlur stdDeviation="200"/>'
    return svg(
        f'<filter id="f">{blur * blurs}</filter><rect width="999" height="999" filter="url(#f)"/>',
        'width="1000" height="1000"',
    )


def svg_effects(kind: str, attribute: str, depth: int = 100) -> bytes:
    """Each mask, clip path or pattern has two uses of the one before: 2^depth of the first."""

    def shapes(level: int) -> str:
        value = f"url(#e{level})" if level >= 0 else "white"
        return "".join(f'<rect width="{side}" height="{side}" {attribute}="{value}"/>' for side in (80, 90))

    size = 'width="9" height="9" patternUnits="userSpaceOnUse"'
    levels = "".join(f'<{kind} id="e{level}" {size}>{shapes(level - 1)}</{kind}>' for level in range(depth))
    return svg(levels + shapes(depth - 1))


def svg_uses(width: int = 10, depth: int = 10) -> bytes:
    """A tree of <use>: width^depth leaves."""
    levels = "".join(
        f'<g id="u{level}">' + f'<use xlink:href="#u{level - 1}"/>' * width + "</g>"
        for level in range(1, depth)
    )
    return svg(
        f'<defs><g id="u0"><rect width="9" height="9"/></g>{levels}</defs><use xlink:href="#u{depth - 1}"/>'
    )


def svg_comment(size: int) -> bytes:
    """A comment of so many bytes, and then an SVG."""
    return b"<!--" + b"a" * size + b"-->" + svg_logo().split(b"?>", 1)[1].lstrip()


def scan_bomb(scans: int = 5000, side: int = 64) -> bytes:
    """A progressive grey JPEG whose last scan, of a few bytes, comes again and again: a pass each time."""
    data = jpeg(Image.new("L", (side, side), 128), progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * scans + data[-2:]


def webp_bomb(side: int = 16383) -> bytes:
    """38 bytes that decode to as many as 268 megapixels of one colour."""
    small = webp(Image.new("RGB", (16, 16), (9, 8, 7)))
    at = small.index(b"\x2f", 20) + 1
    (bits,) = struct.unpack_from("<I", small, at)
    sides = (side - 1) << 14 | (side - 1)
    return small[:at] + struct.pack("<I", bits >> 28 << 28 | sides) + small[at + 4 :]


def png_bomb(width: int = 65535, height: int = 65535) -> bytes:
    """A PNG whose header asks for 4 gigapixels."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    pixels = png_chunk(b"IDAT", zlib.compress(b"\0" * 100_000))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + png_chunk(b"IEND", b"")


def gif_bomb(width: int = 65535, height: int = 65535) -> bytes:
    """A GIF whose small screen has a first frame of 4 gigapixels."""
    frame = struct.pack("<BHHHHB", 0x2C, 0, 0, width, height, 0) + b"\x08\x01\0\0;"
    return b"GIF89a" + struct.pack("<HHBBB", 10, 10, 0, 0, 0) + frame


def png_of_chunks(chunks: int, kind: bytes = b"aaAa") -> bytes:
    """A small PNG with so many empty chunks before its pixels."""
    return png_raw(8, 8, 8, 0, bytes(range(64)), png_chunk(kind, b"") * chunks)


def gif_of_frames(frames: int) -> bytes:
    """A small GIF with the same frame again and again."""
    data = gif(Image.new("P", (8, 8), 1))
    at = data.index(b",")
    return data[:at] + data[at:-1] * frames + b";"


def webp_of_frames(frames: int) -> bytes:
    """A small WebP whose frames all differ, or the encoder would join them."""
    return animation("WEBP", [Image.new("RGB", (8, 8), (i % 256, i // 256 % 256, 0)) for i in range(frames)])


def tiff_loop() -> bytes:
    """A TIFF whose first directory names itself as the next."""
    data = bytearray(tiff())
    (at,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, at)
    struct.pack_into("<I", data, at + 2 + 12 * entries, at)
    return bytes(data)


def tiff_of_a_giant_tile(side: int = 2**30) -> bytes:
    """A small TIFF in one tile that is no such thing."""
    numbers = {256: 100, 257: 100, 258: 8, 259: 1, 262: 1, 277: 1, 322: side, 323: side, 324: 0, 325: 9}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, number) for tag, number in numbers.items())
    return b"II*\0" + struct.pack("<IH", 8, len(numbers)) + entries + bytes(20)


def metadata_bomb(kind: bytes = b"iCCP") -> bytes:
    """A small PNG with a compressed profile or text chunk that unpacks to 80 MiB."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(b"\0" * 2**20) for _ in range(80)) + packer.flush()
    before = b"name\0\1\0\0\0" if kind == b"iTXt" else b"name\0\0"
    return png_raw(8, 8, 8, 0, bytes(range(64)), png_chunk(kind, before + packed))


def every_kind() -> dict[str, bytes]:
    """One legal file for every format and mode, by name; all but the SVGs show `picture()`."""
    rgb, clear = picture(), see_through()
    colour = palette()
    return {
        "jpeg": jpeg(),
        "jpeg-progressive": jpeg(progressive=True),
        "jpeg-grey": jpeg(rgb.convert("L")),
        "jpeg-cmyk": jpeg_cmyk(),
        "jpeg-cmyk-plain": jpeg_cmyk(marker=False),
        "jpeg-ycck": jpeg_ycck(),
        "jpeg-oriented": jpeg_oriented(rgb, 6),
        "png": png(),
        "png-rgba": png(clear),
        "png-grey": png(rgb.convert("L")),
        "png-grey-alpha": png(clear.convert("LA")),
        "png-grey-16": png(grey16(rgb)),
        "png-rgb-16": png_rgb16(rgb),
        "png-1-bit": png(rgb.convert("1")),
        "png-palette": png(colour),
        "png-palette-transparent": png(colour, transparency=0),
        "png-colour-key": png(rgb, transparency=(20, 30, 40)),
        "png-animated": animation("PNG", [rgb, rgb.rotate(180)]),
        "gif": gif(),
        "gif-transparent": gif(transparency=0),
        "gif-animated": animation("GIF", [rgb, rgb.rotate(180)]),
        "webp": webp(),
        "webp-lossy": webp(lossless=False),
        "webp-rgba": webp(clear),
        "webp-animated": animation("WEBP", [rgb, rgb.rotate(180)]),
        "bmp": bmp(),
        "bmp-palette": bmp(colour),
        "bmp-1-bit": bmp(rgb.convert("1")),
        "bmp-32-bit": bmp(clear),
        "bmp-run-length": bmp_run_length(8, 2, b"\x08\x10\0\0\x04\x20\x04\x30\0\x01"),
        "tiff": tiff(),
        "tiff-lzw": tiff(compression="tiff_lzw"),
        "tiff-jpeg": tiff(compression="jpeg"),
        "tiff-cmyk": tiff(rgb.convert("CMYK")),
        "tiff-16": tiff(grey16(rgb)),
        "tiff-32": tiff_grey32(rgb),
        "tiff-float": tiff_float(rgb),
        "tiff-1-bit": tiff(rgb.convert("1"), compression="group4"),
        "tiff-lab": tiff(rgb.convert("LAB")),
        "tiff-rgba": tiff(clear),
        "tiff-oriented": tiff_oriented(rgb, 6),
        "tiff-big": tiff(big_tiff=True),
        "tiff-pages": animation("TIFF", [rgb, rgb.rotate(180)]),
        "svg": svg_logo(),
        "svg-utf16": svg_logo().decode().replace("UTF-8", "UTF-16").encode("utf-16"),
        "svg-embedding": svg_embedding(png()),
    }
