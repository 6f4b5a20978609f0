"""Scenes: landscapes, cities, seas and rooms in flat colours, shapes against the light."""

import math

from PIL import Image, ImageDraw

from synthetic import comics
from synthetic.clipart import THINGS, lit
from synthetic.creatures import beast, monster, small_beast
from synthetic.pen import INK, Figure, Pen, tint
from synthetic.people import person
from synthetic.shapes import Point, around, blob, meander, polygon, smooth
from synthetic.stateless_random import Colour, Rng, colour, mix, size
from synthetic.things import car, cup, fruit, house, plant

SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((90, 170, 235), (215, 240, 255)), ((40, 60, 130), (250, 160, 110)), ((15, 20, 60), (60, 70, 130)),
    ((250, 190, 120), (255, 235, 180)), ((150, 200, 230), (240, 240, 240)), ((120, 80, 160), (250, 180, 190)),
)  # fmt: skip
PLACES: tuple[Figure, ...] = (*THINGS, person, person, person)


def canvas(rng: Rng) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A sky at twice the picture's size: one colour, bands or a gradient."""
    width, height = (2 * side for side in size(rng, 220, 520, (0.7, 1.9)))
    above, below = rng.choice(SKIES) if rng.random() < 0.7 else (tint(rng), tint(rng))
    if rng.random() < 0.5:
        return (image := Image.new("RGB", (width, height), above)), ImageDraw.Draw(image)
    ramp = Image.linear_gradient("L").resize((width, height))
    if rng.random() < 0.3:
        ramp = ramp.point(lambda level: level // 52 * 51)
    image = Image.composite(Image.new("RGB", ramp.size, below), Image.new("RGB", ramp.size, above), ramp)
    return image, ImageDraw.Draw(image)


def sky(rng: Rng, image: Image.Image, draw: ImageDraw.ImageDraw) -> None:
    """A sun or a moon, clouds, birds, stars."""
    wide, high = image.size
    if rng.random() < 0.6:
        centre, reach = (
            (wide * rng.uniform(0.1, 0.9), high * rng.uniform(0.08, 0.4)),
            high * rng.uniform(0.04, 0.14),
        )
        shade = rng.choice(((255, 225, 90), (255, 250, 230), (255, 130, 60)))
        draw.ellipse(around(centre, reach), shade)
    for _ in range(rng.randint(0, 4)):
        x, y, reach = wide * rng.random(), high * rng.uniform(0.05, 0.35), high * rng.uniform(0.02, 0.06)
        for step in range(4):
            lift = reach * rng.uniform(0.2, 0.9)
            draw.ellipse((x + step * reach, y - lift, x + (step + 2.2) * reach, y + reach), (250, 250, 252))
    for _ in range(rng.choice((0, 0, 0, 5))):
        x, y, reach = wide * rng.random(), high * rng.uniform(0.05, 0.4), high * 0.015
        draw.arc((x - 2 * reach, y - reach, x, y + reach), 190, 350, INK, 4)
        draw.arc((x, y - reach, x + 2 * reach, y + reach), 190, 350, INK, 4)


def peak(rng: Rng, draw: ImageDraw.ImageDraw, image: Image.Image, base: float) -> None:
    """A row of mountains, with snow or without."""
    wide, shade = image.width, colour(rng, (0.1, 0.6), (0.3, 0.8))
    snow = rng.random() < 0.5
    for _ in range(rng.randint(2, 6)):
        x, half = wide * rng.random(), wide * rng.uniform(0.12, 0.35)
        tall = image.height * rng.uniform(0.15, 0.45)
        rock = mix(shade, (0, 0, 0), rng.uniform(0.75, 1))
        draw.polygon([(x - half, base), (x, base - tall), (x + half, base)], rock)
        if snow:
            draw.polygon([(x, base - tall), *snow_line(rng, (x, base), half, tall)], (250, 250, 255))


def snow_line(rng: Rng, foot: Point, half: float, tall: float) -> list[Point]:
    """The ragged lower edge of the snow on a mountain, from slope to slope."""
    (x, base), cap = foot, 0.3  # the snow's share of the height
    edge = [
        (x + half * cap * side, base - tall * (1 - cap * rng.uniform(0.8, 1.2)))
        for side in (1, 0.5, 0, -0.5, -1)
    ]
    level = base - tall * (1 - cap)
    return [(x + half * cap, level), *edge[1:-1], (x - half * cap, level)]


def skyline(rng: Rng, draw: ImageDraw.ImageDraw, image: Image.Image, base: float) -> None:
    """Houses and towers side by side, their windows lit or dark."""
    x, shade = 0.0, colour(rng, (0.1, 0.6), (0.2, 0.8))
    glow = rng.choice(((255, 230, 140), (200, 230, 250), (40, 50, 70)))
    while x < image.width:
        wide, tall = image.width * rng.uniform(0.05, 0.16), image.height * rng.uniform(0.12, 0.5)
        draw.rectangle((x, base - tall, x + wide, base), mix(shade, (255, 255, 255), rng.uniform(0.6, 1)))
        if rng.random() < 0.25:
            draw.polygon(
                [(x, base - tall), (x + wide / 2, base - tall * 1.25), (x + wide, base - tall)], shade
            )
        columns, rows = rng.randint(1, 4), rng.randint(2, 9)
        for row in range(rows):
            for column in range(columns):
                if rng.random() < 0.75:
                    left, top = x + wide * (column + 0.25) / columns, base - tall * (1 - (row + 0.2) / rows)
                    draw.rectangle((left, top, left + wide * 0.5 / columns, top + tall * 0.5 / rows), glow)
        x += wide * rng.uniform(0.9, 1.3)


def populate(rng: Rng, image: Image.Image, base: float, figures: tuple[Figure, ...], most: int) -> None:
    """Some figures on the ground, the near ones larger and in front."""
    draw, line = ImageDraw.Draw(image), rng.choice((0, 0, 3, 5))
    feet = sorted(rng.uniform(base, 0.98) for _ in range(rng.randint(1, most)))
    for foot in feet:
        side = image.height * (0.12 + 0.5 * max(0.05, foot - base) + rng.uniform(0, 0.12))
        rng.choice(figures)(
            rng, Pen(draw, rng.uniform(-0.05, 0.9) * image.width, foot * image.height - side, side, line, INK)
        )


def landscape(rng: Rng) -> Image.Image:
    """Mountains, hills, fields, a road or a river, and who is out there."""
    image, draw = canvas(rng)
    sky(rng, image, draw)
    wide, high, base = image.width, image.height, rng.uniform(0.4, 0.7)
    if rng.random() < 0.6:
        peak(rng, draw, image, base * high)
    ground = (
        colour(rng, (0.3, 0.8), (0.4, 0.85))
        if rng.random() < 0.4
        else (rng.randint(60, 150), rng.randint(140, 200), 70)
    )
    draw.rectangle((0, base * high, wide, high), ground)
    for layer in range(rng.randint(0, 4)):
        hill(rng, draw, image, high * (base + layer * 0.1), ground)
    if rng.random() < 0.4:
        x = wide * rng.random()
        draw.polygon(
            [(x, base * high), (x + 6, base * high), (wide * 0.75, high), (wide * 0.25, high)],
            rng.choice(((110, 110, 115), (210, 190, 140), (110, 180, 230))),
        )
    populate(rng, image, base, PLACES, 7)
    return smooth(image)


def hill(rng: Rng, draw: ImageDraw.ImageDraw, image: Image.Image, level: float, ground: Colour) -> None:
    """A wavy ridge about a height, and what is below it in a shade of the ground."""
    (wide, high), phase, waves = image.size, rng.uniform(0, 6), rng.uniform(0.5, 2.5)
    ridge: list[Point] = [
        (wide * step / 40, level + high * 0.05 * math.sin(phase + waves * 2 * math.pi * step / 40))
        for step in range(41)
    ]
    shade = mix(ground, rng.choice(((0, 0, 0), (255, 255, 255))), rng.uniform(0.7, 0.95))
    draw.polygon([*ridge, (wide, high), (0, high)], shade)


def city(rng: Rng) -> Image.Image:
    """A street: buildings, the road with its traffic, people."""
    image, draw = canvas(rng)
    sky(rng, image, draw)
    wide, high, base = image.width, image.height, rng.uniform(0.55, 0.8)
    for depth in range(rng.randint(1, 3)):
        skyline(rng, draw, image, high * (base - 0.06 + 0.03 * depth))
    draw.rectangle((0, high * base, wide, high), (95, 95, 100))
    draw.rectangle((0, high * base, wide, high * (base + 0.04)), (190, 185, 180))
    for x in range(0, wide, wide // 8):
        draw.rectangle(
            (x, high * (base + 1.08) / 2, x + wide // 16, high * (base + 1.08) / 2 + high * 0.012),
            (250, 250, 250),
        )
    populate(rng, image, base + 0.04, (car, house, plant, person, person), 6)
    return smooth(image)


def sea(rng: Rng) -> Image.Image:
    """Waves with ships, an island, fish below."""
    image, draw = canvas(rng)
    sky(rng, image, draw)
    wide, high, base = image.width, image.height, rng.uniform(0.3, 0.65)
    if rng.random() < 0.4:
        draw.polygon(blob(rng, (wide * rng.random(), high * base), wide * 0.25, 0.4), (220, 195, 130))
    water = (
        colour(rng, (0.4, 0.9), (0.4, 0.9))
        if rng.random() < 0.2
        else (20, rng.randint(90, 160), rng.randint(150, 220))
    )
    for layer in range(rng.randint(2, 5)):
        level, reach = high * (base + 0.12 * layer), wide * rng.uniform(0.03, 0.08)
        if layer < 3:
            ship(rng, draw, (wide * rng.uniform(0.1, 0.8), level), high * rng.uniform(0.1, 0.25))
        tone = mix(water, (0, 0, 0), 1 - 0.13 * layer)
        crest: list[Point] = []
        for step in range(int(wide / reach * 2) + 3):
            crest.append((step * reach / 2, level - (reach * 0.3 if step % 2 else 0)))
        draw.polygon([*crest, (wide, high), (0, high)], tone)
    if rng.random() < 0.4:
        populate(rng, image, base + 0.2, (small_beast,), 5)
    return smooth(image)


def ship(rng: Rng, draw: ImageDraw.ImageDraw, place: Point, side: float) -> None:
    """A hull with sails or funnels."""
    x, y = place
    draw.polygon(
        [
            (x - side, y - side * 0.25),
            (x + side, y - side * 0.25),
            (x + side * 0.7, y + side * 0.2),
            (x - side * 0.7, y + side * 0.2),
        ],
        tint(rng),
    )
    if rng.random() < 0.6:
        draw.line((x, y - side * 0.25, x, y - side * 1.5), (100, 70, 40), 6)
        for way in (-1, 1):
            draw.polygon(
                [
                    (x + way * 6, y - side * 1.4),
                    (x + way * 6, y - side * 0.4),
                    (x + way * side * 0.7, y - side * 0.4),
                ],
                rng.choice(((250, 250, 250), tint(rng))),
            )
    else:
        draw.rectangle((x - side * 0.5, y - side * 0.6, x + side * 0.5, y - side * 0.25), (240, 240, 240))
        draw.rectangle((x - side * 0.1, y - side, x + side * 0.15, y - side * 0.6), tint(rng))


def room(rng: Rng) -> Image.Image:
    """Indoors: wall, floor, windows, furniture, people."""
    wide, high = (2 * side for side in size(rng, 220, 520, (0.8, 1.8)))
    image = Image.new("RGB", (wide, high), mix(tint(rng), (255, 255, 255), 0.5))
    draw, base = ImageDraw.Draw(image), rng.uniform(0.62, 0.8)
    for stripe in range(0, wide if rng.random() < 0.3 else 0, wide // 14):
        draw.rectangle((stripe, 0, stripe + wide // 28, high), mix(tint(rng), (255, 255, 255), 0.3))
    draw.rectangle((0, base * high, wide, high), mix(tint(rng), (120, 80, 50), 0.4))
    for _ in range(rng.randint(1, 3)):
        window_view(rng, draw, image)
    for _ in range(rng.randint(1, 3)):
        furniture(rng, draw, image, base)
    populate(rng, image, base, (person, fruit, cup, plant, beast), 4)
    picture = smooth(image)
    return lit(rng, picture) if rng.random() < 0.3 else picture


def window_view(rng: Rng, draw: ImageDraw.ImageDraw, image: Image.Image) -> None:
    """A window with its bars, or a picture in its frame."""
    x, y = image.width * rng.uniform(0.03, 0.8), image.height * rng.uniform(0.06, 0.25)
    wide, high = image.width * rng.uniform(0.1, 0.25), image.height * rng.uniform(0.15, 0.3)
    frame = (110, 75, 45)
    draw.rectangle((x, y, x + wide, y + high), rng.choice(((170, 215, 245), tint(rng))), frame, 8)
    if rng.random() < 0.5:
        draw.line((x + wide / 2, y, x + wide / 2, y + high), frame, 6)
        draw.line((x, y + high / 2, x + wide, y + high / 2), frame, 6)


def furniture(rng: Rng, draw: ImageDraw.ImageDraw, image: Image.Image, base: float) -> None:
    """A table or a sofa on a floor that begins at a share `base` of the height."""
    x, wide = image.width * rng.uniform(0, 0.7), image.width * rng.uniform(0.15, 0.4)
    high, tone = image.height * rng.uniform(0.1, 0.3), tint(rng)
    top = image.height * (base + rng.uniform(0.02, 0.1)) - high
    if rng.random() < 0.5:
        draw.rectangle((x, top, x + wide, top + high * 0.15), tone)
        for leg in (0.05, 0.9):
            draw.rectangle((x + wide * leg, top, x + wide * (leg + 0.05), top + high), tone)
    else:
        seat = (x - 10, top + high * 0.4, x + wide + 10, top + high)
        draw.rounded_rectangle((x, top, x + wide, top + high * 0.8), 20, tone)
        draw.rounded_rectangle(seat, 20, mix(tone, (0, 0, 0), 0.85))


def backlit(rng: Rng) -> Image.Image:
    """Dark shapes against a bright sky."""
    image, draw = canvas(rng)
    sky(rng, image, draw)
    mask = Image.new("RGB", image.size, (255, 255, 255))
    pen, base = ImageDraw.Draw(mask), rng.uniform(0.6, 0.85)
    wide, high = image.size
    ridge = meander(rng, (-20, base * high), 0, wide * 2.2, 24, 0.25)
    pen.polygon([*ridge, (wide * 2, high * 2), (-20, high * 2)], (0, 0, 0))
    if rng.random() < 0.4:
        skyline(rng, pen, mask, base * high + 10)
    populate(rng, mask, base - 0.03, (person, person, house, plant, beast), 5)
    ink = rng.choice(((0, 0, 0), (10, 15, 40), (40, 15, 30)))
    image.paste(ink, mask=mask.convert("L").point(lambda level: 255 if level < 250 else 0))
    return smooth(image)


def cutaway(rng: Rng) -> Image.Image:
    """Layers of the ground, the atmosphere or a planet, with what lives in them."""
    wide, high = (2 * side for side in size(rng, 220, 500, (0.8, 1.6)))
    image = Image.new("RGB", (wide, high), tint(rng))
    draw, count = ImageDraw.Draw(image), rng.randint(3, 7)
    if rng.random() < 0.3:
        for index in range(count):
            reach = wide * 0.6 * (1 - index / count)
            draw.polygon(polygon((wide * 0.3, high), reach, 80), tint(rng))
    else:
        for index in range(count):
            edge = meander(rng, (-20, high * (0.2 + 0.8 * index / count)), 0, wide * 2, 30, 0.2)
            draw.polygon([*edge, (2 * wide, 2 * high), (-20, 2 * high)], tint(rng))
    populate(rng, image, 0.15, (*THINGS, monster), 5)
    return smooth(image)


KINDS = {
    "landscape": landscape,
    "city": city,
    "sea": sea,
    "room": room,
    "backlit": backlit,
    "comic": comics.comic,
    "cutaway": cutaway,
}
