"""Diagrams: boxes and arrows, trees, networks, circuits, figures of geometry."""

import math

from PIL import Image, ImageDraw

from synthetic import figures, physics
from synthetic.lettering import TEXT_FACES, font, number_text, word, words
from synthetic.shapes import Point, around, arrow, polygon, smooth, towards
from synthetic.stateless_random import Colour, Rng, dark, mix, pale, palette, size

DIAGRAM_FONTS = ("STIXGeneralItalic", "DejaVuSerif-Italic", "cmr10", "DejaVuSans")


def diagram_sheet(rng: Rng) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Paper at twice the size of the picture, and a pen."""
    width, height = size(rng, 280, 800)
    image = Image.new("RGB", (2 * width, 2 * height), pale(rng))
    return image, ImageDraw.Draw(image)


def flow(rng: Rng) -> Image.Image:
    """Boxes in rows, joined by arrows."""
    image, draw = diagram_sheet(rng)
    rows, columns = rng.randint(2, 6), rng.randint(1, 5)
    wide, high = image.width / columns, image.height / rows
    ink, shades, line = dark(rng), palette(rng, 3), rng.randint(2, 5)
    letters = font(rng, max(12, round(min(high * 0.16, wide * 0.11))), TEXT_FACES)
    for row in range(rows):
        for column in range(columns):
            if columns > 1 and rng.random() < 0.2:
                continue
            x, y = (column + 0.5) * wide, (row + 0.5) * high
            flow_box(rng, draw, (x, y), wide, high, rng.choice((None, *shades)), ink, line)
            for index in range(rng.randint(1, 3)):
                text = words(rng, rng.randint(1, 2))
                place = (x - letters.getlength(text) / 2, y - high * 0.15 + index * letters.size)
                draw.text(place, text, ink, letters)
            _, _, right, bottom = around((x, y), wide * 0.34, high * 0.28)
            if row + 1 < rows:
                arrow(draw, (x, bottom), (x, bottom + high * 0.42), ink, line)
            if column + 1 < columns and rng.random() < 0.5:
                arrow(draw, (right, y), (right + wide * 0.3, y), ink, line)
    return smooth(image)


def flow_box(
    rng: Rng,
    draw: ImageDraw.ImageDraw,
    place: Point,
    wide: float,
    high: float,
    fill: Colour | None,
    ink: Colour,
    line: int,
) -> None:
    """A box in a cell of `wide` by `high` pixels: with sharp corners or round ones, an oval, a rhomb."""
    (x, y), box = place, around(place, wide * 0.34, high * 0.28)
    form = rng.choice(("box", "box", "round", "oval", "rhomb"))
    if form == "box":
        draw.rectangle(box, fill, ink, line)
    elif form == "round":
        draw.rounded_rectangle(box, high * 0.1, fill, ink, line)
    elif form == "oval":
        draw.ellipse(box, fill, ink, line)
    else:
        draw.polygon([(x, box[1]), (box[2], y), (x, box[3]), (box[0], y)], fill, ink, line)


def tree_diagram(rng: Rng) -> Image.Image:
    """A hierarchy or a family tree."""
    image, draw = diagram_sheet(rng)
    ink, line, levels = dark(rng), rng.randint(2, 5), rng.randint(3, 5)
    letters = font(rng, max(12, image.height // 34))
    parents = [(image.width / 2, image.height * 0.08)]
    shades = palette(rng, levels)
    for level in range(1, levels + 1):
        for x, y in parents:
            text = word(rng)
            half = letters.getlength(text) / 2 + 8
            draw.rectangle((x - half, y - 4, x + half, y + letters.size + 10), shades[level - 1], ink, line)
            draw.text((x - half + 8, y), text, "black", letters)
        if level == levels:
            break
        count = min(12, len(parents) * rng.randint(1, 3))
        below = image.height * (0.08 + 0.86 * level / levels)
        children = [(image.width * (index + 0.5) / count, below) for index in range(count)]
        for index, (x, y) in enumerate(children):
            top = parents[index * len(parents) // count]
            bend = (top[1] + y) / 2
            foot = (top[0], top[1] + letters.size + 10)
            draw.line([foot, (top[0], bend), (x, bend), (x, y)], ink, line)
        parents = children
    return smooth(image)


def network(rng: Rng) -> Image.Image:
    """Nodes and edges: a graph, a web of terms."""
    image, draw = diagram_sheet(rng)
    ink, shades = dark(rng), palette(rng, 4)
    count = rng.randint(6, 40)
    nodes = [
        (rng.uniform(0.06, 0.94) * image.width, rng.uniform(0.06, 0.94) * image.height) for _ in range(count)
    ]
    for _ in range(rng.randint(count, 2 * count)):
        draw.line(rng.sample(nodes, 2), mix(ink, (255, 255, 255), 0.6), rng.randint(1, 5))
    letters, radius = font(rng, max(12, image.height // 40)), rng.uniform(0.008, 0.035) * image.width
    for place in nodes:
        draw.polygon(polygon(place, radius, 24), rng.choice(shades), ink, 2)
        draw.text(
            (place[0] + radius, place[1] + radius), rng.choice((word(rng), number_text(rng))), ink, letters
        )
    return smooth(image)


def circuit(rng: Rng) -> Image.Image:
    """An electric circuit: wires at right angles, resistors, capacitors, sources."""
    image, draw = diagram_sheet(rng)
    ink, line = dark(rng), rng.randint(3, 6)
    rows, columns = rng.randint(2, 4), rng.randint(2, 5)
    wide, high = image.width / (columns + 1), image.height / (rows + 1)
    letters = font(rng, max(14, image.height // 28))
    for row in range(rows):
        for column in range(columns):
            x, y = (column + 0.75) * wide, (row + 0.9) * high
            if column + 1 < columns:
                draw.line((x, y, x + wide, y), ink, line)
                draw_part(draw, rng, x + wide / 2, y, wide * 0.18, line)
                draw.text(
                    (x + wide * 0.4, y - high * 0.3),
                    f"{rng.choice('RCLUVI')}{rng.randint(1, 9)}",
                    ink,
                    letters,
                )
            if row + 1 < rows:
                draw.line((x, y, x, y + high), ink, line)
                if rng.random() < 0.5:
                    draw_part(draw, rng, x, y + high / 2, wide * 0.12, line)
    return smooth(image)


def draw_part(draw: ImageDraw.ImageDraw, rng: Rng, x: float, y: float, half: float, line: int) -> None:
    """A resistor, a capacitor, a lamp or a gate."""
    part = rng.choice(("resistor", "capacitor", "lamp", "zigzag"))
    if part == "resistor":
        draw.rectangle((x - half, y - half * 0.4, x + half, y + half * 0.4), "white", "black", line)
    elif part == "capacitor":
        draw.rectangle((x - half * 0.2, y - half * 0.2, x + half * 0.2, y + half * 0.2), "white")
        for side in (-0.2, 0.2):
            draw.line((x + half * side, y - half * 0.7, x + half * side, y + half * 0.7), "black", line)
    elif part == "lamp":
        draw.ellipse((x - half * 0.6, y - half * 0.6, x + half * 0.6, y + half * 0.6), "white", "black", line)
        draw.line((x - half * 0.4, y - half * 0.4, x + half * 0.4, y + half * 0.4), "black", line)
        draw.line((x - half * 0.4, y + half * 0.4, x + half * 0.4, y - half * 0.4), "black", line)
    else:
        draw.rectangle((x - half, y - half * 0.3, x + half, y + half * 0.3), "white")
        ridge = [
            (x - half + index * half / 4, y + half * 0.4 * (0, 1, 0, -1)[index % 4]) for index in range(9)
        ]
        draw.line(ridge, "black", line)


def geometry(rng: Rng) -> Image.Image:
    """Triangles, circles, angles and their letters."""
    image, draw = diagram_sheet(rng)
    (wide, high), ink, line = image.size, dark(rng), rng.randint(2, 5)
    letters = font(rng, max(18, high // 18), DIAGRAM_FONTS)
    corners = [
        (rng.uniform(0.08, 0.92) * wide, rng.uniform(0.08, 0.9) * high) for _ in range(rng.randint(3, 6))
    ]
    if rng.random() < 0.4:
        draw.polygon(corners, palette(rng, 1)[0])
    draw.line([*corners, corners[0]], ink, line)
    for _ in range(rng.randint(0, 4)):
        draw.line(rng.sample(corners, 2), ink, max(1, line // 2))
    for _ in range(rng.randint(0, 2)):
        radius = rng.uniform(0.1, 0.35) * high
        draw.ellipse(around(rng.choice(corners), radius), None, ink, line)
    if rng.random() < 0.4:
        arrow(draw, (wide * 0.05, high * 0.9), (wide * 0.97, high * 0.9), ink, line)
        arrow(draw, (wide * 0.1, high * 0.97), (wide * 0.1, high * 0.03), ink, line)
    for index, (x, y) in enumerate(corners):
        draw.text((x + 8, y - 8), "ABCDEFG"[index], ink, letters)
    return smooth(image)


def venn(rng: Rng) -> Image.Image:
    """Overlapping sets with names and a heading."""
    image, _ = diagram_sheet(rng)
    count = rng.randint(2, 4)
    radius = min(image.size) * 0.28
    letters = font(rng, max(16, image.height // 26))
    labels = []
    for index, shade in enumerate(palette(rng, count)):
        angle = 2 * math.pi * index / count + 0.4
        x, y = towards((image.width / 2, image.height / 2), angle, radius * 0.65)
        mask = Image.new("L", image.size)
        ImageDraw.Draw(mask).ellipse(around((x, y), radius), fill=140)
        image.paste(shade, mask=mask)
        labels.append((x + radius * 0.4 * math.cos(angle) - 40, y + radius * 0.4 * math.sin(angle)))
    draw = ImageDraw.Draw(image)
    for place in labels:
        draw.text(place, words(rng, 1), "black", letters)
        draw.text((place[0], place[1] + letters.size * 1.2), number_text(rng), "black", letters)
    draw.text((image.width * 0.08, image.height * 0.03), words(rng, rng.randint(2, 4)), "black", letters)
    return smooth(image)


KINDS = {
    "flow": flow,
    "tree": tree_diagram,
    "network": network,
    "circuit": circuit,
    "geometry": geometry,
    "venn": venn,
    "boxes": figures.box_figure,
    "atoms": physics.atoms,
    "physics": physics.experiment,
    "angles": figures.angles,
}
