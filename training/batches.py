"""Batches: rows of a shard, half of them logos, changed a little every time they are seen."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.materialise import Bytes, Shard

LEAST_CROP = 0.8  # of each side
GREY_SHARE = 0.05
SWAP_SHARE = 0.3  # of batches whose colour channels change places


def draw_indices(is_logo: NDArray[np.bool_], batch: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """int64[batch] without end: as many logos as others, each of them once before any comes again."""
    half = batch // 2
    logos = _cycle(np.flatnonzero(is_logo), half, np.random.default_rng((seed, 1)))
    others = _cycle(np.flatnonzero(~is_logo), batch - half, np.random.default_rng((seed, 0)))
    for pair in zip(logos, others, strict=True):
        yield np.concatenate(pair)


def _cycle(items: NDArray[np.int64], count: int, array: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    left = items[:0]
    while True:
        while len(left) < count:
            left = np.concatenate([left, array.permutation(items)])
        yield left[:count]
        left = left[count:]


def training_batches(shard: Shard, size: int, batch: int, seed: int, steps: range) -> Any:
    """These steps of the stream of batches, as a tf.data.Dataset.

    Of (float32[batch, size, size, 3] in 0..255, float32[batch, 2] in label order).
    """
    is_logo = shard.is_logo()

    def rows() -> Iterator[tuple[Bytes, NDArray[np.float32]]]:
        for indices in islice(draw_indices(is_logo, batch, seed), steps.start, steps.stop):
            ordered = np.sort(indices)  # neighbours on disk are read together
            yield shard.images[ordered], np.eye(2, dtype=np.float32)[is_logo[ordered].astype(int)]

    side = shard.images.shape[1]
    signature = (tf.TensorSpec((batch, side, side, 3), tf.uint8), tf.TensorSpec((batch, 2), tf.float32))
    dataset = tf.data.Dataset.from_generator(rows, output_signature=signature)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(steps)))
    return dataset.map(lambda images, labels: (augment(images, size), labels)).prefetch(2)


def augment(images: Any, size: int) -> Any:
    """uint8[N, S, S, 3] -> float32[N, size, size, 3]: mirrored, cropped, shrunk, recoloured."""
    count = tf.shape(images)[0]
    side = images.shape[1]
    spans = tf.random.uniform((count, 2), LEAST_CROP, 1.0)
    corners = tf.random.uniform((count, 2)) * (1.0 - spans)
    boxes = tf.concat([corners, corners + spans], axis=1)
    mirrored = tf.random.uniform((count, 1)) < 0.5
    boxes = tf.where(mirrored, tf.gather(boxes, [0, 3, 2, 1], axis=1), boxes)
    pixels = tf.image.crop_and_resize(tf.cast(images, tf.float32), boxes, tf.range(count), (side, side))
    return recolour(shrink(pixels, size))


def shrink(pixels: Any, size: int) -> Any:
    """float32[N, S, S, 3] -> float32[N, size, size, 3], antialiased as the server's decoder does it."""
    side = pixels.shape[1]
    if side == size:
        return pixels
    if side % size == 0:
        return tf.nn.avg_pool2d(pixels, side // size, side // size, "VALID")  # ten times as fast
    return tf.image.resize(pixels, (size, size), antialias=True)


def recolour(pixels: Any) -> Any:
    """Other brightness, contrast and tint; some in grey; some with their channels exchanged."""
    count = tf.shape(pixels)[0]
    grey = tf.reduce_mean(pixels, axis=3, keepdims=True)
    pixels = tf.where(tf.random.uniform((count, 1, 1, 1)) < GREY_SHARE, grey + 0 * pixels, pixels)
    order = tf.where(tf.random.uniform(()) < SWAP_SHARE, tf.random.shuffle([0, 1, 2]), [0, 1, 2])
    pixels = tf.gather(pixels, order, axis=3)
    gain = tf.random.uniform((count, 1, 1, 1), 0.8, 1.2) * tf.random.uniform((count, 1, 1, 3), 0.92, 1.08)
    offset = tf.random.uniform((count, 1, 1, 1), -20.0, 20.0)
    return tf.clip_by_value(pixels * gain + offset, 0.0, 255.0)
