"""Drawings: things and scenes, shaded or in outline, mostly on white."""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from synthetic import clipart, games, scenes, signs, sketches
from synthetic.lettering import font, word
from synthetic.shapes import Point, blob, meander, polygon, smooth, star
from synthetic.stateless_random import WHITE, Colour, Rng, colour, dark, mix, noise, pale, palette, size

# Each sign: its edge and its ground; and each outline: its corners and its turn in radians.
TRAFFIC_COLOURS: tuple[tuple[Colour, Colour], ...] = (
    ((200, 20, 30), WHITE), ((0, 0, 0), (255, 205, 0)), (WHITE, (0, 70, 160)), ((200, 20, 30), (255, 220, 0)),
)  # fmt: skip
TRAFFIC_SHAPES = ((3, -math.pi / 2), (4, 0.0), (60, 0.0), (60, 0.0), (8, math.pi / 8), (3, math.pi / 2))


def shade_in(image: Image.Image, rng: Rng, shape: list[Point], tone: Colour) -> None:
    """A shape with light from one side and a grain, as things have."""
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).polygon(shape, fill=255)
    box = mask.getbbox()
    if box is None:
        return
    wide, high = box[2] - box[0], box[3] - box[1]
    light = Image.radial_gradient("L").resize((2 * wide, 2 * high))
    shift = (rng.randint(0, wide), rng.randint(0, high))
    light = light.crop((*shift, shift[0] + wide, shift[1] + high))
    grain = noise(rng, (high, wide), rng.randint(2, 12), 2) * 40
    level = np.clip(1.25 - np.asarray(light, np.float32) / 220 - grain / 255, 0.15, 1.4)
    pixels = np.clip(np.array(tone, np.float32) * level[..., None], 0, 255).astype(np.uint8)
    image.paste(Image.fromarray(pixels), box[:2], mask.crop(box).filter(ImageFilter.GaussianBlur(1)))


def thing(rng: Rng) -> Image.Image:
    """An object on white with its shadow: a vase, a fruit, a tool, of sorts."""
    width, height = size(rng, 250, 600, (0.6, 1.6))
    image = Image.new("RGB", (width, height), (255, 255, 255) if rng.random() < 0.7 else pale(rng))
    if rng.random() < 0.6:
        shadow = Image.new("L", image.size)
        ImageDraw.Draw(shadow).ellipse(
            (width * 0.15, height * 0.75, width * 0.85, height * 0.92), fill=rng.randint(60, 160)
        )
        image.paste((60, 60, 60), mask=shadow.filter(ImageFilter.GaussianBlur(width / 30)))
    for _ in range(rng.randint(1, 6)):
        centre = (width * rng.uniform(0.35, 0.65), height * rng.uniform(0.3, 0.7))
        reach = min(width, height) * rng.uniform(0.1, 0.36)
        shape = turned(rng, centre, reach) if rng.random() < 0.5 else blob(rng, centre, reach, 0.5, 72)
        shade_in(image, rng, shape, colour(rng, (0.05, 0.8), (0.3, 1)))
    return image


def turned(rng: Rng, centre: Point, reach: float) -> list[Point]:
    """The outline of something made on a lathe: a bottle, a vase, a lamp."""
    profile = [reach * rng.uniform(0.15, 0.7) for _ in range(6)]
    heights = np.linspace(-reach, reach, 60)
    radii = np.interp(heights, np.linspace(-reach, reach, 6), profile)
    right = [(centre[0] + radius, centre[1] + y) for radius, y in zip(radii, heights, strict=True)]
    return right + [(2 * centre[0] - x, y) for x, y in reversed(right)]


def line_art(rng: Rng) -> Image.Image:
    """Engravings and line drawings: outlines and hatching, with or without letters at the parts."""
    width, height = (2 * side for side in size(rng, 250, 700, (0.6, 1.6)))
    image = Image.new("RGB", (width, height), pale(rng))
    draw, ink = ImageDraw.Draw(image), dark(rng)
    for _ in range(rng.randint(5, 16)):
        centre = (width * rng.uniform(0.15, 0.85), height * rng.uniform(0.15, 0.85))
        shape = blob(rng, centre, min(width, height) * rng.uniform(0.05, 0.4), 0.6, 80)
        draw.line([*shape, shape[0]], ink, rng.randint(2, 5), joint="curve")
        if rng.random() < 0.6:
            hatch(image, rng, shape, ink)
    for _ in range(rng.randint(0, 25)):
        start = (rng.random() * width, rng.random() * height)
        draw.line(
            meander(rng, start, rng.uniform(0, 6.3), width * rng.uniform(0.05, 0.5)), ink, rng.randint(1, 4)
        )
    if rng.random() < 0.5:
        letters = font(rng, height // 24)
        for _ in range(rng.randint(3, 12)):
            x, y = rng.random() * width * 0.85, rng.random() * height * 0.9
            draw.line((x, y, x + rng.uniform(-0.2, 0.2) * width, y + rng.uniform(-0.2, 0.2) * height), ink, 2)
            draw.text(
                (x, y), rng.choice((word(rng), rng.choice("abcdefgh"), str(rng.randint(1, 20)))), ink, letters
            )
    return smooth(image)


def hatch(image: Image.Image, rng: Rng, shape: list[Point], ink: Colour) -> None:
    """Parallel strokes inside a shape."""
    strokes, mask = Image.new("L", image.size), Image.new("L", image.size)
    draw, step, slant = ImageDraw.Draw(strokes), rng.randint(6, 16), rng.uniform(-1, 1)
    for x in range(-image.width, 2 * image.width, step):
        draw.line((x, 0, x + slant * image.height, image.height), 255, rng.randint(1, 3))
    ImageDraw.Draw(mask).polygon(shape, fill=255)
    image.paste(ink, mask=Image.composite(strokes, Image.new("L", image.size), mask))


def scene(rng: Rng) -> Image.Image:
    """A cartoon: a sky, hills, houses, trees, people, in flat colours."""
    width, height = (2 * side for side in size(rng, 250, 700, (0.8, 1.8)))
    image = Image.new("RGB", (width, height), colour(rng, (0.1, 0.7), (0.6, 1)))
    draw = ImageDraw.Draw(image)
    for layer in range(rng.randint(1, 4)):
        base = height * (0.5 + 0.12 * layer)
        ridge = meander(rng, (-40, base), 0, width * 2.4, 30, 0.3)
        draw.polygon([*ridge, (width * 2, height), (-40, height)], colour(rng, (0.2, 0.8), (0.3, 0.9)))
    for _ in range(rng.randint(2, 9)):
        place = (rng.random() * width, height * rng.uniform(0.6, 0.95))
        tall, tone = height * rng.uniform(0.1, 0.35), colour(rng)
        rng.choice((cartoon_house, cartoon_tree, cartoon_person, cartoon_ball))(rng, draw, place, tall, tone)
    return smooth(image)


def cartoon_house(rng: Rng, draw: ImageDraw.ImageDraw, place: Point, tall: float, tone: Colour) -> None:
    """A house of two windows, its lower left corner at a place."""
    (x, base), ink = place, (30, 30, 30)
    draw.rectangle((x, base - tall, x + tall, base), tone, ink, 2)
    ridge = (x + tall / 2, base - tall * 1.5)
    draw.polygon([(x - 10, base - tall), ridge, (x + tall + 10, base - tall)], colour(rng))
    for step in (0.15, 0.6):
        pane = (x + tall * step, base - tall * 0.8, x + tall * (step + 0.2), base - tall * 0.5)
        draw.rectangle(pane, (200, 230, 250), ink)


def cartoon_tree(rng: Rng, draw: ImageDraw.ImageDraw, place: Point, tall: float, _tone: Colour) -> None:
    """A tree that stands at a place."""
    x, base = place
    draw.rectangle((x - tall * 0.06, base - tall * 0.5, x + tall * 0.06, base), (110, 70, 40))
    draw.polygon(blob(rng, (x, base - tall * 0.8), tall * 0.4, 0.4), (40, rng.randint(90, 170), 50))


def cartoon_person(_rng: Rng, draw: ImageDraw.ImageDraw, place: Point, tall: float, tone: Colour) -> None:
    """Head, trunk and legs, at a place."""
    x, base = place
    draw.ellipse((x - tall * 0.12, base - tall, x + tall * 0.12, base - tall * 0.75), (225, 185, 150))
    draw.rectangle((x - tall * 0.14, base - tall * 0.75, x + tall * 0.14, base - tall * 0.3), tone)
    legs = (x - tall * 0.12, base - tall * 0.3, x + tall * 0.12, base)
    draw.rectangle(legs, mix(tone, (0, 0, 0), 0.4))


def cartoon_ball(_rng: Rng, draw: ImageDraw.ImageDraw, place: Point, tall: float, tone: Colour) -> None:
    """A ball."""
    x, base = place
    draw.ellipse((x, base - tall / 2, x + tall / 2, base), tone)


def painting(rng: Rng) -> Image.Image:
    """Many strokes of a brush."""
    width, height = size(rng, 250, 600, (0.7, 1.6))
    image = Image.new("RGB", (width, height), colour(rng))
    draw = ImageDraw.Draw(image)
    tones = [*palette(rng, 6), dark(rng)]
    field = noise(rng, (height, width), rng.randint(1, 4))
    for _ in range(rng.randint(200, 900)):
        x, y = rng.randrange(width), rng.randrange(height)
        angle = float(field[y, x]) * 4 * math.pi
        reach = rng.uniform(0.02, 0.12) * width
        tone = mix(tones[int(field[y, x] * 6)], colour(rng), 0.85)
        draw.line((x, y, x + reach * math.cos(angle), y + reach * math.sin(angle)), tone, rng.randint(2, 14))
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.5)))


def signpost(rng: Rng) -> Image.Image:
    """A traffic or warning sign, alone, with its border and its figure."""
    side = 2 * rng.randint(150, 400)
    image = Image.new("RGB", (side, side), WHITE)
    draw = ImageDraw.Draw(image)
    edge, inside = rng.choice(TRAFFIC_COLOURS)
    corners, turn = rng.choice(TRAFFIC_SHAPES)
    centre = (side / 2, side / 2)
    draw.polygon(polygon(centre, side * 0.48, corners, turn), edge)
    draw.polygon(polygon(centre, side * 0.4, corners, turn), inside)
    form = rng.choice(("number", "arrow", "figure"))
    if form == "number":
        speed = str(rng.choice((20, 30, 40, 50, 70, 80)))
        letters = font(rng, side // 4, ("DejaVuSans-Bold", "DejaVuSans"))
        draw.text((side * 0.32, side * 0.33), speed, "black", letters)
    elif form == "arrow":
        tip = (side * rng.uniform(0.35, 0.65), side * 0.35)
        draw.line([(side * 0.5, side * 0.68), (side * 0.5, side * 0.45), tip], "black", side // 18)
    else:
        draw.polygon(star(centre, side * 0.16, rng.randint(3, 6), 0.5), "black")
        draw.polygon(blob(rng, centre, side * 0.12, 0.6), "black")
    return smooth(image)


KINDS = {
    "thing": thing,
    "line art": line_art,
    "scene": scene,
    "painting": painting,
    "signpost": signpost,
    **clipart.KINDS,
    **scenes.KINDS,
    **sketches.KINDS,
    "pictogram": signs.pictogram,
    "board": games.board,
    "plate": signs.sign_plate,
}
