"""Games: a chess board with its men, a board of stones, cards, dice, a crossword."""

from PIL import Image, ImageDraw

from synthetic.lettering import Font, typeface
from synthetic.shapes import Point, smooth
from synthetic.stateless_random import Colour, Rng, pale

# Each pair: the light squares and the dark ones.
BOARDS: tuple[tuple[Colour, Colour], ...] = (
    ((240, 217, 181), (181, 136, 99)), ((255, 255, 255), (120, 150, 90)), ((250, 250, 250), (120, 120, 120)),
)  # fmt: skip
PIPS = tuple((x, y) for x in (0.27, 0.5, 0.73) for y in (0.27, 0.5, 0.73))


def board(rng: Rng) -> Image.Image:
    """A chess board with men, a board of stones, cards, dice, a crossword."""
    side = 2 * rng.randint(150, 320)
    image = Image.new("RGB", (side, side), pale(rng))
    draw, form = ImageDraw.Draw(image), rng.choice(("chess", "stones", "cards", "dice", "crossword"))
    sizes = {
        "chess": 8,
        "stones": rng.choice((9, 13, 19)),
        "cards": 3,
        "dice": 3,
        "crossword": rng.randint(8, 15),
    }
    step = side / sizes[form]
    light, shade = rng.choice(BOARDS)
    men = typeface("DejaVuSans", round(step * 0.75))
    for index in range(sizes[form] ** 2):
        column, row = index % sizes[form], index // sizes[form]
        corner = (column * step, row * step)
        if form == "chess":
            chess_square(rng, draw, corner, step, (light, shade)[(column + row) % 2], men)
        elif form == "stones":
            crossing(rng, draw, corner, step, side)
        elif form == "cards":
            card(rng, draw, corner, step)
        elif form == "dice":
            die(rng, draw, corner, step, light)
        else:
            crossword_square(rng, draw, corner, step, men)
    return smooth(image)


def chess_square(
    rng: Rng, draw: ImageDraw.ImageDraw, corner: Point, step: float, tone: Colour, men: Font
) -> None:
    """A square with a man on it or none."""
    x, y = corner
    draw.rectangle((x, y, x + step, y + step), tone)
    if rng.random() < 0.35:
        man = chr(rng.randint(0x2654, 0x265F))
        draw.text((x + step / 2, y + step / 2), man, "black", men, anchor="mm")


def crossing(rng: Rng, draw: ImageDraw.ImageDraw, corner: Point, step: float, side: float) -> None:
    """Two lines of a board that is `side` wide, and a stone where they cross or none."""
    (x, y), wood = corner, (60, 50, 40)
    draw.line((x + step / 2, step / 2, x + step / 2, side - step / 2), wood, 2)
    draw.line((step / 2, y + step / 2, side - step / 2, y + step / 2), wood, 2)
    if rng.random() < 0.4:
        stone = (x + 2, y + 2, x + step - 2, y + step - 2)
        draw.ellipse(stone, rng.choice(("white", "black")), "black", 2)


def card(rng: Rng, draw: ImageDraw.ImageDraw, corner: Point, step: float) -> None:
    """A playing card."""
    (x, y), suit = corner, rng.choice("♠♥♦♣")
    ink = (200, 20, 30) if suit in "♥♦" else (0, 0, 0)
    sheet = (x + step * 0.18, y + 6, x + step * 0.82, y + step - 6)
    draw.rounded_rectangle(sheet, 12, "white", "black", 3)
    small, large = typeface("DejaVuSans-Bold", round(step * 0.2)), typeface("DejaVuSans", round(step * 0.45))
    draw.text((x + step * 0.24, y + step * 0.08), rng.choice("A23456789JQK"), ink, small)
    draw.text((x + step / 2, y + step * 0.6), suit, ink, large, anchor="mm")


def die(rng: Rng, draw: ImageDraw.ImageDraw, corner: Point, step: float, tone: Colour) -> None:
    """A die's face, its pips anywhere on a grid of nine."""
    x, y = corner
    draw.rounded_rectangle((x + 10, y + 10, x + step - 10, y + step - 10), step * 0.12, tone, "black", 4)
    for px, py in rng.sample(PIPS, rng.randint(1, 6)):
        pip = (x + step * (px - 0.07), y + step * (py - 0.07), x + step * (px + 0.07), y + step * (py + 0.07))
        draw.ellipse(pip, "black")


def crossword_square(rng: Rng, draw: ImageDraw.ImageDraw, corner: Point, step: float, letters: Font) -> None:
    """A black square, a white one, or one with its letter."""
    x, y = corner
    filled = rng.random() < 0.25
    draw.rectangle((x, y, x + step, y + step), "black" if filled else "white", "black", 2)
    if not filled and rng.random() < 0.4:
        letter = rng.choice("ABCDEFGHIJKLMNOPRSTUVZ")
        draw.text((x + step / 2, y + step / 2), letter, "black", letters, anchor="mm")
