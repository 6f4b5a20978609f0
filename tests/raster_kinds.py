"""Kinds of rasters that decoders disagree on, each with the picture that everyone sees in it.

every_raster()["png-grey-4-key"].shown
"""

import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image, TiffImagePlugin

from tests import images
from tests.rasters import (
    HEIGHT,
    WIDTH,
    Raster,
    Samples,
    Shown,
    Tags,
    alphas,
    bmp,
    bmp_masked,
    colours,
    gif,
    greys,
    packed,
    palette_entries,
    png,
    png_key,
    png_palette,
    shown,
    shown_without,
    tiff,
    webp_of_small_frame,
)

Kinds = Iterator[tuple[str, Raster]]


def every_raster() -> dict[str, Raster]:
    """By name; a name begins with the format."""
    makers = (
        _png_depths,
        _png_keys,
        _png_palettes,
        _gifs,
        _webps,
        _bmps,
        _bmp_masks,
        _bmp_run_lengths,
        _jpegs,
    )
    return dict(kind for maker in (*makers, *_TIFFS) for kind in maker())


def _png_depths() -> Kinds:
    """All depths of all colour types, each interlaced too."""
    for interlaced in (False, True):
        suffix = "-interlaced" if interlaced else ""
        for depth in (1, 2, 4, 8, 16):
            grey = greys(depth)
            yield (
                f"png-grey-{depth}{suffix}",
                Raster(png(grey, depth, 0, interlaced=interlaced), shown(grey, depth)),
            )
        for depth in (8, 16):
            grey, rgb, alpha = greys(depth), colours(depth), alphas(depth)
            both, all_four = np.dstack([grey, alpha]), np.dstack([rgb, alpha])
            yield (
                f"png-rgb-{depth}{suffix}",
                Raster(png(rgb, depth, 2, interlaced=interlaced), shown(rgb, depth)),
            )
            yield (
                f"png-grey-alpha-{depth}{suffix}",
                Raster(png(both, depth, 4, interlaced=interlaced), shown(grey, depth, alpha)),
            )
            yield (
                f"png-rgba-{depth}{suffix}",
                Raster(png(all_four, depth, 6, interlaced=interlaced), shown(rgb, depth, alpha)),
            )


def _png_keys() -> Kinds:
    """One colour is transparent. At 16 bits, its neighbours have the same upper eight."""
    for depth in (1, 2, 4, 8, 16):
        grey = greys(depth)
        key = int(grey[HEIGHT // 2, WIDTH // 2, 0])
        yield (
            f"png-grey-{depth}-key",
            Raster(png(grey, depth, 0, png_key(key)), shown_without(grey, depth, [key])),
        )
    for depth in (8, 16):
        rgb = colours(depth)
        rgb[8:24, 8:40] = key_rgb = (0x1234 >> 16 - depth, 0x5678 >> 16 - depth, 0x9ABC >> 16 - depth)
        if depth == 16:
            rgb[12:16, 8:40, 2] += 1
        data = png(rgb, depth, 2, png_key(*key_rgb))
        yield f"png-rgb-{depth}-key", Raster(data, shown_without(rgb, depth, key_rgb))
    rgb = colours(8)
    rgb[8:24, 8:40] = (1, 2, 3)
    wide = png(rgb, 8, 2, png_key(0xFF01, 0xFF02, 0xFF03))
    yield "png-rgb-8-key-of-more-bits", Raster(wide, shown_without(rgb, 8, (1, 2, 3)))


def _indices(count: int) -> Samples:
    """[height, width, 1]: vertical stripes of a palette's entries, one after another."""
    return np.broadcast_to(np.arange(WIDTH)[None, :, None] * count // WIDTH, (HEIGHT, WIDTH, 1)).astype(
        np.int64
    )


def _png_palettes() -> Kinds:
    for depth in (1, 2, 4, 8):
        count = min(2**depth, WIDTH)
        index, table = _indices(count), palette_entries(count)
        rgb = table[index[..., 0]].astype(np.int64)
        clear = images.png_chunk(b"tRNS", bytes((0, 128)))
        alpha = np.where(index == 0, 0, np.where(index == 1, 128, 255))
        plain = png(index, depth, 3, png_palette(table))
        yield f"png-palette-{depth}", Raster(plain, shown(rgb, 8))
        partial = png(index, depth, 3, png_palette(table), clear, interlaced=True)
        yield f"png-palette-{depth}-partial-alpha-interlaced", Raster(partial, shown(rgb, 8, alpha))


def _gifs() -> Kinds:
    index, table = _indices(32), palette_entries(32)
    rgb = shown(table[index[..., 0]].astype(np.int64), 8)
    yield "gif-global-palette", Raster(gif(index, table), rgb)
    yield "gif-local-palette", Raster(gif(index, table, local=True), rgb)
    upright = index.transpose(1, 0, 2)
    yield (
        "gif-interlaced",
        Raster(gif(upright, table, interlaced=True), shown(table[upright[..., 0]].astype(np.int64), 8)),
    )
    clear = np.where(index == 3, 255.0, rgb)
    for disposal in range(4):
        yield (
            f"gif-transparent-disposal-{disposal}",
            Raster(gif(index, table, transparent=3, disposal=disposal), clear),
        )
    screen = np.full((64, 80, 3), 255.0)
    screen[20 : 20 + HEIGHT, 10 : 10 + WIDTH] = rgb
    for name, local in (("", False), ("-local", True)):
        small = gif(index, table, screen=(80, 64), at=(10, 20), background=3, local=local)
        yield f"gif-small-frame{name}", Raster(small, screen)
    grey = np.arange(256, dtype=np.uint8)[:, None].repeat(3, axis=1)
    bare = np.full((64, 80, 3), 255.0)
    bare[20 : 20 + HEIGHT, 10 : 10 + WIDTH] = shown(greys(), 8)
    yield "gif-small-frame-grey-palette", Raster(gif(greys(), grey, screen=(80, 64), at=(10, 20)), bare)
    screen = screen.copy()
    screen[20 : 20 + HEIGHT, 10 : 10 + WIDTH] = clear
    small = gif(index, table, screen=(80, 64), at=(10, 20), background=3, transparent=3)
    yield "gif-small-frame-transparent", Raster(small, screen)


def _webps() -> Kinds:
    rgb = images.picture(WIDTH, HEIGHT)
    picture = np.asarray(rgb, np.float64)
    screen = np.zeros((64, 80, 3))
    screen[20 : 20 + HEIGHT, 10 : 10 + WIDTH] = picture
    yield "webp-small-frame", Raster(webp_of_small_frame(rgb, (80, 64), (10, 20)), screen)
    clear = images.see_through(WIDTH, HEIGHT)
    white = Image.new("RGBA", clear.size, "white")
    on_white = np.asarray(Image.alpha_composite(white, clear).convert("RGB"), np.float64)
    yield "webp-lossless-alpha", Raster(images.webp(clear), on_white)
    yield "webp-animated", Raster(images.animation("WEBP", [rgb, rgb.rotate(180)]), picture)
    exif = Image.Exif()
    exif[images.ORIENTATION] = 6
    yield "webp-exif-turned", Raster(images.webp(rgb, exif=exif), picture)
    yield "webp-xmp-turned", Raster(images.webp(rgb, xmp=images.XMP_TURNED), picture)
    yield "png-exif-turned", Raster(images.png(rgb, exif=exif), picture)


def _bmps() -> Kinds:
    for depth in (1, 4, 8):
        count = min(2**depth, WIDTH)
        index, table = _indices(count), palette_entries(count)
        rows = [packed(row[None], depth) for row in index]
        picture = shown(table[index[..., 0]].astype(np.int64), 8)
        full = np.concatenate([table, np.zeros((2**depth - count, 3), np.uint8)])
        for header_bytes in (12, 16, 40, 64, 124):
            data = bmp(rows, WIDTH, depth, header_bytes=header_bytes, palette=full)
            yield f"bmp-{depth}-header-{header_bytes}", Raster(data, picture)
    rgb = colours()
    rows = [row[:, ::-1].astype(np.uint8).tobytes() for row in rgb]
    for header_bytes in (12, 16, 40, 52, 56, 64, 108, 124):
        yield (
            f"bmp-24-header-{header_bytes}",
            Raster(bmp(rows, WIDTH, 24, header_bytes=header_bytes), shown(rgb, 8)),
        )
    yield "bmp-24-top-down", Raster(bmp(rows, WIDTH, 24, top_down=True), shown(rgb, 8))
    with_zeros = [np.insert(row[:, ::-1], 3, 0, axis=1).astype(np.uint8).tobytes() for row in rgb]
    yield "bmp-32", Raster(bmp(with_zeros, WIDTH, 32), shown(rgb, 8))
    yield "bmp-32-top-down", Raster(bmp(with_zeros, WIDTH, 32, top_down=True), shown(rgb, 8))
    five = colours(5)
    words = bmp_masked([(five[..., :1], 10), (five[..., 1:2], 5), (five[..., 2:], 0)], 16)
    yield "bmp-16", Raster(bmp(words, WIDTH, 16), shown(five, 5))


def _bmp_masks() -> Kinds:
    """Each channel's depth and lowest bit, of red, green, blue and perhaps alpha."""
    layouts = {
        "565": (16, ((5, 11), (6, 5), (5, 0))),
        "555": (16, ((5, 10), (5, 5), (5, 0))),
        "444": (16, ((4, 8), (4, 4), (4, 0))),
        "4444": (16, ((4, 8), (4, 4), (4, 0), (4, 12))),
        "5551": (16, ((5, 10), (5, 5), (5, 0), (1, 15))),
        "8880": (32, ((8, 16), (8, 8), (8, 0))),
        "8888": (32, ((8, 16), (8, 8), (8, 0), (8, 24))),
        "8888-reversed": (32, ((8, 0), (8, 8), (8, 16), (8, 24))),
        "101010": (32, ((10, 20), (10, 10), (10, 0))),
        "1010102": (32, ((10, 0), (10, 10), (10, 20), (2, 30))),
    }
    for name, (depth, channels) in layouts.items():
        parts = [(colours(bits)[..., i : i + 1], bits) for i, (bits, _) in enumerate(channels[:3])]
        parts += [(alphas(bits), bits) for bits, _ in channels[3:]]
        words = bmp_masked([(part, low) for (part, _), (_, low) in zip(parts, channels, strict=True)], depth)
        masks = [(2**bits - 1) << low for bits, low in channels]
        rgb = np.dstack([part * 255 / (2**bits - 1) for part, bits in parts[:3]])
        opacity = parts[3][0] / (2 ** parts[3][1] - 1) if len(parts) > 3 else 1.0
        picture = np.asarray(rgb * opacity + 255 * (1 - opacity), np.float64)
        for header_bytes in (108, 124) if len(parts) > 3 else (40, 56, 124):
            data = bmp(words, WIDTH, depth, header_bytes=header_bytes, compression=3, masks=masks)
            yield f"bmp-{name}-header-{header_bytes}", Raster(data, picture)


def _bmp_run_lengths() -> Kinds:
    index, table = _indices(16), palette_entries(16)
    picture = shown(table[index[..., 0]].astype(np.int64), 8)
    runs = [bytes((3, value)) for value in range(16)]
    body = (b"".join(runs) + b"\0\0") * HEIGHT + b"\0\1"
    yield "bmp-run-length-8", _run_length(8, 1, body, picture)
    mixed = b"".join(runs[:8]) + b"\0\x18" + index[0, 24:, 0].astype(np.uint8).tobytes() + b"\0\0"
    yield "bmp-run-length-8-absolute", _run_length(8, 1, mixed * HEIGHT + b"\0\1", picture)
    halves = [bytes((3, value * 17)) for value in range(16)]
    yield "bmp-run-length-4", _run_length(4, 2, (b"".join(halves) + b"\0\0") * HEIGHT + b"\0\1", picture)
    nibbles = packed(index[0, None, 24:], 4)
    mixed = b"".join(halves[:8]) + b"\0\x18" + nibbles + b"\0\0"
    yield "bmp-run-length-4-absolute", _run_length(4, 2, mixed * HEIGHT + b"\0\1", picture)


def _run_length(depth: int, compression: int, body: bytes, picture: Shown) -> Raster:
    table = np.concatenate([palette_entries(16), np.zeros((2**depth - 16, 3), np.uint8)])
    rows = [b""] * HEIGHT
    return Raster(bmp(rows, WIDTH, depth, compression=compression, palette=table, pixels=body), picture)


def _jpegs() -> Kinds:
    rgb = images.picture(WIDTH, HEIGHT)
    picture = np.asarray(rgb, np.float64)
    grey = np.asarray(rgb.convert("L").convert("RGB"), np.float64)
    upright = np.asarray(rgb.transpose(Image.Transpose.ROTATE_270), np.float64)
    yield "jpeg-4-1-1", Raster(images.jpeg(rgb, subsampling="4:1:1"), picture, 4)
    yield "jpeg-rgb", Raster(images.jpeg(rgb, keep_rgb=True), picture, 2)
    yield "jpeg-grey", Raster(images.jpeg(rgb.convert("L")), grey, 2)
    yield "jpeg-grey-turned", Raster(images.jpeg_oriented(rgb.convert("L"), 6), upright_of(grey), 2)
    yield "jpeg-turned", Raster(images.jpeg_oriented(rgb, 6), upright, 2)
    yield "jpeg-xmp-turned", Raster(images.jpeg(rgb, xmp=images.XMP_TURNED), picture, 2)
    yield "jpeg-pictures", Raster(images.animation("MPO", [rgb, rgb.rotate(180)]), picture, 4)
    yield "jpeg-cmyk-adobe", Raster(images.jpeg_cmyk(rgb), picture, 2)
    yield "jpeg-cmyk-without-marker", Raster(images.jpeg_cmyk(rgb, marker=False), picture, 2)
    yield "jpeg-ycck", Raster(images.jpeg_ycck(rgb), picture, 3)
    yield "jpeg-without-end", Raster(images.jpeg(rgb)[:-2], picture, 2)
    yield "jpeg-progressive-without-end", Raster(images.jpeg(rgb, progressive=True)[:-2], picture, 2)


def upright_of(picture: Shown) -> Shown:
    return np.rot90(picture, -1)


def _tiff_greys() -> Kinds:
    """Photometric interpretation 0 is white at 0, 1 is black at 0."""
    for order, letter in (("<", "ii"), (">", "mm")):
        for depth in (1, 2, 4, 8, 12, 16):
            grey = greys(depth)
            for photometric, name in ((0, "white-is-0"), (1, "grey")):
                stored = 2**depth - 1 - grey if photometric == 0 else grey
                strip = packed(stored, depth, order)
                data = tiff([strip], {258: depth, 262: photometric}, order=order)
                yield f"tiff-{name}-{depth}-{letter}", Raster(data, shown(grey, depth))
    for kind, name in ((2, "alpha"), (1, "associated")):
        yield (
            f"tiff-grey-{name}-8",
            Raster(_tiff_grey_alpha(8, kind), shown(greys(), 8, alphas()), kind % 2 + 1),
        )


def _tiff_colours() -> Kinds:
    for order, letter in (("<", "ii"), (">", "mm")):
        for depth in (8, 16):
            rgb, alpha = colours(depth), alphas(depth)
            bits: Tags = {258: [depth] * 3, 262: 2, 277: 3}
            yield (
                f"tiff-rgb-{depth}-{letter}",
                Raster(tiff([packed(rgb, depth, order)], bits, order=order), shown(rgb, depth)),
            )
            planes = [packed(rgb[..., i : i + 1], depth, order) for i in range(3)]
            yield (
                f"tiff-planar-{depth}-{letter}",
                Raster(tiff(planes, {**bits, 284: 2}, order=order), shown(rgb, depth)),
            )
            bits = {258: [depth] * 4, 262: 2, 277: 4}
            strip = packed(np.dstack([rgb, alpha]), depth, order)
            yield (
                f"tiff-rgba-{depth}-{letter}",
                Raster(tiff([strip], {**bits, 338: 2}, order=order), shown(rgb, depth, alpha)),
            )
            premultiplied = np.rint(rgb * alpha / (2**depth - 1)).astype(np.int64)
            strip = packed(np.dstack([premultiplied, alpha]), depth, order)
            yield (
                f"tiff-rgb-associated-{depth}-{letter}",
                Raster(tiff([strip], {**bits, 338: 1}, order=order), shown(rgb, depth, alpha), 2),
            )


def _tiff_inks() -> Kinds:
    for depth in (8, 16):
        inks = _inks(depth)
        picture = shown(colours(depth), depth)
        bits: Tags = {258: [depth] * 4, 262: 5, 277: 4}
        yield f"tiff-cmyk-{depth}", Raster(tiff([packed(inks, depth, "<")], bits), picture)
        planes = [packed(inks[..., i : i + 1], depth, "<") for i in range(4)]
        yield f"tiff-cmyk-planar-{depth}", Raster(tiff(planes, {**bits, 284: 2}), picture)


def _inks(depth: int) -> Samples:
    """CMYK, 0 for no ink, and never black."""
    return np.dstack([2**depth - 1 - colours(depth), np.zeros((HEIGHT, WIDTH, 1), np.int64)])


def refused_rasters() -> dict[str, bytes]:
    """Legal files that would be shown wrong, and so are not read."""
    return {
        **{f"tiff-cmyk-alpha-{depth}": _tiff_cmyk_alpha(depth) for depth in (8, 16)},
        **{f"tiff-grey-alpha-16-{kind}": _tiff_grey_alpha(16, kind) for kind in (1, 2)},
        "tiff-signed-8": tiff([packed(greys(), 8)], {258: 8, 262: 1, 339: 2}),
        "tiff-signed-16": tiff([packed(greys(15), 16, "<")], {258: 16, 262: 1, 339: 2}),
        "tiff-signed-32": images.tiff(images.picture(mode="I")),
        "tiff-rgb-float": tiff(
            [(colours() / 255).astype("<f4").tobytes()], {258: [32] * 3, 262: 2, 277: 3, 339: [3] * 3}
        ),
        "tiff-float-64": tiff([(greys() / 255).astype("<f8").tobytes()], {258: 64, 262: 1, 339: 3}),
        "tiff-rgb-4": tiff([packed(colours(4), 4)], {258: [4] * 3, 262: 2, 277: 3}),
        "tiff-unknown-coding": tiff([packed(greys(), 8)], {258: 8, 259: 34712, 262: 1}),
        "jpeg-12-bits": _jpeg_frame(bits=12),
        "jpeg-2-components": _jpeg_frame(components=2),
    }


def _tiff_cmyk_alpha(depth: int) -> bytes:
    strip = packed(np.dstack([_inks(depth), alphas(depth)]), depth, "<")
    return tiff([strip], {258: [depth] * 5, 262: 5, 277: 5, 338: 2})


def _tiff_grey_alpha(depth: int, kind: int) -> bytes:
    """`kind` is 1 for alpha that the greys were multiplied with, 2 for one that they were not."""
    grey, alpha = greys(depth), alphas(depth)
    if kind == 1:
        grey = np.rint(grey * alpha / (2**depth - 1)).astype(np.int64)
    return tiff([packed(np.dstack([grey, alpha]), depth, "<")], {258: [depth] * 2, 262: 1, 277: 2, 338: kind})


def _jpeg_frame(bits: int = 8, components: int = 3) -> bytes:
    """A JPEG whose frame says so."""
    data = bytearray(images.jpeg())
    at = data.index(b"\xff\xc0")
    data[at + 4], data[at + 9] = bits, components
    return bytes(data)


def _tiff_palettes() -> Kinds:
    for depth in (1, 2, 4, 8):
        count = min(2**depth, WIDTH)
        index, table = _indices(count), palette_entries(count)
        full = np.concatenate([table, np.zeros((2**depth - count, 3), np.uint8)])
        map16 = (full.T.astype(np.int64) * 257).reshape(-1).tolist()
        data = tiff([packed(index, depth)], {258: depth, 262: 3, 320: map16})
        yield f"tiff-palette-{depth}", Raster(data, shown(table[index[..., 0]].astype(np.int64), 8))


def _tiff_coded() -> Kinds:
    rgb = images.picture(WIDTH, HEIGHT)
    picture = np.asarray(rgb, np.float64)
    upright = np.asarray(rgb.transpose(Image.Transpose.ROTATE_270), np.float64)
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
        yield (
            f"tiff-{compression.replace('_', '-')}",
            Raster(images.tiff(rgb, compression=compression), picture),
        )
    yield "tiff-jpeg-coded", Raster(images.tiff(rgb, compression="jpeg"), picture, 4)
    yield "tiff-turned", Raster(images.tiff_oriented(rgb, 6), upright)
    yield "tiff-pages", Raster(images.animation("TIFF", [rgb, rgb.rotate(180)]), picture)
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[700] = images.XMP_TURNED
    tags.tagtype[700] = 1
    yield "tiff-xmp-turned", Raster(images.tiff(rgb, tiffinfo=tags), picture)
    lab = images.tiff(rgb.convert("LAB"))
    yield "tiff-lab", Raster(lab, picture, 3)
    yield "tiff-ycbcr-4-4-4", Raster(_tiff_ycbcr(rgb, 1), picture, 2)
    yield "tiff-ycbcr-4-2-0", Raster(_tiff_ycbcr(rgb, 2), picture, 6)
    bits = np.asarray(rgb.convert("L"), np.int64)[..., None] // 128
    fax = images.tiff(
        Image.fromarray((bits[..., 0] * 255).astype(np.uint8)).convert("1"), compression="group4"
    )
    yield "tiff-group4", Raster(fax, shown(bits, 1))
    tile = np.zeros((HEIGHT, 64, 3), np.int64)
    tile[:, :WIDTH] = colours()
    tiles = [packed(tile[at : at + 16, left : left + 16], 8) for at in (0, 16) for left in (0, 16, 32)]
    yield "tiff-tiles", Raster(tiff(tiles, {258: [8] * 3, 262: 2, 277: 3, 322: 16, 323: 16}), picture)
    yield "tiff-subdirectory", Raster(_tiff_with_subdirectory(), picture)


def _tiff_ycbcr(rgb: Image.Image, step: int) -> bytes:
    """Uncompressed; with `step` 2, a block of four lumas and its two chromas at a time."""
    luma, blue, red = (np.asarray(band, np.int64) for band in rgb.convert("YCbCr").split())
    if step == 1:
        strip = packed(np.dstack([luma, blue, red]), 8)
    else:
        blocks = (
            luma.reshape(HEIGHT // 2, 2, WIDTH // 2, 2)
            .transpose(0, 2, 1, 3)
            .reshape(HEIGHT // 2, WIDTH // 2, 4)
        )
        chroma = [
            band.reshape(HEIGHT // 2, 2, WIDTH // 2, 2).mean((1, 3)).astype(np.int64) for band in (blue, red)
        ]
        strip = packed(np.dstack([blocks, *chroma]), 8)
    return tiff([strip], {258: [8] * 3, 262: 6, 277: 3, 530: [step, step], 531: 1})


def _tiff_with_subdirectory() -> bytes:
    """A reduced picture, all black, hangs below the first directory."""
    data = bytearray(tiff([packed(colours(), 8)], {258: [8] * 3, 262: 2, 277: 3, 330: [0, 0]}))
    data += b"\0" * (len(data) & 1)
    small = {256: 8, 257: 8, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 8, 279: 64}
    at = len(data)
    data += struct.pack("<H", len(small)) + b"".join(
        struct.pack("<HHII", tag, 4, 1, v) for tag, v in small.items()
    )
    place = data.index(struct.pack("<HHI", 330, 3, 2))
    struct.pack_into("<HHII", data, place, 330, 4, 1, at)
    return bytes(data + bytes(4))


_TIFFS = (_tiff_greys, _tiff_colours, _tiff_inks, _tiff_palettes, _tiff_coded)
