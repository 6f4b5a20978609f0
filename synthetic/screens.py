"""Screenshots of programs that are not: windows, web pages, phones, terminals, editors, games."""

import numpy as np
from PIL import Image, ImageDraw

from synthetic.lettering import (
    MONOSPACED,
    WIDE_FACES,
    Font,
    font,
    number_text,
    word,
    words,
    write_paragraph,
)
from synthetic.stateless_random import Colour, Rng, colour, mix, noise, palette

SIZES = ((1280, 800), (1024, 768), (1366, 768), (960, 600), (800, 600), (640, 480), (1200, 900))


def theme(rng: Rng) -> tuple[Colour, Colour, Colour, Colour]:
    """Background, panel, ink and accent; light or dark."""
    accent = colour(rng, (0.4, 1), (0.4, 0.95))
    if rng.random() < 0.3:
        back = mix(colour(rng), (20, 22, 28), 0.1)
        return back, mix((255, 255, 255), back, 0.08), (225, 228, 232), accent
    back = rng.choice(((255, 255, 255), (245, 246, 248), (236, 233, 216), (240, 240, 240), (192, 192, 192)))
    return back, mix((0, 0, 0), back, 0.06), (30, 34, 40), accent


def picture(rng: Rng, width: int, height: int) -> Image.Image:
    """What stands where a page has a picture."""
    clouds = Image.fromarray(
        (noise(rng, (max(4, height), max(4, width)), rng.randint(1, 5)) * 255).astype(np.uint8)
    )
    return Image.composite(
        Image.new("RGB", clouds.size, colour(rng)), Image.new("RGB", clouds.size, colour(rng)), clouds
    )


def bar(draw: ImageDraw.ImageDraw, rng: Rng, width: int, high: int, shade: Colour, ink: Colour) -> None:
    """A title or menu bar across the top."""
    draw.rectangle((0, 0, width, high), shade)
    letters = font(rng, max(8, high // 2), WIDE_FACES)
    x = high * rng.uniform(0.4, 1.5)
    for _ in range(rng.randint(2, 8)):
        label = word(rng).capitalize()
        draw.text((x, high * 0.22), label, ink, letters)
        x += letters.getlength(label) + high * 0.6
    for index in range(rng.randint(0, 4)):
        left = width - high * (index + 1)
        draw.ellipse((left, high * 0.25, left + high * 0.5, high * 0.75), mix(ink, shade, 0.6))


def sidebar(
    draw: ImageDraw.ImageDraw,
    rng: Rng,
    box: tuple[int, int, int, int],
    inks: tuple[Colour, Colour],
    letters: Font,
) -> None:
    """A list of places to go, one of them chosen."""
    left, top, right, bottom = box
    ink, accent = inks
    step = round(letters.size * 2.2)
    chosen = rng.randint(0, 6)
    for index, y in enumerate(range(top + step // 2, bottom - step, step)):
        if index == chosen:
            draw.rectangle((left, y - step // 4, right, y + step * 3 // 4), accent)
        draw.rectangle((left + 10, y, left + 10 + letters.size, y + letters.size), mix(ink, accent, 0.6))
        draw.text((left + 20 + letters.size, y), words(rng, rng.randint(1, 2)), ink, letters)


def rows(
    image: Image.Image, rng: Rng, box: tuple[int, int, int, int], ink: Colour, accent: Colour, letters: Font
) -> None:
    """A list or a table: an icon, a name, some columns."""
    draw = ImageDraw.Draw(image)
    left, top, right, bottom = box
    step = round(letters.size * rng.uniform(1.8, 3.4))
    columns = rng.randint(1, 5)
    for index, y in enumerate(range(top, bottom - step, step)):
        draw.line((left, y + step - 2, right, y + step - 2), mix(ink, image.getpixel((left, top))[:3], 0.15))  # type: ignore[index,arg-type]
        if rng.random() < 0.9:
            draw.rectangle(
                (left + 6, y + 4, left + 6 + letters.size, y + 4 + letters.size), accent if index % 3 else ink
            )
        draw.text((left + 16 + letters.size, y + 4), words(rng, rng.randint(1, 3)), ink, letters)
        for column in range(1, columns):
            x = left + (right - left) * (0.3 + 0.7 * column / columns)
            draw.text(
                (x, y + 4), rng.choice((number_text(rng), word(rng))), mix(ink, (128, 128, 128), 0.6), letters
            )


def cards(
    image: Image.Image, rng: Rng, box: tuple[int, int, int, int], ink: Colour, panel: Colour, letters: Font
) -> None:
    """A grid of tiles with pictures and captions."""
    draw = ImageDraw.Draw(image)
    left, top, right, bottom = box
    across = rng.randint(2, 6)
    side = (right - left) // across
    for y in range(top, bottom - side // 2, round(side * 1.1)):
        for column in range(across):
            x = left + column * side
            draw.rounded_rectangle((x + 6, y + 6, x + side - 6, y + side), 8, panel)
            if rng.random() < 0.7:
                image.paste(picture(rng, side - 24, round(side * 0.6)), (x + 12, y + 12))
            draw.text((x + 14, y + side * 0.75), words(rng, rng.randint(1, 3)), ink, letters)


def article(image: Image.Image, rng: Rng, box: tuple[int, int, int, int], ink: Colour, letters: Font) -> None:
    """A page of text with headings, links and a picture."""
    draw = ImageDraw.Draw(image)
    left, top, right, bottom = box
    draw.text((left, top), words(rng, rng.randint(2, 5)), ink, font(rng, round(letters.size * 2), WIDE_FACES))
    y = top + round(letters.size * 3.5)
    if rng.random() < 0.6:
        wide = (right - left) // 3
        image.paste(picture(rng, wide, wide), (right - wide, y))
        right -= wide + 12
    while y < bottom - 3 * letters.size:
        shade = rng.choice((ink, ink, ink, (6, 69, 173)))
        y = write_paragraph(
            draw,
            rng,
            (left, y, right, min(bottom, y + round(rng.randint(2, 8) * letters.size))),
            letters,
            shade,
            1.4,
        )
        y += round(letters.size)


def window(rng: Rng) -> Image.Image:
    """A program or a web page: bars, a sidebar, content."""
    width, height = rng.choice(SIZES)
    back, panel, ink, accent = theme(rng)
    image = Image.new("RGB", (width, height), back)
    draw = ImageDraw.Draw(image)
    letters = font(rng, rng.randint(10, 18), WIDE_FACES)
    high = rng.randint(24, 64)
    left = 0
    if rng.random() < 0.7:
        left = rng.randint(width // 8, width // 4)
        draw.rectangle((0, 0, left, height), panel)
        sidebar(draw, rng, (0, high, left, height), (ink, accent), letters)
    bar(draw, rng, width, high, rng.choice((accent, panel, back)), ink)
    box = (left + 20, high + 16, width - 20, height - 10)
    content = rng.choice(("rows", "rows", "cards", "article"))
    if content == "rows":
        rows(image, rng, box, ink, accent, letters)
    elif content == "cards":
        cards(image, rng, box, ink, panel, letters)
    else:
        article(image, rng, box, ink, letters)
    if rng.random() < 0.25:
        dialog(image, rng, accent, letters)
    return image


def dialog(image: Image.Image, rng: Rng, accent: Colour, letters: Font) -> None:
    """A box over the page that asks something."""
    draw = ImageDraw.Draw(image)
    wide, high = rng.uniform(0.3, 0.5) * image.width, rng.uniform(0.2, 0.4) * image.height
    left, top = (image.width - wide) / 2, (image.height - high) / 2
    draw.rectangle((left + 6, top + 6, left + wide + 6, top + high + 6), (90, 90, 90))
    draw.rectangle((left, top, left + wide, top + high), (250, 250, 250), (120, 120, 120))
    draw.rectangle((left, top, left + wide, top + letters.size * 2), accent)
    draw.text((left + 12, top + 4), words(rng, 2), "white", letters)
    body = (
        round(left + 16),
        round(top + letters.size * 3),
        round(left + wide - 16),
        round(top + high - letters.size * 3),
    )
    write_paragraph(draw, rng, body, letters, (30, 30, 30), 1.4)
    for index in range(2):
        x = left + wide - (index + 1) * letters.size * 7
        draw.rectangle(
            (x, top + high - letters.size * 2.4, x + letters.size * 6, top + high - 8), accent, (90, 90, 90)
        )
        draw.text((x + 8, top + high - letters.size * 2), word(rng).capitalize(), "white", letters)


def phone(rng: Rng) -> Image.Image:
    """An upright screen: a chat, a list, settings."""
    width = rng.choice((360, 414, 540, 720))
    height = round(width * rng.uniform(1.6, 2.2))
    back, panel, ink, accent = theme(rng)
    image = Image.new("RGB", (width, height), back)
    draw = ImageDraw.Draw(image)
    letters = font(rng, width // 24, WIDE_FACES)
    high = width // 7
    bar(draw, rng, width, high, accent, (255, 255, 255))
    if rng.random() < 0.4:
        y = high + 12
        while y < height - high:
            tall = round(rng.randint(2, 6) * letters.size)
            left = rng.choice((12, width // 4))
            draw.rounded_rectangle(
                (left, y, left + width * 0.68, y + tall), 14, accent if left > 12 else panel
            )
            write_paragraph(
                draw, rng, (left + 12, y + 8, round(left + width * 0.64), y + tall), letters, ink, 1.3
            )
            y += tall + 14
    elif rng.random() < 0.6:
        rows(image, rng, (8, high + 8, width - 8, height - high), ink, accent, letters)
    else:
        cards(image, rng, (8, high + 8, width - 8, height - high), ink, panel, letters)
    return image


def terminal(rng: Rng) -> Image.Image:
    """Monospaced lines on a dark ground (or a light one), some coloured."""
    width, height = rng.choice(SIZES)
    back = rng.choice(((0, 0, 0), (30, 30, 30), (0, 43, 54), (48, 10, 36), (255, 255, 255)))
    ink = (220, 220, 220) if back != (255, 255, 255) else (20, 20, 20)
    image = Image.new("RGB", (width, height), back)
    draw = ImageDraw.Draw(image)
    letters = font(rng, rng.randint(11, 20), MONOSPACED)
    shades = [ink, ink, ink, *palette(rng, 3)]
    for y in range(4, round(height - letters.size), round(letters.size * 1.3)):
        if rng.random() < 0.1:
            continue
        draw.text(
            (6, y),
            rng.choice(("$ ", "> ", "", "", "  "))
            + " ".join(rng.choice((word(rng), number_text(rng))) for _ in range(rng.randint(1, 9))),
            rng.choice(shades),
            letters,
        )
    return image


def editor(rng: Rng) -> Image.Image:
    """Source code with its colours, line numbers and a tree of files."""
    width, height = rng.choice(SIZES)
    back, panel, ink, accent = theme(rng)
    image = Image.new("RGB", (width, height), back)
    draw = ImageDraw.Draw(image)
    letters = font(rng, rng.randint(11, 17), MONOSPACED)
    left = 0
    if rng.random() < 0.6:
        left = width // 5
        draw.rectangle((0, 0, left, height), panel)
        sidebar(draw, rng, (0, 30, left, height), (ink, accent), letters)
    shades = [ink, *palette(rng, 4)]
    depth = 0
    for index, y in enumerate(range(34, round(height - letters.size), round(letters.size * 1.4))):
        draw.text((left + 6, y), f"{index + 1:3}", mix(ink, back, 0.4), letters)
        depth = max(0, min(5, depth + rng.choice((-1, 0, 0, 0, 1))))
        x = left + 50 + depth * letters.size * 2
        for _ in range(rng.randint(0, 6)):
            token = rng.choice(
                (
                    word(rng),
                    word(rng) + "()",
                    "=",
                    "{",
                    "}",
                    number_text(rng),
                    f'"{word(rng)}"',
                    "return",
                    "if",
                )
            )
            draw.text((x, y), token, rng.choice(shades), letters)
            x += letters.getlength(token + " ")
    bar(draw, rng, width, 28, panel, ink)
    return image


def game(rng: Rng) -> Image.Image:
    """A game of tiles and sprites, with a score."""
    across, down, tile = rng.randint(8, 24), rng.randint(6, 16), rng.randint(16, 48)
    image = Image.new("RGB", (across * tile, down * tile), colour(rng))
    draw = ImageDraw.Draw(image)
    shades = palette(rng, 5)
    for row in range(down):
        for column in range(across):
            if rng.random() < 0.5:
                x, y = column * tile, row * tile
                draw.rectangle((x, y, x + tile - 1, y + tile - 1), rng.choice(shades))
                if rng.random() < 0.3:
                    draw.ellipse((x + 3, y + 3, x + tile - 4, y + tile - 4), rng.choice(shades))
    draw.text((6, 2), f"SCORE {rng.randint(0, 99999)}", "white", font(rng, max(10, tile // 2), MONOSPACED))
    return image


KINDS = {"window": window, "phone": phone, "terminal": terminal, "editor": editor, "game": game}
