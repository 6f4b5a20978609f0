"""Sheet music: staves with clefs, notes, beams, bars and words."""

from PIL import Image, ImageDraw

from synthetic.lettering import font, words
from synthetic.shapes import Point, smooth
from synthetic.stateless_random import Colour, Rng, dark, pale

STAFF_STEP = 13  # gaps between two lines, from one staff to the next


def sheet_music(rng: Rng) -> Image.Image:
    """A page, or a few bars."""
    width, staves, gap = rng.randint(500, 1000), rng.randint(1, 9), rng.randint(9, 16)
    image = Image.new("RGB", (2 * width, gap * (STAFF_STEP * staves + 6)), pale(rng))
    draw, ink = ImageDraw.Draw(image), dark(rng)
    left, right = width // 14, image.width - width // 14
    for staff in range(staves):
        top = gap * (4 + staff * STAFF_STEP)
        for line in range(5):
            draw.line((left, top + line * gap, right, top + line * gap), ink, max(1, gap // 8))
        clef = font(rng, gap * 5, ("DejaVuSerif",))
        draw.text((left + 4, top - gap), rng.choice(("&", "?", "C")), ink, clef)
        write_notes(draw, rng, (left + gap * 5, top), right - gap * 3, gap, ink)
        if rng.random() < 0.4:
            text = words(rng, rng.randint(5, 12))
            draw.text((left + gap * 5, top + gap * 6.5), text, ink, font(rng, gap * 2))
    return smooth(image)


def write_notes(draw: ImageDraw.ImageDraw, rng: Rng, start: Point, end: float, gap: int, ink: Colour) -> None:
    """Notes on one staff from its top left to an x, some of them under a beam, with bars between."""
    x, top = start
    beamed: list[Point] = []
    while x < end:
        beamed.append(draw_note(draw, rng, x, top, gap, ink))
        if len(beamed) == rng.randint(2, 4):
            draw.line((beamed[0], beamed[-1]), ink, gap // 2)
            beamed = []
        elif len(beamed) > 4 or rng.random() < 0.3:
            beamed = []
        if rng.random() < 0.15:
            x += gap * 2
            draw.line((x, top, x, top + 4 * gap), ink, max(2, gap // 6))
        x += gap * rng.uniform(2.2, 4.5)


def draw_note(draw: ImageDraw.ImageDraw, rng: Rng, x: float, top: float, gap: int, ink: Colour) -> Point:
    """A head and a stem; the stem's end."""
    place = rng.randint(-2, 10)
    y = top + gap * (4 - place / 2)
    head = (x - gap * 0.65, y - gap * 0.45, x + gap * 0.65, y + gap * 0.45)
    draw.ellipse(head, None if rng.random() < 0.2 else ink, ink, 2)
    side = 1 if place < 5 else -1
    tip = (x + side * gap * 0.6, y - side * gap * 3.4)
    draw.line(((tip[0], y), tip), ink, max(2, gap // 7))
    return tip


KINDS = {"sheet": sheet_music}
