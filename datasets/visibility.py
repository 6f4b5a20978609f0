"""Visibility: whether a picture can be seen on white, on which all pictures with transparency are scored.

Collections of logos have marks for dark pages. On white they vanish, or leave fragments.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LEVELS = 8  # of 255: pixels that differ by less are of one colour; the faintest textures have as much
MIN_SHOWN = 0.005  # share of a picture's pixels that have another colour than most; a word on a page has more
WHITE = 232  # of 255: a pixel is white if its darkest channel is at least this

# What is left of a mark of two words, one of them white, is in half of its frame. A white page fills its own
# and vanishes without loss; a white outline is narrow.
MIN_FRAME_LEFT = 0.7
MAX_FILLED = 0.75

Mask = NDArray[np.bool_]


def is_empty(picture: Image.Image) -> bool:
    """Whether a picture is of one colour on white, or as good as."""
    seen = _on_white(picture)
    apart = np.abs(seen - np.median(seen, axis=(0, 1))).max(axis=-1) > LEVELS
    return float(apart.mean()) < MIN_SHOWN


def vanishes_on_white(picture: Image.Image) -> bool:
    """Whether a good part of what a picture has before transparency cannot be told from white."""
    opaque = np.asarray(picture.convert("RGBA").getchannel("A")) >= 128
    visible = opaque & (_on_white(picture).min(axis=-1) < WHITE)
    frame = _frame_pixels(opaque)
    return _frame_pixels(visible) < MIN_FRAME_LEFT * frame and int(opaque.sum()) < MAX_FILLED * frame


def _on_white(picture: Image.Image) -> NDArray[np.float32]:
    """float32[height, width, 3], 0..255."""
    pixels = np.asarray(picture.convert("RGBA"), np.float32)
    alpha = pixels[..., 3:] / 255
    return np.asarray(pixels[..., :3] * alpha + 255 * (1 - alpha), np.float32)


def _frame_pixels(mask: Mask) -> int:
    """The area of the smallest rectangle that has the whole mask in it."""
    sides = [np.flatnonzero(mask.any(axis=axis)) for axis in (0, 1)]
    return int(np.prod([side[-1] - side[0] + 1 if side.size else 0 for side in sides]))
