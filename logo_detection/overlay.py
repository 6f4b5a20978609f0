"""The overlay: a picture as it was scored, in grey, with its heat map in colour over it.

Colour says which class a place speaks for, opacity how strongly.
"""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from logo_detection.decode.spec import Pixels
from logo_detection.heat_map import OVERLAY_SIDE

# Okabe and Ito's vermilion and blue (https://jfly.uni-koeln.de/color/), which colour-blind people can tell
# apart; grey below them, so that no colour of the picture is taken for one of the map.
FOR_TARGET = np.array((213, 94, 0), np.float32)
FOR_OTHER = np.array((0, 114, 178), np.float32)

MAX_OPACITY = 0.75
FULL_AT_LEAST = 1.0
"""In logits: the strongest place of a map is drawn at MAX_OPACITY if it has at least this value. What
says next to nothing stays pale."""


def draw_overlay(pixels: Pixels, heat_map: NDArray[np.float32]) -> bytes:
    """Draw a heat map over its picture.

    Args:
        pixels: float32[height, width, 3], 0..255, as they were scored.
        heat_map: float32[rows, columns]; positive values speak for the target.

    Returns:
        A PNG of OVERLAY_SIDE x OVERLAY_SIDE in RGB: at most 151,000 bytes, as noise cannot be compressed.
    """
    picture = Image.fromarray(pixels.clip(0, 255).round().astype(np.uint8)).convert("L")
    grey = np.asarray(_resize(picture), np.float32)[..., np.newaxis]
    strength = np.asarray(_resize(Image.fromarray(heat_map)))[..., np.newaxis]
    opacity = MAX_OPACITY * abs(strength) / max(float(abs(heat_map).max()), FULL_AT_LEAST)
    colour = np.where(strength > 0, FOR_TARGET, FOR_OTHER)
    drawn = grey * (1 - opacity) + colour * opacity
    out = io.BytesIO()
    Image.fromarray(drawn.round().astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def _resize(image: Image.Image) -> Image.Image:
    return image.resize((OVERLAY_SIDE, OVERLAY_SIDE), Image.Resampling.BILINEAR)
