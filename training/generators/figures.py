"""Figures: charts and diagrams of a few elements, with little writing or none, as textbooks have them."""

import math

from PIL import Image, ImageDraw

from training.generators.chance import Colour, Rng, colour, dark, mix, pale, palette, size
from training.generators.lettering import face, font, number, word, words
from training.generators.shapes import Point, arrow, polygon, smooth

Sheet = tuple[Image.Image, ImageDraw.ImageDraw]
LETTERS = ("STIXGeneralItalic", "DejaVuSerif-Italic", "DejaVuSans", "cmr10")


def sheet(rng: Rng) -> Sheet:
    """Paper at twice its size; a heading now and then."""
    width, height = (2 * side for side in size(rng, 220, 520, (0.7, 1.7)))
    image = Image.new("RGB", (width, height), pale(rng))
    draw = ImageDraw.Draw(image)
    if rng.random() < 0.25:
        draw.text(
            (width * 0.05, height * 0.02), words(rng, rng.randint(2, 4)), (0, 0, 0), font(rng, height // 18)
        )
    return image, draw


def tag(
    draw: ImageDraw.ImageDraw, place: Point, text: str, image: Image.Image, ink: Colour = (0, 0, 0)
) -> None:
    """A label at a place."""
    draw.text(place, text, ink, face("DejaVuSans", max(14, image.height // 22)), anchor="mm")


def slices(rng: Rng) -> Image.Image:
    """A pie or a ring of two to five parts, or half of one as a gauge; labelled or not."""
    image, draw = sheet(rng)
    x, y, reach = image.width / 2, image.height * 0.53, min(image.size) * rng.uniform(0.3, 0.43)
    count, half = rng.randint(2, 5), rng.random() < 0.25
    cuts = sorted(rng.random() for _ in range(count - 1))
    span, start, labelled = (180, 180, True) if half else (360, rng.randint(0, 360), rng.random() < 0.5)
    ring = rng.random() < 0.3
    labelled = labelled or ring
    edge = rng.choice(("white", "black", None))
    for low, high, tone in zip([0.0, *cuts], [*cuts, 1.0], palette(rng, count), strict=True):
        shift = rng.choice((0, 0, 0, reach * 0.1))
        middle = math.radians(start + span * (low + high) / 2)
        cx, cy = x + shift * math.cos(middle), y + shift * math.sin(middle)
        box = (cx - reach, cy - reach, cx + reach, cy + reach)
        draw.pieslice(box, start + span * low, start + span * high, tone, edge, 4)
        if labelled:
            tag(
                draw,
                (cx + reach * 0.8 * math.cos(middle), cy + reach * 0.8 * math.sin(middle)),
                f"{(high - low) * 100:.0f} %",
                image,
            )
    if half or ring:
        hole = reach * rng.uniform(0.4, 0.65)
        draw.ellipse(
            (x - hole, y - hole, x + hole, y + hole), image.getpixel((image.width - 2, image.height - 2))
        )
    if half:
        arrow(draw, (x, y), (x + reach * 0.8 * math.cos(4 + rng.random()), y - reach * 0.6), (0, 0, 0), 8)
    return smooth(image)


def columns(rng: Rng) -> Image.Image:
    """Two to six bars without a scale, standing or lying, numbers on them or not."""
    image, draw = sheet(rng)
    count, (wide, high) = rng.randint(2, 6), image.size
    shades, lying, valued = palette(rng, count), rng.random() < 0.3, rng.random() < 0.5
    one = rng.random() < 0.5
    for index in range(count):
        low, top, share = (index + 0.2) / count, (index + 0.8) / count, rng.uniform(0.15, 0.8)
        tone = shades[0 if one else index]
        if lying:
            draw.rectangle((wide * 0.1, high * low, wide * (0.1 + share), high * top), tone)
        else:
            draw.rectangle((wide * low, high * (0.92 - share), wide * top, high * 0.92), tone)
        if valued:
            place = (
                (wide * (0.16 + share), high * (low + top) / 2)
                if lying
                else (wide * (low + top) / 2, high * (0.88 - share))
            )
            tag(draw, place, number(rng), image)
    axis = [(wide * 0.1, 0), (wide * 0.1, high)] if lying else [(0, high * 0.92), (wide, high * 0.92)]
    if rng.random() < 0.8:
        draw.line(axis, dark(rng), 5)
    return smooth(image)


def curve(rng: Rng) -> Image.Image:
    """Axes with arrows and one or two curves, a shaded area, a point with its dotted lines."""
    image, draw = sheet(rng)
    (wide, high), ink = image.size, dark(rng)
    arrow(draw, (wide * 0.1, high * 0.95), (wide * 0.1, high * 0.08), ink, 5)
    arrow(draw, (wide * 0.05, high * 0.9), (wide * 0.96, high * 0.9), ink, 5)
    tag(draw, (wide * 0.05, high * 0.1), rng.choice("yPfE"), image)
    tag(draw, (wide * 0.93, high * 0.95), rng.choice("xQtT"), image)
    for _ in range(rng.randint(1, 3)):
        form, a, b, tone = (
            rng.choice(("power", "wave", "bell", "line")),
            rng.uniform(0.3, 3),
            rng.uniform(0.1, 0.8),
            colour(rng, (0.5, 1), (0.3, 0.9)),
        )
        places = []
        for step in range(61):
            x = step / 60
            y = {
                "power": x**a,
                "wave": 0.5 + 0.4 * math.sin(a * 5 * x + b),
                "bell": math.exp(-((x - b) ** 2) * 20),
                "line": b + (a - 1.5) * 0.5 * x,
            }[form]
            places.append((wide * (0.1 + 0.8 * x), high * (0.9 - 0.75 * min(1, max(0, y)))))
        if rng.random() < 0.25:
            draw.polygon(
                [*places, (wide * 0.9, high * 0.9), (wide * 0.1, high * 0.9)], mix(tone, (255, 255, 255), 0.3)
            )
        draw.line(places, tone, rng.randint(4, 10), joint="curve")
        if rng.random() < 0.4:
            x, y = places[rng.randrange(10, 50)]
            draw.line([(x, high * 0.9), (x, y), (wide * 0.1, y)], (130, 130, 130), 3)
            draw.ellipse((x - 12, y - 12, x + 12, y + 12), ink)
    return smooth(image)


def boxes(rng: Rng) -> Image.Image:
    """Two to five boxes in a row, a ring or under one head, joined by arrows."""
    image, draw = sheet(rng)
    (wide, high), count, ink = image.size, rng.randint(2, 5), dark(rng)
    form, shades, line = rng.choice(("row", "ring", "head", "column")), palette(rng, 5), rng.randint(3, 7)
    spots: list[Point] = [(wide * (index + 0.5) / count, high * 0.5) for index in range(count)]
    if form == "ring":
        spots = [
            (wide * 0.5 + (x - wide * 0.5) * 1, y)
            for x, y in polygon((wide / 2, high / 2), min(wide, high) * 0.34, max(3, count), -math.pi / 2)
        ]
    elif form == "column":
        spots = [(wide * 0.5, high * (index + 0.5) / count) for index in range(count)]
    elif form == "head":
        spots = [(wide * 0.5, high * 0.25), *((x, high * 0.75) for x, _ in spots)]
    half = wide * 0.34 / (count if form in ("row", "head") else 3)
    rise = min(half * 0.6, high * 0.3 / (count if form == "column" else 2))
    for first, second in zip(spots, [*spots[1:], spots[0]], strict=True):
        if form == "head":
            first, second = spots[0], second
        if form in ("row", "column") and second == spots[0]:
            continue
        arrow(draw, first, ((first[0] + 2 * second[0]) / 3, (first[1] + 2 * second[1]) / 3), ink, line)
        draw.line((first, second), ink, line)
    for index, (x, y) in enumerate(spots):
        shape = draw.ellipse if rng.random() < 0.3 else draw.rectangle
        shape((x - half, y - rise, x + half, y + rise), shades[index % 5], ink, line)
        draw.text((x, y), word(rng), ink, font(rng, max(16, round(half * 0.4))), anchor="mm")
    return smooth(image)


def atoms(rng: Rng) -> Image.Image:
    """An atom with its shells, a molecule of balls and sticks, a lattice, a cell."""
    image, draw = sheet(rng)
    (wide, high), form = image.size, rng.choice(("shells", "molecule", "molecule", "lattice"))
    centre, reach, ink = (wide / 2, high / 2), min(wide, high) * 0.4, dark(rng)
    balls: list[tuple[Point, float, Colour]] = []
    shades = [(60, 60, 60), (220, 40, 40), (240, 240, 240), (50, 80, 220), (240, 200, 40)]
    if form == "shells":
        shells = rng.randint(1, 4)
        for shell in range(1, shells + 1):
            radius = reach * (0.3 + 0.7 * shell / shells)
            draw.ellipse(
                (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius), None, ink, 4
            )
            balls += [
                (place, reach * 0.06, (50, 80, 220))
                for place in polygon(centre, radius, rng.randint(1, 8), rng.random())
            ]
        balls += [
            (
                (centre[0] + rng.gauss(0, reach * 0.08), centre[1] + rng.gauss(0, reach * 0.08)),
                reach * 0.09,
                rng.choice(((220, 40, 40), (150, 150, 150))),
            )
            for _ in range(rng.randint(1, 12))
        ]
    elif form == "lattice":
        count = rng.randint(3, 6)
        for row in range(count):
            for column in range(count):
                place = (wide * (0.15 + 0.7 * column / (count - 1)), high * (0.15 + 0.7 * row / (count - 1)))
                balls.append((place, reach * 0.5 / count, shades[(row + column) % 2]))
        for place, _, _ in balls:
            draw.line((place, (centre[0], place[1])), ink, 4)
            draw.line((place, (place[0], centre[1])), ink, 4)
    else:
        spots: list[Point] = [centre]
        for _ in range(rng.randint(2, 9)):
            start, angle = rng.choice(spots), rng.randint(0, 11) * math.pi / 6
            spots.append(
                (start[0] + reach * 0.45 * math.cos(angle), start[1] + reach * 0.45 * math.sin(angle))
            )
            if rng.random() < 0.4:
                tag(
                    draw,
                    (spots[-1][0] + 50, spots[-1][1] + 50),
                    rng.choice(("C", "H", "O", "N", "Cl")),
                    image,
                )
            for shift in rng.choice(((0,), (0,), (-8, 8))):
                draw.line(
                    (start[0] + shift, start[1] + shift, spots[-1][0] + shift, spots[-1][1] + shift),
                    (120, 120, 120),
                    8,
                )
        balls = [(place, reach * rng.uniform(0.12, 0.2), rng.choice(shades)) for place in spots]
    for (x, y), radius, tone in balls:
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), tone, ink, 3)
        glint = radius * 0.35
        draw.ellipse(
            (x - glint * 1.6, y - glint * 1.6, x - glint * 0.3, y - glint * 0.3),
            mix(tone, (255, 255, 255), 0.4),
        )
    return smooth(image)


def physics(rng: Rng) -> Image.Image:
    """Forces on a body, a lens with its rays, a pendulum, a graph of particles, a wave."""
    image, draw = sheet(rng)
    (wide, high), ink = image.size, dark(rng)
    form, x, y = (
        rng.choice(("forces", "lens", "pendulum", "particles", "wave")),
        image.width / 2,
        image.height / 2,
    )
    if form == "forces":
        half, slope = high * 0.12, rng.uniform(0, 0.4)
        draw.polygon(
            [(wide * 0.1, high * 0.85), (wide * 0.9, high * 0.85), (wide * 0.9, high * (0.85 - slope))],
            mix(ink, (255, 255, 255), 0.2),
            ink,
        )
        draw.rectangle((x - half, y - half, x + half, y + half), colour(rng, (0.2, 0.8), (0.6, 1)), ink, 4)
        for _ in range(rng.randint(2, 4)):
            angle = rng.uniform(0, 6.3)
            tip = (x + high * 0.35 * math.cos(angle), y + high * 0.35 * math.sin(angle))
            arrow(draw, (x, y), tip, rng.choice((ink, (200, 20, 30), (20, 60, 200))), 7)
            tag(draw, (tip[0] + 20, tip[1] - 20), rng.choice(("F", "G", "N", "v", "a")), image)
    elif form == "lens":
        draw.ellipse((x - wide * 0.04, high * 0.12, x + wide * 0.04, high * 0.88), (190, 220, 245), ink, 4)
        draw.line((0, y, wide, y), ink, 3)
        focus = wide * rng.uniform(0.65, 0.95)
        for offset in (-0.25, -0.12, 0.12, 0.25):
            draw.line([(0, y + offset * high), (x, y + offset * high), (focus, y)], (200, 30, 30), 5)
        tag(draw, (focus, y + high * 0.07), "F", image)
    elif form == "pendulum":
        draw.line((wide * 0.3, high * 0.08, wide * 0.7, high * 0.08), ink, 10)
        for angle in (0, rng.uniform(0.2, 0.7)):
            bob = (x + high * 0.65 * math.sin(angle), high * (0.08 + 0.65 * math.cos(angle)))
            draw.line((x, high * 0.08, *bob), ink, 5)
            draw.ellipse((bob[0] - 34, bob[1] - 34, bob[0] + 34, bob[1] + 34), colour(rng), ink, 4)
        tag(draw, (x + 30, high * 0.4), rng.choice("θαl"), image)
    elif form == "particles":
        left, right = (wide * 0.35, y), (wide * 0.65, y)
        for vertex, side in ((left, -1), (right, 1)):
            for way in (-1, 1):
                far = (vertex[0] + side * wide * 0.3, y + way * high * 0.35)
                arrow(draw, far, ((vertex[0] + far[0]) / 2, (vertex[1] + far[1]) / 2), ink, 5)
                draw.line((far, vertex), ink, 5)
                tag(draw, (far[0], far[1] - 20), rng.choice(("e⁻", "e⁺", "μ", "q", "ν")), image)
        draw.line(
            [
                (left[0] + (right[0] - left[0]) * step / 60, y + high * 0.04 * math.sin(step * 0.8))
                for step in range(61)
            ],
            ink,
            5,
        )
        tag(draw, (x, y - high * 0.1), rng.choice("γZWg"), image)
    else:
        for index in range(rng.randint(1, 3)):
            draw.line(
                [
                    (wide * step / 100, high * 0.5 + high * 0.3 * math.sin(step * 0.1 * (index + 1)))
                    for step in range(101)
                ],
                colour(rng, (0.5, 1), (0.3, 0.9)),
                8,
            )
        draw.line((0, y, wide, y), ink, 3)
        arrow(draw, (wide * 0.2, high * 0.9), (wide * 0.5, high * 0.9), ink, 4)
        tag(draw, (wide * 0.35, high * 0.94), "λ", image)
    return smooth(image)


def angles(rng: Rng) -> Image.Image:
    """One figure of geometry with its letters, angles and heights: a triangle, a circle, a solid."""
    image, draw = sheet(rng)
    (wide, high), ink, line = image.size, dark(rng), rng.randint(3, 7)
    fill = rng.choice((None, colour(rng, (0.1, 0.6), (0.8, 1))))
    form, letters = (
        rng.choice(("triangle", "circle", "solid", "polygon")),
        font(rng, max(24, high // 12), LETTERS),
    )
    x, y, reach = wide / 2, high / 2, min(wide, high) * 0.38
    if form == "triangle":
        corners = [
            (wide * 0.12, high * 0.85),
            (wide * 0.88, high * 0.85),
            (wide * rng.uniform(0.12, 0.8), high * 0.15),
        ]
        draw.polygon(corners, fill)
        draw.line([*corners, corners[0], corners[1]], ink, line, joint="curve")
        if rng.random() < 0.6:
            draw.line([corners[2], (corners[2][0], high * 0.85)], ink, max(2, line // 2))
        box = (corners[0][0] - 80, corners[0][1] - 80, corners[0][0] + 80, corners[0][1] + 80)
        draw.arc(
            box, -math.degrees(math.atan2(high * 0.7, corners[2][0] - corners[0][0])), 0, (200, 30, 30), line
        )
    elif form == "circle":
        corners = polygon((x, y), reach, rng.randint(2, 5), rng.random())
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill, ink, line)
        for corner in corners:
            draw.line([(x, y), corner], rng.choice((ink, (200, 30, 30), (30, 60, 200))), line)
    elif form == "polygon":
        corners = polygon((x, y), reach, rng.randint(4, 9), rng.random())
        draw.polygon(corners, fill, ink, line)
        for index in range(len(corners)):
            draw.line([corners[index], corners[index - 2]], ink, 2)
    else:
        base, top = high * 0.78, high * 0.2
        draw.ellipse((x - reach, base - reach * 0.3, x + reach, base + reach * 0.3), fill, ink, line)
        if rng.random() < 0.5:
            corners = [(x - reach, base), (x, top), (x + reach, base)]
            draw.line(corners, ink, line, joint="curve")
        else:
            corners = [(x - reach, top), (x + reach, top)]
            draw.ellipse((x - reach, top - reach * 0.3, x + reach, top + reach * 0.3), fill, ink, line)
            for side in (-reach, reach):
                draw.line((x + side, base, x + side, top), ink, line)
        draw.line((x, base, x, top), (200, 30, 30), max(2, line // 2))
        draw.text((x + 12, (base + top) / 2), rng.choice("hHr"), ink, letters)
    for index, (px, py) in enumerate(corners):
        draw.text((px + (px - x) * 0.08, py + (py - y) * 0.12), "ABCDEFGHI"[index], ink, letters, anchor="mm")
    return smooth(image)


CHARTS = {"slices": slices, "columns": columns, "curve": curve}
DIAGRAMS = {"boxes": boxes, "atoms": atoms, "physics": physics, "angles": angles}
