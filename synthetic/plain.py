"""Plain things: one colour, gradients, noise, textures, patterns."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from synthetic.shapes import blob, smooth
from synthetic.stateless_random import Rng, colour, noise, palette, size


def solid(rng: Rng) -> Image.Image:
    """One colour."""
    return Image.new(
        "RGB", size(rng, 64, 500), rng.choice(((255, 255, 255), (0, 0, 0), colour(rng), colour(rng)))
    )


def gradient(rng: Rng) -> Image.Image:
    """From one colour to another, in a line or from a centre."""
    ramp = Image.linear_gradient("L") if rng.random() < 0.6 else Image.radial_gradient("L")
    ramp = ramp.rotate(rng.choice((0, 90, 180, 270))).resize(size(rng, 100, 600))
    return Image.composite(
        Image.new("RGB", ramp.size, colour(rng)), Image.new("RGB", ramp.size, colour(rng)), ramp
    )


def grain(rng: Rng) -> Image.Image:
    """Noise of one pixel, in grey or in colours."""
    width, height = size(rng, 100, 500)
    array = np.random.default_rng(rng.getrandbits(64))
    channels = rng.choice((1, 3))
    pixels = np.clip(
        array.normal(rng.uniform(60, 200), rng.uniform(5, 80), (height, width, channels)), 0, 255
    )
    image = Image.fromarray(np.repeat(pixels, 3 // channels, axis=2).astype(np.uint8))
    return image.filter(ImageFilter.GaussianBlur(rng.choice((0, 0, 1, 3))))


def clouds(rng: Rng) -> Image.Image:
    """Smooth noise between colours: skies, stone, water, the sight through a microscope."""
    width, height = size(rng, 150, 600)
    bands = [noise(rng, (height, width), rng.randint(1, 20)) for _ in range(2)]
    stops = np.array([colour(rng) for _ in range(3)], np.float32)
    pixels = stops[0] * bands[0][..., None] + stops[1] * (1 - bands[0][..., None])
    return Image.fromarray(
        (pixels * bands[1][..., None] + stops[2] * (1 - bands[1][..., None])).astype(np.uint8)
    )


def cells(rng: Rng) -> Image.Image:
    """Many blobs on a ground: a micrograph, pebbles, crowds of dots."""
    width, height = (2 * side for side in size(rng, 200, 600))
    image = Image.new("RGB", (width, height), colour(rng))
    draw = ImageDraw.Draw(image)
    shades = palette(rng, 4)
    for _ in range(rng.randint(20, 150)):
        centre = (rng.random() * width, rng.random() * height)
        draw.polygon(
            blob(rng, centre, rng.uniform(0.01, 0.08) * width, 0.3, 24),
            rng.choice(shades),
            rng.choice(shades),
            2,
        )
    return smooth(image).filter(ImageFilter.GaussianBlur(rng.choice((0, 1, 2))))


def pattern(rng: Rng) -> Image.Image:
    """Tiles, stripes, checks and dots, over and over."""
    width, height = size(rng, 150, 600)
    image = Image.new("RGB", (width, height), colour(rng))
    draw = ImageDraw.Draw(image)
    step, shades = rng.randint(6, 60), palette(rng, 3)
    form = rng.choice(("checks", "dots", "lying", "standing", "tartan"))
    for y in range(0, height, step):
        if form in ("lying", "tartan"):
            draw.rectangle((0, y, width, y + rng.randint(1, step)), shades[y // step % 3])
        for x in range(0, width, step):
            if (form == "checks" and (x + y) // step % 2) or (form == "dots"):
                shape = draw.rectangle if form == "checks" else draw.ellipse
                shape((x + 1, y + 1, x + step * 0.8, y + step * 0.8), shades[x // step % 3])
            if form == "standing" or (form == "tartan" and y == 0 and x // step % 2):
                draw.rectangle((x, 0, x + step // 2, height), shades[x // step % 3])
    return image


KINDS = {
    "solid": solid,
    "gradient": gradient,
    "grain": grain,
    "clouds": clouds,
    "cells": cells,
    "pattern": pattern,
}
