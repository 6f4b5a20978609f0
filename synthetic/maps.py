"""Maps of places that are not: regions, roads, heights, islands."""

import math

import numpy as np
from PIL import Image, ImageDraw
from scipy.spatial import Voronoi

from synthetic.lettering import WIDE_FACES, font, number_text, word, words
from synthetic.shapes import Point, blob, meander, polygon, smooth, star
from synthetic.stateless_random import Colour, Rng, colour, dark, mix, noise, pale, palette, size

WATER: tuple[Colour, ...] = (
    (170, 211, 223), (198, 236, 255), (163, 204, 255), (154, 190, 217), (255, 255, 255),
)  # fmt: skip
STREETS: tuple[Colour, ...] = (
    (255, 255, 255), (255, 255, 255), (253, 226, 147), (232, 146, 162), (249, 178, 156),
)  # fmt: skip


def jagged(rng: Rng, start: Point, end: Point, depth: int = 4) -> list[Point]:
    """A border between two points by midpoint displacement; the same two points give the same border."""
    if depth == 0:
        return [start]
    length = math.dist(start, end)
    middle = (
        (start[0] + end[0]) / 2 + rng.gauss(0, length * 0.09),
        (start[1] + end[1]) / 2 + rng.gauss(0, length * 0.09),
    )
    return jagged(rng, start, middle, depth - 1) + jagged(rng, middle, end, depth - 1)


def outlines(rng: Rng, width: int, height: int, count: int) -> list[list[Point]]:
    """Regions that fit together: Voronoi cells with jagged borders."""
    sites = [(rng.uniform(-0.2, 1.2) * width, rng.uniform(-0.2, 1.2) * height) for _ in range(count)]
    cells = Voronoi(np.array(sites))
    salt = rng.getrandbits(32)
    shapes = []
    for region in cells.regions:
        if not region or -1 in region:
            continue
        border: list[Point] = []
        for first, second in zip(region, [*region[1:], region[0]], strict=True):
            low, high = sorted((first, second))
            edge = jagged(
                Rng(salt * 1_000_003 + low * 1009 + high),
                tuple(cells.vertices[low]),
                tuple(cells.vertices[high]),
            )
            edge.append(tuple(cells.vertices[high]))
            border += edge if first == low else edge[::-1]
        shapes.append(border)
    return shapes


def write_places(
    draw: ImageDraw.ImageDraw, rng: Rng, width: int, height: int, count: int, ink: Colour
) -> None:
    """Names of places, with or without a dot."""
    for _ in range(count):
        x, y = rng.uniform(0, 0.9) * width, rng.uniform(0, 0.95) * height
        letters = font(rng, max(9, rng.randint(height // 60, height // 22)), WIDE_FACES)
        if rng.random() < 0.6:
            radius = rng.uniform(2, 5)
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)
        draw.text((x + 7, y - 7), word(rng).capitalize(), fill=ink, font=letters)


def write_legend(draw: ImageDraw.ImageDraw, rng: Rng, width: int, height: int, shades: list[Colour]) -> None:
    """A box with colours and what they mean, in a corner."""
    step = max(14, height // 24)
    left, top = rng.choice((0.03, 0.7)) * width, rng.choice((0.04, 0.6)) * height
    draw.rectangle(
        (left, top, left + width * 0.25, top + step * (len(shades) + 1)), fill="white", outline="black"
    )
    letters = font(rng, round(step * 0.7), WIDE_FACES)
    for index, shade in enumerate(shades):
        y = top + step * (index + 0.5)
        draw.rectangle((left + 6, y + 2, left + 6 + step, y + step - 3), fill=shade, outline="black")
        draw.text(
            (left + step + 14, y), rng.choice((number_text(rng), word(rng))), fill="black", font=letters
        )


def regions(rng: Rng) -> Image.Image:
    """A political map or a choropleth."""
    width, height = (2 * side for side in size(rng, 300, 800))
    image = Image.new("RGB", (width, height), rng.choice(WATER))
    draw = ImageDraw.Draw(image)
    shades = palette(rng, rng.randint(2, 7))
    shapes = outlines(rng, width, height, rng.randint(8, 60))
    border, line = rng.choice(((255, 255, 255), (90, 90, 90), (0, 0, 0), (180, 160, 160))), rng.randint(1, 5)
    sea = rng.uniform(0, 0.35)
    for shape in shapes:
        if rng.random() > sea:
            draw.polygon(shape, fill=rng.choice(shades))
            draw.line([*shape, shape[0]], fill=border, width=line)
    write_places(draw, rng, width, height, rng.choice((0, 0, 5, 15, 40)), dark(rng))
    if rng.random() < 0.4:
        write_legend(draw, rng, width, height, shades)
    return smooth(image)


def locator(rng: Rng) -> Image.Image:
    """One region picked out among pale ones, as encyclopaedias show where a place is."""
    width, height = (2 * side for side in size(rng, 250, 700))
    sea, land, picked = (
        rng.choice(WATER),
        rng.choice(((254, 254, 233), (224, 224, 224), (253, 251, 229))),
        (200, 60, 50),
    )
    if rng.random() < 0.4:
        picked = colour(rng, (0.5, 1), (0.4, 0.9))
    image = Image.new("RGB", (width, height), sea)
    draw = ImageDraw.Draw(image)
    coast = blob(rng, (width / 2, height / 2), min(width, height) * rng.uniform(0.4, 0.7), 0.5, 90)
    mask = Image.new("L", image.size, 255 if rng.random() < 0.3 else 0)
    ImageDraw.Draw(mask).polygon(coast, fill=255)
    inland = Image.new("RGB", image.size, land)
    pen = ImageDraw.Draw(inland)
    shapes = outlines(rng, width, height, rng.randint(12, 90))
    chosen = rng.sample(range(len(shapes)), min(len(shapes), rng.randint(1, 3)))
    for index, shape in enumerate(shapes):
        pen.polygon(shape, fill=picked if index in chosen else land)
        pen.line([*shape, shape[0]], fill=(100, 100, 100), width=rng.randint(1, 3))
    image.paste(inland, mask=mask)
    draw.line([*coast, coast[0]], fill=(10, 120, 171), width=2)
    write_places(draw, rng, width, height, rng.choice((0, 1, 6)), (20, 20, 20))
    return smooth(image)


def streets(rng: Rng) -> Image.Image:
    """A town plan: blocks, streets, a river, names."""
    width, height = (2 * side for side in size(rng, 300, 800))
    ground = rng.choice(((242, 239, 233), (235, 235, 230), (250, 248, 240), (40, 44, 52), (255, 255, 255)))
    image = Image.new("RGB", (width, height), ground)
    draw = ImageDraw.Draw(image)
    for _ in range(rng.randint(0, 8)):
        park = blob(rng, (rng.random() * width, rng.random() * height), rng.uniform(0.03, 0.15) * width)
        draw.polygon(park, fill=rng.choice(((200, 230, 180), (173, 209, 158), (220, 220, 210))))
    if rng.random() < 0.6:
        river = meander(rng, (0, rng.random() * height), rng.uniform(-0.5, 0.5), width * 1.6)
        draw.line(river, fill=WATER[0], width=rng.randint(12, 80), joint="curve")
    tilt = rng.uniform(0, math.pi)
    for _ in range(rng.randint(20, 110)):
        street(rng, draw, width, height, tilt)
    write_places(draw, rng, width, height, rng.randint(3, 40), dark(rng))
    if rng.random() < 0.3:
        x, y = rng.uniform(0.3, 0.7) * width, rng.uniform(0.3, 0.7) * height
        draw.polygon([(x, y), (x - 14, y - 34), (x + 14, y - 34)], fill=(220, 40, 40))
        draw.ellipse((x - 16, y - 56, x + 16, y - 24), fill=(220, 40, 40))
    return smooth(image)


def street(rng: Rng, draw: ImageDraw.ImageDraw, width: int, height: int, tilt: float) -> None:
    """A street with its edges, along the grid of the town (`tilt`, in radians) or across it."""
    broad = rng.choice((3, 3, 4, 6, 10, 14))
    shade = rng.choice(STREETS)
    start = (rng.random() * width, rng.random() * height)
    angle, length = tilt + rng.choice((0, math.pi / 2)), rng.uniform(0.2, 1) * width
    way = meander(rng, start, angle, length, 20, rng.uniform(0, 0.2))
    draw.line(way, fill=mix(shade, (0, 0, 0), 0.75), width=broad + 3, joint="curve")
    draw.line(way, fill=shade, width=broad, joint="curve")


def heights(rng: Rng) -> Image.Image:
    """Contour lines over shaded land."""
    width, height = size(rng, 300, 800)
    land = noise(rng, (height, width), rng.randint(2, 5))
    low, high, peak = colour(rng, (0.1, 0.5), (0.7, 1)), colour(rng, (0.1, 0.5), (0.6, 0.95)), (255, 255, 255)
    ramp = np.array(
        [mix(low, high, 1 - share / 128) for share in range(128)]
        + [mix(peak, high, share / 128) for share in range(128)]
    )
    pixels = ramp[(land * 255).astype(int)].astype(np.float32)
    if rng.random() < 0.3:
        pixels[:] = 255
    slope = np.gradient(land)[0] * 60 * rng.choice((0, 1, 2))
    pixels = np.clip(pixels * (1 + slope[..., None]), 0, 255)
    levels = np.floor(land * rng.randint(8, 30))
    lines = (np.diff(levels, axis=0, prepend=levels[:1]) != 0) | (
        np.diff(levels, axis=1, prepend=levels[:, :1]) != 0
    )
    pixels[lines] = colour(rng, (0.2, 0.9), (0.2, 0.7))
    if rng.random() < 0.5:
        pixels[land < rng.uniform(0.2, 0.5)] = rng.choice(WATER[:4])
    image = Image.fromarray(pixels.astype(np.uint8))
    write_places(ImageDraw.Draw(image), rng, width, height, rng.choice((0, 6, 20)), dark(rng))
    return image


def islands(rng: Rng) -> Image.Image:
    """A globe's coastlines: land above a sea level, with a graticule."""
    width, height = size(rng, 300, 900, (1.0, 2.2))
    land = noise(rng, (height, width), rng.randint(2, 4), 5)
    sea, soil = rng.choice(WATER), colour(rng, (0.05, 0.6), (0.5, 0.95))
    level = rng.uniform(0.4, 0.65)
    pixels = np.where((land > level)[..., None], np.array(soil), np.array(sea)).astype(np.uint8)
    shore = np.abs(land - level) < 0.004
    pixels[shore] = mix(soil, (0, 0, 0), 0.4)
    if rng.random() < 0.4:
        hot = noise(rng, (height, width), 3)
        pixels[(land > level) & (hot > 0.6)] = colour(rng, (0.5, 1), (0.4, 0.9))
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    if rng.random() < 0.6:
        for share in range(1, 8):
            draw.line((width * share / 8, 0, width * share / 8, height), fill=mix((0, 0, 0), sea, 0.2))
            draw.line((0, height * share / 8, width, height * share / 8), fill=mix((0, 0, 0), sea, 0.2))
    write_places(draw, rng, width, height, rng.choice((0, 0, 6, 20)), dark(rng))
    if rng.random() < 0.3:
        write_legend(draw, rng, width, height, palette(rng, rng.randint(2, 6)))
    return image


def transit(rng: Rng) -> Image.Image:
    """The network of a metro: coloured lines at 45 degrees, stations, names."""
    width, height = (2 * side for side in size(rng, 350, 800))
    image = Image.new("RGB", (width, height), pale(rng))
    draw = ImageDraw.Draw(image)
    letters = font(rng, max(12, height // 50), WIDE_FACES)
    for shade in palette(rng, rng.randint(3, 8)):
        x, y = rng.uniform(0.05, 0.3) * width, rng.random() * height
        stops = [(x, y)]
        while x < width * 0.9 and len(stops) < 16:
            step = rng.uniform(0.05, 0.12) * width
            x, y = x + step, min(max(20, y + rng.choice((-1, 0, 0, 1)) * step), height - 20)
            stops.append((x, y))
        draw.line(stops, fill=shade, width=max(5, height // 80), joint="curve")
        for place in stops:
            draw.polygon(polygon(place, max(5, height // 90), 16), fill="white", outline="black")
            draw.text(
                (place[0] + 8, place[1] + 8), words(rng, rng.randint(1, 2)), fill=dark(rng), font=letters
            )
    return smooth(image)


def sky_map(rng: Rng) -> Image.Image:
    """A chart of stars and constellations."""
    width, height = size(rng, 300, 800)
    night = rng.choice(((255, 255, 255), (10, 14, 40), (0, 0, 0), (245, 245, 235)))
    ink = (20, 20, 20) if night[0] > 100 else (240, 240, 240)
    image = Image.new("RGB", (width, height), night)
    draw = ImageDraw.Draw(image)
    places: list[Point] = [(rng.random() * width, rng.random() * height) for _ in range(rng.randint(60, 250))]
    for place in places:
        draw.polygon(star(place, rng.uniform(1, 5), 8, 0.8), fill=ink)
    for _ in range(rng.randint(3, 10)):
        constellation: list[Point] = sorted(rng.sample(places, rng.randint(3, 6)))
        draw.line(constellation, fill=mix(ink, night, 0.5))
    write_places(draw, rng, width, height, rng.randint(4, 20), ink)
    return image


KINDS = {
    "regions": regions,
    "locator": locator,
    "streets": streets,
    "heights": heights,
    "islands": islands,
    "transit": transit,
    "sky": sky_map,
}
