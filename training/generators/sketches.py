"""Sketches: what a hand draws with a pen, a pencil or a crayon, and technical drawings."""

import math
from itertools import pairwise

from PIL import Image, ImageDraw

from training.generators.chance import Colour, Rng, colour, dark, mix, pale, size
from training.generators.clipart import THINGS, Pen, face, monster, person
from training.generators.lettering import font, number, word
from training.generators.shapes import Point, arrow, blob, polygon, smooth


def wobble(rng: Rng, points: list[Point], reach: float) -> list[Point]:
    """A line through the points as an unsteady hand draws it."""
    shaky = []
    for (x0, y0), (x1, y1) in pairwise(points):
        steps = max(2, int(math.hypot(x1 - x0, y1 - y0) / 18))
        shaky += [
            (
                x0 + (x1 - x0) * step / steps + rng.gauss(0, reach),
                y0 + (y1 - y0) * step / steps + rng.gauss(0, reach),
            )
            for step in range(steps)
        ]
    return [*shaky, points[-1]]


def oval(centre: Point, rx: float, ry: float) -> list[Point]:
    """A closed oval that overshoots a little."""
    return [
        (centre[0] + rx * math.cos(index * 0.3), centre[1] + ry * math.sin(index * 0.3))
        for index in range(23)
    ]


def stick_figure(x: float, y: float, tall: float, lean: float) -> list[list[Point]]:
    """A person out of lines; `lean` moves the arms."""
    neck, hip = y - tall * 0.7, y - tall * 0.35
    return [
        oval((x, neck - tall * 0.14), tall * 0.13, tall * 0.14), [(x, neck), (x, hip)],
        [
            (x - tall * 0.25, neck + tall * (0.15 + lean)), (x, neck + tall * 0.08),
            (x + tall * 0.25, neck + tall * (0.15 - lean)),
        ],
        [(x - tall * 0.16, y), (x, hip), (x + tall * 0.16, y)],
    ]  # fmt: skip


def doodled_thing(rng: Rng, x: float, y: float, tall: float) -> list[list[Point]]:
    """A house, a sun, a flower, a tree, a cloud, a boat, a box, in lines."""
    form, half = rng.choice(("house", "sun", "flower", "tree", "boat", "box", "spiral")), tall / 2
    if form == "house":
        return [
            [
                (x - half, y),
                (x - half, y - tall * 0.6),
                (x + half, y - tall * 0.6),
                (x + half, y),
                (x - half, y),
            ],
            [(x - half * 1.1, y - tall * 0.6), (x, y - tall), (x + half * 1.1, y - tall * 0.6)],
            [
                (x - half * 0.2, y),
                (x - half * 0.2, y - tall * 0.3),
                (x + half * 0.2, y - tall * 0.3),
                (x + half * 0.2, y),
            ],
        ]
    if form == "sun":
        rays = [
            [p, q]
            for p, q in zip(
                polygon((x, y - half), half * 0.7, 11), polygon((x, y - half), half * 1.1, 11), strict=True
            )
        ]
        return [oval((x, y - half), half * 0.6, half * 0.6), *rays]
    if form == "flower":
        petals = [
            oval(place, tall * 0.1, tall * 0.1) for place in polygon((x, y - tall * 0.8), tall * 0.16, 6)
        ]
        return [[(x, y), (x, y - tall * 0.65)], oval((x, y - tall * 0.8), tall * 0.07, tall * 0.07), *petals]
    if form == "tree":
        return [
            [(x - half * 0.15, y), (x - half * 0.1, y - half)],
            [(x + half * 0.15, y), (x + half * 0.1, y - half)],
            blob(rng, (x, y - tall * 0.7), half * 0.6, 0.3),
        ]
    if form == "boat":
        return [
            [
                (x - half, y - tall * 0.3),
                (x + half, y - tall * 0.3),
                (x + half * 0.6, y),
                (x - half * 0.6, y),
                (x - half, y - tall * 0.3),
            ],
            [(x, y - tall * 0.3), (x, y - tall), (x + half * 0.7, y - tall * 0.4), (x, y - tall * 0.4)],
        ]
    if form == "spiral":
        return [
            [
                (x + half * t / 40 * math.cos(t * 0.5), y - half + half * t / 40 * math.sin(t * 0.5))
                for t in range(40)
            ]
        ]
    shift = tall * 0.25
    front = [
        (x - half, y),
        (x + half * 0.5, y),
        (x + half * 0.5, y - tall * 0.7),
        (x - half, y - tall * 0.7),
        (x - half, y),
    ]
    back = [(px + shift, py - shift) for px, py in front]
    return [front, back, *([p, q] for p, q in zip(front, back, strict=True))]


def strokes(rng: Rng, width: float, height: float) -> list[list[Point]]:
    """The lines of a whole sheet of doodles."""
    lines = []
    for _ in range(rng.randint(2, 9)):
        x, y, tall = (
            width * rng.uniform(0.12, 0.88),
            height * rng.uniform(0.35, 0.95),
            height * rng.uniform(0.15, 0.5),
        )
        if rng.random() < 0.35:
            lines += stick_figure(x, y, tall, rng.uniform(-0.3, 0.3))
        else:
            lines += doodled_thing(rng, x, y, tall)
    return lines


def paper(rng: Rng) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A sheet at twice its size: blank, squared or ruled."""
    width, height = (2 * side for side in size(rng, 220, 520, (0.7, 1.6)))
    image = Image.new("RGB", (width, height), pale(rng))
    draw, form, step = ImageDraw.Draw(image), rng.random(), width // rng.randint(14, 30)
    if form < 0.25:
        for y in range(0, height, step):
            draw.line((0, y, width, y), (190, 210, 230), 2)
    if form < 0.12:
        for x in range(0, width, step):
            draw.line((x, 0, x, height), (190, 210, 230), 2)
    return image, draw


def doodle(rng: Rng) -> Image.Image:
    """Wobbly strokes of one pen, gone over more than once."""
    image, draw = paper(rng)
    ink = rng.choice((dark(rng), (30, 40, 140), (90, 90, 90), (170, 30, 30)))
    width, reach, times = rng.randint(3, 9), rng.uniform(0.5, 2.5), rng.randint(1, 3)
    for line in strokes(rng, *image.size):
        for _ in range(times):
            draw.line(wobble(rng, line, reach), ink, width, joint="curve")
    if rng.random() < 0.3:
        letters = font(rng, image.height // 18, ("DejaVuSans-Oblique", "STIXGeneralItalic"))
        for _ in range(rng.randint(1, 5)):
            draw.text(
                (image.width * rng.random() * 0.8, image.height * rng.random() * 0.9), word(rng), ink, letters
            )
    return smooth(image)


def childs_drawing(rng: Rng) -> Image.Image:
    """Thick crayons of many colours, filled in by scribbling."""
    image, draw = paper(rng)
    wide, high = image.size
    crayons = [colour(rng, (0.6, 1), (0.5, 1)) for _ in range(5)]
    if rng.random() < 0.6:
        scribble(rng, draw, (0, high * rng.uniform(0.8, 0.9), wide, high), (60, 160, 60))
    if rng.random() < 0.4:
        scribble(rng, draw, (0, 0, wide, high * rng.uniform(0.06, 0.15)), (90, 160, 230))
    for _ in range(rng.randint(2, 6)):
        x, y, tall = (
            wide * rng.uniform(0.12, 0.88),
            high * rng.uniform(0.6, 0.95),
            high * rng.uniform(0.25, 0.6),
        )
        lines = (
            stick_figure(x, y, tall, rng.uniform(-0.3, 0.3))
            if rng.random() < 0.4
            else doodled_thing(rng, x, y, tall)
        )
        if rng.random() < 0.5:
            scribble(rng, draw, (x - tall * 0.3, y - tall * 0.5, x + tall * 0.3, y), rng.choice(crayons))
        crayon = rng.choice(crayons)
        for line in lines:
            draw.line(wobble(rng, line, 3), crayon, rng.randint(6, 14), joint="curve")
    return smooth(image)


def scribble(
    rng: Rng, draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], shade: Colour
) -> None:
    """A field filled by a crayon that goes to and fro."""
    left, top, right, bottom = box
    steps = max(4, int((right - left) / 22))
    track = [
        (
            left + (right - left) * index / steps + rng.gauss(0, 5),
            (top if index % 2 else bottom) + rng.gauss(0, 8),
        )
        for index in range(steps + 1)
    ]
    draw.line(track, mix(shade, (255, 255, 255), rng.uniform(0.6, 1)), rng.randint(6, 12), joint="curve")


def outline_art(rng: Rng) -> Image.Image:
    """A page to be coloured in: figures as contours alone, or a linocut of them in two tones."""
    image, _ = paper(rng)
    ground, ink = image.getpixel((1, 1)), dark(rng)
    page = Image.new("RGB", image.size, (255, 255, 255))
    from_figures(rng, page, 6)
    contours = page.convert("L").point(lambda level: 255 if level < 45 else 0)
    image = Image.new("RGB", image.size, ground if isinstance(ground, tuple) else (255, 255, 255))
    image.paste(ink, mask=contours)
    return smooth(image)


def from_figures(rng: Rng, page: Image.Image, most: int) -> None:
    """Clip art with thick contours, spread over a page."""
    draw = ImageDraw.Draw(page)
    for _ in range(rng.randint(2, most)):
        side = min(page.size) * rng.uniform(0.35, 0.8)
        left, top = rng.uniform(0, page.width - side), rng.uniform(0, page.height - side)
        pen = Pen(draw, left, top, side, max(4, round(side / rng.randint(50, 110))), (0, 0, 0))
        rng.choice((*THINGS, person, face, monster))(rng, pen)


def technical(rng: Rng) -> Image.Image:
    """A part drawn to measure: views, centre lines, dimensions, a title block; on white or as a blueprint."""
    width, height = (2 * side for side in size(rng, 260, 560, (0.9, 1.7)))
    ground, ink = rng.choice(
        (((255, 255, 255), (0, 0, 0)), ((255, 255, 255), (0, 0, 0)), ((25, 60, 130), (235, 240, 255)))
    )
    image = Image.new("RGB", (width, height), ground)
    draw, thin, letters = (
        ImageDraw.Draw(image),
        mix(ink, ground, 0.6),
        font(rng, height // 34, ("DejaVuSans", "cmss10", "DejaVuSansMono")),
    )
    columns, rows = rng.choice(((1, 1), (2, 1), (2, 2), (1, 2)))
    for index in range(columns * rows):
        x, y = width * (index % columns + 0.5) / columns, height * (index // columns + 0.48) / rows
        part(rng, draw, (x, y), width * 0.32 / columns, height * 0.28 / rows, ink)
        for line in (
            (x - width * 0.4 / columns, y, x + width * 0.4 / columns, y),
            (x, y - height * 0.36 / rows, x, y + height * 0.36 / rows),
        ):
            draw.line(line, thin, 2)
        level, reach = y + height * 0.38 / rows, width * 0.32 / columns
        arrow(draw, (x, level), (x - reach, level), ink, 2)
        arrow(draw, (x, level), (x + reach, level), ink, 2)
        draw.text((x, level - letters.size), number(rng), ink, letters)
    if rng.random() < 0.6:
        draw.rectangle((10, 10, width - 10, height - 10), None, ink, 4)
        for row in range(3):
            box = (width * 0.65, height * (0.86 + 0.04 * row), width - 10, height * (0.9 + 0.04 * row))
            draw.rectangle(box, ground, ink, 2)
            draw.text((box[0] + 8, box[1] + 4), word(rng), ink, letters)
    return smooth(image)


def part(rng: Rng, draw: ImageDraw.ImageDraw, centre: Point, rx: float, ry: float, ink: Colour) -> None:
    """A plate with holes, a shaft with steps, a flange or a gear."""
    (x, y), line, form = centre, rng.randint(3, 6), rng.choice(("plate", "shaft", "flange", "gear"))
    reach = min(rx, ry)
    if form == "plate":
        draw.rounded_rectangle(
            (x - rx, y - ry, x + rx, y + ry), rng.choice((0, reach * 0.3)), None, ink, line
        )
        for sx in (-0.7, 0.7):
            for sy in (-0.6, 0.6):
                hole = reach * 0.13
                draw.ellipse(
                    (x + sx * rx - hole, y + sy * ry - hole, x + sx * rx + hole, y + sy * ry + hole),
                    None,
                    ink,
                    line,
                )
    elif form == "shaft":
        left = x - rx
        while left < x + rx:
            right, half = min(x + rx, left + rx * rng.uniform(0.2, 0.6)), ry * rng.uniform(0.2, 0.8)
            draw.rectangle((left, y - half, right, y + half), None, ink, line)
            left = right + 1
    else:
        teeth = rng.randint(14, 30)
        draw.polygon(
            [
                (
                    x + reach * (1 if index // 2 % 2 else 0.86) * math.cos(math.pi * index / teeth / 1.0),
                    y + reach * (1 if index // 2 % 2 else 0.86) * math.sin(math.pi * index / teeth / 1.0),
                )
                for index in range(2 * teeth)
            ]
            if form == "gear"
            else polygon(centre, reach, 60),
            None,
            ink,
            line,
        )
        draw.ellipse((x - reach * 0.3, y - reach * 0.3, x + reach * 0.3, y + reach * 0.3), None, ink, line)
        for hx, hy in polygon(centre, reach * 0.65, rng.randint(3, 8)):
            draw.ellipse(
                (hx - reach * 0.09, hy - reach * 0.09, hx + reach * 0.09, hy + reach * 0.09), None, ink, line
            )


KINDS = {
    "doodle": doodle,
    "child's drawing": childs_drawing,
    "outline art": outline_art,
    "technical": technical,
}
