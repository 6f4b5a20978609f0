"""Augmentation: never the same image twice, always the same for a seed, and never another class."""

import numpy as np
import pytest
import tensorflow as tf

from training.augmentation import StatelessRandom, augment, move, recolour, shrink

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), np.uint8)


@pytest.mark.parametrize("size", [32, 24, 16])
def test_images_come_in_the_size_of_their_stage_and_the_range_of_pixels(size: int) -> None:
    images = augment(IMAGES, size, (1, 2)).numpy()
    assert images.shape == (6, size, size, 3)
    assert images.dtype == np.float32
    assert images.min() >= 0
    assert images.max() <= 255


def test_every_step_is_another_and_every_step_is_the_same_again() -> None:
    first, again, other = (augment(IMAGES, 32, (1, step)).numpy() for step in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    twice = augment(IMAGES[:1].repeat(2, axis=0), 32, (1, 0)).numpy()
    assert not np.allclose(twice[0], twice[1])


def test_a_move_shows_at_least_four_fifths_of_each_side_and_sometimes_a_mirror_image() -> None:
    ramp = np.broadcast_to(np.linspace(0, 255, 64, dtype=np.float32)[:, None], (200, 64, 64, 3)[:3])
    across = np.repeat(np.swapaxes(ramp, 1, 2)[..., None], 3, axis=3)
    moved = move(tf.constant(across), StatelessRandom((3, 4))).numpy()[:, 32, :, 0]
    spans = moved[:, -1] - moved[:, 0]
    assert (np.abs(spans) > 0.75 * 255).all()
    assert 60 < (spans < 0).sum() < 140
    assert moved.min() >= 0
    assert moved.max() <= 255.01


def test_some_images_are_turned_a_little_and_no_corner_goes_dark() -> None:
    white = tf.fill((200, 32, 32, 3), 255.0)
    assert move(white, StatelessRandom((3, 4))).numpy().min() > 254
    line = np.zeros((200, 65, 65, 3), np.float32)
    line[:, 32:] = 255
    edges = (move(tf.constant(line), StatelessRandom((5, 6))).numpy()[..., 0] > 127).argmax(axis=1)
    rises = np.abs(edges[:, -1] - edges[:, 0])
    assert 10 < (rises > 1).sum() < 50
    assert rises.max() <= 12  # of 64 columns: 8 degrees, stretched by a crop


def test_colours_change_and_some_images_turn_grey() -> None:
    red = tf.constant(np.full((400, 4, 4, 3), (200, 80, 40), np.float32))
    recoloured = recolour(red, StatelessRandom((1, 1))).numpy()[:, 0, 0]
    assert len(np.unique(recoloured.round(1), axis=0)) > 390
    greys = np.ptp(recoloured, axis=1) < 30
    assert 5 < greys.sum() < 45


def test_shrinking_by_a_whole_number_is_a_mean() -> None:
    pixels = np.zeros((1, 4, 4, 3), np.float32)
    pixels[0, :2, :2] = [[[0], [40]], [[80], [120]]]
    np.testing.assert_allclose(np.asarray(shrink(pixels, 2))[0, 0, 0], 60)


def test_what_is_not_shrunk_is_not_changed() -> None:
    pixels = np.ones((1, 8, 8, 3), np.float32)
    assert shrink(pixels, 8) is pixels
