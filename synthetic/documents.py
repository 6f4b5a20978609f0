"""Documents: typeset pages, forms, tables, covers, and what a scanner makes of them."""

import math

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from synthetic import formulas, glyphs, music, prints
from synthetic.lettering import MONOSPACED, Font, font, number_text, word, words, write_paragraph
from synthetic.shapes import meander
from synthetic.stateless_random import Colour, Rng, colour, dark, mix, noise, pale, size


def page(rng: Rng) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Blank paper, mostly upright."""
    width = rng.randint(500, 1100)
    aspect = rng.choice((1.41, 1.41, 1.3, 1.5, 0.71, 1.0))
    image = Image.new("RGB", (width, round(width * aspect)), pale(rng))
    return image, ImageDraw.Draw(image)


def text_page(rng: Rng) -> Image.Image:
    """Headings and paragraphs in one to three columns, sometimes around a figure."""
    image, draw = page(rng)
    ink, columns = dark(rng), rng.choice((1, 1, 1, 2, 2, 3))
    margin, gap = image.width // rng.randint(7, 16), image.width // 40
    wide = (image.width - 2 * margin - gap * (columns - 1)) // columns
    letter = max(7, image.width // rng.randint(34, 80))
    body = font(rng, letter)
    top = margin
    if rng.random() < 0.7:
        title = font(rng, round(letter * rng.uniform(1.5, 3)))
        draw.text((margin, top), words(rng, rng.randint(2, 6)), ink, title)
        top += round(title.size * 1.6)
    for column in range(columns):
        left = margin + column * (wide + gap)
        fill_column(rng, draw, (left, top, left + wide, image.height - margin), body, letter, ink)
    if rng.random() < 0.5:
        draw.text((image.width / 2, image.height - margin * 0.7), str(rng.randint(1, 900)), ink, body)
    return image


def fill_column(
    rng: Rng, draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], body: Font, letter: int, ink: Colour
) -> None:
    """Headings, figures and paragraphs, one below another; `letter` is the text's height in pixels."""
    left, y, right, end = box
    while y < end - 2 * letter:
        choice = rng.random()
        if choice < 0.15:
            draw.text((left, y), words(rng, rng.randint(1, 4)), ink, font(rng, round(letter * 1.3)))
            y += round(letter * 2)
        elif choice < 0.23:
            bottom = min(y + rng.randint(4, 12) * letter, end)
            draw.rectangle((left, y, right, bottom), colour(rng, (0, 0.5), (0.3, 0.95)), ink)
            y = bottom + letter
        else:
            bottom = min(end, y + rng.randint(2, 14) * round(letter * 1.4))
            leading = rng.uniform(1.2, 1.6)
            y = write_paragraph(draw, rng, (left, y, right, bottom), body, ink, leading) + letter


def table_page(rng: Rng) -> Image.Image:
    """Rows and columns of numbers and words."""
    image, draw = page(rng)
    rows, columns = rng.randint(5, 35), rng.randint(3, 9)
    margin = image.width // 16
    wide, high = (image.width - 2 * margin) / columns, (image.height - 3 * margin) / rows
    letters = font(rng, max(6, round(min(high * 0.6, wide / 6))))
    ink, head, stripe = dark(rng), colour(rng, (0, 0.8), (0.4, 1)), rng.random() < 0.4
    draw.text((margin, margin * 0.6), words(rng, rng.randint(2, 5)), ink, font(rng, margin // 2))
    ruled = rng.random() < 0.7
    for row in range(rows):
        y = 2 * margin + row * high
        if row == 0 or (stripe and row % 2):
            draw.rectangle((margin, y, image.width - margin, y + high), head if row == 0 else (236, 236, 236))
        for column in range(columns):
            x = margin + column * wide
            if ruled:
                draw.rectangle((x, y, x + wide, y + high), None, (120, 120, 120))
            text = word(rng) if row == 0 or column == 0 or rng.random() < 0.2 else number_text(rng)
            draw.text((x + 4, y + high * 0.15), text, ink, letters)
    return image


def form(rng: Rng) -> Image.Image:
    """A form or a letter: labels, lines to fill in, boxes, a signature."""
    image, draw = page(rng)
    ink, margin = dark(rng), image.width // 12
    letters = font(rng, max(9, image.width // 48))
    y: float = margin
    draw.text((margin, y), words(rng, rng.randint(2, 4)), ink, font(rng, round(letters.size * 2)))
    y += letters.size * 4
    while y < image.height - 3 * margin:
        choice = rng.random()
        if choice < 0.5:
            draw.text((margin, y), words(rng, rng.randint(1, 3)) + ":", ink, letters)
            draw.line((image.width * 0.4, y + letters.size, image.width - margin, y + letters.size), ink)
            if rng.random() < 0.5:
                draw.text((image.width * 0.42, y - 2), words(rng, 2), (30, 40, 140), letters)
        elif choice < 0.7:
            draw.rectangle((margin, y, margin + letters.size, y + letters.size), None, ink, 2)
            draw.text((margin + 2 * letters.size, y), words(rng, rng.randint(2, 6)), ink, letters)
        else:
            below = round(y + letters.size * 4)
            write_paragraph(draw, rng, (margin, round(y), image.width - margin, below), letters, ink, 1.3)
            y = below
        y += letters.size * 2
    draw.line(meander(rng, (image.width * 0.55, y + margin), 0, image.width * 0.3, 8, 2.5), (20, 30, 120), 3)
    return image


def receipt(rng: Rng) -> Image.Image:
    """A till's receipt: a narrow strip of monospaced lines."""
    width = rng.randint(260, 460)
    image = Image.new("RGB", (width, round(width * rng.uniform(1.3, 2.6))), pale(rng))
    draw, ink = ImageDraw.Draw(image), dark(rng)
    letters = font(rng, width // 22, MONOSPACED)
    y: float = letters.size
    draw.text((width * 0.25, y), words(rng, 2).upper(), ink, font(rng, width // 15, MONOSPACED))
    y += letters.size * 3
    while y < image.height - 2 * letters.size:
        if rng.random() < 0.12:
            draw.text((8, y), "-" * 40, ink, letters)
        else:
            draw.text((8, y), words(rng, rng.randint(1, 2))[:16], ink, letters)
            draw.text((width * 0.72, y), f"{rng.uniform(0, 99):.2f}", ink, letters)
        y += letters.size * 1.35
    return image


def quotation(rng: Rng) -> Image.Image:
    """A few lines of text, large: a saying, a sign, a caption, a definition."""
    width, height = size(rng, 300, 800)
    background, ink = pale(rng), dark(rng)
    if rng.random() < 0.3:
        background, ink = ink, background
    image = Image.new("RGB", (width, height), background)
    margin = min(width, height) // 12
    letters = font(rng, max(10, round(min(width, height) / rng.uniform(8, 22))))
    box = (margin, margin, width - margin, height - margin)
    write_paragraph(ImageDraw.Draw(image), rng, box, letters, ink, rng.uniform(1.2, 1.7))
    return image


def handwriting(rng: Rng) -> Image.Image:
    """Lines of a pen on ruled or blank paper."""
    image, draw = page(rng)
    ink = rng.choice(((20, 30, 110), (30, 30, 30), (60, 40, 30)))
    step = image.height // rng.randint(14, 34)
    ruled = rng.random() < 0.5
    for y in range(2 * step, image.height - step, step):
        if ruled:
            draw.line((0, y + 4, image.width, y + 4), (170, 190, 220))
        x = image.width * 0.08
        while x < image.width * rng.uniform(0.8, 0.95):
            length = rng.uniform(1, 5) * step
            points = []
            for index in range(max(4, int(length / 3))):
                phase = index * rng.uniform(0.6, 1.2)
                points.append((x + index * 3, y - step * 0.2 * (1 + math.sin(phase)) * rng.uniform(0.5, 1.4)))
            draw.line(points, ink, rng.randint(1, 3), joint="curve")
            x += length + step * 0.6
    return image


def slide(rng: Rng) -> Image.Image:
    """A slide of a talk: a heading and points."""
    width = rng.randint(500, 1000)
    image = Image.new("RGB", (width, round(width * rng.choice((0.75, 0.5625)))), pale(rng))
    draw, ink, accent = ImageDraw.Draw(image), dark(rng), colour(rng, (0.4, 1), (0.3, 0.8))
    margin = width // 14
    if rng.random() < 0.6:
        draw.rectangle((0, 0, width, margin * 1.8), accent)
    draw.text((margin, margin * 0.5), words(rng, rng.randint(2, 5)), ink, font(rng, width // 20))
    letters = font(rng, width // rng.randint(26, 40))
    y: float = margin * 2.6
    while y < image.height - margin:
        draw.text(
            (margin, y), rng.choice(("•", "–", "1.")) + " " + words(rng, rng.randint(3, 8)), ink, letters
        )
        y += letters.size * rng.uniform(1.5, 2.4)
    return image


def cover(rng: Rng) -> Image.Image:
    """A book's cover or a poster: author, title, a picture or a pattern."""
    width = rng.randint(350, 700)
    image = Image.new("RGB", (width, round(width * rng.uniform(1.3, 1.6))), colour(rng, (0, 0.9), (0.2, 1)))
    clouds = Image.fromarray((noise(rng, (image.height, width), rng.randint(2, 8)) * 255).astype(np.uint8))
    if rng.random() < 0.6:
        image.paste(colour(rng), mask=clouds)
    draw, ink = ImageDraw.Draw(image), rng.choice(((255, 255, 255), (0, 0, 0), colour(rng)))
    y: float = image.height * rng.uniform(0.05, 0.2)
    for _ in range(rng.randint(2, 4)):
        letters = font(rng, width // rng.randint(8, 16))
        draw.text((width * 0.1, y), words(rng, rng.randint(1, 3)), ink, letters)
        y += letters.size * 1.3
    if rng.random() < 0.5:
        frame = (width * 0.15, y + 10, width * 0.85, max(y + 40, image.height * 0.8))
        draw.rectangle(frame, colour(rng), ink, 3)
    draw.text((width * 0.1, image.height * 0.92), words(rng, 2), ink, font(rng, width // 20))
    return image


def scan(rng: Rng, image: Image.Image) -> Image.Image:
    """A page as a scanner or a phone gives it: turned, yellowed, uneven, grainy, or in two tones."""
    paper = mix((255, 255, 255), (235, 215, 170), rng.uniform(0.2, 1.0))
    turned = image.rotate(
        rng.uniform(-3, 3), Image.Resampling.BICUBIC, expand=True, fillcolor=rng.choice((paper, (60, 60, 60)))
    )
    toned = ImageChops.multiply(turned, Image.new("RGB", turned.size, paper))
    light = noise(rng, (toned.height, toned.width), 2, 2) * rng.uniform(0, 0.35) + 0.75
    grain = np.random.default_rng(rng.getrandbits(64)).normal(
        0, rng.uniform(1, 9), (toned.height, toned.width, 1)
    )
    pixels = np.clip(np.asarray(toned, np.float32) * light[..., None] + grain, 0, 255).astype(np.uint8)
    scanned = Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(rng.uniform(0, 1.2)))
    mode = rng.random()
    if mode < 0.3:
        return scanned.convert("L").convert("RGB")
    if mode < 0.42:
        return scanned.convert("L").point(lambda value: 255 if value > 140 else 0).convert("RGB")
    return scanned


def scanned(rng: Rng) -> Image.Image:
    """Any of the documents, scanned."""
    return scan(
        rng,
        rng.choice(
            (
                text_page,
                text_page,
                text_page,
                table_page,
                form,
                music.sheet_music,
                handwriting,
                formulas.formula,
                quotation,
            )
        )(rng),
    )


KINDS = {
    "text": text_page,
    "table": table_page,
    "form": form,
    "receipt": receipt,
    "formula": formulas.formula,
    "quotation": quotation,
    "handwriting": handwriting,
    "slide": slide,
    "cover": cover,
    "music": music.sheet_music,
    "scanned": scanned,
    **glyphs.KINDS,
    "equation": formulas.equation,
    **prints.KINDS,
}
