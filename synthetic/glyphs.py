"""Glyphs: single characters of many scripts, and tables of them."""

from PIL import Image, ImageDraw

from synthetic.lettering import SYLLABLES, UPRIGHT, typeface, word
from synthetic.shapes import Box, Point, blob, polygon, smooth
from synthetic.stateless_random import Colour, Rng, dark, pale

# First and last code points that DejaVu Sans has: Georgian, Armenian, syllabics, Tifinagh, ogham, Lao,
# hexagrams, Braille, chess, operators, arrows, Cyrillic, Greek, N'Ko, zodiac and weather.
ALPHABETS: tuple[tuple[int, int], ...] = (
    (0x10D0, 0x10F6), (0x0531, 0x0556), (0x1403, 0x14C7), (0x2D30, 0x2D65), (0x1681, 0x169A),
    (0x0E81, 0x0E82),
    (0x4DC0, 0x4DFF), (0x2801, 0x28FF), (0x2654, 0x265F), (0x2200, 0x22FF), (0x2190, 0x21FF),
    (0x0410, 0x044F),
    (0x0391, 0x03A1), (0x07CA, 0x07E7), (0x2600, 0x2638), (0x05D0, 0x05EA), (0x0100, 0x024F),
    (0x1E00, 0x1EF9),
    (0x0250, 0x02AF), (0x0460, 0x0481),
)  # fmt: skip


def glyph(rng: Rng) -> Image.Image:
    """One character of some script, large: in a frame, on guide lines, repeated, or bare."""
    side = 2 * rng.randint(110, 300)
    image = Image.new("RGB", (side, side), pale(rng))
    draw, ink, form = ImageDraw.Draw(image), dark(rng), rng.random()
    if form < 0.35:
        for share in (0.2, 0.5, 0.8):
            draw.line((0, side * share, side, side * share), (200, 120, 120), 3)
            draw.line((side * share, 0, side * share, side), (200, 200, 210), 3)
    elif form < 0.5:
        draw.rectangle((4, 4, side - 5, side - 5), None, ink, 4)
    if rng.random() < 0.45:
        ideograph(
            rng, draw, (side * 0.14, side * 0.14, side * 0.86, side * 0.86), ink, rng.uniform(0.03, 0.08)
        )
    else:
        low, high = rng.choice(ALPHABETS)
        letters = typeface(rng.choice(UPRIGHT), round(side * rng.uniform(0.45, 0.8)))
        draw.text((side / 2, side / 2), chr(rng.randint(low, high)), ink, letters, anchor="mm")
    if rng.random() < 0.3:
        draw.text(
            (side * 0.04, side * 0.9),
            rng.choice((word(rng), f"U+{rng.randint(4096, 65000):04X}")),
            ink,
            typeface("DejaVuSans", side // 16),
        )
    return smooth(image)


def ideograph(rng: Rng, draw: ImageDraw.ImageDraw, box: Box, ink: Colour, weight: float) -> None:
    """Strokes that lie, stand, fall and hook, set in a square as Han characters are."""
    left, top, right, bottom = box
    if rng.random() < 0.4 and right - left > 60:
        middle = left + (right - left) * rng.uniform(0.35, 0.5)
        parts = ((left, top, middle, bottom), (middle + (right - left) * 0.08, top, right, bottom))
        if rng.random() < 0.4:
            level = top + (bottom - top) * rng.uniform(0.35, 0.55)
            parts = ((left, top, right, level), (left, level + (bottom - top) * 0.08, right, bottom))
        for half in parts:
            strokes_in(rng, draw, half, ink, weight * (right - left))
        return
    strokes_in(rng, draw, box, ink, weight * (right - left))


def strokes_in(rng: Rng, draw: ImageDraw.ImageDraw, box: Box, ink: Colour, width: float) -> None:
    """One component of a character."""
    left, top, right, bottom = box

    def at(x: float, y: float) -> Point:
        return left + x * (right - left), top + y * (bottom - top)

    line = max(2, round(width))
    for y in sorted(rng.sample((0.08, 0.3, 0.5, 0.7, 0.92), rng.randint(1, 4))):
        inset = rng.uniform(0, 0.25)
        draw.line([at(inset, y + 0.02), at(1 - inset, y - 0.02)], ink, line)
        draw.polygon(polygon(at(1 - inset, y - 0.02), line * 0.8, 3, -0.3), ink)
    for x in rng.sample((0.12, 0.5, 0.88), rng.randint(0, 2)):
        draw.line([at(x, rng.uniform(0, 0.2)), at(x, rng.uniform(0.75, 1))], ink, round(line * 1.1))
    if rng.random() < 0.5:
        draw.line([at(0.5, 0.35), at(0.35, 0.75), at(0.02, 1)], ink, line, joint="curve")
        draw.line([at(0.5, 0.45), at(0.7, 0.8), at(1, 1)], ink, round(line * 1.2), joint="curve")
    for _ in range(rng.randint(0, 2)):
        x, y = rng.random() * 0.8, rng.random() * 0.8
        draw.line([at(x, y), at(x + 0.12, y + 0.14)], ink, round(line * 1.1))


def symbols(rng: Rng) -> Image.Image:
    """A table of characters, or a sheet of ideographs, hieroglyphs of sorts, pictures of a code."""
    rows, columns, cell = rng.randint(2, 10), rng.randint(2, 10), 2 * rng.randint(28, 56)
    image = Image.new("RGB", (columns * cell, rows * cell), pale(rng))
    draw, ink, ruled = ImageDraw.Draw(image), dark(rng), rng.random() < 0.6
    form, (low, high) = rng.choice(("letters", "letters", "ideographs", "pictures")), rng.choice(ALPHABETS)
    letters, small = typeface(rng.choice(UPRIGHT), round(cell * 0.5)), typeface("DejaVuSans", cell // 6)
    named = rng.random() < 0.4
    for index in range(rows * columns):
        x, y = index % columns * cell, index // columns * cell
        if ruled:
            draw.rectangle((x, y, x + cell, y + cell), None, (150, 150, 150), 2)
        if form == "letters":
            draw.text(
                (x + cell / 2, y + cell / 2), chr(low + index % (high - low + 1)), ink, letters, anchor="mm"
            )
        elif form == "ideographs":
            ideograph(
                rng, draw, (x + cell * 0.18, y + cell * 0.18, x + cell * 0.8, y + cell * 0.8), ink, 0.07
            )
        else:
            for _ in range(rng.randint(1, 3)):
                place = (x + cell * rng.uniform(0.35, 0.65), y + cell * rng.uniform(0.35, 0.65))
                draw.polygon(
                    blob(rng, place, cell * rng.uniform(0.1, 0.3), 0.7, 24), rng.choice((ink, None)), ink, 3
                )
        if named:
            draw.text((x + 4, y + cell * 0.8), rng.choice(SYLLABLES), ink, small)
    return smooth(image)


KINDS = {"glyph": glyph, "symbols": symbols}
