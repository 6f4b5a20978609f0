"""Figures: charts and diagrams of a few elements, with little writing or none, as textbooks have them."""

import math
from dataclasses import dataclass

from PIL import Image, ImageDraw

from synthetic.lettering import Font, font, number_text, typeface, word, words
from synthetic.shapes import Point, around, arrow, polygon, smooth, towards
from synthetic.stateless_random import WHITE, Colour, Rng, colour, dark, mix, pale, palette, size

Sheet = tuple[Image.Image, ImageDraw.ImageDraw]
FIGURE_FONTS = ("STIXGeneralItalic", "DejaVuSerif-Italic", "DejaVuSans", "cmr10")
RED: Colour = (200, 30, 30)


def figure_sheet(rng: Rng) -> Sheet:
    """Paper at twice its size; a heading now and then."""
    width, height = (2 * side for side in size(rng, 220, 520, (0.7, 1.7)))
    image = Image.new("RGB", (width, height), pale(rng))
    draw = ImageDraw.Draw(image)
    if rng.random() < 0.25:
        heading = words(rng, rng.randint(2, 4))
        draw.text((width * 0.05, height * 0.02), heading, (0, 0, 0), font(rng, height // 18))
    return image, draw


def tag(
    draw: ImageDraw.ImageDraw, place: Point, text: str, image: Image.Image, ink: Colour = (0, 0, 0)
) -> None:
    """A label at a place."""
    draw.text(place, text, ink, typeface("DejaVuSans", max(14, image.height // 22)), anchor="mm")


def slices(rng: Rng) -> Image.Image:
    """A pie or a ring of two to five parts, or half of one as a gauge; labelled or not."""
    image, draw = figure_sheet(rng)
    centre, reach = (image.width / 2, image.height * 0.53), min(image.size) * rng.uniform(0.3, 0.43)
    count, half = rng.randint(2, 5), rng.random() < 0.25
    cuts = sorted(rng.random() for _ in range(count - 1))
    span, start, labelled = (180, 180, True) if half else (360, rng.randint(0, 360), rng.random() < 0.5)
    ring = rng.random() < 0.3
    edge = rng.choice(("white", "black", None))
    for low, high, tone in zip([0.0, *cuts], [*cuts, 1.0], palette(rng, count), strict=True):
        shift = rng.choice((0, 0, 0, reach * 0.1))
        middle = math.radians(start + span * (low + high) / 2)
        hub = towards(centre, middle, shift)
        draw.pieslice(around(hub, reach), start + span * low, start + span * high, tone, edge, 4)
        if labelled or ring:
            tag(draw, towards(hub, middle, reach * 0.8), f"{(high - low) * 100:.0f} %", image)
    if half or ring:
        hole = reach * rng.uniform(0.4, 0.65)
        draw.ellipse(around(centre, hole), image.getpixel((image.width - 2, image.height - 2)))
    if half:
        x, y = centre
        arrow(draw, (x, y), (x + reach * 0.8 * math.cos(4 + rng.random()), y - reach * 0.6), (0, 0, 0), 8)
    return smooth(image)


def columns(rng: Rng) -> Image.Image:
    """Two to six bars without a scale, standing or lying, numbers on them or not."""
    image, draw = figure_sheet(rng)
    count, (wide, high) = rng.randint(2, 6), image.size
    shades, lying, valued = palette(rng, count), rng.random() < 0.3, rng.random() < 0.5
    one = rng.random() < 0.5
    for index in range(count):
        low, top, share = (index + 0.2) / count, (index + 0.8) / count, rng.uniform(0.15, 0.8)
        tone = shades[0 if one else index]
        if lying:
            draw.rectangle((wide * 0.1, high * low, wide * (0.1 + share), high * top), tone)
        else:
            draw.rectangle((wide * low, high * (0.92 - share), wide * top, high * 0.92), tone)
        if valued:
            place = (
                (wide * (0.16 + share), high * (low + top) / 2)
                if lying
                else (wide * (low + top) / 2, high * (0.88 - share))
            )
            tag(draw, place, number_text(rng), image)
    axis = [(wide * 0.1, 0), (wide * 0.1, high)] if lying else [(0, high * 0.92), (wide, high * 0.92)]
    if rng.random() < 0.8:
        draw.line(axis, dark(rng), 5)
    return smooth(image)


def curve(rng: Rng) -> Image.Image:
    """Axes with arrows and one to three curves, a shaded area, a point with its dotted lines."""
    image, draw = figure_sheet(rng)
    (wide, high), ink = image.size, dark(rng)
    arrow(draw, (wide * 0.1, high * 0.95), (wide * 0.1, high * 0.08), ink, 5)
    arrow(draw, (wide * 0.05, high * 0.9), (wide * 0.96, high * 0.9), ink, 5)
    tag(draw, (wide * 0.05, high * 0.1), rng.choice("yPfE"), image)
    tag(draw, (wide * 0.93, high * 0.95), rng.choice("xQtT"), image)
    for _ in range(rng.randint(1, 3)):
        places = course(rng, wide, high)
        tone = colour(rng, (0.5, 1), (0.3, 0.9))
        if rng.random() < 0.25:
            floor = [(wide * 0.9, high * 0.9), (wide * 0.1, high * 0.9)]
            draw.polygon([*places, *floor], mix(tone, WHITE, 0.3))
        draw.line(places, tone, rng.randint(4, 10), joint="curve")
        if rng.random() < 0.4:
            x, y = places[rng.randrange(10, 50)]
            draw.line([(x, high * 0.9), (x, y), (wide * 0.1, y)], (130, 130, 130), 3)
            draw.ellipse(around((x, y), 12), ink)
    return smooth(image)


def course(rng: Rng, wide: float, high: float) -> list[Point]:
    """Sixty-one places of a power, a wave, a bell or a line, between the axes of a sheet."""
    form, a, b = rng.choice(("power", "wave", "bell", "line")), rng.uniform(0.3, 3), rng.uniform(0.1, 0.8)
    places = []
    for step in range(61):
        x = step / 60
        y = {
            "power": x**a,
            "wave": 0.5 + 0.4 * math.sin(a * 5 * x + b),
            "bell": math.exp(-((x - b) ** 2) * 20),
            "line": b + (a - 1.5) * 0.5 * x,
        }[form]
        places.append((wide * (0.1 + 0.8 * x), high * (0.9 - 0.75 * min(1, max(0, y)))))
    return places


def box_figure(rng: Rng) -> Image.Image:
    """Two to five boxes in a row, a ring or under one head, joined by arrows."""
    image, draw = figure_sheet(rng)
    (wide, high), count, ink = image.size, rng.randint(2, 5), dark(rng)
    form, shades, line = rng.choice(("row", "ring", "head", "column")), palette(rng, 5), rng.randint(3, 7)
    spots: list[Point] = [(wide * (index + 0.5) / count, high * 0.5) for index in range(count)]
    if form == "ring":
        spots = polygon((wide / 2, high / 2), min(wide, high) * 0.34, max(3, count), -math.pi / 2)
    elif form == "column":
        spots = [(wide * 0.5, high * (index + 0.5) / count) for index in range(count)]
    elif form == "head":
        spots = [(wide * 0.5, high * 0.25), *((x, high * 0.75) for x, _ in spots)]
    half = wide * 0.34 / (count if form in ("row", "head") else 3)
    rise = min(half * 0.6, high * 0.3 / (count if form == "column" else 2))
    for first, second in zip(spots, [*spots[1:], spots[0]], strict=True):
        if form == "head":
            first, second = spots[0], second
        if form in ("row", "column") and second == spots[0]:
            continue
        arrow(draw, first, ((first[0] + 2 * second[0]) / 3, (first[1] + 2 * second[1]) / 3), ink, line)
        draw.line((first, second), ink, line)
    for index, (x, y) in enumerate(spots):
        shape = draw.ellipse if rng.random() < 0.3 else draw.rectangle
        shape((x - half, y - rise, x + half, y + rise), shades[index % 5], ink, line)
        draw.text((x, y), word(rng), ink, font(rng, max(16, round(half * 0.4))), anchor="mm")
    return smooth(image)


def angles(rng: Rng) -> Image.Image:
    """One figure of geometry with its letters, angles and heights: a triangle, a circle, a solid."""
    image, draw = figure_sheet(rng)
    (wide, high), ink, line = image.size, dark(rng), rng.randint(3, 7)
    fill = rng.choice((None, colour(rng, (0.1, 0.6), (0.8, 1))))
    figure = rng.choice((triangle, circle, geometric_solid, diagonals))
    letters = font(rng, max(24, high // 12), FIGURE_FONTS)
    corners = figure(rng, image, Marks(draw, ink, line, fill, letters))
    x, y = wide / 2, high / 2
    for index, (px, py) in enumerate(corners):
        draw.text((px + (px - x) * 0.08, py + (py - y) * 0.12), "ABCDEFGHI"[index], ink, letters, anchor="mm")
    return smooth(image)


@dataclass(frozen=True, slots=True)
class Marks:
    """How a figure of geometry is drawn: its pen, line, fill and letters."""

    draw: ImageDraw.ImageDraw
    ink: Colour
    line: int
    fill: Colour | None
    letters: Font


def middle(image: Image.Image) -> tuple[Point, float]:
    """The centre of a sheet, and how far a figure reaches from it."""
    return (image.width / 2, image.height / 2), min(image.size) * 0.38


def triangle(rng: Rng, image: Image.Image, marks: Marks) -> list[Point]:
    """A triangle with an angle marked, its height drawn or not; its corners."""
    draw, (wide, high) = marks.draw, image.size
    top = (wide * rng.uniform(0.12, 0.8), high * 0.15)
    corners = [(wide * 0.12, high * 0.85), (wide * 0.88, high * 0.85), top]
    draw.polygon(corners, marks.fill)
    draw.line([*corners, corners[0], corners[1]], marks.ink, marks.line, joint="curve")
    if rng.random() < 0.6:
        draw.line([top, (top[0], high * 0.85)], marks.ink, max(2, marks.line // 2))
    slope = math.degrees(math.atan2(high * 0.7, top[0] - corners[0][0]))
    draw.arc(around(corners[0], 80), -slope, 0, RED, marks.line)
    return corners


def circle(rng: Rng, image: Image.Image, marks: Marks) -> list[Point]:
    """A circle with some of its radii; where they end."""
    centre, reach = middle(image)
    corners = polygon(centre, reach, rng.randint(2, 5), rng.random())
    marks.draw.ellipse(around(centre, reach), marks.fill, marks.ink, marks.line)
    for corner in corners:
        marks.draw.line([centre, corner], rng.choice((marks.ink, RED, (30, 60, 200))), marks.line)
    return corners


def diagonals(rng: Rng, image: Image.Image, marks: Marks) -> list[Point]:
    """A regular polygon with diagonals; its corners."""
    centre, reach = middle(image)
    corners = polygon(centre, reach, rng.randint(4, 9), rng.random())
    marks.draw.polygon(corners, marks.fill, marks.ink, marks.line)
    for index in range(len(corners)):
        marks.draw.line([corners[index], corners[index - 2]], marks.ink, 2)
    return corners


def geometric_solid(rng: Rng, image: Image.Image, marks: Marks) -> list[Point]:
    """A cone or a cylinder with its height; its corners as they are seen."""
    draw, ink, line = marks.draw, marks.ink, marks.line
    (x, _), reach = middle(image)
    base, top = image.height * 0.78, image.height * 0.2
    draw.ellipse(around((x, base), reach, reach * 0.3), marks.fill, ink, line)
    if rng.random() < 0.5:
        corners = [(x - reach, base), (x, top), (x + reach, base)]
        draw.line(corners, ink, line, joint="curve")
    else:
        corners = [(x - reach, top), (x + reach, top)]
        draw.ellipse(around((x, top), reach, reach * 0.3), marks.fill, ink, line)
        for side in (-reach, reach):
            draw.line((x + side, base, x + side, top), ink, line)
    draw.line((x, base, x, top), RED, max(2, line // 2))
    draw.text((x + 12, (base + top) / 2), rng.choice("hHr"), ink, marks.letters)
    return corners


CHARTS = {"slices": slices, "columns": columns, "curve": curve}
