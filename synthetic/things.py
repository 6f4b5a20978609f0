"""Things as clip art shows them: fruit, cups, vehicles, houses, plants, tools."""

from synthetic.pen import GLASS, INK, WOOD, Pen, tint
from synthetic.shapes import polygon
from synthetic.stateless_random import WHITE, Colour, Rng, mix


def fruit(rng: Rng, pen: Pen) -> None:
    """An apple, a pear, cherries, a mushroom."""
    shade, form = tint(rng), rng.choice(("apple", "pear", "cherry", "mushroom"))
    if form == "mushroom":
        mushroom(rng, pen, shade)
        return
    for x, reach in ((0.3, 0.2), (0.7, 0.2)) if form == "cherry" else ((0.5, 0.34),):
        pen.stroke([(x, 0.5), (0.55, 0.08)], 0.03, WOOD)
        if form == "pear":
            pen.oval(x, 0.4, reach * 0.55, 0.22, shade)
        pen.oval(x, 0.62, reach, reach, shade)
        glint = (x - reach * 0.4, 0.62 - reach * 0.4)
        pen.oval(*glint, reach * 0.15, reach * 0.2, mix(WHITE, shade, 0.6))
    pen.area([(0.55, 0.14), (0.7, 0.02), (0.85, 0.1), (0.7, 0.18)], (70, 160, 60))


def mushroom(rng: Rng, pen: Pen, shade: Colour) -> None:
    """A toadstool with white dots."""
    pen.box(0.4, 0.45, 0.6, 0.92, (240, 230, 210), 0.05)
    pen.dome(0.1, 0.1, 0.9, 0.95, shade)
    for _ in range(rng.randint(3, 7)):
        pen.oval(rng.uniform(0.25, 0.75), rng.uniform(0.22, 0.45), 0.05, 0.04, WHITE)


def cup(rng: Rng, pen: Pen) -> None:
    """A cup, a jug or a bottle."""
    shade, form = tint(rng), rng.choice(("cup", "bottle", "glass"))
    if form == "cup":
        pen.oval(0.78, 0.5, 0.14, 0.16, shade)
        pen.oval(0.78, 0.5, 0.08, 0.1, WHITE)
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
    wall, roof, stories = mix(tint(rng), WHITE, 0.5), tint(rng), rng.choice((1, 1, 2))
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
    green = (rng.randint(30, 110), rng.randint(120, 190), rng.randint(40, 90))
    rng.choice((flower, cactus, tree))(rng, pen, green)


def flower(rng: Rng, pen: Pen, green: Colour) -> None:
    """Petals around a yellow heart, on a stalk with two leaves."""
    pen.stroke([(0.5, 0.4), (0.52, 0.7), (0.5, 0.97)], 0.04, green)
    for side in (-1, 1):
        tip = (0.51 + side * 0.28, 0.66)
        pen.area([(0.51, 0.8), (0.51 + side * 0.15, 0.65), tip, (0.51 + side * 0.18, 0.78)], green)
    shade = tint(rng)
    for x, y in polygon((0.5, 0.3), 0.17, rng.randint(5, 9)):
        pen.oval(x, y, 0.1, 0.1, shade)
    pen.oval(0.5, 0.3, 0.1, 0.1, (250, 210, 60))


def cactus(_rng: Rng, pen: Pen, green: Colour) -> None:
    """A column with two arms, in a pot."""
    for x, y in ((0.32, 0.42), (0.68, 0.36)):
        pen.stroke([(0.5, y + 0.14), (x, y + 0.14), (x, y)], 0.1, green)
    pen.box(0.42, 0.1, 0.58, 0.75, green, 0.08)
    pen.area([(0.3, 0.7), (0.7, 0.7), (0.63, 0.97), (0.37, 0.97)], (190, 100, 60))


def tree(rng: Rng, pen: Pen, green: Colour) -> None:
    """A trunk under a crown of ovals."""
    pen.box(0.45, 0.5, 0.55, 0.97, WOOD)
    for _ in range(rng.randint(3, 6)):
        pen.oval(rng.uniform(0.32, 0.68), rng.uniform(0.22, 0.5), 0.2, 0.18, green)


def tool(rng: Rng, pen: Pen) -> None:
    """A hammer, a pencil, scissors, an umbrella, a key, a lamp."""
    shade = tint(rng)
    rng.choice((hammer, pencil, umbrella, key, lamp, scissors))(pen, shade)


def hammer(pen: Pen, _shade: Colour) -> None:
    """Steel on a wooden handle."""
    pen.box(0.45, 0.25, 0.55, 0.97, WOOD, 0.03)
    pen.box(0.2, 0.1, 0.72, 0.3, (130, 135, 145), 0.03)


def pencil(pen: Pen, shade: Colour) -> None:
    """A pencil that lies aslant, with its rubber."""
    pen.area([(0.1, 0.75), (0.7, 0.15), (0.85, 0.3), (0.25, 0.9)], shade)
    pen.area([(0.1, 0.75), (0.25, 0.9), (0.04, 0.96)], (240, 210, 160))
    pen.area([(0.7, 0.15), (0.78, 0.07), (0.93, 0.22), (0.85, 0.3)], (240, 150, 160))


def umbrella(pen: Pen, shade: Colour) -> None:
    """An open umbrella."""
    pen.stroke([(0.5, 0.1), (0.5, 0.85), (0.56, 0.92), (0.64, 0.85)], 0.03, WOOD)
    pen.dome(0.05, 0.1, 0.95, 1.0, shade)
    for x in (0.2, 0.5, 0.8):
        pen.oval(x, 0.55, 0.15, 0.05, mix(shade, (0, 0, 0), 0.8))


def key(pen: Pen, _shade: Colour) -> None:
    """A key of brass."""
    brass = (230, 190, 60)
    pen.oval(0.25, 0.5, 0.2, 0.2, brass)
    pen.oval(0.22, 0.5, 0.08, 0.08, WHITE)
    pen.box(0.44, 0.46, 0.95, 0.54, brass)
    for x in (0.74, 0.86):
        pen.box(x, 0.54, x + 0.06, 0.66, brass)


def lamp(pen: Pen, shade: Colour) -> None:
    """A lamp with its shade, on a foot."""
    pen.box(0.47, 0.4, 0.53, 0.9, (120, 120, 125))
    pen.oval(0.5, 0.92, 0.22, 0.05, (120, 120, 125))
    pen.area([(0.34, 0.08), (0.66, 0.08), (0.82, 0.45), (0.18, 0.45)], shade)


def scissors(pen: Pen, shade: Colour) -> None:
    """Scissors, open."""
    pen.stroke([(0.35, 0.7), (0.68, 0.05)], 0.05, (170, 175, 185))
    pen.stroke([(0.65, 0.7), (0.32, 0.05)], 0.05, (170, 175, 185))
    for x in (0.3, 0.7):
        pen.oval(x, 0.8, 0.14, 0.14, shade)
        pen.oval(x, 0.8, 0.08, 0.08, WHITE)
