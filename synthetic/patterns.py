"""Patterns: colours side by side, and one motif over and over."""

from PIL import Image, ImageDraw

from synthetic.lettering import SCRIPTS, typeface
from synthetic.shapes import around, blob, polygon, smooth, star
from synthetic.stateless_random import Rng, pale, palette, size


def swatches(rng: Rng) -> Image.Image:
    """Samples of colours with their codes, a test card, a colour wheel."""
    wide, high = (2 * side for side in size(rng, 200, 450, (0.7, 2)))
    image = Image.new("RGB", (wide, high), pale(rng))
    draw, form = ImageDraw.Draw(image), rng.choice(("samples", "samples", "card", "wheel"))
    if form == "wheel":
        count, reach = rng.choice((6, 12, 24)), min(wide, high) * 0.46
        box = around((wide / 2, high / 2), reach)
        for index, tone in enumerate(palette(rng, count)):
            draw.pieslice(box, 360 * index / count, 360 * (index + 1) / count, tone, "white", 2)
        return smooth(image)
    rows, columns = rng.randint(1, 5), rng.randint(2, 8)
    letters = typeface("DejaVuSansMono", max(12, wide // columns // 8))
    for index, tone in enumerate(palette(rng, rows * columns)):
        x, y = index % columns * wide / columns, index // columns * high / rows
        share = 1.0 if form == "card" else 0.92
        draw.rectangle((x, y, x + wide / columns * share, y + high / rows * (share - 0.02)), tone)
        if form == "samples" and rng.random() < 0.8:
            draw.text(
                (x + 6, y + 6), "#{:02X}{:02X}{:02X}".format(*tone), rng.choice(("white", "black")), letters
            )
    if form == "card":
        reach = min(wide, high) * 0.35
        draw.ellipse(around((wide / 2, high / 2), reach), None, "white", 6)
    return smooth(image)


def wallpaper(rng: Rng) -> Image.Image:
    """One motif over and over: a leaf, a star, a scale, an ornament."""
    wide, high = (2 * side for side in size(rng, 200, 450, (0.7, 1.6)))
    shades, step = palette(rng, 4), 2 * rng.randint(14, 60)
    image = Image.new("RGB", (wide, high), rng.choice((shades[0], pale(rng))))
    draw, form = ImageDraw.Draw(image), rng.choice(("star", "blob", "scale", "ring", "rhomb", "letter"))
    motif = blob(rng, (0, 0), step * 0.42, 0.6, 24)
    sign, letters = rng.choice(rng.choice(SCRIPTS)), typeface("DejaVuSans", round(step * 0.7))
    for row in range(high // step + 2):
        for column in range(-1, wide // step + 2):
            x, y, tone = column * step + (row % 2) * step / 2, row * step, shades[1 + (row + column) % 3]
            if form == "star":
                draw.polygon(star((x, y), step * 0.4, 6, 0.5), tone)
            elif form == "blob":
                draw.polygon([(x + a, y + b) for a, b in motif], tone)
            elif form == "scale":
                draw.ellipse((x - step / 2, y - step, x + step / 2, y + step / 3), tone, shades[0], 3)
            elif form == "ring":
                draw.ellipse(around((x, y), step * 0.45), None, tone, step // 10 + 1)
            elif form == "rhomb":
                draw.polygon(polygon((x, y), step * 0.45, 4), tone)
            else:
                draw.text((x, y), sign, tone, letters)
    return smooth(image)


KINDS = {"swatches": swatches, "wallpaper": wallpaper}
