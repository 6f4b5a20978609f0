"""Codes for machines: squares like QR codes, bars, mazes of pixels."""

import numpy as np
from PIL import Image, ImageDraw

from synthetic.lettering import font
from synthetic.stateless_random import Rng, dark, pale


def matrix(rng: Rng) -> Image.Image:
    """A square of modules with three finders, as a QR code has them."""
    count = rng.choice((21, 25, 29, 33, 41, 57))
    modules = np.random.default_rng(rng.getrandbits(64)).random((count, count)) < 0.5
    if rng.random() < 0.8:
        for top, left in ((0, 0), (0, count - 7), (count - 7, 0)):
            modules[max(0, top - 1) : top + 8, max(0, left - 1) : left + 8] = False
            modules[top : top + 7, left : left + 7] = True
            modules[top + 1 : top + 6, left + 1 : left + 6] = False
            modules[top + 2 : top + 5, left + 2 : left + 5] = True
    quiet, scale = rng.randint(0, 6), rng.randint(3, 14)
    padded = np.pad(modules, quiet)
    pixels = np.where(padded[..., None], np.array(dark(rng)), np.array(pale(rng))).astype(np.uint8)
    return Image.fromarray(pixels).resize(
        (padded.shape[1] * scale, padded.shape[0] * scale), Image.Resampling.NEAREST
    )


def barcode(rng: Rng) -> Image.Image:
    """A bar code with its digits."""
    width, height = rng.randint(240, 600), rng.randint(120, 360)
    image = Image.new("RGB", (width, height), pale(rng))
    draw, ink = ImageDraw.Draw(image), dark(rng)
    unit, x = max(2, width // 120), width // 12
    while x < width * 11 // 12:
        thick = rng.randint(1, 4) * unit
        draw.rectangle((x, height // 10, x + thick - 1, height * 8 // 10), ink)
        x += thick + rng.randint(1, 4) * unit
    digits = " ".join(str(rng.randint(0, 9)) for _ in range(13))
    draw.text((width // 10, height * 0.83), digits, ink, font(rng, max(8, height // 9)))
    return image


KINDS = {"matrix": matrix, "bars": barcode}
