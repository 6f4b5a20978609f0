"""Ten kinds of pictures, one shape each, on grounds and in colours that say nothing of the shape."""

import io
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

WIDTH, HEIGHT = 240, 180  # pixels

Draw = ImageDraw.ImageDraw
Colour = tuple[int, ...]


def draw_shape(kind: str, seed: int) -> bytes:
    """A PNG of a shape; its place, size and colours are the seed's."""
    rng = np.random.default_rng([seed, sorted(SHAPES).index(kind)])
    ground, ink = (tuple(int(value) for value in rng.integers(low, low + 90, 3)) for low in (150, 10))
    if rng.random() < 0.5:
        ground, ink = ink, ground
    image = Image.new("RGB", (WIDTH, HEIGHT), ground)
    radius = int(rng.integers(40, 75))
    x, y = (int(rng.integers(radius + 5, side - radius - 4)) for side in (WIDTH, HEIGHT))
    SHAPES[kind](ImageDraw.Draw(image), x, y, radius, ink)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def write_shapes(folder: Path, each: int) -> dict[str, str]:
    """So many pictures of every shape. Returns their labels by path."""
    folder.mkdir()
    labels = {}
    for kind in SHAPES:
        for seed in range(each):
            path = folder / f"{kind}-{seed}.png"
            path.write_bytes(draw_shape(kind, seed))
            labels[str(path)] = kind
    return labels


def _corners(
    x: int, y: int, radius: int, turns: list[float], inner: float = 1.0
) -> list[tuple[float, float]]:
    """Points around a centre, every second one at a share of the radius."""
    reach = [radius * (inner if number % 2 else 1) for number in range(len(turns))]
    return [
        (x + length * math.sin(2 * math.pi * turn), y - length * math.cos(2 * math.pi * turn))
        for turn, length in zip(turns, reach, strict=True)
    ]


def _disc(draw: Draw, x: int, y: int, radius: int, ink: Colour) -> None:
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)


def _ring(draw: Draw, x: int, y: int, radius: int, ink: Colour) -> None:
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=ink, width=radius // 4)


def _square(draw: Draw, x: int, y: int, radius: int, ink: Colour) -> None:
    draw.rectangle((x - radius, y - radius, x + radius, y + radius), fill=ink)


def _triangle(draw: Draw, x: int, y: int, radius: int, ink: Colour) -> None:
    draw.polygon(_corners(x, y, radius, [0, 1 / 3, 2 / 3]), fill=ink)


def _star(draw: Draw, x: int, y: int, radius: int, ink: Colour) -> None:
    draw.polygon(_corners(x, y, radius, [turn / 10 for turn in range(10)], 0.4), fill=ink)


def _plus(draw: Draw, x: int, y: int, radius: int, ink: Colour) -> None:
    draw.rectangle((x - radius, y - radius // 4, x + radius, y + radius // 4), fill=ink)
    draw.rectangle((x - radius // 4, y - radius, x + radius // 4, y + radius), fill=ink)


def _bars(draw: Draw, x: int, y: int, radius: int, ink: Colour) -> None:
    for left in range(x - radius, x + radius, radius // 3):
        draw.rectangle((left, y - radius, left + radius // 6, y + radius), fill=ink)


def _rows(draw: Draw, x: int, y: int, radius: int, ink: Colour) -> None:
    for top in range(y - radius, y + radius, radius // 3):
        draw.rectangle((x - radius, top, x + radius, top + radius // 6), fill=ink)


def _dots(draw: Draw, x: int, y: int, radius: int, ink: Colour) -> None:
    dot = radius // 6
    for across in range(-2, 3):
        for down in range(-2, 3):
            _disc(draw, x + across * radius * 2 // 5, y + down * radius * 2 // 5, dot, ink)


def _cross(draw: Draw, x: int, y: int, radius: int, ink: Colour) -> None:
    for side in (-1, 1):
        draw.line((x - radius, y - side * radius, x + radius, y + side * radius), fill=ink, width=radius // 3)


SHAPES: dict[str, Callable[[Draw, int, int, int, Colour], None]] = {
    "bars": _bars,
    "cross": _cross,
    "disc": _disc,
    "dots": _dots,
    "plus": _plus,
    "ring": _ring,
    "rows": _rows,
    "square": _square,
    "star": _star,
    "triangle": _triangle,
}
