"""Flags of countries that are not, and new flags out of two."""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from training.generators.chance import Colour, Rng, colour
from training.generators.dyes import dyes
from training.generators.emblems import crescent, disc, draw_emblem, ring_of_stars, script, star_alone, sun
from training.generators.shapes import blob, polygon, smooth, star

ASPECTS = (1.5, 1.5, 1.5, 2.0, 2.0, 1.333, 1.333, 1.333, 1.67, 1.9, 1.4, 1.0, 0.82)  # width by height

Design = Callable[[Rng, Image.Image, list[Colour]], None]


def blank(rng: Rng, shade: Colour) -> Image.Image:
    """One plain cloth at twice its size."""
    height = rng.randint(120, 330)
    return Image.new("RGB", (round(2 * height * rng.choice(ASPECTS)), 2 * height), shade)


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
    for thick, shade in list(zip((arm, arm * rng.uniform(0.4, 0.7)), shades[1:], strict=False))[
        : rng.randint(1, 2)
    ]:
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


def union(rng: Rng, image: Image.Image, box: tuple[float, float, float, float]) -> None:
    """Crosses over crosses, as the British flag has them, in a box of the cloth."""
    wide, high = max(8, round(box[2] - box[0])), max(8, round(box[3] - box[1]))
    red, blue, white = (207, 20, 43), (0, 36, 125), (255, 255, 255)
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
        rows, columns = rng.randint(2, 9), rng.randint(2, 11)
        size = min(wide / columns, high / rows) * 0.38
        for row in range(rows):
            for column in range(columns - (row % 2 if rows > 4 else 0)):
                shift = 0.5 + (0.5 * (row % 2) if rows > 4 else 0)
                draw.polygon(
                    star(((column + shift) * wide / columns, (row + 0.5) * high / rows), size, 5, 0.382), ink
                )
    elif form == "cross":
        arm = high * rng.uniform(0.15, 0.3) / 2
        draw.rectangle((wide / 2 - arm, 0, wide / 2 + arm, high), ink)
        draw.rectangle((0, high / 2 - arm, wide, high / 2 + arm), ink)
    else:
        rng.choice((star_alone, sun, crescent, disc, ring_of_stars))(
            rng, image, (wide / 2, high / 2), high * 0.36, ink, tone
        )


def ensign(rng: Rng, image: Image.Image, shades: list[Colour]) -> None:
    """A canton on stripes or a plain cloth, with stars or a badge in the fly."""
    if rng.random() < 0.45:
        rng.choice((stripes, stripes, bands))(rng, image, shades)
        canton(rng, image, shades)
        return
    canton(rng, image, shades)
    centre, high = (image.width * 0.75, image.height * 0.5), image.height
    if rng.random() < 0.45:
        draw = ImageDraw.Draw(image)
        points, edge = rng.choice((5, 7, 6)), rng.random() < 0.4
        for dx, dy, share in (
            (0, -0.3, 1),
            (0, 0.33, 1),
            (-0.15, -0.03, 1),
            (0.13, -0.08, 1),
            (0.05, 0.08, 0.55),
        ):
            place = (centre[0] + dx * high, centre[1] + dy * high)
            if edge:
                draw.polygon(star(place, high * 0.075 * share, points, 0.45), (255, 255, 255))
            draw.polygon(star(place, high * 0.055 * share, points, 0.45), shades[1])
        if rng.random() < 0.5:
            star_alone(rng, image, (image.width * 0.22, high * 0.77), high * 0.13, shades[1], shades[0])
    else:
        if rng.random() < 0.4:
            disc(rng, image, centre, high * 0.28, (255, 255, 255), shades[1])
        draw_emblem(rng, image, centre, high * rng.uniform(0.18, 0.26), shades[1], shades[2])


def pile(rng: Rng, image: Image.Image, shades: list[Colour]) -> None:
    """Bands with a triangle, a panel, a wedge or teeth at the pole."""
    rng.choice((bands, bands, bands, stripes))(rng, image, shades)
    draw, (wide, high) = ImageDraw.Draw(image), image.size
    reach, tone = wide * rng.uniform(0.22, 0.5), dyes(rng, 1)[0]
    form = rng.choice(("triangle", "triangle", "triangle", "panel", "teeth", "wedge"))
    if form == "triangle":
        if rng.random() < 0.35:
            draw.polygon([(0, -high * 0.1), (reach * 1.22, high / 2), (0, high * 1.1)], shades[-1])
        draw.polygon([(0, 0), (reach, high / 2), (0, high)], tone)
    elif form == "panel":
        draw.rectangle((0, 0, reach, high), tone)
    elif form == "wedge":
        arm = high * rng.uniform(0.16, 0.24)
        draw.line([(0, 0), (reach, high / 2), (0, high)], tone, round(arm), joint="curve")
        draw.rectangle((reach - arm / 3, high / 2 - arm / 2, wide, high / 2 + arm / 2), tone)
    else:
        teeth = rng.choice((5, 7, 9, 14))
        edge = [
            (reach * (1.25 if index % 2 else 1), high * index / (2 * teeth)) for index in range(2 * teeth + 1)
        ]
        draw.polygon([(0, 0), *edge, (0, high)], tone)
    if rng.random() < 0.6:
        place = (reach * (0.36 if form in ("triangle", "wedge") else 0.5), high / 2)
        draw_emblem(rng, image, place, reach * rng.uniform(0.2, 0.32), *dyes(rng, 2))


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
    centre, count = (
        (wide * rng.choice((0.5, 0.4, 0, 0.5)), high * rng.choice((0.5, 0.5, 1))),
        rng.choice((8, 12, 16, 24, 32)),
    )
    for index in range(0, count, 2):
        angles = [2 * math.pi * (index + turn) / count for turn in (-0.5, 0.5)]
        draw.polygon(
            [
                centre,
                *((centre[0] + 2 * wide * math.cos(a), centre[1] + 2 * wide * math.sin(a)) for a in angles),
            ],
            shades[1],
        )
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


def ornament(rng: Rng, image: Image.Image, shades: list[Colour]) -> None:
    """A woven stripe along the pole, or along the whole length."""
    if rng.random() < 0.6:
        bands(rng, image, dyes(rng, 3))
    else:
        colour_in(image, shades)
    draw, (wide, high) = ImageDraw.Draw(image), image.size
    reach, count = wide * rng.uniform(0.08, 0.17), rng.randint(4, 12)
    draw.rectangle((0, 0, reach, high), shades[1])
    step, parts = high / count, rng.sample(("rhomb", "dot", "teeth", "cross", "vine"), 2)
    for index in range(count):
        x, y, size = reach / 2, (index + 0.5) * step, min(step, reach) * 0.42
        part = parts[index % 2]
        if part == "rhomb":
            draw.polygon(polygon((x, y), size, 4), shades[2])
            draw.polygon(polygon((x, y), size * 0.5, 4), shades[0])
        elif part == "dot":
            draw.ellipse((x - size, y - size, x + size, y + size), None, shades[2], max(2, round(size / 4)))
        elif part == "teeth":
            for side in (reach * 0.1, reach * 0.9):
                draw.polygon([(side, y - step / 2), (x, y), (side, y + step / 2)], shades[2])
        elif part == "cross":
            draw.polygon(star((x, y), size, 8, 0.5), shades[2])
        else:
            draw.polygon(blob(rng, (x, y), size, 0.6), shades[2])


def scatter(rng: Rng, image: Image.Image, shades: list[Colour]) -> None:
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
            angle = -1 + 2.2 * index / count
            place = (big[0] + high * 0.32 * math.cos(angle), big[1] + high * 0.32 * math.sin(angle))
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


def design(base: tuple[Design, ...], charged: float) -> Callable[[Rng], Image.Image]:
    """A kind of flag: one of the bases, with an emblem as often as `charged`."""

    def draw(rng: Rng) -> Image.Image:
        shades = dyes(rng, 4)
        image = blank(rng, shades[0])
        rng.choice(base)(rng, image, shades)
        if rng.random() < charged:
            charge(rng, image, shades)
        return finish(rng, smooth(image))

    return draw


def colour_in(image: Image.Image, shades: list[Colour]) -> None:
    """A white cloth takes another colour: an emblem alone on white would be no flag, but a logo."""
    if min(shades[0]) > 250:
        image.paste(shades[1], (0, 0, *image.size))


def plain_cloth(rng: Rng, image: Image.Image, shades: list[Colour]) -> None:
    """One colour: its emblem makes the flag."""
    colour_in(image, shades)
    if rng.random() < 0.25:
        place = (image.width / 2, image.height / 2)
        rng.choice((script, sun, disc))(rng, image, place, image.height * 0.3, shades[1], shades[0])


def layered(rng: Rng, image: Image.Image, shades: list[Colour]) -> None:
    """Several devices on one cloth, as no vexillologist would have it."""
    rng.choice((bands, stripes, cross, diagonal, border))(rng, image, shades)
    for layer in rng.sample((canton, ornament, scatter, pile, saltire), rng.randint(1, 2)):
        layer(rng, image, dyes(rng, 4))


def finish(rng: Rng, flag: Image.Image) -> Image.Image:
    """The flag as a drawing: mostly bare, at times with a thin edge, faded or lit."""
    form = rng.random()
    if form < 0.12:
        grey = rng.choice(((0, 0, 0), (90, 90, 90), (200, 200, 200)))
        ImageDraw.Draw(flag).rectangle((0, 0, flag.width - 1, flag.height - 1), None, grey, rng.randint(1, 3))
    elif form < 0.2:
        flag = Image.blend(
            flag,
            Image.new("RGB", flag.size, rng.choice(((255, 255, 255), (128, 128, 128)))),
            rng.uniform(0.1, 0.4),
        )
    elif form < 0.26:
        gloss = Image.linear_gradient("L").resize(flag.size).point(lambda value: 150 + value * 105 // 255)
        flag = ImageChops.multiply(flag, gloss.convert("RGB"))
    return flag


def flat(rng: Rng) -> Image.Image:
    """Any flag as a drawing."""
    return FLAT[rng.choice(tuple(FLAT))](rng)


def waving(rng: Rng) -> Image.Image:
    """A flag in the wind: bent, with light and shade along its folds, at a pole or not."""
    flag = flat(rng)
    high, wide = flag.height, flag.width
    rise, waves, phase = high * rng.uniform(0.02, 0.08), rng.uniform(0.8, 2.5), rng.uniform(0, 2 * math.pi)
    slant = rng.uniform(-0.6, 0.6)
    margin = round(rise * 2 + high * rng.uniform(0.02, 0.2))
    rows, columns = np.mgrid[0 : high + 2 * margin, 0:wide]
    angle = 2 * math.pi * waves * columns / wide + phase + slant * rows / high * 3
    level = rows - margin - rise * np.sin(2 * math.pi * waves * columns / wide + phase)
    light = 1 + rng.uniform(0.08, 0.3) * np.cos(angle)
    inside = (level >= 0) & (level < high)
    pixels = np.asarray(flag, np.float32)[np.clip(level, 0, high - 1).astype(int), columns] * light[..., None]
    ground = rng.choice(((255, 255, 255), (255, 255, 255), (255, 255, 255), (135, 190, 235), colour(rng)))
    pixels = np.where(inside[..., None], np.clip(pixels, 0, 255), np.array(ground, np.float32))
    picture = Image.fromarray(pixels.astype(np.uint8))
    if rng.random() < 0.6:
        return picture
    page = Image.new("RGB", (round(wide * 1.2), round(picture.height * rng.uniform(1, 1.6))), ground)
    page.paste(picture, (round(wide * 0.1), 0))
    if rng.random() < 0.6:
        pole = rng.choice(((120, 90, 60), (160, 160, 165), (40, 40, 40)))
        ImageDraw.Draw(page).rectangle((wide * 0.08, 0, wide * 0.1, page.height), pole)
    return page


def wrapped(rng: Rng) -> Image.Image:
    """A flag as an icon or on a page: a disc, a square, round corners, a shadow, space around it."""
    flag = flat(rng)
    form = rng.choice(("disc", "square", "space", "corners", "shadow", "shadow"))
    if form == "square":
        return middle_square(rng, flag)
    if form == "space":
        page = (round(flag.width * rng.uniform(1.02, 1.8)), round(flag.height * rng.uniform(1.02, 2.0)))
        canvas = Image.new("RGB", page, rng.choice(((255, 255, 255), (255, 255, 255), colour(rng))))
        canvas.paste(flag, ((canvas.width - flag.width) // 2, (canvas.height - flag.height) // 2))
        return canvas
    if form == "disc":
        flag = middle_square(rng, flag)
    wide, high = 2 * flag.width, 2 * flag.height
    mask = Image.new("L", (wide, high))
    pen = ImageDraw.Draw(mask)
    if form == "disc":
        pen.ellipse((0, 0, wide - 1, high - 1), fill=255)
    else:
        pen.rounded_rectangle((0, 0, wide - 1, high - 1), high * rng.uniform(0.03, 0.2), fill=255)
    return on_page(rng, flag, smooth(mask), shaded=form == "shadow")


def middle_square(rng: Rng, flag: Image.Image) -> Image.Image:
    """A square of the flag, or the whole of it squashed to one."""
    side = min(flag.size)
    if rng.random() < 0.5:
        return flag.resize((side, side), Image.Resampling.LANCZOS)
    left = rng.choice((0, (flag.width - side) // 2))
    top = (flag.height - side) // 2
    return flag.crop((left, top, left + side, top + side))


def on_page(rng: Rng, flag: Image.Image, mask: Image.Image, shaded: bool) -> Image.Image:
    """The flag, cut by a mask (L), on a white page; with its shadow if `shaded`."""
    space = round(min(flag.size) * rng.choice((0, 0.03, 0.1, 0.25))) + (8 if shaded else 0)
    page = Image.new("RGB", (flag.width + 2 * space, flag.height + 2 * space), "white")
    if shaded:
        shade = Image.new("L", page.size)
        shade.paste(mask.point(lambda value: value // 2), (space + 4, space + 5))
        page.paste((40, 40, 40), mask=shade.filter(ImageFilter.GaussianBlur(4)))
    page.paste(flag, (space, space), mask)
    return page


def recombine(rng: Rng, first: Image.Image, second: Image.Image) -> Image.Image:
    """A new flag out of two (RGB, any size), at the size of the first."""
    first = first.convert("RGB")
    second = second.convert("RGB").resize(first.size, Image.Resampling.LANCZOS)
    form = rng.choice(("canton", "halves", "halves", "triangle", "middle", "middle", "hue", "hue", "mirror"))
    picture = first.copy()
    if form == "canton":
        wide, high = round(first.width * rng.uniform(0.35, 0.5)), round(first.height * rng.uniform(0.4, 0.55))
        part = second.resize((wide, high)) if rng.random() < 0.6 else second.crop((0, 0, wide, high))
        picture.paste(part, (0, 0))
    elif form == "mirror":
        picture = picture.transpose(
            rng.choice((Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM))
        )
    elif form != "hue":
        picture.paste(second, mask=seam(rng, form, first.size))
    return tinted(rng, picture) if form == "hue" or rng.random() < 0.2 else picture


def seam(rng: Rng, form: str, size: tuple[int, int]) -> Image.Image:
    """Where the second flag lies on the first, L: a half, a triangle at the pole, the middle."""
    wide, high = 2 * size[0], 2 * size[1]
    mask = Image.new("L", (wide, high))
    draw = ImageDraw.Draw(mask)
    if form == "halves":
        halves = (
            [(0, 0), (wide / 2, 0), (wide / 2, high), (0, high)],
            [(0, 0), (wide, 0), (wide, high / 2), (0, high / 2)],
            [(0, 0), (wide, 0), (0, high)],
        )
        draw.polygon(rng.choice(halves), 255)
    elif form == "triangle":
        draw.polygon([(0, 0), (wide * rng.uniform(0.3, 0.5), high / 2), (0, high)], 255)
    else:
        half = min(wide, high) * rng.uniform(0.22, 0.38)
        box = (wide / 2 - half, high / 2 - half, wide / 2 + half, high / 2 + half)
        (draw.ellipse if rng.random() < 0.6 else draw.rectangle)(box, 255)
    return mask.resize(size, Image.Resampling.LANCZOS)


def tinted(rng: Rng, picture: Image.Image) -> Image.Image:
    """The picture with its channels in another order, or its hues turned; white, grey and black stay."""
    if rng.random() < 0.5:
        channels = list(picture.split())
        rng.shuffle(channels)
        return Image.merge("RGB", channels)
    hue, saturation, value = picture.convert("HSV").split()
    turn = rng.randint(20, 236)
    return Image.merge("HSV", (hue.point(lambda level: (level + turn) % 256), saturation, value)).convert(
        "RGB"
    )


def recombined(rng: Rng) -> Image.Image:
    """A flag out of two generated ones."""
    return recombine(rng, flat(rng), flat(rng))


FLAT: dict[str, Callable[[Rng], Image.Image]] = {
    "bands": design((bands,), 0.45),
    "cross": design((cross, cross, saltire), 0.12),
    "ensign": design((ensign,), 0.0),
    "pile": design((pile,), 0.15),
    "charged": design((plain_cloth, plain_cloth, bands), 1.0),
    "divided": design((diagonal, border, rays, stripes), 0.45),
    "ornament": design((ornament, scatter), 0.4),
    "layered": design((layered,), 0.3),
}
KINDS = {"flat": flat, **FLAT, "waving": waving, "wrapped": wrapped, "recombined": recombined}
