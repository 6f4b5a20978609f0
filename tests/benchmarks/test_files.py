import io

from PIL import Image

from benchmarks.files import LARGE_MAX_BYTES, THUMBNAIL_WIDTH, large_files, thumbnails


def test_half_of_the_thumbnails_are_png_and_half_jpeg() -> None:
    files = thumbnails(40)
    images = [Image.open(io.BytesIO(file.data)) for file in files]
    assert [image.format for image in images] == ["PNG", "JPEG"] * 20
    assert {image.width for image in images} == {THUMBNAIL_WIDTH}
    assert {image.mode for image in images} == {"RGB", "RGBA"}
    assert len({file.data for file in files}) == len({file.name for file in files}) == 40


def test_thumbnails_are_the_same_every_time() -> None:
    assert thumbnails(8) == thumbnails(8)


def test_large_files_have_12_megapixels_and_fit_inline() -> None:
    for file in large_files():
        with Image.open(io.BytesIO(file.data)) as image:
            assert image.size == (4000, 3000)
            assert ("progression" in image.info) == (file.name == "progressive.jpg")
        assert LARGE_MAX_BYTES / 4 < len(file.data) <= LARGE_MAX_BYTES
