import io

from PIL import Image

from benchmarks.files import LARGE_MAX_BYTES, THUMBNAIL_WIDTH, large_photograph, thumbnails


def test_half_of_the_thumbnails_are_png_and_half_jpeg() -> None:
    files = thumbnails(40)
    images = [Image.open(io.BytesIO(file.data)) for file in files]
    assert [image.format for image in images] == ["PNG", "JPEG"] * 20
    assert {image.width for image in images} == {THUMBNAIL_WIDTH}
    assert {image.mode for image in images} == {"RGB", "RGBA"}
    assert len({file.data for file in files}) == len({file.name for file in files}) == 40


def test_thumbnails_are_the_same_every_time() -> None:
    assert thumbnails(8) == thumbnails(8)


def test_the_large_photograph_has_12_megapixels_and_fits_inline() -> None:
    file = large_photograph()
    assert Image.open(io.BytesIO(file.data)).size == (4000, 3000)
    assert LARGE_MAX_BYTES / 2 < len(file.data) <= LARGE_MAX_BYTES
