"""Clip art: things, beasts, faces and people as an illustrator draws them, with a contour or without."""

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw

from training.generators.chance import Colour, Rng, colour, mix, pale, palette
from training.generators.shapes import Point, blob, polygon, smooth

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
INK: Colour = (25, 22, 30)
WOOD: Colour = (140, 90, 50)
GLASS: Colour = (190, 225, 245)


@dataclass(frozen=True, slots=True)
class Pen:
    """Draws in a unit square that lies somewhere in a picture; `line`: the contour in pixels, or 0."""

    draw: ImageDraw.ImageDraw
    left: float
    top: float
    side: float
    line: int
    ink: Colour

    def at(self, x: float, y: float) -> Point:
        """A place of the unit square in pixels."""
        return self.left + x * self.side, self.top + y * self.side

    def oval(self, x: float, y: float, rx: float, ry: float, shade: Colour) -> None:
        """An ellipse around a place."""
        box = (*self.at(x - rx, y - ry), *self.at(x + rx, y + ry))
        self.draw.ellipse(box, shade, self.ink if self.line else None, self.line)

    def box(self, x0: float, y0: float, x1: float, y1: float, shade: Colour, corner: float = 0.0) -> None:
        """A rectangle, its corners round by `corner`."""
        box = (*self.at(min(x0, x1), min(y0, y1)), *self.at(max(x0, x1), max(y0, y1)))
        edge = self.ink if self.line else None
        self.draw.rounded_rectangle(box, corner * self.side, shade, edge, self.line)

    def area(self, points: list[Point], shade: Colour) -> None:
        """A polygon."""
        outline = [self.at(*point) for point in points]
        self.draw.polygon(outline, shade)
        if self.line:
            self.draw.line([*outline, outline[0], outline[1]], self.ink, self.line, joint="curve")

    def stroke(self, points: list[Point], width: float, shade: Colour) -> None:
        """An open line with round ends."""
        outline, reach = [self.at(*point) for point in points], max(1.0, width * self.side / 2)
        if self.line:
            self.draw.line(outline, self.ink, round(2 * reach + 2 * self.line), joint="curve")
        self.draw.line(outline, shade, round(2 * reach), joint="curve")
        for x, y in (outline[0], outline[-1]):
            self.draw.ellipse((x - reach, y - reach, x + reach, y + reach), shade)


Figure = Callable[[Rng, Pen], None]


def tint(rng: Rng) -> Colour:
    """A colour of an illustration."""
    return colour(rng, (0.25, 0.95), (0.45, 1.0))


def fruit(rng: Rng, pen: Pen) -> None:
    """An apple, a pear, an orange, cherries, a mushroom."""
    shade, form = tint(rng), rng.choice(("apple", "pear", "cherry", "mushroom"))
    if form == "mushroom":
        pen.box(0.4, 0.45, 0.6, 0.92, (240, 230, 210), 0.05)
        pen.draw.pieslice((*pen.at(0.1, 0.1), *pen.at(0.9, 0.95)), 180, 360, shade, pen.ink, max(1, pen.line))
        for _ in range(rng.randint(3, 7)):
            pen.oval(rng.uniform(0.25, 0.75), rng.uniform(0.22, 0.45), 0.05, 0.04, (255, 255, 255))
        return
    for x, reach in ((0.3, 0.2), (0.7, 0.2)) if form == "cherry" else ((0.5, 0.34),):
        pen.stroke([(x, 0.5), (0.55, 0.08)], 0.03, WOOD)
        if form == "pear":
            pen.oval(x, 0.4, reach * 0.55, 0.22, shade)
        pen.oval(x, 0.62, reach, reach, shade)
        pen.oval(
            x - reach * 0.4, 0.62 - reach * 0.4, reach * 0.15, reach * 0.2, mix((255, 255, 255), shade, 0.6)
        )
    pen.area([(0.55, 0.14), (0.7, 0.02), (0.85, 0.1), (0.7, 0.18)], (70, 160, 60))


def cup(rng: Rng, pen: Pen) -> None:
    """A cup, a jug or a bottle."""
    shade, form = tint(rng), rng.choice(("cup", "bottle", "glass"))
    if form == "cup":
        pen.oval(0.78, 0.5, 0.14, 0.16, shade)
        pen.oval(0.78, 0.5, 0.08, 0.1, (255, 255, 255))
        pen.area([(0.2, 0.28), (0.76, 0.28), (0.68, 0.8), (0.28, 0.8)], shade)
        pen.oval(0.48, 0.28, 0.28, 0.06, mix(shade, (0, 0, 0), 0.6))
        for x in (0.35, 0.48, 0.6):
            pen.stroke(
                [(x, 0.2), (x + 0.03, 0.14), (x - 0.02, 0.08), (x + 0.02, 0.02)], 0.02, (200, 200, 200)
            )
    elif form == "bottle":
        pen.box(0.42, 0.05, 0.58, 0.35, shade)
        pen.box(0.3, 0.3, 0.7, 0.97, shade, 0.1)
        pen.box(0.3, 0.5, 0.7, 0.78, (245, 240, 220))
        pen.box(0.4, 0.02, 0.6, 0.1, WOOD, 0.02)
    else:
        pen.area([(0.25, 0.1), (0.75, 0.1), (0.65, 0.92), (0.35, 0.92)], GLASS)
        pen.area([(0.29, 0.4), (0.71, 0.4), (0.65, 0.92), (0.35, 0.92)], shade)
        pen.stroke([(0.5, 0.8), (0.68, 0.02)], 0.03, tint(rng))


def car(rng: Rng, pen: Pen) -> None:
    """A car, a bus or a lorry, from the side."""
    shade, form = tint(rng), rng.choice(("car", "car", "bus", "lorry"))
    if form == "car":
        pen.area([(0.22, 0.5), (0.34, 0.28), (0.66, 0.28), (0.8, 0.5)], shade)
        pen.area([(0.3, 0.48), (0.37, 0.33), (0.49, 0.33), (0.49, 0.48)], GLASS)
        pen.area([(0.52, 0.48), (0.52, 0.33), (0.64, 0.33), (0.72, 0.48)], GLASS)
        pen.box(0.04, 0.48, 0.96, 0.7, shade, 0.07)
    elif form == "bus":
        pen.box(0.03, 0.2, 0.97, 0.7, shade, 0.05)
        for index in range(5):
            pen.box(0.08 + index * 0.17, 0.28, 0.21 + index * 0.17, 0.46, GLASS)
    else:
        pen.box(0.03, 0.2, 0.65, 0.68, shade)
        pen.box(0.67, 0.36, 0.97, 0.68, tint(rng), 0.04)
        pen.box(0.78, 0.4, 0.95, 0.52, GLASS)
    pen.oval(0.94, 0.58, 0.025, 0.04, (255, 240, 150))
    for x in (0.24, 0.76):
        pen.oval(x, 0.7, 0.11, 0.11, (45, 45, 50))
        pen.oval(x, 0.7, 0.05, 0.05, (190, 190, 195))


def house(rng: Rng, pen: Pen) -> None:
    """A house with its door, windows and a chimney."""
    wall, roof, stories = mix(tint(rng), (255, 255, 255), 0.5), tint(rng), rng.choice((1, 1, 2))
    pen.box(0.65, 0.08, 0.75, 0.4, mix(roof, (0, 0, 0), 0.7))
    pen.box(0.15, 0.42, 0.85, 0.95, wall)
    pen.area([(0.06, 0.45), (0.5, rng.uniform(0.05, 0.2)), (0.94, 0.45)], roof)
    pen.box(0.43, 0.68, 0.57, 0.95, WOOD)
    for x in (0.22, 0.64):
        for story in range(stories):
            y = 0.52 + story * 0.22
            pen.box(x, y, x + 0.14, y + 0.14, GLASS)
            pen.stroke([(x + 0.07, y), (x + 0.07, y + 0.14)], 0.01, INK)
            pen.stroke([(x, y + 0.07), (x + 0.14, y + 0.07)], 0.01, INK)


def plant(rng: Rng, pen: Pen) -> None:
    """A flower, a cactus in its pot, a tree."""
    green, form = (
        (rng.randint(30, 110), rng.randint(120, 190), rng.randint(40, 90)),
        rng.choice(("flower", "cactus", "tree")),
    )
    if form == "flower":
        pen.stroke([(0.5, 0.4), (0.52, 0.7), (0.5, 0.97)], 0.04, green)
        for side in (-1, 1):
            pen.area(
                [
                    (0.51, 0.8),
                    (0.51 + side * 0.15, 0.65),
                    (0.51 + side * 0.28, 0.66),
                    (0.51 + side * 0.18, 0.78),
                ],
                green,
            )
        shade = tint(rng)
        for x, y in polygon((0.5, 0.3), 0.17, rng.randint(5, 9)):
            pen.oval(x, y, 0.1, 0.1, shade)
        pen.oval(0.5, 0.3, 0.1, 0.1, (250, 210, 60))
    elif form == "cactus":
        for x, y in ((0.32, 0.42), (0.68, 0.36)):
            pen.stroke([(0.5, y + 0.14), (x, y + 0.14), (x, y)], 0.1, green)
        pen.box(0.42, 0.1, 0.58, 0.75, green, 0.08)
        pen.area([(0.3, 0.7), (0.7, 0.7), (0.63, 0.97), (0.37, 0.97)], (190, 100, 60))
    else:
        pen.box(0.45, 0.5, 0.55, 0.97, WOOD)
        for _ in range(rng.randint(3, 6)):
            pen.oval(rng.uniform(0.32, 0.68), rng.uniform(0.22, 0.5), 0.2, 0.18, green)


def tool(rng: Rng, pen: Pen) -> None:
    """A hammer, a pencil, scissors, an umbrella, a key, a lamp."""
    shade, form = tint(rng), rng.choice(("hammer", "pencil", "umbrella", "key", "lamp", "scissors"))
    if form == "hammer":
        pen.box(0.45, 0.25, 0.55, 0.97, WOOD, 0.03)
        pen.box(0.2, 0.1, 0.72, 0.3, (130, 135, 145), 0.03)
    elif form == "pencil":
        pen.area([(0.1, 0.75), (0.7, 0.15), (0.85, 0.3), (0.25, 0.9)], shade)
        pen.area([(0.1, 0.75), (0.25, 0.9), (0.04, 0.96)], (240, 210, 160))
        pen.area([(0.7, 0.15), (0.78, 0.07), (0.93, 0.22), (0.85, 0.3)], (240, 150, 160))
    elif form == "umbrella":
        pen.stroke([(0.5, 0.1), (0.5, 0.85), (0.56, 0.92), (0.64, 0.85)], 0.03, WOOD)
        pen.draw.pieslice(
            (*pen.at(0.05, 0.1), *pen.at(0.95, 1.0)), 180, 360, shade, pen.ink, max(1, pen.line)
        )
        for x in (0.2, 0.5, 0.8):
            pen.oval(x, 0.55, 0.15, 0.05, mix(shade, (0, 0, 0), 0.8))
    elif form == "key":
        pen.oval(0.25, 0.5, 0.2, 0.2, (230, 190, 60))
        pen.oval(0.22, 0.5, 0.08, 0.08, (255, 255, 255))
        pen.box(0.44, 0.46, 0.95, 0.54, (230, 190, 60))
        for x in (0.74, 0.86):
            pen.box(x, 0.54, x + 0.06, 0.66, (230, 190, 60))
    elif form == "lamp":
        pen.box(0.47, 0.4, 0.53, 0.9, (120, 120, 125))
        pen.oval(0.5, 0.92, 0.22, 0.05, (120, 120, 125))
        pen.area([(0.34, 0.08), (0.66, 0.08), (0.82, 0.45), (0.18, 0.45)], shade)
    else:
        pen.stroke([(0.35, 0.7), (0.68, 0.05)], 0.05, (170, 175, 185))
        pen.stroke([(0.65, 0.7), (0.32, 0.05)], 0.05, (170, 175, 185))
        for x in (0.3, 0.7):
            pen.oval(x, 0.8, 0.14, 0.14, shade)
            pen.oval(x, 0.8, 0.08, 0.08, (255, 255, 255))


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
    ear = rng.choice(("round", "long", "pointed", "horn"))
    for x in (0.72, 0.84):
        if ear == "round":
            pen.oval(x, head - 0.12, 0.05, 0.05, dark_fur)
        elif ear == "long":
            pen.oval(x, head - 0.2, 0.035, 0.13, fur)
        else:
            pen.area(
                [(x - 0.04, head - 0.08), (x + 0.04, head - 0.08), (x, head - 0.22)],
                dark_fur if ear == "pointed" else (240, 235, 220),
            )
    pen.oval(0.79, head, 0.13, 0.12, fur)
    pen.oval(0.88, head + 0.05, 0.08, 0.06, mix(fur, (255, 255, 255), 0.5))
    pen.oval(0.94, head + 0.02, 0.02, 0.02, INK)
    pen.oval(0.81, head - 0.03, 0.025, 0.03, (255, 255, 255))
    pen.oval(0.82, head - 0.03, 0.012, 0.018, INK)
    for _ in range(rng.choice((0, 0, 4, 8))):
        pen.oval(rng.uniform(0.28, 0.64), back + rng.uniform(-0.1, 0.08), 0.03, 0.03, dark_fur)


def fish(rng: Rng, pen: Pen) -> None:
    """A fish, a bird or an insect."""
    shade, second, form = tint(rng), tint(rng), rng.choice(("fish", "bird", "beetle"))
    if form == "fish":
        pen.area([(0.25, 0.5), (0.03, 0.28), (0.03, 0.72)], second)
        pen.area([(0.4, 0.35), (0.55, 0.12), (0.7, 0.36)], second)
        pen.oval(0.56, 0.5, 0.38, rng.uniform(0.18, 0.28), shade)
        for x in (0.4, 0.52):
            pen.stroke([(x, 0.36), (x + 0.04, 0.5), (x, 0.64)], 0.03, second)
        pen.oval(0.8, 0.45, 0.05, 0.05, (255, 255, 255))
        pen.oval(0.81, 0.45, 0.025, 0.025, INK)
    elif form == "bird":
        for x in (0.45, 0.55):
            pen.stroke([(x, 0.7), (x, 0.95), (x + 0.06, 0.95)], 0.02, (230, 150, 40))
        pen.area([(0.3, 0.55), (0.02, 0.4), (0.05, 0.62)], second)
        pen.oval(0.48, 0.56, 0.28, 0.22, shade)
        pen.oval(0.44, 0.58, 0.17, 0.11, second)
        pen.area([(0.82, 0.26), (0.98, 0.33), (0.82, 0.38)], (240, 160, 40))
        pen.oval(0.72, 0.32, 0.15, 0.15, shade)
        pen.oval(0.76, 0.29, 0.03, 0.03, INK)
    else:
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


def face(rng: Rng, pen: Pen, x: float = 0.5, y: float = 0.5, reach: float = 0.3) -> None:
    """A head: hair, eyes, brows, a nose, a mouth."""
    skin, hair, style = rng.choice(SKINS), rng.choice(HAIRS), rng.choice(("short", "long", "bald", "curls"))
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
        box = (*pen.at(x - reach * 0.95, y - reach * 1.15), *pen.at(x + reach * 0.95, y + reach * 0.5))
        pen.draw.chord(box, 195, 345, hair)
    wide = rng.uniform(0.1, 0.2)
    for side in (-1, 1):
        eye = x + side * reach * 0.36
        pen.oval(eye, y, reach * wide, reach * wide * 1.1, (255, 255, 255))
        pen.oval(eye + reach * 0.03, y, reach * wide * 0.5, reach * wide * 0.6, INK)
        pen.stroke(
            [
                (eye - reach * 0.15, y - reach * 0.3),
                (eye + reach * 0.15, y - reach * rng.uniform(0.22, 0.38)),
            ],
            reach * 0.06,
            hair,
        )
    pen.stroke(
        [(x, y + reach * 0.1), (x + reach * 0.08, y + reach * 0.32), (x - reach * 0.02, y + reach * 0.34)],
        reach * 0.04,
        mix(skin, (0, 0, 0), 0.7),
    )
    box = (*pen.at(x - reach * 0.35, y + reach * 0.35), *pen.at(x + reach * 0.35, y + reach * 0.75))
    if rng.random() < 0.5:
        pen.draw.arc(box, *rng.choice(((20, 160), (200, 340))), INK, max(2, round(reach * pen.side * 0.06)))
    else:
        pen.draw.chord(box, 0, 180, rng.choice(((180, 50, 50), (255, 255, 255))), INK, max(1, pen.line))


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
    face(rng, pen, 0.5, 0.03 + reach, reach)


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
        pen.oval(x, 0.42, 0.075, 0.085, (255, 255, 255))
        pen.oval(x + 0.01, 0.43, 0.03, 0.04, INK)
    pen.draw.chord((*pen.at(0.36, 0.5), *pen.at(0.64, 0.7)), 0, 180, (120, 20, 40), pen.ink, max(1, pen.line))


THINGS: tuple[Figure, ...] = (fruit, cup, car, house, plant, tool, beast, fish)


def lit(rng: Rng, picture: Image.Image) -> Image.Image:
    """The picture under a gradient of light."""
    ramp = Image.linear_gradient("L").rotate(rng.choice((0, 90, 180))).resize(picture.size)
    return ImageChops.multiply(picture, ramp.point(lambda level: 165 + level * 90 // 255).convert("RGB"))


def sheet(rng: Rng, figures: tuple[Figure, ...], most: int) -> Image.Image:
    """Up to `most` figures beside each other on white or a pale ground, some with their shadow."""
    count, side = rng.randint(1, most), 2 * rng.randint(130, 300)
    columns = min(count, rng.randint(1, 3))
    rows = -(-count // columns)
    if count > 3:
        side //= 2
    wide, high = columns * side, rows * side
    image = Image.new("RGB", (round(wide * 1.05), round(high * 1.05)), pale(rng))
    draw, line = ImageDraw.Draw(image), rng.choice((0, 0, side // 110 + 1, side // 70 + 1))
    ink = INK if rng.random() < 0.7 else colour(rng, (0.3, 1), (0.1, 0.4))
    backed, shaded = rng.random() < 0.2, rng.random() < 0.3
    for index in range(count):
        left, top = index % columns * side + side * 0.05, index // columns * side + side * 0.05
        pen = Pen(draw, left + side * 0.05, top + side * 0.05, side * rng.uniform(0.75, 0.88), line, ink)
        if backed:
            draw.rectangle(
                (left, top, left + side * 0.95, top + side * 0.95), colour(rng, (0.1, 0.5), (0.8, 1))
            )
        if shaded:
            pen.draw.ellipse((*pen.at(0.1, 0.9), *pen.at(0.9, 1.02)), (205, 205, 205))
        rng.choice(figures)(rng, pen)
    picture = smooth(image)
    return lit(rng, picture) if rng.random() < 0.2 else picture


def clip_art(rng: Rng) -> Image.Image:
    """Things and beasts."""
    return sheet(rng, THINGS, 6)


def character(rng: Rng) -> Image.Image:
    """People, heads and monsters."""
    return sheet(rng, (person, person, person, face, monster), 4)


def emoji(rng: Rng) -> Image.Image:
    """A round yellow face with a feeling, one or a set of them."""
    count, side = rng.choice((1, 2, 4, 6, 9)), 2 * rng.randint(90, 160)
    columns = 1 if count == 1 else 3 if count > 4 else 2
    image = Image.new("RGB", (columns * side, -(-count // columns) * side), pale(rng))
    draw, line = ImageDraw.Draw(image), rng.choice((0, side // 60))
    for index in range(count):
        pen = Pen(draw, index % columns * side, index // columns * side, side, line, (120, 70, 10))
        skin = (255, rng.randint(200, 225), rng.randint(50, 90)) if rng.random() < 0.8 else tint(rng)
        pen.oval(0.5, 0.5, 0.43, 0.43, skin)
        eye = rng.choice(("dot", "white", "shut"))
        for x in (0.35, 0.65):
            if eye == "shut":
                draw.arc((*pen.at(x - 0.09, 0.34), *pen.at(x + 0.09, 0.48)), 180, 360, INK, side // 40)
                continue
            if eye == "white":
                pen.oval(x, 0.4, 0.1, 0.11, (255, 255, 255))
            pen.oval(x, 0.4, 0.045, 0.07, (90, 50, 20))
        mouth = (*pen.at(0.28, 0.45), *pen.at(0.72, 0.8))
        form = rng.choice(("smile", "laugh", "frown", "gape", "flat"))
        if form == "laugh":
            draw.chord(mouth, 0, 180, (120, 40, 20))
        elif form == "gape":
            pen.oval(0.5, 0.7, 0.09, 0.11, (120, 40, 20))
        elif form == "flat":
            pen.stroke([(0.35, 0.68), (0.65, 0.68)], 0.03, (120, 60, 20))
        else:
            draw.arc(
                mouth if form == "smile" else (*pen.at(0.3, 0.64), *pen.at(0.7, 0.9)),
                *((20, 160) if form == "smile" else (200, 340)),
                (120, 60, 20),
                side // 30,
            )
        if rng.random() < 0.25:
            pen.area([(0.25, 0.45), (0.3, 0.62), (0.2, 0.62)], (90, 170, 240))
    return smooth(image)


def isometric(rng: Rng) -> Image.Image:
    """Blocks and buildings seen from a corner, each face in its own shade."""
    side = 2 * rng.randint(150, 300)
    image = Image.new("RGB", (side, side), pale(rng))
    draw, cells = ImageDraw.Draw(image), rng.randint(2, 6)
    step, shades = side / (2.4 * cells), palette(rng, 4)
    sparse = rng.uniform(0.0, 0.5)
    for row in range(cells):
        for column in range(cells):
            if rng.random() < sparse:
                continue
            x, y = side / 2 + (column - row) * step, side * 0.4 + (column + row) * step / 2
            tall, tone = step * rng.choice((0.3, 0.6, 1, 1, 2, 3)), rng.choice(shades)
            top = [
                (x, y - tall),
                (x + step, y + step / 2 - tall),
                (x, y + step - tall),
                (x - step, y + step / 2 - tall),
            ]
            draw.polygon(top, mix(tone, (255, 255, 255), 0.7))
            draw.polygon([top[3], top[2], (x, y + step), (x - step, y + step / 2)], tone)
            draw.polygon(
                [top[1], top[2], (x, y + step), (x + step, y + step / 2)], mix(tone, (0, 0, 0), 0.65)
            )
            for level in range(int(tall / step * 3) if rng.random() < 0.4 else 0):
                base = y + step * 0.9 - tall + level * step / 3 + step * 0.1
                draw.line((x - step * 0.8, base - step * 0.38, x - step * 0.2, base - step * 0.08), GLASS, 4)
    return smooth(image)


KINDS = {"clip art": clip_art, "character": character, "emoji": emoji, "isometric": isometric}
