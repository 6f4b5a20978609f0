"""Shapes: outlines as lists of points, for everything that is drawn with a pen."""

import math
from typing import TypeAlias

from PIL import Image, ImageDraw

from synthetic.stateless_random import Colour, Rng

Point: TypeAlias = tuple[float, float]
Box: TypeAlias = tuple[float, float, float, float]  # left, top, right, bottom


def around(centre: Point, rx: float, ry: float | None = None) -> Box:
    """The box about a place: `rx` to either side, `ry` up and down, or `rx` again."""
    (x, y), rise = centre, rx if ry is None else ry
    return x - rx, y - rise, x + rx, y + rise


def towards(centre: Point, angle: float, reach: float) -> Point:
    """The place at `reach` from another; `angle` in radians, clockwise from the right."""
    return centre[0] + reach * math.cos(angle), centre[1] + reach * math.sin(angle)


def polygon(centre: Point, radius: float, corners: int, turn: float = 0.0) -> list[Point]:
    """A regular polygon; `turn` in radians."""
    angles = [turn + 2 * math.pi * index / corners for index in range(corners)]
    return [towards(centre, angle, radius) for angle in angles]


def star(
    centre: Point, radius: float, points: int = 5, depth: float = 0.4, turn: float = -math.pi / 2
) -> list[Point]:
    """A star; `depth` is the inner radius as a share of the outer."""
    outer = polygon(centre, radius, points, turn)
    inner = polygon(centre, radius * depth, points, turn + math.pi / points)
    return [corner for pair in zip(outer, inner, strict=True) for corner in pair]


def blob(rng: Rng, centre: Point, radius: float, roughness: float = 0.3, corners: int = 48) -> list[Point]:
    """A closed, wavy outline."""
    waves = [(rng.randint(1, 7), rng.uniform(0, 2 * math.pi), rng.uniform(0, roughness)) for _ in range(4)]
    stretch = rng.uniform(0.5, 1.0)
    outline = []
    for index in range(corners):
        angle = 2 * math.pi * index / corners
        reach = radius * (
            1 + sum(height * math.sin(count * angle + phase) for count, phase, height in waves) / 2
        )
        outline.append((centre[0] + reach * math.cos(angle), centre[1] + reach * stretch * math.sin(angle)))
    return outline


def meander(
    rng: Rng, start: Point, angle: float, length: float, step: float = 12, bend: float = 0.35
) -> list[Point]:
    """An open line that wanders: a road, a river, a coast."""
    points, (x, y) = [start], start
    turn = 0.0
    for _ in range(max(2, int(length / step))):
        turn = 0.7 * turn + rng.gauss(0, bend / 2)
        angle += turn
        x, y = x + step * math.cos(angle), y + step * math.sin(angle)
        points.append((x, y))
    return points


def arrow(draw: ImageDraw.ImageDraw, start: Point, end: Point, ink: Colour, width: int) -> None:
    """A line with a head at its end."""
    draw.line((start, end), fill=ink, width=width)
    angle = math.atan2(end[1] - start[1], end[0] - start[0])
    head = 4 + 3 * width
    wings = [
        (end[0] - head * math.cos(angle + side), end[1] - head * math.sin(angle + side))
        for side in (-0.45, 0.45)
    ]
    draw.polygon([end, *wings], fill=ink)


def smooth(image: Image.Image) -> Image.Image:
    """A picture drawn at twice its size, at its size: edges come out antialiased."""
    return image.resize((max(1, image.width // 2), max(1, image.height // 2)), Image.Resampling.LANCZOS)
