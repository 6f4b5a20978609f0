"""The golden set: every format that is read, small, and really awkward."""

import io

from PIL import Image

from logo_detection.decode.header import DecodeLimits, Format, read_header
from release.golden import draw_images

IMAGES = draw_images()


def test_every_format_is_there_and_small() -> None:
    assert {read_header(data, DecodeLimits()).format for data in IMAGES.values()} == set(Format)
    assert max(map(len, IMAGES.values())) <= 20_000


def test_the_awkward_ones_are_awkward() -> None:
    opened = {
        name: Image.open(io.BytesIO(data)) for name, data in IMAGES.items() if not name.endswith(".svg")
    }
    assert opened["cmyk.jpg"].mode == "CMYK"
    assert opened["grey-16-bit.png"].mode == "I;16"
    assert opened["one-bit.png"].mode == "1"
    assert opened["palette-alpha.png"].mode == "P"
    assert "transparency" in opened["palette-alpha.png"].info
    assert getattr(opened["animated.gif"], "n_frames", 1) == 2
    assert opened["rotated.jpg"].getexif()[0x0112] == 6


def test_the_set_is_the_same_every_time() -> None:
    assert draw_images() == IMAGES
