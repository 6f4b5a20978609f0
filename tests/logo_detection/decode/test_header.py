import struct
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from logo_detection.decode import svg
from logo_detection.decode.header import DecodeLimits, Format, Header, first_gif_frame, read_header
from logo_detection.errors import ImageCorrupt, ImageTooManyPixels, ImageUnsupported, ItemError
from tests import images

LIMITS = DecodeLimits()
SEEDS = images.every_kind()
RASTERS = {name: data for name, data in SEEDS.items() if not name.startswith("svg")}


def refused_in_ms(data: bytes, error: type[ItemError]) -> float:
    """Of this process's time: the machine's is shared."""
    began = time.process_time()
    with pytest.raises(error):
        read_header(data, LIMITS)
    return (time.process_time() - began) * 1e3


@pytest.mark.parametrize("name", RASTERS)
def test_format_and_size_are_found_from_the_content(name: str) -> None:
    header = read_header(RASTERS[name], LIMITS)
    assert header.format == name.partition("-")[0]
    assert (header.width, header.height) == ((8, 2) if name == "bmp-run-length" else (96, 64))


@pytest.mark.parametrize(("width", "height"), [(1, 1), (300, 200), (16383, 1), (1, 5000)])
@pytest.mark.parametrize(
    "encoder", [images.jpeg, images.png, images.gif, images.webp, images.bmp, images.tiff]
)
def test_size_is_that_of_the_image(width: int, height: int, encoder: type) -> None:
    header = read_header(encoder(Image.new("RGB", (width, height))), LIMITS)
    assert (header.width, header.height) == (width, height)


def test_size_of_each_webp_flavour() -> None:
    picture = images.picture(300, 200)
    lossy = images.webp(picture, lossless=False)
    lossless = images.webp(picture)
    extended = images.animation("WEBP", [picture, picture.rotate(180)])
    assert (lossy[12:16], lossless[12:16], extended[12:16]) == (b"VP8 ", b"VP8L", b"VP8X")
    for data in (lossy, lossless, extended):
        assert read_header(data, LIMITS).width == 300
        assert read_header(data, LIMITS).height == 200


@pytest.mark.parametrize(("at", "value"), [(4, 12), (4, 16), (9, 2), (9, 5)])
def test_a_jpeg_of_a_kind_that_is_not_read_is_named(at: int, value: int) -> None:
    """Its bits a sample, and its components."""
    data = bytearray(images.jpeg())
    data[data.index(b"\xff\xc0") + at] = value
    with pytest.raises(ImageUnsupported, match=f"{value} (bits|components)"):
        read_header(bytes(data), LIMITS)


def test_a_jpeg_without_its_end_is_reckoned_twice() -> None:
    whole = images.jpeg(images.picture(800, 600))
    ended, cut = read_header(whole, LIMITS).peak_bytes, read_header(whole[:-2], LIMITS).peak_bytes
    assert cut - ended == 4 * 800 * 600


def test_tiff_whose_lists_end_beyond_the_file_is_corrupt() -> None:
    entries = [(256, 3, 1, 10), (257, 3, 1, 10), (258, 3, 3, 50)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    data = b"II*\0" + struct.pack("<I", 8) + directory
    read_header(data.ljust(56, b"\0"), LIMITS)
    with pytest.raises(ImageCorrupt):
        read_header(data.ljust(55, b"\0"), LIMITS)


def test_top_down_bmp_has_a_positive_height() -> None:
    data = bytearray(images.bmp())
    data[22:26] = struct.pack("<i", -64)
    assert read_header(bytes(data), LIMITS).height == 64


def test_bmp_of_os2_is_read() -> None:
    core = struct.pack("<IHHHH", 12, 7, 5, 1, 24)
    data = b"BM" + struct.pack("<IHHI", 200, 0, 0, 26) + core + bytes(7 * 24)
    assert read_header(data, LIMITS) == Header(Format.BMP, 7, 5, read_header(data, LIMITS).peak_bytes)


def test_big_endian_tiff_is_read() -> None:
    entries = [(256, 3, 1, 12 << 16), (257, 4, 1, 34), (258, 3, 1, 8 << 16)]
    directory = struct.pack(">H", len(entries)) + b"".join(struct.pack(">HHII", *entry) for entry in entries)
    header = read_header(b"MM\0*" + struct.pack(">I", 8) + directory, LIMITS)
    assert (header.format, header.width, header.height) == (Format.TIFF, 12, 34)


def test_size_of_a_gif_holds_a_frame_that_reaches_beyond_the_screen() -> None:
    data = bytearray(images.gif())
    data[6:10] = struct.pack("<HH", 10, 10)
    assert (read_header(bytes(data), LIMITS).width, read_header(bytes(data), LIMITS).height) == (96, 64)


def test_nothing_is_corrupt() -> None:
    with pytest.raises(ImageCorrupt):
        read_header(b"", LIMITS)


@pytest.mark.parametrize(
    "data",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"\xc5\xd0\xd3\xc6" + bytes(40),  # EPS with a preview
        b"\0\0\1\0\1\0" + bytes(60),  # ICO
        b"%PDF-1.7\n",
        b"\0\0\0\x18ftypheic" + bytes(60),
        b"\0\0\0\x1cftypavif" + bytes(60),
        b"gimp xcf v011\0" + bytes(60),
        b"AT&TFORM" + bytes(60),  # DjVu
        b"\x1f\x8b\x08" + bytes(60),  # svgz
        b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60),
        b"8BPS\0\1" + bytes(60),
        b"P6 1 1 255 abc",
        b"RIFF\x24\0\0\0WAVEfmt " + bytes(60),
        b"BM, said the letter, and the file was long enough to be one",
        b"<!DOCTYPE html><html><body><svg></svg></body></html>",
        b"<html><svg xmlns='http://www.w3.org/2000/svg'/></html>",
        b"<?xml version='1.0'?><rss><channel/></rss>",
        b"<svg:svg xmlns:svg='http://example.org/else'/>",
        b"<",
        b"plain text",
        b"\0" * 100,
    ],
)
def test_other_formats_are_unsupported(data: bytes) -> None:
    with pytest.raises(ImageUnsupported):
        read_header(data, LIMITS)


@pytest.mark.parametrize("name", RASTERS)
def test_a_header_that_ends_early_is_corrupt(name: str) -> None:
    with pytest.raises(ImageCorrupt):
        read_header(RASTERS[name][:18], LIMITS)


@pytest.mark.parametrize(
    "data",
    [
        images.png_bomb(0, 10),
        b"\xff\xd8\xff\xd9",
        images.jpeg().replace(b"\xff\xda", b"\xff\xd9"),
        b"RIFF\x24\0\0\0WEBPJUNK" + bytes(60),
        b"GIF89a\x01\0\x01\0\0\0\0;",
        b"II*\0" + struct.pack("<IH", 8, 0),
        b"II*\0" + struct.pack("<I", 2**32 - 1),
        b"II+\0\x08\0\0\0" + struct.pack("<Q", 2**64 - 1),
    ],
)
def test_senseless_headers_are_corrupt(data: bytes) -> None:
    with pytest.raises(ImageCorrupt):
        read_header(data, LIMITS)


@pytest.mark.parametrize(
    "bomb", [images.webp_bomb(), images.png_bomb(), images.gif_bomb()], ids=["webp", "png", "gif"]
)
def test_pixel_bombs_are_refused_in_milliseconds(bomb: bytes) -> None:
    assert len(bomb) < 300
    assert refused_in_ms(bomb, ImageTooManyPixels) < 20


def test_webp_bomb_is_a_real_image() -> None:
    header = read_header(images.webp_bomb(1000), LIMITS)
    assert (header.width, header.height) == (1000, 1000)


def test_scan_bomb_is_refused_in_milliseconds() -> None:
    assert refused_in_ms(images.scan_bomb(5000), ImageCorrupt) < 50
    assert refused_in_ms(images.scan_bomb(100_000), ImageCorrupt) < 200


def test_ordinary_progressive_jpeg_passes() -> None:
    header = read_header(images.jpeg(images.picture(600, 400), progressive=True), LIMITS)
    assert 5 < header.scans < 20


def test_many_scans_of_a_large_image_are_too_many_pixels() -> None:
    data = bytearray(images.scan_bomb(40))
    frame = data.index(b"\xff\xc2")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 6000, 6000)
    assert refused_in_ms(bytes(data), ImageTooManyPixels) < 50


def test_scans_of_a_thumbnail_in_the_metadata_do_not_count() -> None:
    thumbnail = images.scan_bomb(100)
    plain = images.jpeg()
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    assert read_header(plain[:2] + segment + plain[2:], LIMITS).scans == 1


def test_scans_after_the_end_of_the_image_do_not_count() -> None:
    assert read_header(images.jpeg() + images.scan_bomb(100), LIMITS).scans == 1


@pytest.mark.parametrize(
    "unit", [b"\xff", b"\xff\x00", b"\xff\xd0", b"\xff\xfe\x00\x02", b"\xff\xda", b"\xff\xe0"]
)
def test_counting_scans_is_linear_in_hostile_bytes(unit: bytes) -> None:
    data = images.jpeg()[:-2] + unit * (4 * 2**20 // len(unit))
    began = time.process_time()
    with suppress(ItemError):
        read_header(data, LIMITS)
    assert time.process_time() - began < 1


def test_memory_is_budgeted_by_format() -> None:
    side = 6000  # 36 megapixels: 144 MB as PNG, 576 MB as WebP
    assert read_header(images.png_bomb(side, side), LIMITS).peak_bytes < 200 * 2**20
    with pytest.raises(ImageTooManyPixels):
        read_header(images.webp_bomb(side), LIMITS)
    assert read_header(images.webp_bomb(side), DecodeLimits(max_memory_bytes=2**30)).format == Format.WEBP


def test_coefficients_of_a_progressive_jpeg_count_as_memory() -> None:
    picture = images.picture(800, 800)
    baseline = read_header(images.jpeg(picture, subsampling=0), LIMITS)
    progressive = read_header(images.jpeg(picture, subsampling=0, progressive=True), LIMITS)
    assert progressive.peak_bytes - baseline.peak_bytes == 800 * 800 * 3 * 2


def test_extreme_sides_count_as_memory() -> None:
    with pytest.raises(ImageTooManyPixels):
        read_header(images.png_bomb(1, 90_000_000), LIMITS)
    with pytest.raises(ImageTooManyPixels):
        read_header(images.png_bomb(90_000_000, 1), LIMITS)
    assert read_header(images.png_bomb(1, 65535), LIMITS).height == 65535


def test_png_of_a_million_chunks_is_corrupt_in_bounded_time() -> None:
    assert refused_in_ms(images.png_of_chunks(1_000_000), ImageCorrupt) < 500


def test_png_of_as_many_chunks_as_libpng_writes_passes() -> None:
    assert read_header(images.png_of_chunks(8192, b"IDAT"), LIMITS).width == 8


def test_png_that_has_many_frames_is_judged_by_its_first() -> None:
    frame = images.png_chunk(b"fdAT", bytes(5))
    assert read_header(images.png()[:-12] + frame * 100_000, LIMITS).width == 96


def test_large_run_length_bmp_is_refused_as_its_decoder_is_slow() -> None:
    assert refused_in_ms(images.bmp_run_length(5000, 5000, b"\0\1"), ImageTooManyPixels) < 20


def test_tiff_of_a_million_strips_is_corrupt() -> None:
    entries = [(256, 3, 1, 10), (257, 4, 1, 1_000_000), (273, 4, 1_000_000, 100)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    assert refused_in_ms(b"II*\0" + struct.pack("<I", 8) + directory, ImageCorrupt) < 20


def test_gif_of_endless_comments_is_corrupt_in_bounded_time() -> None:
    endless = b"GIF89a\x01\0\x01\0\0\0\0!\xfe" + b"\x01a" * 2**21
    assert refused_in_ms(endless, ImageCorrupt) < 500


def test_pixel_limit_can_be_set_and_is_inclusive() -> None:
    assert read_header(images.png(), DecodeLimits(max_pixels=96 * 64)).width == 96
    with pytest.raises(ImageTooManyPixels):
        read_header(images.png(), DecodeLimits(max_pixels=96 * 64 - 1))


def test_svg_is_not_limited_by_its_nominal_size() -> None:
    header = read_header(images.svg("", 'width="1e6" height="1e6"'), LIMITS)
    assert header == Header(Format.SVG, 1_000_000, 1_000_000)


def test_svg_is_limited_by_its_length() -> None:
    data = images.svg_logo()
    longest = data + b" " * (svg.MAX_BYTES - len(data))
    assert read_header(longest, LIMITS).width == 200
    assert refused_in_ms(longest + b" ", ImageTooManyPixels) < 200


@pytest.mark.parametrize(
    "data", [images.svg_comment(svg.MAX_PREAMBLE_BYTES), b"<!--" + b"a" * 64_000_000, b" " * 64_000_000]
)
def test_a_first_tag_that_does_not_come_soon_is_unsupported_in_bounded_time(data: bytes) -> None:
    assert refused_in_ms(data, ImageUnsupported) < 200


def test_first_gif_frame_leaves_out_the_others() -> None:
    frames = [images.picture(), images.picture().rotate(180), images.picture().rotate(90)]
    animated = images.animation("GIF", frames)
    cut = first_gif_frame(animated)
    assert len(cut) < len(animated) / 2
    assert read_header(cut, LIMITS) == read_header(animated, LIMITS)
    truncated = images.gif()[:-40]
    assert first_gif_frame(truncated) == truncated


LIBRARIES = {"PIL", "pyvips", "_libvips", "tensorflow"}


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("logo_detection.decode.header", LIBRARIES | {"numpy"}),
        ("logo_detection.decode.spec", LIBRARIES),
        ("logo_detection.artifact", LIBRARIES),
        ("logo_detection.pool.pool", LIBRARIES),
        ("model_server.service", LIBRARIES),
        ("model_server.__main__", LIBRARIES),
    ],
)
def test_what_a_server_reads_of_an_image_loads_no_image_library(module: str, heavy: set[str]) -> None:
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert ran.stdout.strip() == "[]"


@given(name=st.sampled_from(sorted(SEEDS)), data=st.data())
@settings(max_examples=300, deadline=2000)
def test_gate_answers_any_mutation_with_a_header_or_an_item_error(name: str, data: st.DataObject) -> None:
    mutated = bytearray(SEEDS[name])
    for _ in range(data.draw(st.integers(1, 6))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    try:
        header = read_header(bytes(mutated[: data.draw(st.integers(0, len(mutated)))]), LIMITS)
    except ItemError:
        return
    assert header.width > 0
    assert header.height > 0
    assert header.format is Format.SVG or header.width * header.height <= LIMITS.max_pixels


@given(st.binary(max_size=200))
@settings(max_examples=100)
def test_gate_answers_any_bytes(data: bytes) -> None:
    with suppress(ItemError):
        read_header(data, LIMITS)
