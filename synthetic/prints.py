"""Prints: stamps and notes, title pages and cards, notices, captions over a picture."""

from PIL import Image, ImageDraw

from synthetic import plain, scenes
from synthetic.lettering import UPRIGHT, font, number_text, typeface, words, write_paragraph
from synthetic.shapes import around, smooth
from synthetic.stateless_random import Colour, Rng, colour, dark, mix, pale, size


def stamp(rng: Rng) -> Image.Image:
    """A postage stamp with its teeth, a banknote, or a ticket."""
    form, wide = rng.choice(("stamp", "stamp", "note", "ticket")), 2 * rng.randint(140, 330)
    high = round(wide * (rng.choice((0.75, 1.3, 1.0)) if form == "stamp" else rng.uniform(0.4, 0.55)))
    tone = colour(rng, (0.2, 0.9), (0.3, 0.9))
    image = Image.new("RGB", (wide, high), mix(tone, (255, 255, 255), 0.3))
    inset = wide // 14
    picture = engraving(rng, (wide - 2 * inset, high - 2 * inset), tone)
    if form != "stamp":
        picture = Image.blend(picture, Image.new("RGB", picture.size, (250, 250, 240)), 0.5)
    image.paste(picture, (inset, inset))
    draw, ink = ImageDraw.Draw(image), mix(tone, (0, 0, 0), 0.4)
    draw.rectangle((inset, inset, wide - inset, high - inset), None, ink, 4)
    letters = font(rng, high // 9)
    value = str(rng.choice((1, 2, 5, 10, 20, 50, 80, 100)))
    draw.text((inset * 1.5, inset * 1.3), value, ink, font(rng, high // 5))
    draw.text((inset * 1.5, high - inset - letters.size * 1.4), words(rng, 2).upper(), ink, letters)
    if form == "stamp":
        perforate(draw, wide, high)
    return smooth(image)


def engraving(rng: Rng, within: tuple[int, int], tone: Colour) -> Image.Image:
    """A scene of the size `within`, in its own colours or in shades of one."""
    picture = rng.choice((scenes.landscape, scenes.city, scenes.sea, plain.clouds))(rng).resize(within)
    if rng.random() >= 0.5:
        return picture
    light, shade = (
        Image.new("RGB", within, (250, 245, 230)),
        Image.new("RGB", within, mix(tone, (0, 0, 0), 0.7)),
    )
    return Image.composite(light, shade, picture.convert("L"))


def perforate(draw: ImageDraw.ImageDraw, wide: int, high: int) -> None:
    """White holes along the four edges."""
    hole = wide // 60
    places = [(x, y) for x in range(0, wide, 4 * hole) for y in (0, high)]
    places += [(x, y) for y in range(0, high, 4 * hole) for x in (0, wide)]
    for place in places:
        draw.ellipse(around(place, hole), (255, 255, 255))


def title_page(rng: Rng) -> Image.Image:
    """A book's title page, a certificate or a business card: centred lines of several sizes."""
    width = rng.randint(350, 800)
    image = Image.new("RGB", (width, round(width * rng.choice((1.4, 1.5, 1.6, 0.72, 0.58)))), pale(rng))
    draw, ink, accent = ImageDraw.Draw(image), dark(rng), colour(rng, (0.4, 1), (0.2, 0.7))
    high = image.height
    for inset in rng.choice(((), (), (0.03,), (0.03, 0.045))):
        draw.rectangle(
            (width * inset, width * inset, width * (1 - inset), high - width * inset), None, accent, 2
        )
    y, family = (
        high * rng.uniform(0.08, 0.2),
        rng.choice(("DejaVuSerif", "STIXGeneral", "cmr10", "DejaVuSans")),
    )
    while y < high * 0.85:
        text = words(rng, rng.randint(1, 5))
        letters = typeface(
            family, round(min(width * 1.5 / max(6, len(text)), high * rng.uniform(0.025, 0.09)))
        )
        draw.text(
            (width / 2, y),
            rng.choice((text, text.upper())),
            rng.choice((ink, ink, accent)),
            letters,
            anchor="mm",
        )
        y += letters.size * rng.uniform(1.3, 3.5)
        if rng.random() < 0.15:
            draw.line((width * 0.3, y, width * 0.7, y), ink, 2)
            y += high * 0.04
    return image


def caption(rng: Rng) -> Image.Image:
    """Words over or under a picture: a meme, a poster, a tweet's picture."""
    picture = rng.choice((scenes.landscape, scenes.room, scenes.city, plain.clouds, plain.gradient))(rng)
    width, strip = max(200, picture.width), rng.random() < 0.4
    picture = picture.resize((width, max(150, picture.height * width // picture.width)))
    image = Image.new("RGB", (width, picture.height + (width // 4 if strip else 0)), (255, 255, 255))
    image.paste(picture, (0, image.height - picture.height))
    draw = ImageDraw.Draw(image)
    letters = font(rng, max(12, width // rng.randint(11, 20)), UPRIGHT)
    if strip:
        write_paragraph(draw, rng, (10, 8, width - 10, width // 4), letters, (0, 0, 0), 1.3)
        return image
    for y in (letters.size, image.height - letters.size):
        text = words(rng, rng.randint(2, 4)).upper()
        draw.text((width / 2, y), text, "white", letters, anchor="mm", stroke_width=2, stroke_fill="black")
    return image


def notice(rng: Rng) -> Image.Image:
    """A price tag, a label with a list, a shop's notice, a calendar's leaf, a scoreboard."""
    width, height = size(rng, 240, 600, (0.7, 1.8))
    ground, ink = rng.choice(
        (
            ((255, 235, 59), (0, 0, 0)),
            ((255, 255, 255), (200, 20, 30)),
            ((200, 20, 30), (255, 255, 255)),
            (pale(rng), dark(rng)),
            ((25, 25, 30), (90, 255, 120)),
        )
    )
    image = Image.new("RGB", (width, height), ground)
    draw, step = ImageDraw.Draw(image), height / rng.randint(4, 8)
    y = step * 0.6
    draw.rectangle((6, 6, width - 7, height - 7), None, ink, 3)
    while y < height - step * 0.6:
        left, right = (
            words(rng, rng.randint(1, 2)),
            rng.choice((f"{rng.uniform(1, 99):.2f}", number_text(rng), "")),
        )
        letters = typeface(
            rng.choice(UPRIGHT), round(min(step * 0.55, width * 1.1 / max(6, len(left) + len(right))))
        )
        draw.text((width * 0.06, y), left, ink, letters, anchor="lm")
        draw.text((width * 0.94, y), right, ink, letters, anchor="rm")
        y += step
    return image


KINDS = {"stamp": stamp, "title page": title_page, "caption": caption, "notice": notice}
