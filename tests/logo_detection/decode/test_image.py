import io
import resource
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageOps

from logo_detection.decode.header import DecodeLimits, read_header
from logo_detection.decode.image import decode, load_image, load_thumbnail, open_picture
from logo_detection.decode.spec import LIFTWING_SPEC, ImageSpec, Pixels
from logo_detection.errors import ImageCorrupt, ImageTooManyPixels, ImageUnsupported, ItemError
from tests import images, rasters

SPEC = ImageSpec()
SEEDS = images.every_kind()
RASTERS = {name: data for name, data in SEEDS.items() if not name.startswith("svg")}
LOSSLESS: dict[str, Callable[[Image.Image], bytes]] = {
    "bmp": images.bmp,
    "webp": images.webp,
    "tiff": images.tiff,
    "tiff-lzw": lambda image: images.tiff(image, compression="tiff_lzw"),
    "tiff-deflate": lambda image: images.tiff(image, compression="tiff_adobe_deflate"),
    "png-rgb-16": images.png_rgb16,
}


def shrunk(image: Image.Image, spec: ImageSpec = SPEC) -> Pixels:
    """What Pillow makes of an RGB image that it holds whole, along the rows first as we do."""
    rows = image.resize((min(image.width, spec.width), image.height), Image.Resampling.BILINEAR)
    return np.asarray(rows.resize((spec.width, spec.height), Image.Resampling.BILINEAR), np.float32)


def difference(one: Pixels, other: Pixels) -> float:
    return float(np.abs(one - other).mean())


def photo(width: int, height: int) -> Image.Image:
    """Detail at every scale, as a photograph has."""
    rng = np.random.default_rng(7)
    layers = []
    for scale in (2, 6, 40):
        noise = rng.integers(0, 256, (height // scale, width // scale, 3), np.uint8)
        layers.append(Image.fromarray(noise).resize((width, height), Image.Resampling.BILINEAR))
    return Image.blend(Image.blend(layers[2], layers[1], 0.3), layers[0], 0.08)


@pytest.mark.parametrize("name", SEEDS)
def test_every_kind_becomes_float32_pixels(name: str) -> None:
    pixels = load_image(SEEDS[name], SPEC)
    assert pixels.shape == (224, 224, 3)
    assert pixels.dtype == np.float32
    assert pixels.flags.c_contiguous
    assert pixels.min() >= 0
    assert 100 < pixels.max() <= 255
    assert pixels.std() > 10


@pytest.mark.parametrize("name", SEEDS)
def test_decoding_is_deterministic(name: str) -> None:
    assert np.array_equal(load_image(SEEDS[name], SPEC), load_image(SEEDS[name], SPEC))


def test_shape_is_that_of_the_specification() -> None:
    spec = ImageSpec(height=30, width=50)
    for name, data in SEEDS.items():
        assert load_image(data, spec).shape == (30, 50, 3), name


@pytest.mark.parametrize("kind", LOSSLESS)
@given(width=st.integers(1, 400), height=st.integers(1, 400), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=12)
def test_lossless_formats_of_the_same_pixels_are_equal(kind: str, width: int, height: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    image = Image.fromarray(values)
    expected = load_image(images.png(image), SPEC)
    assert np.array_equal(expected, shrunk(image))
    whole = np.asarray(image.resize((224, 224), Image.Resampling.BILINEAR), np.float32)
    assert (
        np.abs(expected - whole).max() <= 1
    )  # Pillow may take the columns first, and round at another place
    assert np.array_equal(load_image(LOSSLESS[kind](image), SPEC), expected)


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("jpeg", 2),
        ("jpeg-progressive", 2),
        ("jpeg-cmyk", 0.1),
        ("jpeg-cmyk-plain", 0.1),
        ("jpeg-ycck", 2),
        ("png-palette", 12),
        ("gif", 12),
        ("webp-lossy", 3),
        ("bmp-palette", 12),
        ("tiff-jpeg", 2),
        ("tiff-cmyk", 0.1),
        ("tiff-lab", 1),
        ("tiff-big", 0),
        ("svg-embedding", 0.5),
    ],
)
def test_lossy_kinds_are_close_to_the_picture(name: str, tolerance: float) -> None:
    assert difference(load_image(SEEDS[name], SPEC), shrunk(images.picture())) <= tolerance


def test_cmyk_and_ycck_agree_for_inks_that_are_full_and_absent() -> None:
    for colour in ("red", "lime", "blue", "black", "white", "#808080"):
        image = Image.new("RGB", (16, 16), colour)
        expected = load_image(images.png(image), SPEC)
        for data in (images.jpeg_cmyk(image), images.jpeg_cmyk(image, marker=False), images.jpeg_ycck(image)):
            assert np.abs(load_image(data, SPEC) - expected).max() <= 4, colour


def test_sixteen_bits_of_grey_are_scaled_and_not_clipped() -> None:
    grey = images.picture(mode="L")
    expected = load_image(images.png(grey), SPEC)
    sixteen = images.grey16(grey)
    for data in (images.png(sixteen), images.tiff(sixteen), images.tiff(sixteen, compression="tiff_lzw")):
        assert np.array_equal(load_image(data, SPEC), expected)
    big_endian = images.png_raw(1, 2, 16, 0, struct.pack(">HH", 0x80FF, 0x00FF))
    assert set(np.unique(load_image(big_endian, ImageSpec(2, 1)))) == {0, 0x80}


def test_wide_samples_of_grey_have_white_at_the_highest_and_floats_at_one() -> None:
    grey = images.picture(mode="L")
    expected = load_image(images.png(grey), SPEC)
    assert np.array_equal(load_image(images.tiff_grey32(grey), SPEC), expected)
    assert np.array_equal(load_image(images.tiff_float(grey), SPEC), expected)
    beyond = np.asarray([[-1.0, 0.25, 1.0, 80.0]], np.float32)
    pixels = load_image(images.tiff(Image.fromarray(beyond)), ImageSpec(1, 4))
    assert pixels[0, :, 0].tolist() == [0, 64, 255, 255]


@pytest.mark.parametrize("value", [0.0, 0.5, -3e38, float("nan"), float("inf")])
def test_a_float_image_of_one_value_is_an_image(value: float) -> None:
    pixels = load_image(images.tiff(Image.fromarray(np.full((9, 9), value, np.float32))), SPEC)
    assert np.isfinite(pixels).all()


def test_transparency_is_composited_on_white() -> None:
    clear = images.see_through()
    white = Image.new("RGBA", clear.size, "white")
    expected = load_image(images.png(Image.alpha_composite(white, clear).convert("RGB")), SPEC)
    for data in (images.png(clear), images.webp(clear), images.tiff(clear)):
        assert np.abs(load_image(data, SPEC) - expected).max() <= 1
    grey = clear.convert("LA")
    expected = load_image(images.png(Image.alpha_composite(white, grey.convert("RGBA")).convert("RGB")), SPEC)
    assert np.abs(load_image(images.png(grey), SPEC) - expected).max() <= 1


def test_colour_hidden_below_transparency_does_not_bleed_into_edges() -> None:
    """Shrinking before compositing would leave a fringe of it."""
    alpha = Image.new("L", (900, 900))
    alpha.paste(255, (301, 301, 599, 599))
    seen = []
    for hidden in ("black", "red", "white"):
        image = Image.new("RGB", alpha.size, hidden)
        image.paste("teal", (301, 301, 599, 599))
        image.putalpha(alpha)
        seen.append(load_image(images.png(image), SPEC))
    assert np.array_equal(seen[0], seen[1])
    assert np.array_equal(seen[0], seen[2])
    assert np.array_equal(seen[0][0, 0], [255, 255, 255])


@pytest.mark.parametrize("name", ["palette", "palette-shades", "grey", "grey-16", "1-bit", "rgb", "gif"])
def test_colour_keys_and_palette_alphas_are_white(name: str) -> None:
    left_black = Image.new("L", (64, 64), 255)
    left_black.paste(0, (0, 0, 32, 64))
    data = {
        "palette": lambda: images.png(left_black.convert("P"), transparency=0),
        "palette-shades": lambda: images.png(left_black.convert("P"), transparency=b"\0\xff"),
        "grey": lambda: images.png(left_black, transparency=0),
        "grey-16": lambda: images.png(images.grey16(left_black), transparency=0),
        "1-bit": lambda: images.png(left_black.convert("1"), transparency=0),
        "rgb": lambda: images.png(left_black.convert("RGB"), transparency=(0, 0, 0)),
        "gif": lambda: images.encode(left_black.convert("P"), "GIF", transparency=0),
    }[name]()
    assert load_image(data, SPEC).min() == 255
    assert load_image(data, ImageSpec(alpha="drop")).min() == 0


def test_dropped_alpha_shows_what_was_hidden() -> None:
    hidden = Image.new("RGBA", (8, 8), (10, 20, 30, 0))
    assert np.array_equal(np.unique(load_image(images.png(hidden), ImageSpec(alpha="drop"))), [10, 20, 30])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("spec", [SPEC, ImageSpec(height=40, width=70)], ids=["square", "wide"])
def test_exif_orientation_is_undone_in_jpeg_and_tiff_alone(orientation: int, spec: ImageSpec) -> None:
    """The turn comes after the resize, whose two passes then round in the other order: by 1 at most."""
    exif = Image.Exif()
    exif[images.ORIENTATION] = orientation
    stored = images.picture(150, 90)
    upright = stored.copy()
    upright.getexif()[images.ORIENTATION] = orientation
    upright = ImageOps.exif_transpose(upright)
    expected = shrunk(upright, spec)
    assert (upright.size == stored.size) == (orientation < 5)
    assert np.abs(load_image(images.tiff_oriented(stored, orientation), spec) - expected).max() <= 2
    for data in (images.png(stored, exif=exif), images.webp(stored, exif=exif)):
        assert np.array_equal(load_image(data, spec), shrunk(stored, spec))
    assert difference(load_image(images.jpeg_oriented(stored, orientation), spec), expected) < 1


def test_exif_orientation_can_be_ignored() -> None:
    stored = images.picture(150, 90)
    pixels = load_image(images.jpeg_oriented(stored, 6), ImageSpec(exif_orientation=False))
    assert difference(pixels, shrunk(stored)) < 1


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_broken_exif_costs_the_turn_and_not_the_image(exif: bytes) -> None:
    assert difference(load_image(images.jpeg(exif=exif), SPEC), shrunk(images.picture())) < 2


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_only_the_first_frame_is_seen(kind: str) -> None:
    first, others = (
        images.picture(),
        [Image.new("RGB", (96, 64), colour) for colour in ("red", "lime", "blue")],
    )
    alone = load_image(images.animation(kind, [first]), SPEC)
    assert np.array_equal(load_image(images.animation(kind, [first, *others]), SPEC), alone)
    assert difference(alone, shrunk(first)) < 5


def test_colour_profiles_are_ignored() -> None:
    profile = b"\0" * 128
    assert np.array_equal(load_image(images.png(icc_profile=profile), SPEC), load_image(images.png(), SPEC))


def test_large_image_in_bands_equals_one_that_is_converted_whole() -> None:
    """Four bands, of which the last is shorter."""
    clear = photo(1100, 3300).convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    white = Image.new("RGB", clear.size, "white")
    white.paste(clear, mask=clear)
    assert np.array_equal(load_image(images.png(clear, compress_level=1), SPEC), shrunk(white))
    colours = photo(1100, 3300).quantize(64, method=Image.Quantize.FASTOCTREE)
    assert np.array_equal(load_image(images.bmp(colours), SPEC), shrunk(colours.convert("RGB")))


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 60000), (60000, 2), (223, 225)])
@pytest.mark.parametrize("encoder", [images.png, images.jpeg, images.bmp], ids=["png", "jpeg", "bmp"])
def test_extreme_shapes_are_squashed(size: tuple[int, int], encoder: Callable[[Image.Image], bytes]) -> None:
    assert np.abs(load_image(encoder(Image.new("RGB", size, "teal")), SPEC) - [0, 128, 128]).max() <= 2


@pytest.mark.parametrize("size", [(1800, 1200), (1801, 1207), (4001, 451), (453, 3999)])
def test_large_jpeg_decodes_at_reduced_size_and_keeps_its_pixels(size: tuple[int, int]) -> None:
    data = images.jpeg(photo(*size), quality=90)
    whole = shrunk(Image.open(io.BytesIO(data)).convert("RGB"))
    assert difference(load_image(data, SPEC), whole) < 1


def test_large_jpeg_costs_far_less_than_decoding_it_whole() -> None:
    """12 megapixels: 23 ms and not 100, on an idle core of the development machine."""
    data = images.jpeg(photo(4000, 3000), quality=85)

    def cpu_seconds(run: Callable[[], object]) -> float:
        began = time.process_time()
        run()
        return time.process_time() - began

    ours = min(cpu_seconds(lambda: load_image(data, SPEC)) for _ in range(5))
    whole = min(cpu_seconds(lambda: Image.open(io.BytesIO(data)).convert("RGB")) for _ in range(3))
    assert ours < whole * 0.7


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("name", [name for name in RASTERS if not name.endswith(("animated", "pages"))])
def test_truncated_images_are_corrupt(name: str, share: float) -> None:
    data = RASTERS[name]
    with pytest.raises(ImageCorrupt):
        load_image(data[: int(len(data) * share)], SPEC)


@pytest.mark.parametrize("name", ["jpeg", "png", "gif", "webp", "bmp", "tiff"])
def test_garbage_after_the_first_bytes_is_refused(name: str) -> None:
    data = SEEDS[name]
    with pytest.raises((ImageCorrupt, ImageTooManyPixels)):
        load_image(data[:30] + b"garbage" * 200, SPEC)


def test_an_image_of_another_size_than_its_header_says_is_corrupt() -> None:
    header = read_header(images.png(images.picture(96, 65)), DecodeLimits())
    with pytest.raises(ImageCorrupt):
        decode(images.png(), header, SPEC)


@pytest.mark.parametrize("kind", [b"iCCP", b"zTXt", b"iTXt"])
def test_metadata_bombs_cost_neither_time_nor_memory(kind: bytes) -> None:
    bomb = images.metadata_bomb(kind)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    assert load_image(bomb, SPEC).std() > 10
    assert time.process_time() - began < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        (images.png(images.picture(600, 300)), (50, 100)),
        (images.png(images.picture(30, 60)), (100, 50)),
        (images.jpeg_oriented(images.picture(600, 300), 6), (100, 50)),
        (images.tiff_oriented(images.picture(600, 300), 6), (100, 50)),
        (images.png(images.picture(1, 1000)), (100, 1)),
        (images.svg_logo(), (50, 100)),
    ],
)
def test_thumbnail_has_the_shape_of_the_upright_image(data: bytes, shape: tuple[int, int]) -> None:
    assert load_thumbnail(data, 100).shape == (*shape, 3)


def test_thumbnail_of_hostile_bytes_is_an_item_error() -> None:
    for data in (b"", images.png()[:60]):
        with pytest.raises(ImageCorrupt):
            load_thumbnail(data, 100)
    with pytest.raises(ImageTooManyPixels):
        load_thumbnail(images.png_bomb(), 100)


def test_pixel_limit_reaches_the_gate() -> None:
    with pytest.raises(ImageTooManyPixels):
        load_image(images.png(), SPEC, DecodeLimits(max_pixels=100))
    with pytest.raises(ImageUnsupported):
        load_image(b"%PDF-1.7", SPEC)


def test_image_in_an_svg_passes_the_gate_too() -> None:
    red = Image.new("RGB", (8, 8), "red")
    shown = {
        "png": images.png(red),
        "jpeg": images.jpeg(red),
        "gif": images.gif(red),
        "webp": images.webp(red),
        "x-unknown": images.png(red),
    }
    for kind, data in shown.items():
        pixels = load_image(images.svg_embedding(data, kind), SPEC)
        assert np.abs(pixels - [255, 0, 0]).max() <= 3, kind
    for data in (images.tiff(red), images.webp(red), b"", images.svg_logo()):  # none of them a PNG
        assert load_image(images.svg_embedding(data), SPEC).min() == 255
    for data in (images.png_bomb(), images.webp_bomb()):
        with pytest.raises(ImageTooManyPixels):
            load_image(images.svg_embedding(data), SPEC)


TEAL = Image.new("RGB", (4000, 4000), "teal")
BLACK = np.zeros((4000, 4000, 3), np.int64)
MASKS_8888 = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: images.jpeg(TEAL), id="jpeg"),
        pytest.param(lambda: images.jpeg(TEAL, progressive=True), id="jpeg-progressive"),
        pytest.param(lambda: images.png(TEAL), id="png"),
        pytest.param(lambda: images.png(TEAL.convert("RGBA")), id="png-rgba"),
        pytest.param(lambda: images.png(TEAL.convert("P"), transparency=1), id="png-palette"),
        pytest.param(lambda: images.png(TEAL.convert("L")), id="png-grey"),
        pytest.param(lambda: images.encode(TEAL.convert("P"), "GIF", transparency=1), id="gif"),
        pytest.param(lambda: images.webp_bomb(4000), id="webp"),
        pytest.param(lambda: images.bmp(TEAL.convert("P")), id="bmp"),
        pytest.param(lambda: images.jpeg(TEAL)[:-2], id="jpeg-without-end"),
        pytest.param(lambda: images.jpeg(TEAL, progressive=True)[:-2], id="jpeg-progressive-without-end"),
        pytest.param(lambda: rasters.png(BLACK, 16, 2, rasters.png_key(0, 0, 1)), id="png-16-key"),
        pytest.param(lambda: rasters.png(BLACK, 8, 2, interlaced=True), id="png-interlaced"),
        pytest.param(
            lambda: images.png_raw(8, 8, 8, 0, bytes(64), images.png_chunk(b"prVt", bytes(50_000_000))),
            id="png-of-other-chunks",
        ),
        pytest.param(
            lambda: rasters.gif(rasters.greys(), rasters.palette_entries(256), screen=(4000, 4000)),
            id="gif-small-frame",
        ),
        pytest.param(
            lambda: rasters.gif(BLACK[:2000, :, :1], rasters.palette_entries(256), screen=(4000, 2001)),
            id="gif-large-frame",
        ),
        pytest.param(
            lambda: rasters.bmp([bytes(8000)] * 4000, 4000, 16, compression=3, masks=(0xF00, 0xF0, 0xF)),
            id="bmp-bit-fields",
        ),
        pytest.param(
            lambda: rasters.bmp(
                [b"\1" * 16000] * 4000, 4000, 32, header_bytes=124, compression=3, masks=(*MASKS_8888,)
            ),
            id="bmp-bit-fields-alpha",
        ),
        pytest.param(lambda: images.tiff(TEAL), id="tiff"),
        pytest.param(lambda: images.tiff(images.grey16(TEAL)), id="tiff-16"),
        pytest.param(lambda: images.tiff_oriented(TEAL, 6), id="tiff-turned"),
        pytest.param(lambda: images.tiff(TEAL, compression="tiff_lzw"), id="tiff-lzw"),
        pytest.param(lambda: images.png(Image.new("RGBA", (100, 100_000))), id="png-tall"),
        pytest.param(lambda: images.png(Image.new("LA", (2_000_000, 3))), id="png-wide"),
    ],
)
def test_decoding_stays_within_the_memory_that_the_gate_reckoned_with(make: Callable[[], bytes]) -> None:
    """In a process of its own: the high-water mark of this one is another test's."""
    code = """
import sys
from pathlib import Path
from logo_detection.decode.header import DecodeLimits, read_header
from logo_detection.decode.image import decode
from logo_detection.decode.spec import ImageSpec

def status(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024

file = sys.stdin.buffer.read()
header = read_header(file, DecodeLimits())
before = status("VmRSS")
decode(file, header, ImageSpec())
print(status("VmHWM") - before, header.peak_bytes)
"""
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, input=make(), capture_output=True, check=True, timeout=60)
    used, reckoned = map(int, ran.stdout.split())
    assert used < reckoned + 8 * 2**20


def test_memory_that_runs_out_is_too_many_pixels() -> None:
    code = """
import resource
from pathlib import Path
from logo_detection.errors import ImageTooManyPixels
from logo_detection.decode.image import load_image
from logo_detection.decode.spec import ImageSpec
from tests import images, rasters

file = images.png_bomb(9000, 9000)
load_image(images.png(), ImageSpec())
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 50 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    load_image(file, ImageSpec())
except ImageTooManyPixels:
    print("refused")
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "refused\n"


def test_a_picture_is_opened_upright_of_its_own_shape_and_with_its_transparency() -> None:
    wide = Image.new("RGB", (2000, 500), "red")
    assert open_picture(images.jpeg(wide), 1000, 512).size == (1000, 250)
    assert open_picture(images.png(wide.resize((40, 10))), 1000, 512).size == (40, 10)
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    buffer = io.BytesIO()
    wide.save(buffer, "JPEG", exif=turned)
    picture = open_picture(buffer.getvalue(), 1000, 512)
    assert (picture.size, picture.mode) == ((250, 1000), "RGB")
    clear = open_picture(images.png(Image.new("RGBA", (8, 8), (255, 0, 0, 60))), 1000, 512)
    assert (clear.mode, clear.getpixel((4, 4))) == ("RGBA", (255, 0, 0, 60))
    deep = open_picture(images.png(Image.fromarray(np.full((8, 8), 0x8000, np.uint16))), 1000, 512)
    assert (deep.mode, deep.getpixel((4, 4))) == ("RGB", (128, 128, 128))


def test_a_vector_picture_is_opened_at_the_side_asked_for_and_transparent() -> None:
    for size, expected in (('width="20" height="10"', (512, 256)), ('width="1" height="9999"', (1, 512))):
        picture = open_picture(images.svg('<rect width="50%" height="100%" fill="red"/>', size), 1000, 512)
        assert (picture.mode, picture.size) == ("RGBA", expected)
    left, right = (
        open_picture(images.svg('<rect width="50%" height="100%" fill="red"/>'), 1000, 64).getpixel((x, 32))
        for x in (16, 48)
    )
    assert (left, right) == ((255, 0, 0, 255), (0, 0, 0, 0))


def test_opening_a_picture_passes_the_gate() -> None:
    for data, error in ((images.png_bomb(), ImageTooManyPixels), (b"junk", ImageUnsupported)):
        with pytest.raises(error):
            open_picture(data, 1000, 512)
    with pytest.raises(ImageCorrupt):
        open_picture(images.png()[:60], 1000, 512)


def test_decoding_imports_neither_tensorflow_nor_the_server() -> None:
    code = """
import sys
from logo_detection.decode.image import load_image
from logo_detection.decode.spec import ImageSpec
from tests import images, rasters
load_image(images.png(), ImageSpec())
load_image(images.svg_logo(), ImageSpec())
heavy = {"tensorflow", "keras", "openvino", "aiohttp", "kserve", "fastapi", "pydantic"}
print(sorted(heavy & set(sys.modules)))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "[]\n"


def mutate(seed: bytes, data: st.DataObject) -> bytes:
    mutated = bytearray(seed)
    for _ in range(data.draw(st.integers(1, 6))):
        # Half of the changes go to the first 100 bytes, where the headers are.
        last = len(mutated) - 1 if data.draw(st.booleans()) else min(100, len(mutated) - 1)
        at = data.draw(st.integers(0, last))
        piece = data.draw(
            st.binary(max_size=4) | st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff"])
        )
        mutated[at : at + data.draw(st.integers(0, 4))] = piece
    return bytes(mutated[: data.draw(st.integers(len(mutated) // 2, len(mutated)))])


@given(name=st.sampled_from(sorted(SEEDS)), data=st.data())
@settings(max_examples=400, deadline=3000)
def test_any_mutation_is_pixels_or_an_item_error(name: str, data: st.DataObject) -> None:
    mutated = mutate(SEEDS[name], data)
    with suppress(ItemError):
        pixels = load_image(mutated, SPEC, DecodeLimits(max_pixels=4_000_000))
        assert pixels.shape == (224, 224, 3)
        assert pixels.min() >= 0
        assert pixels.max() <= 255


def keras_pixels(data: bytes) -> Pixels:
    """What Keras 3.2.1 does in `image_dataset_from_directory`."""
    import tensorflow as tf

    image = tf.io.decode_image(data, channels=3, expand_animations=False)
    return np.asarray(tf.image.resize(image, (224, 224), method="bilinear").numpy(), np.float32)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [name for name in RASTERS if name.startswith(("jpeg", "png", "gif"))]
    + ["bmp", "bmp-32-bit", "bmp-palette"],
)
def test_liftwing_profile_equals_keras_bit_by_bit(name: str) -> None:
    assert np.array_equal(load_image(SEEDS[name], LIFTWING_SPEC), keras_pixels(SEEDS[name]))


@pytest.mark.slow
def test_liftwing_profile_neither_smooths_nor_drafts_nor_composites() -> None:
    for data in (
        images.jpeg(photo(1500, 1000)),
        images.png(images.see_through(700, 500)),
        images.jpeg_oriented(images.picture(), 6),
    ):
        assert np.array_equal(load_image(data, LIFTWING_SPEC), keras_pixels(data))
        assert difference(load_image(data, LIFTWING_SPEC), load_image(data, SPEC)) > 0.1


@pytest.mark.slow
def test_liftwing_profile_takes_what_tensorflow_cannot_decode() -> None:
    expected = load_image(images.png(), LIFTWING_SPEC)
    for kind in ("webp", "tiff", "tiff-lzw", "tiff-big"):
        assert np.array_equal(load_image(SEEDS[kind], LIFTWING_SPEC), expected)
    for kind in ("svg", "webp-animated", "bmp-1-bit", "tiff-float", "tiff-16"):
        pixels = load_image(SEEDS[kind], LIFTWING_SPEC)
        assert pixels.shape == (224, 224, 3)
        assert pixels.std() > 10


@pytest.mark.slow
def test_liftwing_profile_refuses_what_nobody_can_decode() -> None:
    for name in ("jpeg", "png", "gif", "bmp", "webp", "tiff"):
        with pytest.raises(ImageCorrupt):
            load_image(SEEDS[name][: len(SEEDS[name]) // 2], LIFTWING_SPEC)


@pytest.mark.slow
def test_liftwing_profile_unpacks_one_frame_of_an_animation() -> None:
    frames = [Image.new("P", (3000, 3000), index) for index in range(30)]  # 270 MB of indexes
    data = images.animation("GIF", frames)
    load_image(images.gif(frames[0]), LIFTWING_SPEC)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    load_image(data, LIFTWING_SPEC)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024
