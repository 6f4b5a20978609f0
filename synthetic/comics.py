"""Comics: panels of a strip, with people, a ground and balloons of what they say."""

from PIL import Image, ImageDraw

from synthetic.clipart import THINGS
from synthetic.creatures import monster
from synthetic.lettering import typeface, words
from synthetic.pen import INK, Pen, tint
from synthetic.people import person
from synthetic.shapes import smooth
from synthetic.stateless_random import Rng, mix


def comic(rng: Rng) -> Image.Image:
    """Panels of a strip: people, a ground, balloons with what they say."""
    rows, columns = rng.choice(((1, 1), (1, 2), (1, 3), (2, 2), (2, 1), (3, 2)))
    side = 2 * rng.randint(130, 240)
    gap = side // 20
    image = Image.new("RGB", (columns * side + gap, rows * side + gap), (255, 255, 255))
    coloured, most = rng.random() < 0.7, rng.randint(1, 3)
    for index in range(rows * columns):
        panel = Image.new("RGB", (side - gap, side - gap), mix(tint(rng), (255, 255, 255), 0.5))
        draw = ImageDraw.Draw(panel)
        draw.rectangle((0, side * rng.uniform(0.6, 0.85), side, side), mix(tint(rng), (255, 255, 255), 0.7))
        for _ in range(most):
            figure = rng.choice((person, person, person, monster, *THINGS))
            tall = side * rng.uniform(0.45, 0.7)
            figure(rng, Pen(draw, rng.uniform(-0.1, 0.6) * side, side * 0.95 - tall, tall, 4, INK))
        balloon(rng, draw, side)
        draw.rectangle((0, 0, side - gap - 1, side - gap - 1), None, INK, 6)
        image.paste(panel, (gap + index % columns * side, gap + index // columns * side))
    picture = smooth(image)
    return picture if coloured else picture.convert("L").convert("RGB")


def balloon(rng: Rng, draw: ImageDraw.ImageDraw, side: float) -> None:
    """What somebody says or thinks, at the top of a panel."""
    letters = typeface(
        rng.choice(("DejaVuSans-Bold", "DejaVuSans-Oblique", "cmss10")), round(side / rng.randint(14, 20))
    )
    lines = [words(rng, rng.randint(1, 3)).upper() for _ in range(rng.randint(1, 3))]
    wide = max(letters.getlength(line) for line in lines) + side * 0.1
    x, high = rng.uniform(0.02, 0.3) * side, letters.size * 1.3 * len(lines) + side * 0.06
    draw.polygon(
        [(x + wide * 0.3, high), (x + wide * 0.45, high), (x + wide * 0.3, high + side * 0.14)],
        (255, 255, 255),
        INK,
    )
    draw.rounded_rectangle(
        (x, side * 0.02, x + wide, side * 0.02 + high), high * 0.4, (255, 255, 255), INK, 3
    )
    for index, line in enumerate(lines):
        draw.text((x + side * 0.05, side * 0.05 + index * letters.size * 1.3), line, INK, letters)
