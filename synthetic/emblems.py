"""Emblems: what flags, seals and coins bear in their middle. Arms, wreaths, birds, suns, stars."""

import math
from collections.abc import Callable

from PIL import Image, ImageDraw

from synthetic.dyes import dyes
from synthetic.heraldry import EDGE, GOLD, draw_charge, draw_field, outline
from synthetic.lettering import SCRIPTS, typeface
from synthetic.shapes import Point, around, blob, meander, polygon, star, towards
from synthetic.stateless_random import Colour, Rng, mix

# (rng, picture, centre, radius in pixels, main colour, second colour)
Emblem = Callable[[Rng, Image.Image, Point, float, Colour, Colour], None]

# A crown of three points, its foot in the middle, as shares of the shield's side.
CROWN = ((-0.2, 0), (-0.24, 0.14), (-0.1, 0.06), (0, 0.18), (0.1, 0.06), (0.24, 0.14), (0.2, 0))


def round_spot(draw: ImageDraw.ImageDraw, centre: Point, radius: float, shade: Colour) -> None:
    """A disc without an edge."""
    draw.ellipse(around(centre, radius), shade)


def shield(rng: Rng, image: Image.Image, centre: Point, radius: float, main: Colour, second: Colour) -> None:
    """A coat of arms, small, with branches beside it or not."""
    if rng.random() < 0.5:
        wreath(rng, image, centre, radius, (0, 110, 50), second)
    side = max(24, round(radius * 2.2))
    field, mask = draw_field(rng, side), Image.new("L", (side, side))
    edge = outline(rng, side)
    ImageDraw.Draw(mask).polygon(edge, fill=255)
    ImageDraw.Draw(field).line([*edge, edge[0]], main, max(2, side // 40))
    image.paste(field, (round(centre[0] - side / 2), round(centre[1] - side * 0.55)), mask)
    if rng.random() < 0.4:
        x, y = centre[0], centre[1] - side * 0.38
        points = [(x + side * a, y - side * b) for a, b in CROWN]
        ImageDraw.Draw(image).polygon(points, GOLD, EDGE)


def wreath(rng: Rng, image: Image.Image, centre: Point, radius: float, main: Colour, second: Colour) -> None:
    """Two branches that meet below, with something between them."""
    draw, leaves = ImageDraw.Draw(image), rng.randint(6, 13)
    reach, leaf = radius * 0.85, radius * rng.uniform(0.16, 0.26)
    for side in (-1, 1):
        for index in range(leaves):
            angle = math.pi / 2 + side * (0.15 + 2.4 * index / leaves)
            x, y = towards(centre, angle, reach)
            for way in (-0.5, 0.6):
                lean = angle + side * (math.pi / 2 + way)
                tip = towards((x, y), lean, leaf * 1.6)
                wing = (leaf * 0.35 * math.sin(lean), -leaf * 0.35 * math.cos(lean))
                middle = ((x + tip[0]) / 2, (y + tip[1]) / 2)
                sides = [
                    (middle[0] + wing[0], middle[1] + wing[1]),
                    (middle[0] - wing[0], middle[1] - wing[1]),
                ]
                draw.polygon([(x, y), sides[0], tip, sides[1]], main)
    rng.choice((star_alone, tree_emblem, bird_emblem, land))(rng, image, centre, radius * 0.5, second, main)


def star_alone(
    rng: Rng, image: Image.Image, centre: Point, radius: float, main: Colour, second: Colour
) -> None:
    """One star, edged or not; five points mostly."""
    draw, points = ImageDraw.Draw(image), rng.choice((5, 5, 5, 5, 6, 7, 8, 12, 14))
    depth = 0.382 if points == 5 else rng.uniform(0.45, 0.6)
    if rng.random() < 0.3:
        draw.polygon(star(centre, radius * 1.15, points, depth), second)
    draw.polygon(star(centre, radius, points, depth), main)


def tree_emblem(
    rng: Rng, image: Image.Image, centre: Point, radius: float, main: Colour, _second: Colour
) -> None:
    """A tree: a cedar's tiers, a palm's fans or a round crown."""
    draw, (x, y) = ImageDraw.Draw(image), centre
    trunk = rng.choice((main, (110, 70, 40)))
    draw.polygon(
        [(x - radius * 0.1, y + radius), (x + radius * 0.1, y + radius), (x, y - radius * 0.4)], trunk
    )
    form = rng.choice(("cedar", "palm", "round"))
    if form == "cedar":
        for tier in range(4):
            wide, level = radius * (0.3 + 0.2 * tier), y - radius * 0.8 + tier * radius * 0.38
            hem = level + radius * 0.3
            draw.polygon([(x - wide, hem), (x, level - radius * 0.1), (x + wide, hem)], main)
    elif form == "palm":
        for turn in range(7):
            angle = -math.pi * (turn + 0.0) / 6
            rise = y - radius * 0.4 + radius * 0.7 * math.sin(angle) + radius * 0.2
            tip = (x + radius * math.cos(angle), rise)
            draw.line([(x, y - radius * 0.4), tip], main, max(2, round(radius * 0.12)))
    else:
        draw.polygon(blob(rng, (x, y - radius * 0.3), radius * 0.8, 0.3), main)


def bird_emblem(
    rng: Rng, image: Image.Image, centre: Point, radius: float, main: Colour, second: Colour
) -> None:
    """An eagle spread, with one head or two, a shield on its breast or not."""
    draw, (x, y) = ImageDraw.Draw(image), centre
    feathers, lift, heads = rng.randint(4, 8), rng.uniform(-0.5, 0.6), rng.choice(((-1,), (1,), (-1, 1)))
    for side in (-1, 1):
        for index in range(feathers):
            angle = lift - 1.2 * index / feathers
            reach = radius * (1 - 0.05 * index)
            tip = (x + side * reach * math.cos(angle), y - reach * math.sin(angle))
            draw.line([(x + side * radius * 0.15, y - radius * 0.2), tip], main, max(2, round(radius * 0.16)))
            round_spot(draw, tip, radius * 0.08, main)
    draw.polygon(blob(rng, (x, y), radius * 0.42, 0.1), main)
    draw.ellipse((x - radius * 0.25, y - radius * 0.45, x + radius * 0.25, y + radius * 0.5), main)
    draw.polygon(
        [(x, y + radius * 0.3), (x - radius * 0.35, y + radius), (x + radius * 0.35, y + radius)], main
    )
    for side in heads:
        head = (x + side * radius * 0.15 * len(heads), y - radius * 0.65)
        draw.line([(x, y - radius * 0.3), head], main, max(2, round(radius * 0.2)))
        round_spot(draw, head, radius * 0.16, main)
        draw.polygon(
            [
                (head[0], head[1] - radius * 0.1),
                (head[0] + side * radius * 0.35, head[1]),
                (head[0], head[1] + radius * 0.08),
            ],
            second if rng.random() < 0.4 else main,
        )
    if rng.random() < 0.4:
        draw.rectangle(around((x, y), radius * 0.2), second)


def land(rng: Rng, image: Image.Image, centre: Point, radius: float, main: Colour, _second: Colour) -> None:
    """The outline of an island or a country."""
    draw = ImageDraw.Draw(image)
    draw.polygon(blob(rng, centre, radius, 0.7, 90), main)
    if rng.random() < 0.4:
        draw.polygon(blob(rng, (centre[0] + radius, centre[1] + radius * 0.5), radius * 0.2, 0.5), main)


def spears(rng: Rng, image: Image.Image, centre: Point, radius: float, main: Colour, second: Colour) -> None:
    """A long shield before crossed spears or swords."""
    draw, (x, y) = ImageDraw.Draw(image), centre
    line = max(2, round(radius * 0.07))
    for side in (-1, 0, 1) if rng.random() < 0.4 else (-1, 1):
        foot, tip = (x - side * radius * 0.6, y + radius), (x + side * radius * 0.6, y - radius)
        draw.line([foot, tip], main, line)
        draw.polygon(star(tip, radius * 0.16, 3, 0.5), second)
    wide = radius * rng.uniform(0.35, 0.6)
    draw.ellipse(around(centre, wide, radius * 0.8), second, main, line)
    for share in (0.6, 0.3):
        box = around(centre, wide * share, radius * share * 0.8)
        draw.ellipse(box, rng.choice((main, (0, 0, 0), (255, 255, 255))))


def script(rng: Rng, image: Image.Image, centre: Point, radius: float, main: Colour, _second: Colour) -> None:
    """One or two lines of writing, sometimes over a sword."""
    draw, (x, y) = ImageDraw.Draw(image), centre
    letters, height = rng.choice((SCRIPTS[3], SCRIPTS[3], SCRIPTS[1])), radius * rng.uniform(0.5, 0.8)
    text_font = typeface("DejaVuSans-Bold", round(height))
    rows = rng.randint(1, 2)
    for row in range(rows):
        text = " ".join(
            "".join(rng.choice(letters) for _ in range(rng.randint(2, 5))) for _ in range(rng.randint(1, 3))
        )
        draw.text((x, y + (row - rows / 2 + 0.5) * height), text, main, text_font, anchor="mm")
    if rng.random() < 0.4:
        level = y + rows * height * 0.8
        draw.line((x - radius, level, x + radius, level), main, max(2, round(radius * 0.08)))
        draw.line(
            (x + radius * 0.7, level - radius * 0.12, x + radius * 0.7, level + radius * 0.12),
            main,
            max(2, round(radius * 0.06)),
        )


def wheel(rng: Rng, image: Image.Image, centre: Point, radius: float, main: Colour, second: Colour) -> None:
    """A wheel of many spokes, or a toothed one."""
    draw, line = ImageDraw.Draw(image), max(2, round(radius * 0.12))
    if rng.random() < 0.4:
        draw.polygon(star(centre, radius * 1.15, rng.randint(12, 20), 0.8), main)
        round_spot(draw, centre, radius * 0.7, second)
    else:
        draw.ellipse(around(centre, radius), None, main, line)
    for spoke in polygon(centre, radius * 0.95, rng.choice((6, 8, 12, 24))):
        draw.line([centre, spoke], main, max(1, line // 3))
    round_spot(draw, centre, radius * 0.18, main)


def sun_emblem(
    rng: Rng, image: Image.Image, centre: Point, radius: float, main: Colour, second: Colour
) -> None:
    """A disc with rays: straight, in bundles, or apart from the disc; a face sometimes."""
    draw, rays = ImageDraw.Draw(image), rng.choice((8, 12, 16, 16, 20, 24, 32, 40))
    form = rng.choice(("star", "apart", "lines"))
    core = radius * rng.uniform(0.4, 0.65)
    if form == "star":
        draw.polygon(star(centre, radius, rays, core / radius * rng.uniform(0.9, 1.1)), main)
    for index in range(rays if form != "star" else 0):
        angle, half = 2 * math.pi * index / rays, math.pi / rays * rng.choice((0.3, 0.5, 0.7))
        gap = core * (1.15 if form == "apart" else 0.9)
        far = [towards(centre, angle, radius)]
        near = [towards(centre, angle + turn, gap) for turn in (half, -half)]
        draw.polygon(far + near, main)
    if form != "lines" and rng.random() < 0.3:
        round_spot(draw, centre, core * 1.1, second)
    round_spot(draw, centre, core * 0.98, main)
    if rng.random() < 0.15:
        ink = mix(main, (0, 0, 0), 0.6)
        for side in (-0.35, 0.35):
            round_spot(draw, (centre[0] + core * side, centre[1] - core * 0.2), core * 0.12, ink)
        draw.arc(
            (centre[0] - core * 0.5, centre[1] - core * 0.4, centre[0] + core * 0.5, centre[1] + core * 0.5),
            30,
            150,
            ink,
            max(2, round(core * 0.1)),
        )


def crescent(
    rng: Rng, image: Image.Image, centre: Point, radius: float, main: Colour, _second: Colour
) -> None:
    """A crescent with a star or several at its opening."""
    size = max(16, round(radius * 2))
    mask = Image.new("L", (size, size))
    draw = ImageDraw.Draw(mask)
    draw.ellipse((0, 0, size - 1, size - 1), 255)
    inner, shift = size * rng.uniform(0.36, 0.44), size * rng.uniform(0.08, 0.16)
    middle = size / 2
    draw.ellipse((middle + shift - inner, middle - inner, middle + shift + inner, middle + inner), 0)
    turn = rng.choice((0, 0, 0, 45, 90, -30))
    image.paste(main, (round(centre[0] - size / 2), round(centre[1] - size / 2)), mask.rotate(turn))
    angle, pen = math.radians(-turn), ImageDraw.Draw(image)
    stars = rng.choice((0, 1, 1, 1, 1, 4, 5))
    for index in range(stars):
        lane = (index - (stars - 1) / 2) * radius * 0.35
        reach = radius * rng.uniform(0.45, 0.6) if stars == 1 else radius * 0.5
        place = (
            centre[0] + reach * math.cos(angle) - lane * math.sin(angle),
            centre[1] + reach * math.sin(angle) + lane * math.cos(angle),
        )
        pen.polygon(star(place, radius * (0.38 if stars == 1 else 0.17), 5, 0.382, angle - math.pi / 2), main)


def ring_of_stars(
    rng: Rng, image: Image.Image, centre: Point, radius: float, main: Colour, second: Colour
) -> None:
    """Stars in a ring or an arc."""
    draw, count = ImageDraw.Draw(image), rng.choice((5, 6, 7, 8, 9, 10, 12, 12, 13, 15))
    sweep = 2 * math.pi * rng.choice((1, 1, 0.5, 0.75))
    size, depth = min(radius * 0.25, radius * sweep / count * 0.42), rng.choice((0.382, 0.382, 0.5))
    for index in range(count):
        angle = -math.pi / 2 + sweep * (index - (count - 1) / 2 if sweep < 6 else index) / count
        draw.polygon(star(towards(centre, angle, radius), size, 5, depth), main)
    if rng.random() < 0.3:
        star_alone(rng, image, centre, radius * 0.4, second, main)


def disc(rng: Rng, image: Image.Image, centre: Point, radius: float, main: Colour, second: Colour) -> None:
    """A disc, alone or under another charge."""
    round_spot(ImageDraw.Draw(image), centre, radius, main)
    if rng.random() < 0.5:
        rng.choice((star_alone, bird_emblem, crescent, tree_emblem, beasts, script))(
            rng, image, centre, radius * 0.6, second, main
        )


def seal(rng: Rng, image: Image.Image, centre: Point, radius: float, main: Colour, second: Colour) -> None:
    """A round seal: rings, marks along them, a charge or two."""
    draw, shades = ImageDraw.Draw(image), [main, second, *dyes(rng, 3)]
    for share in (1.0, 0.92, 0.7):
        round_spot(draw, centre, radius * share, rng.choice(shades))
    ink = rng.choice(shades)
    for place in polygon(centre, radius * 0.81, rng.randint(12, 40)):
        round_spot(draw, place, radius * 0.045, ink)
    beasts(rng, image, centre, radius * 0.6, ink, main)


def beasts(
    rng: Rng, image: Image.Image, centre: Point, radius: float, _main: Colour, _second: Colour
) -> None:
    """Heraldic charges, one or a few."""
    draw, (x, y) = ImageDraw.Draw(image), centre
    count = rng.choice((1, 1, 2, 3))
    for index in range(count):
        place = (x + (index - (count - 1) / 2) * radius * 0.8, y)
        draw_charge(rng, draw, place, radius / (1 if count == 1 else 1.8))


def dragon(rng: Rng, image: Image.Image, centre: Point, radius: float, main: Colour, second: Colour) -> None:
    """A winding beast with claws and a mane."""
    draw, (x, y) = ImageDraw.Draw(image), centre
    spine = meander(rng, (x - radius, y), rng.uniform(-0.6, 0.6), radius * 2.4, max(2, radius / 12), 0.7)
    width = max(3, round(radius * 0.22))
    draw.line(spine, main, width, joint="curve")
    for place in spine[::3]:
        angle, reach = rng.uniform(0, 2 * math.pi), radius * rng.uniform(0.15, 0.35)
        draw.line([place, towards(place, angle, reach)], main, max(2, width // 3))
    draw.polygon(blob(rng, spine[-1], radius * 0.28, 0.5), main, second)


EMBLEMS: tuple[Emblem, ...] = (
    shield, shield, shield, wreath, star_alone, star_alone, tree_emblem, bird_emblem, bird_emblem,
    land, spears, script, wheel,
    sun_emblem, sun_emblem, crescent, crescent, ring_of_stars, disc, disc, seal, beasts, dragon,
)  # fmt: skip


def draw_emblem(
    rng: Rng, image: Image.Image, centre: Point, radius: float, main: Colour, second: Colour
) -> None:
    """Any emblem, drawn into the picture."""
    rng.choice(EMBLEMS)(rng, image, centre, radius, main, second)
