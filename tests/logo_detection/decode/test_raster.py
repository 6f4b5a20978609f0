import struct
import time
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logo_detection.decode.image import load_image
from logo_detection.decode.spec import ImageSpec
from logo_detection.errors import ImageCorrupt, ImageUnsupported
from tests import images, rasters
from tests.raster_kinds import every_raster, refused_rasters
from tests.rasters import HEIGHT, WIDTH

SPEC = ImageSpec()
RASTERS = every_raster()
REFUSED = refused_rasters()


@pytest.mark.parametrize("name", RASTERS)
def test_what_is_scored_is_what_everyone_sees(name: str) -> None:
    raster = RASTERS[name]
    difference = np.abs(load_image(raster.data, SPEC) - rasters.squashed(raster.shown))
    assert difference.mean() <= raster.tolerance


@pytest.mark.parametrize("name", REFUSED)
def test_a_kind_that_cannot_be_shown_right_is_refused_and_named(name: str) -> None:
    with pytest.raises(ImageUnsupported, match="is not read"):
        load_image(REFUSED[name], SPEC)


@pytest.mark.parametrize("colour", [0, 2, 3, 4, 6])
@pytest.mark.parametrize("interlaced", [False, True])
def test_a_png_whose_pixels_end_early_is_corrupt(colour: int, interlaced: bool) -> None:
    """Also where the compressed data have a proper end: Pillow would leave the other rows black."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    palette = rasters.png_palette(rasters.palette_entries(256))
    samples = np.broadcast_to(rasters.greys(), (HEIGHT, WIDTH, channels))
    whole = rasters.png(samples, 8, colour, *([palette] if colour == 3 else []), interlaced=interlaced)
    load_image(whole, SPEC)
    for height in (HEIGHT + 1, 2 * HEIGHT):
        with pytest.raises(ImageCorrupt):
            load_image(with_height(whole, height), SPEC)


def with_height(data: bytes, height: int) -> bytes:
    """A PNG whose header promises so many rows."""
    header = data[16:20] + struct.pack(">I", height) + data[24:29]
    return data[:8] + images.png_chunk(b"IHDR", header) + data[33:]


def test_a_png_that_ends_in_black_is_whole() -> None:
    for samples, colour in ((rasters.greys(), 0), (rasters.colours(), 2)):
        samples[-3:] = 0
        pixels = load_image(rasters.png(samples, 8, colour), SPEC)
        assert pixels[-1].max() == 0


ANCILLARY = {
    "profile": images.png_chunk(b"iCCP", b"name\0\0" + b"not compressed"),
    "profile-of-another-compression": images.png_chunk(b"iCCP", b"name\0\7abc"),
    "profile-without-a-name": images.png_chunk(b"iCCP", b""),
    "text": images.png_chunk(b"tEXt", b"Comment\0IDAT and IEND are the names of chunks"),
    "text-of-a-chunk": images.png_chunk(b"tEXt", b"Comment\0" + images.png_chunk(b"IDAT", b"not pixels")),
    "international-text": images.png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta/>"),
    "compressed-text": images.png_chunk(b"zTXt", b"Comment\0\1none"),
    "resolution": images.png_chunk(b"pHYs", bytes(9)),
    "short-resolution": images.png_chunk(b"pHYs", bytes(3)),
    "gamma": images.png_chunk(b"gAMA", struct.pack(">I", 45455)),
    "short-gamma": images.png_chunk(b"gAMA", b"\0"),
    "short-chromaticities": images.png_chunk(b"cHRM", b"\0"),
    "empty-intent": images.png_chunk(b"sRGB", b""),
    "animation": images.png_chunk(b"acTL", b"\0"),
    "frame": images.png_chunk(b"fcTL", bytes(26)),
    "private": images.png_chunk(b"prVt", bytes(100)),
}


@pytest.mark.parametrize("name", ANCILLARY)
def test_a_senseless_ancillary_png_chunk_does_not_matter(name: str) -> None:
    plain = rasters.png(rasters.colours(), 8, 2)
    chunk = ANCILLARY[name]
    before, after = plain[:33] + chunk + plain[33:], plain[:-12] + chunk + plain[-12:]
    for data in (before, after):
        assert np.array_equal(load_image(data, SPEC), load_image(plain, SPEC))


PLAIN_PNGS = {
    "rgb": rasters.png(rasters.colours(), 8, 2),
    "grey-4-key": RASTERS["png-grey-4-key"].data,
    "palette": RASTERS["png-palette-4-partial-alpha-interlaced"].data,
}


@given(
    plain=st.sampled_from(sorted(PLAIN_PNGS)),
    chunk=st.sampled_from(sorted(set(ANCILLARY) - {"text-of-a-chunk"})),
    behind=st.booleans(),
    data=st.data(),
)
@settings(max_examples=300, deadline=2000)
def test_one_damaged_ancillary_png_chunk_changes_no_pixel(
    plain: str, chunk: str, behind: bool, data: st.DataObject
) -> None:
    """Its length, name, body and sum alike."""
    whole, damaged = PLAIN_PNGS[plain], bytearray(ANCILLARY[chunk])
    at = data.draw(st.integers(0, len(damaged) - 1))
    piece = data.draw(st.binary(min_size=1, max_size=4))
    damaged[at : at + len(piece)] = piece
    cut = len(whole) - 12 if behind else 33
    pixels = load_image(whole[:cut] + bytes(damaged) + whole[cut:], SPEC)
    assert np.array_equal(pixels, load_image(whole, SPEC))


def test_searching_for_the_next_png_chunk_takes_bounded_time() -> None:
    """Each chunk claims the rest of the file, of which the sum would be computed."""
    count = 30_000
    lying = b"".join(struct.pack(">I4s", 16 * (count - i) - 12, b"tEXt") + b"IDATIDAT" for i in range(count))
    plain = rasters.png(rasters.colours(), 8, 2)
    began = time.process_time()
    with suppress(ImageCorrupt):
        load_image(plain[:33] + lying + plain[33:], SPEC)
    assert time.process_time() - began < 2


@pytest.mark.parametrize("kind", [b"PLTE", b"IHDR"])
def test_a_png_whose_colours_or_header_are_damaged_is_corrupt(kind: bytes) -> None:
    data = bytearray(RASTERS["png-palette-4"].data)
    data[data.index(kind) + 6] ^= 0x01
    with pytest.raises(ImageCorrupt):
        load_image(bytes(data), SPEC)


def test_a_png_of_indices_without_a_palette_is_corrupt() -> None:
    with pytest.raises(ImageCorrupt):
        load_image(rasters.png(rasters.greys(), 8, 3), SPEC)


def test_an_index_beyond_a_png_palette_is_black() -> None:
    index = np.full((8, 8, 1), 9)
    pixels = load_image(rasters.png(index, 8, 3, rasters.png_palette(rasters.palette_entries(4))), SPEC)
    assert pixels.max() == 0


JPEGS = {
    "baseline": images.jpeg(),
    "grey": images.jpeg(images.picture(mode="L")),
    "progressive": images.jpeg(progressive=True),
    "cmyk": images.jpeg_cmyk(),
    "restarts": images.jpeg(restart_marker_blocks=4),
    "large": images.jpeg(images.picture(1800, 1200)),
}


@pytest.mark.parametrize("name", JPEGS)
def test_a_jpeg_without_its_end_marker_is_scored_as_it_is_with_it(name: str) -> None:
    whole = load_image(JPEGS[name], SPEC)
    assert JPEGS[name].endswith(b"\xff\xd9")
    for kept in (JPEGS[name][:-2], JPEGS[name][:-1]):
        assert np.array_equal(load_image(kept, SPEC), whole)


@given(
    name=st.sampled_from(["baseline", "grey", "progressive", "cmyk", "restarts"]), share=st.floats(0, 0.99)
)
@settings(max_examples=200, deadline=2000)
def test_a_jpeg_cut_anywhere_in_its_pixels_is_corrupt(name: str, share: float) -> None:
    data = JPEGS[name]
    pixels_at = data.index(b"\xff\xda")
    with pytest.raises(ImageCorrupt):
        load_image(data[: pixels_at + int((len(data) - pixels_at - 2) * share)], SPEC)


CUTTABLE = sorted(
    name
    for name in RASTERS
    if name.startswith(("png", "gif", "bmp", "webp"))
    or name.startswith(("tiff-rgb", "tiff-grey", "tiff-palette"))
)


@given(name=st.sampled_from(CUTTABLE), share=st.floats(0.1, 0.9))
@settings(max_examples=300, deadline=2000)
def test_a_file_cut_anywhere_before_the_end_of_its_pixels_is_corrupt(name: str, share: float) -> None:
    data = RASTERS[name].data
    end = data.rindex(b"IEND") - 12 if name.startswith("png") else len(data)
    with pytest.raises(ImageCorrupt):
        load_image(data[: max(50, int(end * share))], SPEC)  # the format is known


def test_a_bmp_whose_alpha_is_zero_everywhere_is_opaque() -> None:
    rgb = rasters.colours()
    words = rasters.bmp_masked([(rgb[..., :1], 16), (rgb[..., 1:2], 8), (rgb[..., 2:], 0)], 32)
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    data = rasters.bmp(words, WIDTH, 32, header_bytes=124, compression=3, masks=masks)
    assert np.abs(load_image(data, SPEC) - rasters.squashed(rasters.shown(rgb, 8))).mean() < 1


def test_a_bmp_whose_colours_have_no_bits_is_corrupt() -> None:
    words = rasters.bmp_masked([(rasters.greys(), 0)], 16)
    with pytest.raises(ImageCorrupt):
        load_image(rasters.bmp(words, WIDTH, 16, compression=3, masks=(0, 0, 0xFF)), SPEC)
