"""Stateless random: numbers, colours and sizes that depend on a seed alone."""

import colorsys
import random
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import zoom

Rng: TypeAlias = random.Random
Colour: TypeAlias = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)


def seeded(*parts: object) -> Rng:
    """A generator that depends on these parts alone, on every host and in every process."""
    return random.Random("/".join(map(str, parts)))  # noqa: S311  pictures, no secrets


def colour(
    rng: Rng, saturation: tuple[float, float] = (0.0, 1.0), value: tuple[float, float] = (0.1, 1.0)
) -> Colour:
    """One colour within a range of saturation and value."""
    red, green, blue = colorsys.hsv_to_rgb(rng.random(), rng.uniform(*saturation), rng.uniform(*value))
    return round(red * 255), round(green * 255), round(blue * 255)


def pale(rng: Rng) -> Colour:
    """A colour to write on: white, more often than not."""
    return WHITE if rng.random() < 0.5 else colour(rng, (0.0, 0.25), (0.85, 1.0))


def dark(rng: Rng) -> Colour:
    """A colour to write with: black, more often than not."""
    return (0, 0, 0) if rng.random() < 0.5 else colour(rng, (0.0, 0.8), (0.0, 0.35))


def palette(rng: Rng, count: int) -> list[Colour]:
    """Colours that belong together: spread hues at one saturation, or shades of one hue."""
    hue, saturation, value = rng.random(), rng.uniform(0.2, 1.0), rng.uniform(0.5, 1.0)
    spread = rng.choice((0.05, 0.3, 1.0))
    colours = []
    for index in range(count):
        share = index / max(1, count)
        channels = colorsys.hsv_to_rgb((hue + spread * share) % 1, saturation * (1 - 0.3 * share), value)
        colours.append((round(channels[0] * 255), round(channels[1] * 255), round(channels[2] * 255)))
    rng.shuffle(colours)
    return colours


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`share` of the first colour, the rest of the second."""
    red, green, blue = (round(a * share + b * (1 - share)) for a, b in zip(first, second, strict=True))
    return red, green, blue


def size(
    rng: Rng, shortest: int = 240, longest: int = 1000, aspects: Sequence[float] = (0.5, 2.2)
) -> tuple[int, int]:
    """Width and height in pixels; small pictures are as likely as large ones."""
    area_side = shortest * (longest / shortest) ** rng.random()
    aspect = rng.uniform(min(aspects), 1) if rng.random() < 0.35 else rng.uniform(1, max(aspects))
    return max(64, round(area_side * aspect**0.5)), max(64, round(area_side / aspect**0.5))


def noise(rng: Rng, shape: tuple[int, int], cells: int, octaves: int = 4) -> NDArray[np.float32]:
    """Smooth noise, float32[shape] in 0..1: `cells` hills across, and finer ones on them."""
    array = np.random.default_rng(rng.getrandbits(64))
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        grid = cells * 2**octave + 3
        hills = zoom(
            array.random((grid, grid), np.float32), (shape[0] / grid + 0.1, shape[1] / grid + 0.1), order=1
        )
        total += hills[: shape[0], : shape[1]] / 2**octave
    span = float(np.ptp(total)) or 1.0
    return np.asarray((total - total.min()) / span, np.float32)
