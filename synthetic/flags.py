"""Flags of countries that are not: every kind of them, drawn, in the wind, as an icon, or out of two."""

from collections.abc import Callable

from PIL import Image

from synthetic.dyes import dyes
from synthetic.flag_cloth import finish, wave, wrap
from synthetic.flag_devices import charge, ensign, layered, ornament, pile, scattered
from synthetic.flag_fields import (
    Design,
    bands,
    border,
    cross,
    diagonal,
    plain_cloth,
    rays,
    saltire,
    stripes,
)
from synthetic.flag_hybrids import recombine
from synthetic.shapes import smooth
from synthetic.stateless_random import Colour, Rng

ASPECTS = (1.5, 1.5, 1.5, 2.0, 2.0, 1.333, 1.333, 1.333, 1.67, 1.9, 1.4, 1.0, 0.82)  # width by height


def blank(rng: Rng, shade: Colour) -> Image.Image:
    """One plain cloth at twice its size."""
    height = rng.randint(120, 330)
    return Image.new("RGB", (round(2 * height * rng.choice(ASPECTS)), 2 * height), shade)


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


def flat(rng: Rng) -> Image.Image:
    """Any flag as a drawing."""
    return FLAT[rng.choice(tuple(FLAT))](rng)


def waving(rng: Rng) -> Image.Image:
    """Any flag in the wind."""
    return wave(rng, flat(rng))


def wrapped(rng: Rng) -> Image.Image:
    """Any flag as an icon or on a page."""
    return wrap(rng, flat(rng))


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
    "ornament": design((ornament, scattered), 0.4),
    "layered": design((layered,), 0.3),
}
KINDS = {"flat": flat, **FLAT, "waving": waving, "wrapped": wrapped, "recombined": recombined}
