"""The image specification: how an image becomes a model's input.

It is data, and importing it loads no image library.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """How an image becomes a model's input: data, kept in the artifact's manifest.

    Attributes:
        height: Pixels.
        width: Pixels.
        decoder: `pillow`; or `tensorflow`, for models whose training decoded with `tf.io.decode_image`.
        filter: Of the resize.
        antialias: Whether the filter widens when it shrinks. Pillow's always does, TensorFlow's need not.
        aspect: The whole image is squashed into height x width.
        alpha: Composited on white; or dropped, so that what was hidden below it shows.
        exif_orientation: Whether the image is turned as its metadata says.
        frame: Of an animation, or of a TIFF's pages.
    """

    height: int = 224
    width: int = 224
    decoder: Literal["pillow", "tensorflow"] = "pillow"
    filter: Literal["bilinear"] = "bilinear"
    antialias: bool = True
    aspect: Literal["squash"] = "squash"
    alpha: Literal["white", "drop"] = "white"
    exif_orientation: bool = True
    frame: Literal["first"] = "first"


# What LiftWing's server does to an image: Keras 3.2.1's `image_dataset_from_directory`.
LIFTWING_SPEC = ImageSpec(decoder="tensorflow", antialias=False, alpha="drop", exif_orientation=False)
