"""Creatures as clip art shows them: beasts on four legs, fish, birds, beetles, monsters."""

from synthetic.pen import INK, Pen, tint
from synthetic.people import HAIRS, SKINS
from synthetic.shapes import blob
from synthetic.stateless_random import WHITE, Colour, Rng, mix


def beast(rng: Rng, pen: Pen) -> None:
    """An animal from the side: a body, four legs, a head with ears, a tail."""
    fur, leg = rng.choice((tint(rng), rng.choice(HAIRS), rng.choice(SKINS[1:5]))), rng.uniform(0.15, 0.35)
    dark_fur, body = mix(fur, (0, 0, 0), 0.8), rng.uniform(0.14, 0.22)
    back = 0.97 - leg - body
    pen.stroke([(0.2, back), (0.08, back - rng.uniform(-0.1, 0.25))], rng.choice((0.03, 0.07)), fur)
    for x in (0.26, 0.36, 0.6, 0.7):
        pen.box(x - 0.035, back, x + 0.035, 0.97, dark_fur if x in (0.36, 0.7) else fur, 0.02)
    pen.oval(0.47, back, 0.31, body, fur)
    head = back - rng.uniform(0.05, 0.3)
    pen.stroke([(0.68, back - 0.02), (0.8, head)], 0.14, fur)
    beast_head(rng, pen, head, fur, dark_fur)
    for _ in range(rng.choice((0, 0, 4, 8))):
        pen.oval(rng.uniform(0.28, 0.64), back + rng.uniform(-0.1, 0.08), 0.03, 0.03, dark_fur)


def beast_head(rng: Rng, pen: Pen, y: float, fur: Colour, dark_fur: Colour) -> None:
    """A head at a height `y` that looks to the right: ears or horns, a muzzle, an eye."""
    ear = rng.choice(("round", "long", "pointed", "horn"))
    for x in (0.72, 0.84):
        if ear == "round":
            pen.oval(x, y - 0.12, 0.05, 0.05, dark_fur)
        elif ear == "long":
            pen.oval(x, y - 0.2, 0.035, 0.13, fur)
        else:
            tone = dark_fur if ear == "pointed" else (240, 235, 220)
            pen.area([(x - 0.04, y - 0.08), (x + 0.04, y - 0.08), (x, y - 0.22)], tone)
    pen.oval(0.79, y, 0.13, 0.12, fur)
    pen.oval(0.88, y + 0.05, 0.08, 0.06, mix(fur, WHITE, 0.5))
    pen.oval(0.94, y + 0.02, 0.02, 0.02, INK)
    pen.oval(0.81, y - 0.03, 0.025, 0.03, WHITE)
    pen.oval(0.82, y - 0.03, 0.012, 0.018, INK)


def small_beast(rng: Rng, pen: Pen) -> None:
    """A fish, a bird or a beetle."""
    shade, second = tint(rng), tint(rng)
    rng.choice((fish, bird, beetle))(rng, pen, shade, second)


def fish(rng: Rng, pen: Pen, shade: Colour, second: Colour) -> None:
    """A fish with fins and stripes of a second colour."""
    pen.area([(0.25, 0.5), (0.03, 0.28), (0.03, 0.72)], second)
    pen.area([(0.4, 0.35), (0.55, 0.12), (0.7, 0.36)], second)
    pen.oval(0.56, 0.5, 0.38, rng.uniform(0.18, 0.28), shade)
    for x in (0.4, 0.52):
        pen.stroke([(x, 0.36), (x + 0.04, 0.5), (x, 0.64)], 0.03, second)
    pen.oval(0.8, 0.45, 0.05, 0.05, WHITE)
    pen.oval(0.81, 0.45, 0.025, 0.025, INK)


def bird(_rng: Rng, pen: Pen, shade: Colour, second: Colour) -> None:
    """A bird on its legs, its wing and tail of a second colour."""
    for x in (0.45, 0.55):
        pen.stroke([(x, 0.7), (x, 0.95), (x + 0.06, 0.95)], 0.02, (230, 150, 40))
    pen.area([(0.3, 0.55), (0.02, 0.4), (0.05, 0.62)], second)
    pen.oval(0.48, 0.56, 0.28, 0.22, shade)
    pen.oval(0.44, 0.58, 0.17, 0.11, second)
    pen.area([(0.82, 0.26), (0.98, 0.33), (0.82, 0.38)], (240, 160, 40))
    pen.oval(0.72, 0.32, 0.15, 0.15, shade)
    pen.oval(0.76, 0.29, 0.03, 0.03, INK)


def beetle(_rng: Rng, pen: Pen, shade: Colour, _second: Colour) -> None:
    """A beetle from above, with dots on its wings."""
    for y in (0.4, 0.55, 0.7):
        pen.stroke([(0.15, y - 0.05), (0.5, y), (0.85, y - 0.05)], 0.025, INK)
    for x in (0.38, 0.62):
        pen.stroke([(0.5, 0.25), (x, 0.05)], 0.02, INK)
    pen.oval(0.5, 0.22, 0.12, 0.1, INK)
    pen.oval(0.5, 0.58, 0.25, 0.34, shade)
    pen.stroke([(0.5, 0.25), (0.5, 0.92)], 0.015, INK)
    for side in (-1, 1):
        for y in (0.42, 0.56, 0.7):
            pen.oval(0.5 + side * 0.12, y, 0.04, 0.04, INK)


def monster(rng: Rng, pen: Pen) -> None:
    """A blob with eyes, arms and teeth: a mascot of no brand, a germ, a ghost."""
    shade = tint(rng)
    for side in (-1, 1):
        pen.stroke([(0.5 + side * 0.25, 0.55), (0.5 + side * 0.43, rng.uniform(0.3, 0.75))], 0.06, shade)
        pen.stroke([(0.5 + side * 0.12, 0.75), (0.5 + side * 0.14, 0.97)], 0.07, shade)
    outline = blob(rng, (0.5, 0.5), 0.33, 0.2)
    pen.area(outline, shade)
    eyes = rng.choice((1, 2, 2, 3))
    for index in range(eyes):
        x = 0.5 + (index - (eyes - 1) / 2) * 0.17
        pen.oval(x, 0.42, 0.075, 0.085, WHITE)
        pen.oval(x + 0.01, 0.43, 0.03, 0.04, INK)
    pen.draw.chord(pen.within(0.36, 0.5, 0.64, 0.7), 0, 180, (120, 20, 40), pen.ink, max(1, pen.line))
