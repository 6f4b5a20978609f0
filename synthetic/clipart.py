"""Clip art: sheets of things, creatures and people, sets of emoji, blocks seen from a corner."""

from PIL import Image, ImageChops, ImageDraw

from synthetic.creatures import beast, monster, small_beast
from synthetic.pen import GLASS, INK, Figure, Pen
from synthetic.people import draw_face, feeling, person
from synthetic.shapes import Point, smooth
from synthetic.stateless_random import WHITE, Colour, Rng, colour, mix, pale, palette
from synthetic.things import car, cup, fruit, house, plant, tool

THINGS: tuple[Figure, ...] = (fruit, cup, car, house, plant, tool, beast, small_beast)


def lit(rng: Rng, picture: Image.Image) -> Image.Image:
    """The picture under a gradient of light."""
    ramp = Image.linear_gradient("L").rotate(rng.choice((0, 90, 180))).resize(picture.size)
    return ImageChops.multiply(picture, ramp.point(lambda level: 165 + level * 90 // 255).convert("RGB"))


def clipart_sheet(rng: Rng, figures: tuple[Figure, ...], most: int) -> Image.Image:
    """Up to `most` figures beside each other on white or a pale ground, some with their shadow."""
    count, side = rng.randint(1, most), 2 * rng.randint(130, 300)
    columns = min(count, rng.randint(1, 3))
    rows = -(-count // columns)
    if count > 3:
        side //= 2
    wide, high = columns * side, rows * side
    image = Image.new("RGB", (round(wide * 1.05), round(high * 1.05)), pale(rng))
    draw, line = ImageDraw.Draw(image), rng.choice((0, 0, side // 110 + 1, side // 70 + 1))
    ink = INK if rng.random() < 0.7 else colour(rng, (0.3, 1), (0.1, 0.4))
    backed, shaded = rng.random() < 0.2, rng.random() < 0.3
    for index in range(count):
        left, top = index % columns * side + side * 0.05, index // columns * side + side * 0.05
        pen = Pen(draw, left + side * 0.05, top + side * 0.05, side * rng.uniform(0.75, 0.88), line, ink)
        if backed:
            tile = (left, top, left + side * 0.95, top + side * 0.95)
            draw.rectangle(tile, colour(rng, (0.1, 0.5), (0.8, 1)))
        if shaded:
            pen.draw.ellipse(pen.within(0.1, 0.9, 0.9, 1.02), (205, 205, 205))
        rng.choice(figures)(rng, pen)
    picture = smooth(image)
    return lit(rng, picture) if rng.random() < 0.2 else picture


def clip_art(rng: Rng) -> Image.Image:
    """Things and beasts."""
    return clipart_sheet(rng, THINGS, 6)


def character(rng: Rng) -> Image.Image:
    """People, heads and monsters."""
    return clipart_sheet(rng, (person, person, person, draw_face, monster), 4)


def emoji(rng: Rng) -> Image.Image:
    """Round faces with a feeling, one or a set of them."""
    count, side = rng.choice((1, 2, 4, 6, 9)), 2 * rng.randint(90, 160)
    columns = 1 if count == 1 else 3 if count > 4 else 2
    image = Image.new("RGB", (columns * side, -(-count // columns) * side), pale(rng))
    draw, line = ImageDraw.Draw(image), rng.choice((0, side // 60))
    for index in range(count):
        feeling(rng, Pen(draw, index % columns * side, index // columns * side, side, line, (120, 70, 10)))
    return smooth(image)


def isometric(rng: Rng) -> Image.Image:
    """Blocks and buildings seen from a corner, each face in its own shade."""
    side = 2 * rng.randint(150, 300)
    image = Image.new("RGB", (side, side), pale(rng))
    draw, cells = ImageDraw.Draw(image), rng.randint(2, 6)
    step, shades = side / (2.4 * cells), palette(rng, 4)
    sparse = rng.uniform(0.0, 0.5)
    for row in range(cells):
        for column in range(cells):
            if rng.random() < sparse:
                continue
            x, y = side / 2 + (column - row) * step, side * 0.4 + (column + row) * step / 2
            tall, tone = step * rng.choice((0.3, 0.6, 1, 1, 2, 3)), rng.choice(shades)
            block(draw, (x, y), step, tall, tone)
            for level in range(int(tall / step * 3) if rng.random() < 0.4 else 0):
                base = y + step * 0.9 - tall + level * step / 3 + step * 0.1
                draw.line((x - step * 0.8, base - step * 0.38, x - step * 0.2, base - step * 0.08), GLASS, 4)
    return smooth(image)


def block(draw: ImageDraw.ImageDraw, place: Point, step: float, tall: float, tone: Colour) -> None:
    """A block over the rhomb whose far corner is `place`: its roof and the two walls that are seen."""
    x, y = place
    far, right, near, left = (
        (x, y - tall),
        (x + step, y + step / 2 - tall),
        (x, y + step - tall),
        (x - step, y + step / 2 - tall),
    )
    draw.polygon([far, right, near, left], mix(tone, WHITE, 0.7))
    draw.polygon([left, near, (x, y + step), (x - step, y + step / 2)], tone)
    draw.polygon([right, near, (x, y + step), (x + step, y + step / 2)], mix(tone, (0, 0, 0), 0.65))


KINDS = {"clip art": clip_art, "character": character, "emoji": emoji, "isometric": isometric}
