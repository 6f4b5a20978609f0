"""Visibility: marks for dark pages are told from marks that can be seen on white."""

import pytest
from PIL import Image, ImageDraw

from datasets.visibility import is_empty, vanishes_on_white

SIZE = (120, 60)
LEFT, RIGHT, ALL = (5, 15, 50, 45), (90, 15, 115, 45), (5, 5, 115, 55)


def mark(*shapes: tuple[tuple[int, int, int, int], str], ground: str = "#0000") -> Image.Image:
    """RGBA, of rectangles on transparency."""
    picture = Image.new("RGBA", SIZE, ground)
    draw = ImageDraw.Draw(picture)
    for box, colour in shapes:
        draw.rectangle(box, fill=colour)
    return picture


@pytest.mark.parametrize("ground", ["white", "black", "#0000", "#3a7"])
def test_one_colour_is_empty_and_a_dot_is_as_good_as(ground: str) -> None:
    assert is_empty(mark(ground=ground))
    assert is_empty(mark(((3, 3, 6, 6), "#e33"), ground=ground))
    assert not is_empty(mark((LEFT, "#e33"), ground=ground))


def test_a_white_mark_on_transparency_is_empty() -> None:
    assert is_empty(mark((ALL, "white")))
    assert is_empty(mark((ALL, "#fdfdfd")))


def test_a_mark_whose_half_is_white_vanishes() -> None:
    assert vanishes_on_white(mark((LEFT, "#e33"), (RIGHT, "white")))
    assert not vanishes_on_white(mark((LEFT, "#e33"), (RIGHT, "black")))


def test_white_within_a_colour_or_round_it_does_not_vanish() -> None:
    assert not vanishes_on_white(mark((ALL, "#e33"), (LEFT, "white")))
    assert not vanishes_on_white(mark((ALL, "white"), ((9, 9, 111, 51), "#e33")))


def test_a_white_page_does_not_vanish() -> None:
    assert not vanishes_on_white(mark((ALL, "white"), (LEFT, "#e33")))
    assert not vanishes_on_white(mark((LEFT, "#e33"), ground="white").convert("RGB"))
