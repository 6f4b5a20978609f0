"""Augmentation: every time an image is used, it is mirrored, cropped, turned and recoloured anew.

All random numbers depend on a seed alone, so that a batch is the same again after a restart.
"""

import math
from typing import Any

import tensorflow as tf

from training.place import ONLY, Place

MIN_CROP = 0.8  # of each side
TURNED_SHARE = 0.15
MAX_TURN = math.radians(8)
GREY_SHARE = 0.05
SWAP_SHARE = 0.3  # of batches whose colour channels change places


class StatelessRandom:
    """Random tensors, each another one, that depend on a seed, int[2], alone.

    A process that has a part of a batch draws the numbers of the whole, and keeps those of its own images.
    """

    def __init__(self, seed: Any, place: Place = ONLY) -> None:
        self._seed, self._drawn, self._place = tf.cast(seed, tf.int64), 0, place

    def uniform(self, shape: Any, low: float = 0.0, high: float = 1.0) -> Any:
        """float32[shape] in low..high."""
        self._drawn += 1
        seed = self._seed + tf.constant([0, self._drawn << 32], tf.int64)
        return tf.random.stateless_uniform(shape, seed, low, high)

    def per_image(self, shape: Any, low: float = 0.0, high: float = 1.0) -> Any:
        """float32[shape] in low..high; the first dimension is this process's images."""
        count, rank = shape[0], self._place.rank
        whole = self.uniform((count * self._place.processes, *shape[1:]), low, high)
        return whole[rank * count : (rank + 1) * count]


def augment(images: Any, size: int, seed: Any, place: Place = ONLY) -> Any:
    """uint8[N, S, S, 3] -> float32[N, size, size, 3] in 0..255.

    Args:
        images: Of a batch, or a process's part of one.
        size: Pixels.
        seed: Of the whole batch, int[2].
        place: The process's: its images come out as they would from the whole batch.
    """
    random = StatelessRandom(seed, place)
    return recolour(shrink(move(tf.cast(images, tf.float32), random), size), random)


def move(images: Any, random: StatelessRandom) -> Any:
    """Mirror, crop and turn in one transformation; beyond an edge, its pixels are repeated."""
    count, side = tf.shape(images)[0], images.shape[1]
    spans = random.per_image((count, 2), MIN_CROP, 1.0)
    centres = spans / 2 + random.per_image((count, 2)) * (1.0 - spans)
    scale_x = tf.where(random.per_image((count,)) < 0.5, -spans[:, 0], spans[:, 0])
    is_turned = random.per_image((count,)) < TURNED_SHARE
    angle = tf.where(is_turned, random.per_image((count,), -MAX_TURN, MAX_TURN), 0.0)
    cos, sin = tf.cos(angle), tf.sin(angle)
    # Where each place of the new image lies in the old one: a matrix around both centres.
    across, down = (cos * scale_x, -sin * spans[:, 1]), (sin * scale_x, cos * spans[:, 1])
    middle = (side - 1) / 2
    shift_x = centres[:, 0] * (side - 1) - middle * (across[0] + across[1])
    shift_y = centres[:, 1] * (side - 1) - middle * (down[0] + down[1])
    zero = tf.zeros_like(angle)
    matrices = tf.stack([*across, shift_x, *down, shift_y, zero, zero], axis=1)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=matrices,
        output_shape=(side, side),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )


def shrink(pixels: Any, size: int) -> Any:
    """float32[N, S, S, 3] -> float32[N, size, size, 3], antialiased as the server's decoder does it."""
    side = pixels.shape[1]
    if side == size:
        return pixels
    if side % size == 0:
        return tf.nn.avg_pool2d(pixels, side // size, side // size, "VALID")  # ten times as fast as resize
    return tf.image.resize(pixels, (size, size), antialias=True)


def recolour(pixels: Any, random: StatelessRandom) -> Any:
    """Change brightness, contrast and tint; make some grey; exchange the channels of some batches.

    All of it is one matrix and an offset, which is three times as fast as one step after the other.
    """
    count = tf.shape(pixels)[0]
    is_grey = random.per_image((count, 1, 1)) < GREY_SHARE
    matrices = tf.where(is_grey, tf.fill((3, 3), 1 / 3), tf.eye(3))
    shuffled = tf.argsort(random.uniform((3,)))
    order = tf.where(random.uniform(()) < SWAP_SHARE, shuffled, [0, 1, 2])
    gain = random.per_image((count, 1, 1), 0.8, 1.2) * random.per_image((count, 1, 3), 0.92, 1.08)
    matrices = tf.gather(matrices, order, axis=2) * gain
    offset = random.per_image((count, 1, 1), -20.0, 20.0)
    recoloured = tf.matmul(tf.reshape(pixels, (count, -1, 3)), matrices) + offset
    return tf.clip_by_value(tf.reshape(recoloured, tf.shape(pixels)), 0.0, 255.0)
