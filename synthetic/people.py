"""People as clip art shows them: whole persons, heads, and faces that are nothing but a feeling."""

from synthetic.pen import INK, Pen, tint
from synthetic.shapes import Point, polygon
from synthetic.stateless_random import WHITE, Colour, Rng, mix

SKINS: tuple[Colour, ...] = (
    (255, 219, 172), (241, 194, 125), (224, 172, 105), (198, 134, 66), (141, 85, 36), (90, 56, 37),
    (255, 205, 60),
)  # fmt: skip
HAIRS: tuple[Colour, ...] = (
    (30, 25, 20),
    (90, 55, 30),
    (150, 95, 50),
    (225, 190, 110),
    (190, 80, 40),
    (150, 150, 150),
)


def person(rng: Rng, pen: Pen) -> None:
    """A whole person who stands, waves or walks; a big head or a small one."""
    shirt, trousers, skin = tint(rng), mix(tint(rng), (0, 0, 0), 0.6), rng.choice(SKINS)
    reach = rng.uniform(0.09, 0.2)
    neck, hip = 0.03 + 2 * reach, rng.uniform(0.6, 0.68)
    for side in (-1, 1):
        foot = 0.5 + side * rng.uniform(0.05, 0.2)
        pen.stroke([(0.5 + side * 0.05, hip), (foot, 0.94)], 0.09, trousers)
        pen.oval(foot + 0.03, 0.95, 0.07, 0.03, INK)
        hand = (0.5 + side * rng.uniform(0.2, 0.4), rng.uniform(neck - 0.1, hip + 0.1))
        pen.stroke(
            [(0.5 + side * 0.09, neck + 0.07), (0.5 + side * 0.22, (neck + hip) / 2), hand], 0.06, shirt
        )
        pen.oval(*hand, 0.035, 0.035, skin)
    if rng.random() < 0.3:
        pen.area([(0.42, neck), (0.58, neck), (0.72, hip + 0.12), (0.28, hip + 0.12)], shirt)
    else:
        pen.box(0.4, neck, 0.6, hip + 0.03, shirt, 0.04)
    draw_face(rng, pen, 0.5, 0.03 + reach, reach)


def draw_face(rng: Rng, pen: Pen, x: float = 0.5, y: float = 0.5, reach: float = 0.3) -> None:
    """A head: hair, eyes, brows, a nose, a mouth."""
    skin, hair, style = rng.choice(SKINS), rng.choice(HAIRS), rng.choice(("short", "long", "bald", "curls"))
    head(rng, pen, (x, y), reach, style, skin, hair)
    wide = rng.uniform(0.1, 0.2)
    for side in (-1, 1):
        eye = x + side * reach * 0.36
        pen.oval(eye, y, reach * wide, reach * wide * 1.1, WHITE)
        pen.oval(eye + reach * 0.03, y, reach * wide * 0.5, reach * wide * 0.6, INK)
        brow = [
            (eye - reach * 0.15, y - reach * 0.3),
            (eye + reach * 0.15, y - reach * rng.uniform(0.22, 0.38)),
        ]
        pen.stroke(brow, reach * 0.06, hair)
    nose = [(x, y + reach * 0.1), (x + reach * 0.08, y + reach * 0.32), (x - reach * 0.02, y + reach * 0.34)]
    pen.stroke(nose, reach * 0.04, mix(skin, (0, 0, 0), 0.7))
    mouth = pen.within(x - reach * 0.35, y + reach * 0.35, x + reach * 0.35, y + reach * 0.75)
    if rng.random() < 0.5:
        pen.draw.arc(mouth, *rng.choice(((20, 160), (200, 340))), INK, max(2, round(reach * pen.side * 0.06)))
    else:
        pen.draw.chord(mouth, 0, 180, rng.choice(((180, 50, 50), WHITE)), INK, max(1, pen.line))


def head(rng: Rng, pen: Pen, centre: Point, reach: float, style: str, skin: Colour, hair: Colour) -> None:
    """A head without a face: ears, and hair that is short, long, curls or missing (`bald`)."""
    x, y = centre
    if style == "long":
        pen.box(x - reach * 1.12, y - reach * 0.6, x + reach * 1.12, y + reach * 1.3, hair, reach * 0.4)
    if style == "curls":
        for place in polygon((x, y - reach * 0.25), reach * 0.95, 11):
            pen.oval(*place, reach * 0.35, reach * 0.35, hair)
    for side in (-1, 1):
        pen.oval(x + side * reach * 0.95, y + reach * 0.1, reach * 0.16, reach * 0.22, skin)
    if style in ("short", "long"):
        pen.oval(x, y - reach * 0.25, reach * 1.02, reach * 0.98, hair)
    pen.oval(x, y + reach * 0.08, reach * rng.uniform(0.85, 0.95), reach, skin)
    if style == "short":
        box = pen.within(x - reach * 0.95, y - reach * 1.15, x + reach * 0.95, y + reach * 0.5)
        pen.draw.chord(box, 195, 345, hair)


def feeling(rng: Rng, pen: Pen) -> None:
    """A round face, yellow mostly, that smiles, laughs, frowns or gapes, with a tear or none."""
    skin = (255, rng.randint(200, 225), rng.randint(50, 90)) if rng.random() < 0.8 else tint(rng)
    pen.oval(0.5, 0.5, 0.43, 0.43, skin)
    eyes_of_a_feeling(pen, rng.choice(("dot", "white", "shut")))
    mouth_of_a_feeling(pen, rng.choice(("smile", "laugh", "frown", "gape", "flat")))
    if rng.random() < 0.25:
        pen.area([(0.25, 0.45), (0.3, 0.62), (0.2, 0.62)], (90, 170, 240))


def eyes_of_a_feeling(pen: Pen, form: str) -> None:
    """Two eyes: `dot`, `white` or `shut`."""
    for x in (0.35, 0.65):
        if form == "shut":
            pen.draw.arc(pen.within(x - 0.09, 0.34, x + 0.09, 0.48), 180, 360, INK, int(pen.side) // 40)
            continue
        if form == "white":
            pen.oval(x, 0.4, 0.1, 0.11, WHITE)
        pen.oval(x, 0.4, 0.045, 0.07, (90, 50, 20))


def mouth_of_a_feeling(pen: Pen, form: str) -> None:
    """A mouth: `smile`, `laugh`, `frown`, `gape` or `flat`."""
    lips, inside, line = (120, 60, 20), (120, 40, 20), int(pen.side) // 30
    if form == "laugh":
        pen.draw.chord(pen.within(0.28, 0.45, 0.72, 0.8), 0, 180, inside)
    elif form == "gape":
        pen.oval(0.5, 0.7, 0.09, 0.11, inside)
    elif form == "flat":
        pen.stroke([(0.35, 0.68), (0.65, 0.68)], 0.03, lips)
    elif form == "smile":
        pen.draw.arc(pen.within(0.28, 0.45, 0.72, 0.8), 20, 160, lips, line)
    else:
        pen.draw.arc(pen.within(0.3, 0.64, 0.7, 0.9), 200, 340, lips, line)
