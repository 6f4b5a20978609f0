import io
import string

import pytest
from PIL import Image, ImageColor, ImageFont

from batch.grid import (
    LOGO_COLOUR,
    MAX_CELLS,
    OTHER_COLOUR,
    PICTURE_SIDE,
    UNSCORED_COLOUR,
    Grid,
    fitted,
    shape,
)
from batch.target import Target
from logo_detection.decode.image import load_thumbnail
from logo_detection.errors import ImageTooManyPixels
from logo_detection.pool.messages import Scored
from logo_detection.scoring import Result
from tests import images
from tests.images import one_colour

TARGET = Target("logo", ("out_of_domain", "logo"))


def scored(logo: float) -> Scored:
    return Scored((1 - logo, logo), "png", 40, 30, 0.0, 0.0, 0.0)


def drawn(grid: Grid) -> Image.Image:
    return Image.open(io.BytesIO(grid.png())).convert("RGB")


def pixels_of(picture: Image.Image, colour: str) -> int:
    counts = {found: count for count, found in picture.getcolors(2**24) or []}
    return counts.get(ImageColor.getrgb(colour), 0)


async def grid_of(*logos: float, threshold: float = 0.5) -> Grid:
    grid = Grid(TARGET, threshold)
    for number, logo in enumerate(logos):
        await grid.keep_picture(number, one_colour("lime"), scored(logo))
        grid.add(Result(f"{number}.png", scored(logo)))
    return grid


async def test_the_border_tells_scores_from_the_threshold_on_from_lower_ones() -> None:
    low, high = drawn(await grid_of(0.7, threshold=0.71)), drawn(await grid_of(0.7, threshold=0.7))
    assert pixels_of(low, OTHER_COLOUR) > 4 * 200 > pixels_of(low, LOGO_COLOUR)
    assert pixels_of(high, LOGO_COLOUR) > 4 * 200 > pixels_of(high, OTHER_COLOUR)


@pytest.mark.parametrize(
    ("cells", "columns", "rows"), [(0, 0, 0), (1, 1, 1), (2, 2, 1), (7, 4, 2), (30, 6, 5), (120, 10, 12)]
)
def test_a_grid_is_rather_wide_and_wastes_no_column(cells: int, columns: int, rows: int) -> None:
    assert shape(cells) == (columns, rows)


@pytest.mark.parametrize("cells", [1, 7, 30])
async def test_every_picture_is_there_whole(cells: int) -> None:
    picture = drawn(await grid_of(*[0.9] * cells))
    assert pixels_of(picture, "lime") == cells * PICTURE_SIDE * round(PICTURE_SIDE * 3 / 4)


async def test_a_file_without_score_has_its_place_and_its_reason() -> None:
    grid = Grid(TARGET, 0.5)
    grid.add(Result("a.png", ImageTooManyPixels()))
    assert pixels_of(drawn(grid), UNSCORED_COLOUR) > 4 * 200


async def test_a_grid_of_nothing_is_a_picture_too() -> None:
    assert drawn(Grid(TARGET, 0.5)).width > 0


async def test_no_more_pictures_are_kept_than_are_shown() -> None:
    many, full = await grid_of(*[0.9] * (MAX_CELLS + 30)), await grid_of(*[0.9] * MAX_CELLS)
    assert pixels_of(drawn(many), "lime") == pixels_of(drawn(full), "lime")


async def test_a_picture_that_only_the_worker_could_decode_is_left_out() -> None:
    grid = Grid(TARGET, 0.5)
    await grid.keep_picture(0, b"not an image", scored(0.9))
    grid.add(Result("a.png", scored(0.9)))
    assert pixels_of(drawn(grid), LOGO_COLOUR) > 4 * 200


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        (images.png(images.picture(400, 100)), (50, 200)),
        (images.png(images.picture(2, 600)), (200, 1)),
        (images.jpeg_oriented(images.picture(300, 150), 6), (200, 100)),
        (images.tiff_oriented(images.picture(300, 150), 6), (200, 100)),
        (images.svg_logo(), (100, 200)),
    ],
)
def test_a_thumbnail_has_the_images_own_shape_and_is_upright(data: bytes, shape: tuple[int, int]) -> None:
    assert load_thumbnail(data, 200).shape == (*shape, 3)


def test_a_thumbnail_shows_what_exif_asks_for() -> None:
    upright = images.picture(150, 300)
    lying = images.jpeg_oriented(upright.transpose(Image.Transpose.ROTATE_90), 6)
    difference = load_thumbnail(lying, 200) - load_thumbnail(images.jpeg(upright, quality=100), 200)
    assert abs(difference).mean() < 2


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("folder/a.png", "a.png"),
        ("folder/", "folder"),
        ("/", ""),
        ("Łódź é 東京.png", "?odz e ??.png"),
        ("a\nb\x1b.png", "a?b?.png"),
    ],
)
def test_a_name_is_written_in_what_characters_the_font_has(name: str, shown: str) -> None:
    assert fitted(name, ImageFont.load_default(14), 500) == shown


def test_a_long_name_keeps_its_ends() -> None:
    font = ImageFont.load_default(14)
    short = fitted(string.ascii_letters * 100 + ".jpeg", font, 200)
    assert font.getlength(short) <= 200 < font.getlength(short + "mm")
    assert "…" in short
    assert short.endswith(".jpeg")
