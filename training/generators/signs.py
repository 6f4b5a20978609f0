"""Signs: pictograms, plates of streets and cars, boards and cards of games."""

import math

from PIL import Image, ImageDraw

from training.generators.chance import Colour, Rng, pale
from training.generators.lettering import face, font, words
from training.generators.shapes import Point, smooth

UPRIGHT = ("DejaVuSans", "DejaVuSans-Bold")


def pictogram(rng: Rng) -> Image.Image:
    """People and arrows as signs of stations have them: in one colour, in a row or with words."""
    count, side = rng.choice((1, 2, 2, 3, 4, 6)), 2 * rng.randint(90, 200)
    columns = min(count, 3)
    ground, ink = rng.choice(
        (
            ((255, 255, 255), (0, 0, 0)),
            ((0, 70, 150), (255, 255, 255)),
            ((0, 120, 70), (255, 255, 255)),
            ((30, 30, 30), (255, 255, 255)),
            ((255, 205, 0), (0, 0, 0)),
        )
    )
    worded = rng.random() < 0.4 or count == 1
    image = Image.new(
        "RGB", (columns * side, -(-count // columns) * side + (side // 3 if worded else 0)), ground
    )
    draw = ImageDraw.Draw(image)
    for index in range(count):
        x, y = (index % columns + 0.5) * side, (index // columns) * side
        if rng.random() < 0.7 or count == 1:
            sign_person(rng, draw, x, y, side, ink)
        else:
            turn = rng.choice((0, 1, 2, 3)) * math.pi / 2
            tip = [(0.35, 0), (0.0, -0.3), (0.0, -0.1), (-0.35, -0.1), (-0.35, 0.1), (0, 0.1), (0, 0.3)]
            draw.polygon(
                [
                    (
                        x + side * (a * math.cos(turn) - b * math.sin(turn)),
                        y + side * (0.5 + a * math.sin(turn) + b * math.cos(turn)),
                    )
                    for a, b in tip
                ],
                ink,
            )
    if worded:
        draw.text(
            (image.width / 2, image.height - side / 6),
            words(rng, rng.randint(1, 3)),
            ink,
            font(rng, side // 7, UPRIGHT),
            anchor="mm",
        )
    if rng.random() < 0.4:
        draw.rectangle((6, 6, image.width - 7, image.height - 7), None, ink, 6)
    return smooth(image)


def sign_person(rng: Rng, draw: ImageDraw.ImageDraw, x: float, y: float, side: float, ink: Colour) -> None:
    """A round head on a body: in a skirt, walking, sitting, with luggage."""
    form, limb = rng.choice(("man", "woman", "walking", "sitting")), max(4, round(side * 0.075))
    draw.ellipse((x - side * 0.07, y + side * 0.06, x + side * 0.07, y + side * 0.2), ink)

    def bone(*points: Point) -> None:
        draw.line([(x + a * side, y + b * side) for a, b in points], ink, limb, joint="curve")

    if form == "woman":
        draw.polygon(
            [
                (x + a * side, y + b * side)
                for a, b in ((-0.08, 0.23), (0.08, 0.23), (0.2, 0.65), (-0.2, 0.65))
            ],
            ink,
        )
        bone((-0.09, 0.26), (-0.22, 0.52))
        bone((0.09, 0.26), (0.22, 0.52))
    elif form == "sitting":
        bone((-0.05, 0.24), (-0.02, 0.55), (0.2, 0.58), (0.22, 0.9))
        bone((-0.03, 0.35), (0.17, 0.42))
        bone((-0.16, 0.45), (-0.14, 0.72), (0.12, 0.72))
        return
    elif form == "walking":
        bone((0, 0.24), (0, 0.55), (0.17, 0.75), (0.2, 0.94))
        bone((0, 0.55), (-0.07, 0.75), (-0.24, 0.92))
        bone((-0.24, 0.5), (-0.14, 0.32), (0.02, 0.28), (0.16, 0.44), (0.26, 0.44))
        return
    else:
        draw.rounded_rectangle(
            (x - side * 0.13, y + side * 0.23, x + side * 0.13, y + side * 0.58), side * 0.04, ink
        )
        bone((-0.17, 0.28), (-0.18, 0.58))
        bone((0.17, 0.28), (0.18, 0.58))
    for way in (-1, 1):
        bone((way * 0.06, 0.55), (way * 0.06, 0.95))


def plate(rng: Rng) -> Image.Image:
    """A street's name, a house number, a licence plate, a place's name, a highway shield with arrows."""
    form = rng.choice(("licence", "licence", "street", "place", "number", "gantry"))
    wide = 2 * rng.randint(180, 420)
    high = round(
        wide
        * {"licence": 0.24, "street": 0.25, "place": 0.6, "number": 0.8, "gantry": 0.55}[form]
        * rng.uniform(0.8, 1.3)
    )
    ground, ink = rng.choice(
        (
            ((255, 255, 255), (0, 0, 0)),
            ((250, 215, 40), (0, 0, 0)),
            ((0, 60, 150), (255, 255, 255)),
            ((0, 110, 65), (255, 255, 255)),
            ((240, 240, 235), (20, 40, 120)),
            ((130, 30, 30), (255, 255, 255)),
        )
    )
    image = Image.new("RGB", (wide, high), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle(
        (4, 4, wide - 5, high - 5), high * rng.uniform(0, 0.15), ground, ink, max(4, high // 30)
    )
    if form == "licence":
        draw.rectangle((8, 8, wide * 0.09, high - 9), rng.choice(((0, 50, 150), ground)))
        letters = "".join(rng.choice("ABCDEFGHJKLMNPRSTUVWXYZ") for _ in range(rng.randint(1, 3)))
        text = f"{letters} {rng.randint(10, 9999)} {rng.choice(('', 'AB', 'K', '77'))}"
        draw.text(
            (wide * 0.53, high / 2),
            text,
            ink,
            face("DejaVuSansMono-Bold", round(min(high * 0.75, wide / 7))),
            anchor="mm",
        )
        return smooth(image)
    rows = {"street": 2, "place": 2, "number": 1, "gantry": 3}[form]
    for row in range(rows):
        text = (
            str(rng.randint(1, 300))
            if form == "number"
            else words(rng, 2 if form == "street" else rng.randint(1, 2))
        )
        letters_font = font(
            rng, round(min(high * 0.6 / rows, wide * 1.3 / max(4, len(text)))), (*UPRIGHT, "DejaVuSerif-Bold")
        )
        y = high * (row + 0.5) / rows
        draw.text((wide * 0.45, y), text, ink, letters_font, anchor="mm")
        if form == "gantry":
            draw.text(
                (wide * 0.92, y),
                rng.choice("↑→←↗↖") if rng.random() < 0.5 else str(rng.randint(1, 200)),
                ink,
                face("DejaVuSans-Bold", high // 6),
                anchor="mm",
            )
    return smooth(image)


def board(rng: Rng) -> Image.Image:
    """A chess board with men, a board of stones, a hand of cards, dominoes, dice, a crossword."""
    side = 2 * rng.randint(150, 320)
    image = Image.new("RGB", (side, side), pale(rng))
    draw, form = ImageDraw.Draw(image), rng.choice(("chess", "stones", "cards", "dice", "crossword"))
    cells = {
        "chess": 8,
        "stones": rng.choice((9, 13, 19)),
        "cards": 3,
        "dice": 3,
        "crossword": rng.randint(8, 15),
    }[form]
    step = side / cells
    light, shade = rng.choice(
        (
            ((240, 217, 181), (181, 136, 99)),
            ((255, 255, 255), (120, 150, 90)),
            ((250, 250, 250), (120, 120, 120)),
        )
    )
    men = face("DejaVuSans", round(step * 0.75))
    for index in range(cells * cells):
        column, row = index % cells, index // cells
        x, y = column * step, row * step
        if form == "chess":
            draw.rectangle((x, y, x + step, y + step), (light, shade)[(column + row) % 2])
            if rng.random() < 0.35:
                draw.text(
                    (x + step / 2, y + step / 2), chr(rng.randint(0x2654, 0x265F)), "black", men, anchor="mm"
                )
        elif form == "stones":
            draw.line((x + step / 2, step / 2, x + step / 2, side - step / 2), (60, 50, 40), 2)
            draw.line((step / 2, y + step / 2, side - step / 2, y + step / 2), (60, 50, 40), 2)
            if rng.random() < 0.4:
                draw.ellipse(
                    (x + 2, y + 2, x + step - 2, y + step - 2), rng.choice(("white", "black")), "black", 2
                )
        elif form == "cards":
            suit = rng.choice("♠♥♦♣")
            ink = (200, 20, 30) if suit in "♥♦" else (0, 0, 0)
            draw.rounded_rectangle(
                (x + step * 0.18, y + 6, x + step * 0.82, y + step - 6), 12, "white", "black", 3
            )
            draw.text(
                (x + step * 0.24, y + step * 0.08),
                rng.choice("A23456789JQK"),
                ink,
                face("DejaVuSans-Bold", round(step * 0.2)),
            )
            draw.text(
                (x + step / 2, y + step * 0.6), suit, ink, face("DejaVuSans", round(step * 0.45)), anchor="mm"
            )
        elif form == "dice":
            draw.rounded_rectangle(
                (x + 10, y + 10, x + step - 10, y + step - 10), step * 0.12, light, "black", 4
            )
            for px, py in rng.sample(
                [(a, b) for a in (0.27, 0.5, 0.73) for b in (0.27, 0.5, 0.73)], rng.randint(1, 6)
            ):
                draw.ellipse(
                    (
                        x + step * (px - 0.07),
                        y + step * (py - 0.07),
                        x + step * (px + 0.07),
                        y + step * (py + 0.07),
                    ),
                    "black",
                )
        else:
            filled = rng.random() < 0.25
            draw.rectangle((x, y, x + step, y + step), "black" if filled else "white", "black", 2)
            if not filled and rng.random() < 0.4:
                draw.text(
                    (x + step / 2, y + step / 2),
                    rng.choice("ABCDEFGHIJKLMNOPRSTUVZ"),
                    "black",
                    men,
                    anchor="mm",
                )
    return smooth(image)


KINDS = {"pictogram": pictogram, "board": board, "plate": plate}
