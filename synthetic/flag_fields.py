"""Flag fields: how a cloth is divided. Bands, stripes, crosses, diagonals, rays, borders."""

import math
from collections.abc import Callable

from PIL import Image, ImageDraw

from synthetic.emblems import disc, script, star_alone, sun_emblem
from synthetic.shapes import Point, towards
from synthetic.stateless_random import Colour, Rng

# Draws on a cloth at twice its size, in shades of which the first is the cloth's own.
Design = Callable[[Rng, Image.Image, list[Colour]], None]


def shares(rng: Rng, count: int) -> list[float]:
    """Where bands begin and end, 0 to 1: equal, or with some of them broader."""
    weights = [1.0] * count
    form = rng.random()
    if form < 0.25:
        weights[count // 2] = rng.choice((1.5, 2, 2, 3))
    elif form < 0.4:
        weights[rng.choice((0, -1))] = 2
    elif form < 0.5:
        weights = [rng.choice((1, 1, 2, 3)) for _ in range(count)]
    edges = [0.0]
    for weight in weights:
        edges.append(edges[-1] + weight / sum(weights))
    return edges


def bands(rng: Rng, image: Image.Image, shades: list[Colour]) -> None:
    """Two to five bands, lying or standing, with thin lines between them or not."""
    count = rng.choice((2, 2, 3, 3, 3, 3, 3, 3, 4, 5, 5))
    tones = [shades[index % len(shades)] for index in range(count)]
    if count >= 3 and rng.random() < 0.3:
        tones = [tones[min(index, count - 1 - index)] for index in range(count)]
    edges, lying = shares(rng, count), rng.random() < 0.6
    draw = ImageDraw.Draw(image)
    for tone, low, high in zip(tones, edges, edges[1:], strict=False):
        band(draw, image, lying, low, high, tone)
    if rng.random() < 0.15:
        half = rng.uniform(0.01, 0.025)
        for edge in edges[1:-1]:
            band(draw, image, lying, edge - half, edge + half, shades[-1])


def band(
    draw: ImageDraw.ImageDraw, image: Image.Image, lying: bool, low: float, high: float, tone: Colour
) -> None:
    """One band over the whole cloth, from `low` to `high` of its height or width."""
    wide, high_edge = image.size
    if lying:
        draw.rectangle((0, round(low * high_edge), wide, round(high * high_edge)), tone)
    else:
        draw.rectangle((round(low * wide), 0, round(high * wide), high_edge), tone)


def stripes(rng: Rng, image: Image.Image, shades: list[Colour]) -> None:
    """Many stripes of two colours."""
    draw, count, lying = ImageDraw.Draw(image), rng.choice((5, 7, 9, 9, 11, 13, 14)), rng.random() < 0.85
    for index in range(count):
        band(draw, image, lying, index / count, (index + 1) / count, shades[index % 2])


def cross(rng: Rng, image: Image.Image, shades: list[Colour]) -> None:
    """A cross, Nordic or centred, with an edge or none, on a plain or quartered cloth."""
    draw, (wide, high) = ImageDraw.Draw(image), image.size
    x, y = wide * rng.choice((0.5, 0.33, 0.36, 0.36, 0.4)), high / 2
    if rng.random() < 0.15:
        draw.rectangle((x, 0, wide, y), shades[1])
        draw.rectangle((0, y, x, high), shades[1])
    arm = high * rng.uniform(0.1, 0.28)
    arms = ((arm, shades[1]), (arm * rng.uniform(0.4, 0.7), shades[2]))
    for thick, shade in arms[: rng.randint(1, 2)]:
        draw.rectangle((x - thick / 2, 0, x + thick / 2, high), shade)
        draw.rectangle((0, y - thick / 2, wide, y + thick / 2), shade)


def saltire(rng: Rng, image: Image.Image, shades: list[Colour]) -> None:
    """A cross of St Andrew, on one cloth or between four triangles."""
    draw, (wide, high) = ImageDraw.Draw(image), image.size
    if rng.random() < 0.4:
        centre = (wide / 2, high / 2)
        for corners, shade in zip((((0, 0), (0, high)), ((wide, 0), (wide, high))), shades[1:], strict=False):
            draw.polygon([*corners, centre], shade)
    thick = high * rng.uniform(0.08, 0.24)
    tones = [shades[-1], shades[0]] if rng.random() < 0.4 else [shades[-1]]
    for tone in tones:
        for line in ((0, 0, wide, high), (0, high, wide, 0)):
            draw.line(line, tone, round(thick))
        thick *= 0.5


def diagonal(rng: Rng, image: Image.Image, shades: list[Colour]) -> None:
    """Two triangles, with a band between them that may have edges."""
    draw, (wide, high) = ImageDraw.Draw(image), image.size
    rising = rng.random() < 0.6
    draw.polygon(
        [(0, high), (wide, 0), (wide, high)] if rising else [(0, 0), (wide, high), (0, high)], shades[1]
    )
    line = (0, high, wide, 0) if rising else (0, 0, wide, high)
    thick = high * rng.choice((0, 0.15, 0.25, 0.35))
    for tone, share in ((shades[2], 1.0), (shades[-1], 0.7))[: rng.randint(1, 2)]:
        if thick:
            draw.line(line, tone, round(thick * share))
    if rng.random() < 0.5:
        star_alone(rng, image, (wide * 0.22, high * 0.28), high * 0.15, shades[-1], shades[0])


def rays(rng: Rng, image: Image.Image, shades: list[Colour]) -> None:
    """Sectors from a point, as of a rising sun."""
    draw, (wide, high) = ImageDraw.Draw(image), image.size
    centre: Point = (wide * rng.choice((0.5, 0.4, 0, 0.5)), high * rng.choice((0.5, 0.5, 1)))
    count = rng.choice((8, 12, 16, 24, 32))
    for index in range(0, count, 2):
        angles = [2 * math.pi * (index + turn) / count for turn in (-0.5, 0.5)]
        draw.polygon([centre, *(towards(centre, angle, 2 * wide) for angle in angles)], shades[1])
    disc(rng, image, centre, high * rng.uniform(0.15, 0.3), shades[2], shades[0])


def border(rng: Rng, image: Image.Image, shades: list[Colour]) -> None:
    """A cloth within a cloth: a frame, a rhomb, quarters, a chequered edge."""
    draw, (wide, high) = ImageDraw.Draw(image), image.size
    form, edge = rng.choice(("frame", "rhomb", "quarters", "teeth")), high * rng.uniform(0.06, 0.16)
    if form == "frame":
        draw.rectangle((edge, edge, wide - edge, high - edge), shades[1])
    elif form == "rhomb":
        draw.polygon(
            [(wide / 2, edge), (wide - edge, high / 2), (wide / 2, high - edge), (edge, high / 2)], shades[1]
        )
    elif form == "quarters":
        draw.rectangle((0, 0, wide / 2, high / 2), shades[1])
        draw.rectangle((wide / 2, high / 2, wide, high), shades[2])
    else:
        for index in range(0, 40, 2):
            draw.rectangle((wide * index / 40, 0, wide * (index + 1) / 40, edge), shades[1])
            draw.rectangle((wide * index / 40, high - edge, wide * (index + 1) / 40, high), shades[1])


def plain_cloth(rng: Rng, image: Image.Image, shades: list[Colour]) -> None:
    """One colour: its emblem makes the flag."""
    colour_in(image, shades)
    if rng.random() < 0.25:
        place = (image.width / 2, image.height / 2)
        rng.choice((script, sun_emblem, disc))(rng, image, place, image.height * 0.3, shades[1], shades[0])


def colour_in(image: Image.Image, shades: list[Colour]) -> None:
    """A white cloth takes another colour: an emblem alone on white would be no flag, but a logo."""
    if min(shades[0]) > 250:
        image.paste(shades[1], (0, 0, *image.size))
