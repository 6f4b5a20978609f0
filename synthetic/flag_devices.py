"""Flag devices: what is laid on a field. Cantons, piles, ornaments, stars, an emblem in the middle."""

from PIL import Image, ImageDraw

from synthetic.dyes import dyes
from synthetic.emblems import crescent, disc, draw_emblem, ring_of_stars, star_alone, sun_emblem
from synthetic.flag_fields import (
    bands,
    border,
    colour_in,
    cross,
    diagonal,
    saltire,
    stripes,
)
from synthetic.shapes import Box, Point, around, blob, polygon, star, towards
from synthetic.stateless_random import WHITE, Colour, Rng

# Each star: its place as shares of the flag's height from the middle, and its size against the largest.
SOUTHERN_CROSS = ((0, -0.3, 1), (0, 0.33, 1), (-0.15, -0.03, 1), (0.13, -0.08, 1), (0.05, 0.08, 0.55))


def union(rng: Rng, image: Image.Image, box: Box) -> None:
    """Crosses over crosses, as the British flag has them, in a box of the cloth."""
    wide, high = max(8, round(box[2] - box[0])), max(8, round(box[3] - box[1]))
    red, blue, white = (207, 20, 43), (0, 36, 125), WHITE
    if rng.random() < 0.15:
        red, blue, white = dyes(rng, 3)
    part = Image.new("RGB", (wide, high), blue)
    draw = ImageDraw.Draw(part)
    for thick, tone in ((0.2, white), (0.07, red)):
        for line in ((0, 0, wide, high), (0, high, wide, 0)):
            draw.line(line, tone, max(1, round(high * thick)))
    for thick, tone in ((0.33, white), (0.2, red)):
        half = high * thick / 2
        draw.rectangle((wide / 2 - half, 0, wide / 2 + half, high), tone)
        draw.rectangle((0, high / 2 - half, wide, high / 2 + half), tone)
    image.paste(part, (round(box[0]), round(box[1])))


def canton(rng: Rng, image: Image.Image, _shades: list[Colour]) -> None:
    """A field in the upper corner: a union, rows of stars, a cross, one charge."""
    wide, high = image.width * rng.uniform(0.33, 0.5), image.height * rng.choice((0.5, 0.5, 0.54, 0.6, 0.44))
    form = rng.choice(("union", "union", "stars", "cross", "charge", "charge"))
    draw = ImageDraw.Draw(image)
    if form == "union":
        union(rng, image, (0, 0, wide, high))
        return
    tone, ink = dyes(rng, 2)
    draw.rectangle((0, 0, wide, high), tone)
    if form == "stars":
        rows_of_stars(rng, draw, wide, high, ink)
    elif form == "cross":
        arm = high * rng.uniform(0.15, 0.3) / 2
        draw.rectangle((wide / 2 - arm, 0, wide / 2 + arm, high), ink)
        draw.rectangle((0, high / 2 - arm, wide, high / 2 + arm), ink)
    else:
        emblem = rng.choice((star_alone, sun_emblem, crescent, disc, ring_of_stars))
        emblem(rng, image, (wide / 2, high / 2), high * 0.36, ink, tone)


def rows_of_stars(rng: Rng, draw: ImageDraw.ImageDraw, wide: float, high: float, ink: Colour) -> None:
    """Stars all over a field from the upper corner; more than four rows of them are staggered."""
    rows, columns = rng.randint(2, 9), rng.randint(2, 11)
    size = min(wide / columns, high / rows) * 0.38
    for row in range(rows):
        odd = row % 2 if rows > 4 else 0
        for column in range(columns - odd):
            place = ((column + 0.5 + 0.5 * odd) * wide / columns, (row + 0.5) * high / rows)
            draw.polygon(star(place, size, 5, 0.382), ink)


def ensign(rng: Rng, image: Image.Image, shades: list[Colour]) -> None:
    """A canton on stripes or a plain cloth, with stars or a badge in the fly."""
    if rng.random() < 0.45:
        rng.choice((stripes, stripes, bands))(rng, image, shades)
        canton(rng, image, shades)
        return
    canton(rng, image, shades)
    centre, high = (image.width * 0.75, image.height * 0.5), image.height
    if rng.random() < 0.45:
        southern_cross(rng, ImageDraw.Draw(image), centre, high, shades[1])
        if rng.random() < 0.5:
            star_alone(rng, image, (image.width * 0.22, high * 0.77), high * 0.13, shades[1], shades[0])
    else:
        if rng.random() < 0.4:
            disc(rng, image, centre, high * 0.28, WHITE, shades[1])
        draw_emblem(rng, image, centre, high * rng.uniform(0.18, 0.26), shades[1], shades[2])


def southern_cross(rng: Rng, draw: ImageDraw.ImageDraw, centre: Point, high: float, shade: Colour) -> None:
    """Four stars and a small one as they stand in the southern sky, with white edges or none."""
    points, edged = rng.choice((5, 7, 6)), rng.random() < 0.4
    for dx, dy, share in SOUTHERN_CROSS:
        place = (centre[0] + dx * high, centre[1] + dy * high)
        if edged:
            draw.polygon(star(place, high * 0.075 * share, points, 0.45), WHITE)
        draw.polygon(star(place, high * 0.055 * share, points, 0.45), shade)


def pile(rng: Rng, image: Image.Image, shades: list[Colour]) -> None:
    """Bands with a triangle, a panel, a wedge or teeth at the pole, and a charge on it or not."""
    rng.choice((bands, bands, bands, stripes))(rng, image, shades)
    high, reach, tone = image.height, image.width * rng.uniform(0.22, 0.5), dyes(rng, 1)[0]
    form = rng.choice(("triangle", "triangle", "triangle", "panel", "teeth", "wedge"))
    at_the_pole(rng, image, form, reach, tone, shades[-1])
    if rng.random() < 0.6:
        place = (reach * (0.36 if form in ("triangle", "wedge") else 0.5), high / 2)
        draw_emblem(rng, image, place, reach * rng.uniform(0.2, 0.32), *dyes(rng, 2))


def at_the_pole(rng: Rng, image: Image.Image, form: str, reach: float, tone: Colour, edge: Colour) -> None:
    """A triangle, a panel, a wedge or teeth from the pole to `reach`; a triangle may have an edge."""
    draw, (wide, high) = ImageDraw.Draw(image), image.size
    if form == "triangle":
        if rng.random() < 0.35:
            draw.polygon([(0, -high * 0.1), (reach * 1.22, high / 2), (0, high * 1.1)], edge)
        draw.polygon([(0, 0), (reach, high / 2), (0, high)], tone)
    elif form == "panel":
        draw.rectangle((0, 0, reach, high), tone)
    elif form == "wedge":
        arm = high * rng.uniform(0.16, 0.24)
        draw.line([(0, 0), (reach, high / 2), (0, high)], tone, round(arm), joint="curve")
        draw.rectangle((reach - arm / 3, high / 2 - arm / 2, wide, high / 2 + arm / 2), tone)
    else:
        teeth = rng.choice((5, 7, 9, 14))
        steps = range(2 * teeth + 1)
        tips = [(reach * (1.25 if index % 2 else 1), high * index / (2 * teeth)) for index in steps]
        draw.polygon([(0, 0), *tips, (0, high)], tone)


def ornament(rng: Rng, image: Image.Image, shades: list[Colour]) -> None:
    """A woven stripe along the pole, of two figures in turn."""
    if rng.random() < 0.6:
        bands(rng, image, dyes(rng, 3))
    else:
        colour_in(image, shades)
    draw, (wide, high) = ImageDraw.Draw(image), image.size
    reach, count = wide * rng.uniform(0.08, 0.17), rng.randint(4, 12)
    draw.rectangle((0, 0, reach, high), shades[1])
    step, figures = high / count, rng.sample(("rhomb", "dot", "teeth", "cross", "vine"), 2)
    for index in range(count):
        woven(rng, draw, figures[index % 2], (index + 0.5) * step, reach, step, shades)


def woven(
    rng: Rng,
    draw: ImageDraw.ImageDraw,
    figure: str,
    y: float,
    reach: float,
    step: float,
    shades: list[Colour],
) -> None:
    """One figure of a woven stripe that is `reach` wide, at a height `y`; `step` is the figure's own."""
    centre, size = (reach / 2, y), min(step, reach) * 0.42
    if figure == "rhomb":
        draw.polygon(polygon(centre, size, 4), shades[2])
        draw.polygon(polygon(centre, size * 0.5, 4), shades[0])
    elif figure == "dot":
        draw.ellipse(around(centre, size), None, shades[2], max(2, round(size / 4)))
    elif figure == "teeth":
        for side in (reach * 0.1, reach * 0.9):
            draw.polygon([(side, y - step / 2), centre, (side, y + step / 2)], shades[2])
    elif figure == "cross":
        draw.polygon(star(centre, size, 8, 0.5), shades[2])
    else:
        draw.polygon(blob(rng, centre, size, 0.6), shades[2])


def scattered(rng: Rng, image: Image.Image, shades: list[Colour]) -> None:
    """One large star and some small ones, or stars in a row."""
    if rng.random() < 0.5:
        bands(rng, image, shades[:-1])
    else:
        colour_in(image, shades)
    draw, (wide, high) = ImageDraw.Draw(image), image.size
    count, size = rng.choice((2, 3, 4, 5, 6)), high * rng.uniform(0.06, 0.12)
    if rng.random() < 0.5:
        big = (wide * rng.uniform(0.15, 0.25), high * rng.uniform(0.25, 0.4))
        draw.polygon(star(big, high * 0.16, 5, 0.382), shades[-1])
        for index in range(count):
            angle = -1 + 2.2 * index / count  # radians: an arc on the fly's side of the large star
            place = towards(big, angle, high * 0.32)
            draw.polygon(star(place, high * 0.055, 5, 0.382, angle), shades[-1])
    else:
        for index in range(count):
            draw.polygon(star((wide * (index + 1) / (count + 1), high / 2), size, 5, 0.382), shades[-1])


def charge(rng: Rng, image: Image.Image, shades: list[Colour]) -> None:
    """An emblem in the middle, or towards the pole."""
    place = (
        image.width * rng.choice((0.5, 0.5, 0.5, 0.5, 0.45, 0.25)),
        image.height * rng.choice((0.5, 0.5, 0.5, 0.48, 0.3)),
    )
    draw_emblem(rng, image, place, image.height * rng.uniform(0.14, 0.34), shades[-1], shades[0])


def layered(rng: Rng, image: Image.Image, shades: list[Colour]) -> None:
    """Several devices on one cloth, as no vexillologist would have it."""
    rng.choice((bands, stripes, cross, diagonal, border))(rng, image, shades)
    for layer in rng.sample((canton, ornament, scattered, pile, saltire), rng.randint(1, 2)):
        layer(rng, image, dyes(rng, 4))
