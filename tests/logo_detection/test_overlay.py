"""The overlay: a small PNG of the picture in grey, in which colour says where each class is."""

import io

import numpy as np
from PIL import Image

from logo_detection.decode.spec import Pixels
from logo_detection.overlay import FOR_OTHER, FOR_TARGET, MAX_OPACITY, draw_overlay
from logo_detection.pool.messages import MAX_OVERLAY_BYTES


def drawn(pixels: Pixels, heat_map: np.ndarray) -> np.ndarray:
    with Image.open(io.BytesIO(draw_overlay(pixels, heat_map.astype(np.float32)))) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (224, 224))
        return np.asarray(image).astype(int)


def filled(height: int, width: int, colour: tuple[float, float, float]) -> Pixels:
    return np.full((height, width, 3), colour, np.float32)


def test_a_place_has_the_colour_of_the_class_that_it_speaks_for() -> None:
    heat_map = np.zeros((7, 7))
    heat_map[:, 0], heat_map[:, 6] = 20, -10
    picture = drawn(filled(224, 224, (100, 100, 100)), heat_map)
    for column, colour, opacity in ((2, FOR_TARGET, MAX_OPACITY), (221, FOR_OTHER, MAX_OPACITY / 2)):
        expected = 100 * (1 - opacity) + colour * opacity
        assert abs(picture[112, column] - expected).max() <= 1
    assert (picture[:, 112] == 100).all()


def test_a_map_that_says_little_stays_pale_and_one_of_nothing_leaves_grey() -> None:
    red = filled(32, 48, (255, 0, 0))
    grey = drawn(red, np.zeros((7, 7)))
    assert (grey == grey[0, 0, 0]).all()
    assert 70 <= grey[0, 0, 0] <= 80  # as Pillow weighs red
    faint = drawn(red, np.full((7, 7), 0.1))
    assert 5 < abs(faint - grey).max() < 20


def test_the_picture_is_turned_neither_way() -> None:
    pixels = filled(224, 224, (0, 0, 0))
    pixels[:112, :56] = 255
    picture = drawn(pixels, np.zeros((1, 1)))
    assert picture[10, 10, 0] == 255
    assert picture[10, 100, 0] == picture[200, 10, 0] == 0


def test_noise_makes_no_larger_picture_than_a_reply_may_have() -> None:
    random = np.random.default_rng(1)
    pixels = random.uniform(0, 255, (224, 224, 3)).astype(np.float32)
    for side in (1, 7, 32):
        heat_map = random.normal(size=(side, side)).astype(np.float32)
        assert len(draw_overlay(pixels, heat_map)) <= min(151_000, MAX_OVERLAY_BYTES)
