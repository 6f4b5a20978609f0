"""Coats of arms and medals: shields with divisions, charges, crowns and scrolls."""

import math

from PIL import Image, ImageDraw

from synthetic.dyes import CLOTHS
from synthetic.lettering import font, words
from synthetic.shapes import Point, blob, polygon, smooth, star
from synthetic.stateless_random import Colour, Rng

GOLD: Colour = (244, 196, 48)
EDGE: Colour = (80, 60, 0)
CONTOUR: Colour = (20, 20, 20)
TINCTURES: tuple[Colour, ...] = (*CLOTHS[:7], GOLD, GOLD, (192, 192, 192), (80, 40, 120))


def outline(rng: Rng, side: float) -> list[Point]:
    """A shield, point down, in a square of `side`."""
    left, right, top, bottom = side * 0.2, side * 0.8, side * 0.22, side * rng.uniform(0.82, 0.92)
    waist = side * rng.uniform(0.45, 0.62)
    curve = [
        (right - (right - left) / 2 * (1 - math.cos(t)), waist + (bottom - waist) * math.sin(t))
        for t in (x * math.pi / 40 for x in range(21))
    ]
    mirrored = [(left + right - x, y) for x, y in reversed(curve)]
    return [(left, top), (right, top), *curve, *mirrored]


def divide(rng: Rng, side: float, draw: ImageDraw.ImageDraw) -> None:
    """Quarters, bends, chiefs, pales."""
    shade = rng.choice(TINCTURES)
    form = rng.choice(("quarters", "bend", "chief", "pale", "bars", "plain", "chevron"))
    if form == "quarters":
        draw.rectangle((0, 0, side / 2, side / 2), shade)
        draw.rectangle((side / 2, side / 2, side, side), shade)
    elif form == "bend":
        draw.line((side * 0.15, side * 0.15, side * 0.85, side * 0.9), shade, round(side * 0.14))
    elif form == "chief":
        draw.rectangle((0, 0, side, side * 0.4), shade)
    elif form == "pale":
        draw.rectangle((side * 0.4, 0, side * 0.6, side), shade)
    elif form == "bars":
        for index in range(2, 10, 2):
            draw.rectangle((0, side * index / 10, side, side * (index + 1) / 10), shade)
    elif form == "chevron":
        draw.line(
            [(side * 0.15, side * 0.8), (side * 0.5, side * 0.45), (side * 0.85, side * 0.8)],
            shade,
            round(side * 0.1),
        )


def draw_charge(rng: Rng, draw: ImageDraw.ImageDraw, centre: Point, radius: float) -> None:
    """A star, a beast (of sorts), a tower, a tree or a fleur."""
    shade, ink = rng.choice(TINCTURES), CONTOUR
    x, y = centre
    form = rng.choice(("star", "beast", "beast", "tower", "tree", "cross", "fleur"))
    if form == "star":
        draw.polygon(star(centre, radius, rng.choice((5, 6, 8))), shade, ink, 2)
    elif form == "beast":
        for _ in range(rng.randint(4, 8)):
            limb = (x + rng.uniform(-0.6, 0.6) * radius, y + rng.uniform(-0.7, 0.7) * radius)
            draw.polygon(blob(rng, limb, radius * rng.uniform(0.2, 0.5), 0.7), shade, ink, 2)
    elif form == "tower":
        draw.rectangle((x - radius * 0.5, y - radius * 0.5, x + radius * 0.5, y + radius), shade, ink, 2)
        for step in (-0.5, -0.1, 0.3):
            draw.rectangle(
                (x + radius * step, y - radius * 0.8, x + radius * (step + 0.2), y - radius * 0.5),
                shade,
                ink,
                2,
            )
        draw.rectangle((x - radius * 0.15, y + radius * 0.4, x + radius * 0.15, y + radius), ink)
    elif form == "tree":
        draw.rectangle((x - radius * 0.1, y, x + radius * 0.1, y + radius), (110, 70, 30))
        draw.polygon(blob(rng, (x, y - radius * 0.2), radius * 0.7, 0.4), (0, 110, 50), ink, 2)
    elif form == "cross":
        draw.rectangle((x - radius * 0.2, y - radius, x + radius * 0.2, y + radius), shade, ink, 2)
        draw.rectangle((x - radius, y - radius * 0.2, x + radius, y + radius * 0.2), shade, ink, 2)
    else:
        for turn in (-0.9, 0, 0.9):
            tip = (x + radius * 0.6 * math.sin(turn), y - radius * 0.5 * math.cos(turn))
            draw.polygon(blob(rng, tip, radius * 0.35, 0.2), shade, ink, 2)


def arms(rng: Rng) -> Image.Image:
    """A coat of arms with what may stand over, beside and under it."""
    side = 2 * rng.randint(200, 500)
    image = Image.new("RGB", (side, side), rng.choice(((255, 255, 255), (255, 255, 255), (240, 235, 220))))
    draw, shield, mask = ImageDraw.Draw(image), outline(rng, side), Image.new("L", image.size)
    ImageDraw.Draw(mask).polygon(shield, fill=255)
    if rng.random() < 0.5:
        draw_supporters(rng, draw, side)
    image.paste(draw_field(rng, side), mask=mask)
    draw.line([*shield, shield[0]], CONTOUR, max(3, side // 120))
    if rng.random() < 0.6:
        draw_crown(rng, draw, side)
    if rng.random() < 0.5:
        draw.arc((side * 0.1, side * 0.55, side * 0.9, side * 0.97), 20, 160, (240, 230, 200), side // 14)
        draw.text((side * 0.3, side * 0.91), words(rng, 2).upper(), CONTOUR, font(rng, side // 24))
    return smooth(image)


def draw_field(rng: Rng, side: int) -> Image.Image:
    """What the shield shows: a division, and charges on it."""
    field = Image.new("RGB", (side, side), rng.choice(TINCTURES))
    draw = ImageDraw.Draw(field)
    divide(rng, side, draw)
    for _ in range(rng.randint(1, 5)):
        centre = (rng.uniform(0.32, 0.68) * side, rng.uniform(0.32, 0.7) * side)
        draw_charge(rng, draw, centre, side * rng.uniform(0.06, 0.16))
    return field


def draw_supporters(rng: Rng, draw: ImageDraw.ImageDraw, side: int) -> None:
    """A beast on either side."""
    for edge in (0.1, 0.9):
        for _ in range(rng.randint(4, 9)):
            limb = (side * (edge + rng.uniform(-0.06, 0.06)), side * rng.uniform(0.25, 0.85))
            draw.polygon(
                blob(rng, limb, side * rng.uniform(0.04, 0.1), 0.6), rng.choice(TINCTURES), CONTOUR, 2
            )


def draw_crown(rng: Rng, draw: ImageDraw.ImageDraw, side: int) -> None:
    """A crown of five points above the shield."""
    for index in range(5):
        x, tip = side * (0.34 + 0.08 * index), side * rng.uniform(0.06, 0.1)
        points = [(x, side * 0.2), (x + side * 0.04, tip), (x + side * 0.08, side * 0.2)]
        draw.polygon(points, GOLD, EDGE, 2)
    draw.rectangle((side * 0.33, side * 0.17, side * 0.75, side * 0.215), GOLD, EDGE, 2)


def medal(rng: Rng) -> Image.Image:
    """A decoration on its ribbon, or a coin."""
    side = 2 * rng.randint(150, 400)
    image = Image.new("RGB", (side, side), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    for index in range(rng.choice((0, 3, 5, 7))):
        draw.rectangle(
            (side * (0.35 + 0.04 * index), 0, side * (0.39 + 0.04 * index), side * 0.45),
            rng.choice(TINCTURES),
        )
    metal = rng.choice((GOLD, (190, 190, 195), (170, 110, 60)))
    centre, radius = (side / 2, side * 0.65), side * 0.3
    if rng.random() < 0.5:
        draw.polygon(star(centre, radius, rng.choice((5, 8, 16)), rng.uniform(0.5, 0.8)), metal, EDGE, 3)
    for share in (0.8, 0.7, 0.55):
        shade = tuple(round(channel * rng.uniform(0.7, 1)) for channel in metal)
        draw.polygon(polygon(centre, radius * share, 60), shade, EDGE, 2)
    draw_charge(rng, draw, centre, radius * 0.4)
    return smooth(image)


KINDS = {"arms": arms, "medal": medal}
