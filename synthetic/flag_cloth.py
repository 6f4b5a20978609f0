"""Flag cloth: what becomes of a finished flag. Faded or lit, in the wind, cut to an icon, on a page."""

import math

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from synthetic.shapes import smooth
from synthetic.stateless_random import WHITE, Colour, Rng, colour


def finish(rng: Rng, flag: Image.Image) -> Image.Image:
    """The flag as a drawing: mostly bare, at times with a thin edge, faded or lit."""
    form = rng.random()
    if form < 0.12:
        grey = rng.choice(((0, 0, 0), (90, 90, 90), (200, 200, 200)))
        ImageDraw.Draw(flag).rectangle((0, 0, flag.width - 1, flag.height - 1), None, grey, rng.randint(1, 3))
    elif form < 0.2:
        veil = Image.new("RGB", flag.size, rng.choice((WHITE, (128, 128, 128))))
        flag = Image.blend(flag, veil, rng.uniform(0.1, 0.4))
    elif form < 0.26:
        gloss = Image.linear_gradient("L").resize(flag.size).point(lambda value: 150 + value * 105 // 255)
        flag = ImageChops.multiply(flag, gloss.convert("RGB"))
    return flag


def wave(rng: Rng, flag: Image.Image) -> Image.Image:
    """The flag in the wind: bent, with light and shade along its folds, at a pole or not."""
    high, wide = flag.height, flag.width
    rise, waves, phase = high * rng.uniform(0.02, 0.08), rng.uniform(0.8, 2.5), rng.uniform(0, 2 * math.pi)
    slant = rng.uniform(-0.6, 0.6)
    margin = round(rise * 2 + high * rng.uniform(0.02, 0.2))
    rows, columns = np.mgrid[0 : high + 2 * margin, 0:wide]
    folds = 2 * math.pi * waves * columns / wide + phase
    level = rows - margin - rise * np.sin(folds)
    light = 1 + rng.uniform(0.08, 0.3) * np.cos(folds + slant * rows / high * 3)
    inside = (level >= 0) & (level < high)
    pixels = np.asarray(flag, np.float32)[np.clip(level, 0, high - 1).astype(int), columns] * light[..., None]
    ground = rng.choice((WHITE, WHITE, WHITE, (135, 190, 235), colour(rng)))
    pixels = np.where(inside[..., None], np.clip(pixels, 0, 255), np.array(ground, np.float32))
    picture = Image.fromarray(pixels.astype(np.uint8))
    return picture if rng.random() < 0.6 else on_a_pole(rng, picture, ground)


def on_a_pole(rng: Rng, flag: Image.Image, ground: Colour) -> Image.Image:
    """The flag at the top of a larger picture, with a pole at its side or none."""
    page = Image.new("RGB", (round(flag.width * 1.2), round(flag.height * rng.uniform(1, 1.6))), ground)
    page.paste(flag, (round(flag.width * 0.1), 0))
    if rng.random() < 0.6:
        pole = rng.choice(((120, 90, 60), (160, 160, 165), (40, 40, 40)))
        ImageDraw.Draw(page).rectangle((flag.width * 0.08, 0, flag.width * 0.1, page.height), pole)
    return page


def wrap(rng: Rng, flag: Image.Image) -> Image.Image:
    """The flag as an icon or on a page: a disc, a square, round corners, a shadow, space around it."""
    form = rng.choice(("disc", "square", "space", "corners", "shadow", "shadow"))
    if form == "square":
        return middle_square(rng, flag)
    if form == "space":
        return in_space(rng, flag)
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


def in_space(rng: Rng, flag: Image.Image) -> Image.Image:
    """The flag in the middle of a larger plain ground."""
    size = (round(flag.width * rng.uniform(1.02, 1.8)), round(flag.height * rng.uniform(1.02, 2.0)))
    page = Image.new("RGB", size, rng.choice((WHITE, WHITE, colour(rng))))
    page.paste(flag, ((page.width - flag.width) // 2, (page.height - flag.height) // 2))
    return page


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
