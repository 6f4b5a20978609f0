"""Flags of countries that are not."""

import math

from PIL import Image, ImageDraw

from training.generators.chance import Colour, Rng, colour
from training.generators.shapes import blob, polygon, smooth, star

CLOTHS: tuple[Colour, ...] = (
    (206, 17, 38), (0, 40, 104), (0, 122, 61), (252, 209, 22), (255, 255, 255), (0, 0, 0), (0, 119, 200),
    (239, 125, 0), (120, 20, 40), (0, 80, 60), (116, 172, 223), (198, 12, 48), (0, 56, 147),
)  # fmt: skip


def cloth(rng: Rng) -> Colour:
    """A flag's colour."""
    return rng.choice(CLOTHS) if rng.random() < 0.85 else colour(rng, (0.4, 1), (0.3, 1))


def blank(rng: Rng) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """One plain cloth at twice its size."""
    height = rng.randint(150, 500)
    width = round(height * rng.choice((1.5, 1.5, 2, 1.67, 1.33, 1.0, 1.9)))
    image = Image.new("RGB", (2 * width, 2 * height), cloth(rng))
    return image, ImageDraw.Draw(image)


def stripe(rng: Rng, image: Image.Image, draw: ImageDraw.ImageDraw) -> None:
    """Stripes that lie, stand or slant."""
    count = rng.choice((2, 3, 3, 3, 3, 4, 5, 7, 9, 13))
    shades = [cloth(rng) for _ in range(min(count, rng.randint(2, 4)))]
    way = rng.choice(("lying", "lying", "standing", "slanting"))
    for index in range(count):
        shade = shades[index % len(shades)]
        low, high = index / count, (index + 1) / count
        if way == "lying":
            draw.rectangle((0, low * image.height, image.width, high * image.height), shade)
        elif way == "standing":
            draw.rectangle((low * image.width, 0, high * image.width, image.height), shade)
        else:
            span = image.width + image.height
            draw.polygon(
                [
                    (low * span, 0),
                    (high * span, 0),
                    (high * span - image.height, image.height),
                    (low * span - image.height, image.height),
                ],
                shade,
            )


def cross(rng: Rng, image: Image.Image, draw: ImageDraw.ImageDraw) -> None:
    """A cross, upright or of St Andrew, with or without an edge."""
    x = image.width * rng.choice((0.5, 0.36, 0.36))
    arm = image.height * rng.uniform(0.08, 0.25)
    for thick in (arm, arm * 0.55)[: rng.randint(1, 2)]:
        shade = cloth(rng)
        if rng.random() < 0.7:
            draw.rectangle((x - thick / 2, 0, x + thick / 2, image.height), shade)
            draw.rectangle((0, (image.height - thick) / 2, image.width, (image.height + thick) / 2), shade)
        else:
            draw.line((0, 0, image.width, image.height), shade, round(thick))
            draw.line((0, image.height, image.width, 0), shade, round(thick))


def hoist(rng: Rng, image: Image.Image, draw: ImageDraw.ImageDraw) -> None:
    """A triangle, a canton or a band at the pole."""
    reach = image.width * rng.uniform(0.25, 0.5)
    form = rng.choice(("triangle", "canton", "band"))
    if form == "triangle":
        draw.polygon([(0, 0), (reach, image.height / 2), (0, image.height)], cloth(rng))
    elif form == "canton":
        draw.rectangle((0, 0, reach, image.height * 0.5), cloth(rng))
    else:
        draw.rectangle((0, 0, reach, image.height), cloth(rng))


def charge(rng: Rng, image: Image.Image, draw: ImageDraw.ImageDraw) -> None:
    """Stars, a disc, a crescent, a sun or an emblem."""
    shade = cloth(rng)
    x, y = image.width * rng.choice((0.5, 0.5, 0.2, 0.25)), image.height * rng.choice((0.5, 0.5, 0.25))
    radius = image.height * rng.uniform(0.08, 0.3)
    form = rng.choice(("star", "disc", "crescent", "sun", "stars", "emblem", "emblem"))
    if form == "star":
        draw.polygon(star((x, y), radius, rng.choice((5, 5, 5, 6, 7, 8))), shade)
    elif form == "disc":
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), shade)
    elif form == "crescent":
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), shade)
        draw.ellipse((x - radius * 0.6, y - radius * 0.8, x + radius, y + radius * 0.8), cloth(rng))
        draw.polygon(star((x + radius * 0.5, y), radius * 0.5), shade)
    elif form == "sun":
        draw.polygon(star((x, y), radius, rng.randint(10, 24), rng.uniform(0.5, 0.75)), shade)
    elif form == "stars":
        ring = rng.randint(4, 13)
        for place in polygon((x, y), radius, ring, -math.pi / 2):
            draw.polygon(star(place, radius * rng.uniform(0.15, 0.3)), shade)
    else:
        for share in (1.0, 0.75, 0.5):
            draw.polygon(blob(rng, (x, y), radius * share, 0.3), cloth(rng))
        for place in polygon((x, y), radius * 0.6, rng.randint(4, 9)):
            draw.polygon(star(place, radius * 0.15), cloth(rng))


def flat(rng: Rng) -> Image.Image:
    """A flag as a drawing."""
    image, draw = blank(rng)
    layers = [rng.choice((stripe, stripe, cross))] + [
        layer for layer in (hoist, charge, charge) if rng.random() < 0.45
    ]
    for layer in layers:
        layer(rng, image, draw)
    if rng.random() < 0.2:
        draw.rectangle((0, 0, image.width - 1, image.height - 1), None, (90, 90, 90), 4)
    return smooth(image)


def wrapped(rng: Rng) -> Image.Image:
    """A flag as an icon: a disc or a square, or with space around it, as on a web page."""
    flag = flat(rng)
    form = rng.choice(("disc", "square", "space"))
    if form == "space":
        canvas = Image.new(
            "RGB",
            (round(flag.width * rng.uniform(1.1, 1.8)), round(flag.height * rng.uniform(1.1, 2.0))),
            "white",
        )
        canvas.paste(flag, ((canvas.width - flag.width) // 2, (canvas.height - flag.height) // 2))
        return canvas
    side = min(flag.size)
    left = rng.choice((0, (flag.width - side) // 2))
    icon = flag.crop((left, 0, left + side, side))
    if form == "square":
        return icon
    mask = Image.new("L", (2 * side, 2 * side))
    ImageDraw.Draw(mask).ellipse((0, 0, 2 * side - 1, 2 * side - 1), fill=255)
    disc = Image.new("RGB", icon.size, "white")
    disc.paste(icon, mask=smooth(mask))
    return disc


KINDS = {"flat": flat, "wrapped": wrapped}
