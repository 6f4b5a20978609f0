"""Batches: balanced, varied, and the same again after a restart."""

from itertools import islice

import numpy as np
import pytest

from training.batches import augment, draw_indices, shrink, training_batches
from training.materialise import Row, Shard

IS_LOGO = np.array([True] * 5 + [False] * 11)


def shard() -> Shard:
    images = np.random.default_rng(0).integers(0, 256, (16, 32, 32, 3), np.uint8)
    return Shard(images, tuple(Row("logo" if logo else "out_of_domain", "", "", "", "") for logo in IS_LOGO))


def test_half_of_every_batch_are_logos() -> None:
    for indices in islice(draw_indices(IS_LOGO, 8, seed=1), 20):
        assert IS_LOGO[indices].sum() == 4


def test_every_image_is_seen_before_any_is_seen_again() -> None:
    drawn = np.concatenate(list(islice(draw_indices(IS_LOGO, 2, seed=1), 55)))
    counts = np.bincount(drawn, minlength=16)
    assert (counts[:5] == 11).all()
    assert (counts[5:] == 5).all()


def test_a_stream_goes_on_where_it_was_left() -> None:
    whole = [labels.numpy() for _, labels in training_batches(shard(), 32, 6, 3, range(0, 6))]
    rest = [labels.numpy() for _, labels in training_batches(shard(), 32, 6, 3, range(4, 6))]
    assert len(whole) == 6
    np.testing.assert_array_equal(whole[4:], rest)


@pytest.mark.parametrize("size", [32, 24, 16])
def test_batches_have_the_size_of_their_stage_and_the_range_of_pixels(size: int) -> None:
    ((images, labels),) = training_batches(shard(), size, 6, 3, range(1))
    assert images.shape == (6, size, size, 3)
    assert images.dtype == np.float32
    assert images.numpy().min() >= 0
    assert images.numpy().max() <= 255
    np.testing.assert_array_equal(labels.numpy().sum(axis=1), 1)


def test_no_image_is_seen_twice_alike() -> None:
    images = shard().images[:4]
    assert not np.allclose(augment(images, 32), augment(images, 32))


def test_shrinking_by_a_whole_number_is_a_mean() -> None:
    pixels = np.zeros((1, 4, 4, 3), np.float32)
    pixels[0, :2, :2] = [[[0], [40]], [[80], [120]]]
    np.testing.assert_allclose(np.asarray(shrink(pixels, 2))[0, 0, 0], 60)


def test_what_is_not_shrunk_is_not_changed() -> None:
    pixels = np.ones((1, 8, 8, 3), np.float32)
    assert shrink(pixels, 8) is pixels
