"""Sketches: what an unsteady hand draws with a pen, a pencil or a crayon, on a sheet of paper."""

import math
from itertools import pairwise

from PIL import Image, ImageDraw

from synthetic import blueprints
from synthetic.clipart import THINGS
from synthetic.creatures import monster
from synthetic.doodles import doodled_thing, stick_figure
from synthetic.lettering import font, word
from synthetic.pen import Pen
from synthetic.people import draw_face, person
from synthetic.shapes import Box, Point, smooth
from synthetic.stateless_random import Colour, Rng, colour, dark, mix, pale, size


def wobble(rng: Rng, points: list[Point], reach: float) -> list[Point]:
    """A line through the points as an unsteady hand draws it."""
    shaky = []
    for (x0, y0), (x1, y1) in pairwise(points):
        steps = max(2, int(math.hypot(x1 - x0, y1 - y0) / 18))
        for step in range(steps):
            x, y = x0 + (x1 - x0) * step / steps, y0 + (y1 - y0) * step / steps
            shaky.append((x + rng.gauss(0, reach), y + rng.gauss(0, reach)))
    return [*shaky, points[-1]]


def strokes(rng: Rng, width: float, height: float) -> list[list[Point]]:
    """The lines of a whole sheet of doodles."""
    lines = []
    for _ in range(rng.randint(2, 9)):
        x, y = width * rng.uniform(0.12, 0.88), height * rng.uniform(0.35, 0.95)
        tall = height * rng.uniform(0.15, 0.5)
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
        x, y = wide * rng.uniform(0.12, 0.88), high * rng.uniform(0.6, 0.95)
        tall = high * rng.uniform(0.25, 0.6)
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


def scribble(rng: Rng, draw: ImageDraw.ImageDraw, box: Box, shade: Colour) -> None:
    """A field filled by a crayon that goes to and fro."""
    left, top, right, bottom = box
    steps = max(4, int((right - left) / 22))
    track = []
    for index in range(steps + 1):
        x, y = left + (right - left) * index / steps, top if index % 2 else bottom
        track.append((x + rng.gauss(0, 5), y + rng.gauss(0, 8)))
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
        rng.choice((*THINGS, person, draw_face, monster))(rng, pen)


KINDS = {
    "doodle": doodle,
    "child's drawing": childs_drawing,
    "outline art": outline_art,
    "technical": blueprints.technical,
}
