"""Blueprints: parts drawn to measure, with views, centre lines, dimensions and a title block."""

import math

from PIL import Image, ImageDraw

from synthetic.lettering import Font, font, number_text, word
from synthetic.shapes import Point, around, arrow, polygon, smooth, towards
from synthetic.stateless_random import WHITE, Colour, Rng, mix, size


def technical(rng: Rng) -> Image.Image:
    """A part in one to four views, on white or as a blueprint."""
    width, height = (2 * side for side in size(rng, 260, 560, (0.9, 1.7)))
    black_on_white = (WHITE, (0, 0, 0))
    ground, ink = rng.choice((black_on_white, black_on_white, ((25, 60, 130), (235, 240, 255))))
    image = Image.new("RGB", (width, height), ground)
    draw, thin = ImageDraw.Draw(image), mix(ink, ground, 0.6)
    letters = font(rng, height // 34, ("DejaVuSans", "cmss10", "DejaVuSansMono"))
    columns, rows = rng.choice(((1, 1), (2, 1), (2, 2), (1, 2)))
    for index in range(columns * rows):
        x, y = width * (index % columns + 0.5) / columns, height * (index // columns + 0.48) / rows
        part(rng, draw, (x, y), width * 0.32 / columns, height * 0.28 / rows, ink)
        across, down = width * 0.4 / columns, height * 0.36 / rows
        draw.line((x - across, y, x + across, y), thin, 2)
        draw.line((x, y - down, x, y + down), thin, 2)
        level, reach = y + height * 0.38 / rows, width * 0.32 / columns
        arrow(draw, (x, level), (x - reach, level), ink, 2)
        arrow(draw, (x, level), (x + reach, level), ink, 2)
        draw.text((x, level - letters.size), number_text(rng), ink, letters)
    if rng.random() < 0.6:
        title_block(rng, image, ground, ink, letters)
    return smooth(image)


def title_block(rng: Rng, image: Image.Image, ground: Colour, ink: Colour, letters: Font) -> None:
    """A frame around the sheet, and three lines of writing in its corner."""
    draw, (width, height) = ImageDraw.Draw(image), image.size
    draw.rectangle((10, 10, width - 10, height - 10), None, ink, 4)
    for row in range(3):
        box = (width * 0.65, height * (0.86 + 0.04 * row), width - 10, height * (0.9 + 0.04 * row))
        draw.rectangle(box, ground, ink, 2)
        draw.text((box[0] + 8, box[1] + 4), word(rng), ink, letters)


def part(rng: Rng, draw: ImageDraw.ImageDraw, centre: Point, rx: float, ry: float, ink: Colour) -> None:
    """A plate with holes, a shaft with steps, a flange or a gear."""
    line = rng.randint(3, 6)
    rng.choice((plate_view, shaft, flange, gear))(rng, draw, centre, rx, ry, ink, line)


def plate_view(
    rng: Rng, draw: ImageDraw.ImageDraw, centre: Point, rx: float, ry: float, ink: Colour, line: int
) -> None:
    """A plate with a hole at each corner."""
    (x, y), reach = centre, min(rx, ry)
    draw.rounded_rectangle(around(centre, rx, ry), rng.choice((0, reach * 0.3)), None, ink, line)
    for sx in (-0.7, 0.7):
        for sy in (-0.6, 0.6):
            draw.ellipse(around((x + sx * rx, y + sy * ry), reach * 0.13), None, ink, line)


def shaft(
    rng: Rng, draw: ImageDraw.ImageDraw, centre: Point, rx: float, ry: float, ink: Colour, line: int
) -> None:
    """Cylinders of several diameters in a row."""
    x, y = centre
    left = x - rx
    while left < x + rx:
        right, half = min(x + rx, left + rx * rng.uniform(0.2, 0.6)), ry * rng.uniform(0.2, 0.8)
        draw.rectangle((left, y - half, right, y + half), None, ink, line)
        left = right + 1


def flange(
    rng: Rng, draw: ImageDraw.ImageDraw, centre: Point, rx: float, ry: float, ink: Colour, line: int
) -> None:
    """A disc with a bore and bolt holes."""
    rng.randint(14, 30)  # a flange has no teeth; the draw keeps the rest of the picture as it always was
    reach = min(rx, ry)
    draw.polygon(polygon(centre, reach, 60), None, ink, line)
    bores(rng, draw, centre, reach, ink, line)


def gear(
    rng: Rng, draw: ImageDraw.ImageDraw, centre: Point, rx: float, ry: float, ink: Colour, line: int
) -> None:
    """A toothed wheel with a bore and bolt holes."""
    reach, teeth = min(rx, ry), rng.randint(14, 30)
    rim = [
        towards(centre, math.pi * index / teeth, reach * (1 if index // 2 % 2 else 0.86))
        for index in range(2 * teeth)
    ]
    draw.polygon(rim, None, ink, line)
    bores(rng, draw, centre, reach, ink, line)


def bores(rng: Rng, draw: ImageDraw.ImageDraw, centre: Point, reach: float, ink: Colour, line: int) -> None:
    """A hole in the middle and a ring of small ones."""
    draw.ellipse(around(centre, reach * 0.3), None, ink, line)
    for hole in polygon(centre, reach * 0.65, rng.randint(3, 8)):
        draw.ellipse(around(hole, reach * 0.09), None, ink, line)
