"""Signs: pictograms of stations, plates of streets, places and cars."""

import math

from PIL import Image, ImageDraw

from synthetic.lettering import UPRIGHT, font, typeface, words
from synthetic.shapes import Point, smooth
from synthetic.stateless_random import WHITE, Colour, Rng

# Each sign: its ground and its ink.
STATION_SIGNS: tuple[tuple[Colour, Colour], ...] = (
    (WHITE, (0, 0, 0)), ((0, 70, 150), WHITE), ((0, 120, 70), WHITE), ((30, 30, 30), WHITE),
    ((255, 205, 0), (0, 0, 0)),
)  # fmt: skip
PLATES: tuple[tuple[Colour, Colour], ...] = (
    (WHITE, (0, 0, 0)), ((250, 215, 40), (0, 0, 0)), ((0, 60, 150), WHITE), ((0, 110, 65), WHITE),
    ((240, 240, 235), (20, 40, 120)), ((130, 30, 30), WHITE),
)  # fmt: skip
# An arrow to the right in a square of one, about its centre.
ARROW = ((0.35, 0), (0.0, -0.3), (0.0, -0.1), (-0.35, -0.1), (-0.35, 0.1), (0, 0.1), (0, 0.3))
SKIRT = ((-0.08, 0.23), (0.08, 0.23), (0.2, 0.65), (-0.2, 0.65))


def pictogram(rng: Rng) -> Image.Image:
    """People and arrows as signs of stations have them: in one colour, in a row or with words."""
    count, side = rng.choice((1, 2, 2, 3, 4, 6)), 2 * rng.randint(90, 200)
    columns = min(count, 3)
    ground, ink = rng.choice(STATION_SIGNS)
    worded = rng.random() < 0.4 or count == 1
    high = -(-count // columns) * side + (side // 3 if worded else 0)
    image = Image.new("RGB", (columns * side, high), ground)
    draw = ImageDraw.Draw(image)
    for index in range(count):
        x, y = (index % columns + 0.5) * side, (index // columns) * side
        if rng.random() < 0.7 or count == 1:
            sign_person(rng, draw, x, y, side, ink)
        else:
            sign_arrow(rng, draw, x, y, side, ink)
    if worded:
        text, letters = words(rng, rng.randint(1, 3)), font(rng, side // 7, UPRIGHT)
        draw.text((image.width / 2, image.height - side / 6), text, ink, letters, anchor="mm")
    if rng.random() < 0.4:
        draw.rectangle((6, 6, image.width - 7, image.height - 7), None, ink, 6)
    return smooth(image)


def sign_arrow(rng: Rng, draw: ImageDraw.ImageDraw, x: float, y: float, side: float, ink: Colour) -> None:
    """A broad arrow to one of four sides, in a square whose upper edge has its middle at x, y."""
    turn = rng.choice((0, 1, 2, 3)) * math.pi / 2
    outline = [
        (
            x + side * (a * math.cos(turn) - b * math.sin(turn)),
            y + side * (0.5 + a * math.sin(turn) + b * math.cos(turn)),
        )
        for a, b in ARROW
    ]
    draw.polygon(outline, ink)


def sign_person(rng: Rng, draw: ImageDraw.ImageDraw, x: float, y: float, side: float, ink: Colour) -> None:
    """A round head on a body, under the same x, y: a man, a woman, one who walks or sits."""
    form, limb = rng.choice(("man", "woman", "walking", "sitting")), max(4, round(side * 0.075))
    draw.ellipse((x - side * 0.07, y + side * 0.06, x + side * 0.07, y + side * 0.2), ink)

    def bone(*points: Point) -> None:
        draw.line([(x + a * side, y + b * side) for a, b in points], ink, limb, joint="curve")

    if form == "sitting":
        bone((-0.05, 0.24), (-0.02, 0.55), (0.2, 0.58), (0.22, 0.9))
        bone((-0.03, 0.35), (0.17, 0.42))
        bone((-0.16, 0.45), (-0.14, 0.72), (0.12, 0.72))
        return
    if form == "walking":
        bone((0, 0.24), (0, 0.55), (0.17, 0.75), (0.2, 0.94))
        bone((0, 0.55), (-0.07, 0.75), (-0.24, 0.92))
        bone((-0.24, 0.5), (-0.14, 0.32), (0.02, 0.28), (0.16, 0.44), (0.26, 0.44))
        return
    if form == "woman":
        draw.polygon([(x + a * side, y + b * side) for a, b in SKIRT], ink)
        bone((-0.09, 0.26), (-0.22, 0.52))
        bone((0.09, 0.26), (0.22, 0.52))
    else:
        trunk = (x - side * 0.13, y + side * 0.23, x + side * 0.13, y + side * 0.58)
        draw.rounded_rectangle(trunk, side * 0.04, ink)
        bone((-0.17, 0.28), (-0.18, 0.58))
        bone((0.17, 0.28), (0.18, 0.58))
    for way in (-1, 1):
        bone((way * 0.06, 0.55), (way * 0.06, 0.95))


def sign_plate(rng: Rng) -> Image.Image:
    """A street's name, a house number, a licence plate, a place's name, a highway shield with arrows."""
    form = rng.choice(("licence", "licence", "street", "place", "number", "gantry"))
    wide = 2 * rng.randint(180, 420)
    share = {"licence": 0.24, "street": 0.25, "place": 0.6, "number": 0.8, "gantry": 0.55}[form]
    high = round(wide * share * rng.uniform(0.8, 1.3))
    ground, ink = rng.choice(PLATES)
    image = Image.new("RGB", (wide, high), WHITE)
    draw = ImageDraw.Draw(image)
    corner = high * rng.uniform(0, 0.15)
    draw.rounded_rectangle((4, 4, wide - 5, high - 5), corner, ground, ink, max(4, high // 30))
    if form == "licence":
        write_licence(rng, image, ground, ink)
    else:
        write_rows(rng, image, form, ink)
    return smooth(image)


def write_licence(rng: Rng, image: Image.Image, ground: Colour, ink: Colour) -> None:
    """The strip of a country and the letters and digits of a car."""
    draw, (wide, high) = ImageDraw.Draw(image), image.size
    draw.rectangle((8, 8, wide * 0.09, high - 9), rng.choice(((0, 50, 150), ground)))
    letters = "".join(rng.choice("ABCDEFGHJKLMNPRSTUVWXYZ") for _ in range(rng.randint(1, 3)))
    text = f"{letters} {rng.randint(10, 9999)} {rng.choice(('', 'AB', 'K', '77'))}"
    types = typeface("DejaVuSansMono-Bold", round(min(high * 0.75, wide / 7)))
    draw.text((wide * 0.53, high / 2), text, ink, types, anchor="mm")


def write_rows(rng: Rng, image: Image.Image, form: str, ink: Colour) -> None:
    """A number or one to three names, under each other; on a gantry with arrows or distances."""
    draw, (wide, high) = ImageDraw.Draw(image), image.size
    rows = {"street": 2, "place": 2, "number": 1, "gantry": 3}[form]
    for row in range(rows):
        if form == "number":
            text = str(rng.randint(1, 300))
        else:
            text = words(rng, 2 if form == "street" else rng.randint(1, 2))
        tall = round(min(high * 0.6 / rows, wide * 1.3 / max(4, len(text))))
        letters, y = font(rng, tall, (*UPRIGHT, "DejaVuSerif-Bold")), high * (row + 0.5) / rows
        draw.text((wide * 0.45, y), text, ink, letters, anchor="mm")
        if form == "gantry":
            way = rng.choice("↑→←↗↖") if rng.random() < 0.5 else str(rng.randint(1, 200))
            draw.text((wide * 0.92, y), way, ink, typeface("DejaVuSans-Bold", high // 6), anchor="mm")
