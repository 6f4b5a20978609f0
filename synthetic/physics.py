"""Physics as textbooks draw it: atoms and molecules, forces, lenses, pendulums, particles, waves."""

import math

from PIL import Image, ImageDraw

from synthetic.figures import RED, figure_sheet, tag
from synthetic.shapes import Point, around, arrow, polygon, smooth, towards
from synthetic.stateless_random import WHITE, Colour, Rng, colour, dark, mix

Ball = tuple[Point, float, Colour]  # where, its radius in pixels, its colour
ELEMENTS: tuple[Colour, ...] = ((60, 60, 60), (220, 40, 40), (240, 240, 240), (50, 80, 220), (240, 200, 40))
BLUE: Colour = (50, 80, 220)


def atoms(rng: Rng) -> Image.Image:
    """An atom with its shells, a molecule of balls and sticks, a lattice."""
    image, draw = figure_sheet(rng)
    build = rng.choice((shells, draw_molecule, draw_molecule, lattice))
    reach, ink = min(image.size) * 0.4, dark(rng)
    for place, radius, tone in build(rng, image, draw, reach, ink):
        draw.ellipse(around(place, radius), tone, ink, 3)
        (x, y), glint = place, radius * 0.35
        shine = (x - glint * 1.6, y - glint * 1.6, x - glint * 0.3, y - glint * 0.3)
        draw.ellipse(shine, mix(tone, WHITE, 0.4))
    return smooth(image)


def shells(rng: Rng, image: Image.Image, draw: ImageDraw.ImageDraw, reach: float, ink: Colour) -> list[Ball]:
    """Draws the rings of an atom; its electrons, and the parts of its core."""
    centre, count = (image.width / 2, image.height / 2), rng.randint(1, 4)
    balls: list[Ball] = []
    for shell in range(1, count + 1):
        radius = reach * (0.3 + 0.7 * shell / count)
        draw.ellipse(around(centre, radius), None, ink, 4)
        electrons = polygon(centre, radius, rng.randint(1, 8), rng.random())
        balls += [(place, reach * 0.06, BLUE) for place in electrons]
    for _ in range(rng.randint(1, 12)):
        place = (centre[0] + rng.gauss(0, reach * 0.08), centre[1] + rng.gauss(0, reach * 0.08))
        balls.append((place, reach * 0.09, rng.choice(((220, 40, 40), (150, 150, 150)))))
    return balls


def lattice(rng: Rng, image: Image.Image, draw: ImageDraw.ImageDraw, reach: float, ink: Colour) -> list[Ball]:
    """Draws the bonds of a crystal; its atoms, of two elements in turn."""
    (wide, high), count = image.size, rng.randint(3, 6)
    balls: list[Ball] = []
    for row in range(count):
        for column in range(count):
            place = (wide * (0.15 + 0.7 * column / (count - 1)), high * (0.15 + 0.7 * row / (count - 1)))
            balls.append((place, reach * 0.5 / count, ELEMENTS[(row + column) % 2]))
    for place, _, _ in balls:
        draw.line((place, (wide / 2, place[1])), ink, 4)
        draw.line((place, (place[0], high / 2)), ink, 4)
    return balls


def draw_molecule(
    rng: Rng, image: Image.Image, draw: ImageDraw.ImageDraw, reach: float, _ink: Colour
) -> list[Ball]:
    """Draws bonds, single or double, and the names of some atoms; the atoms."""
    spots: list[Point] = [(image.width / 2, image.height / 2)]
    for _ in range(rng.randint(2, 9)):
        start, angle = rng.choice(spots), rng.randint(0, 11) * math.pi / 6
        end = towards(start, angle, reach * 0.45)
        spots.append(end)
        if rng.random() < 0.4:
            tag(draw, (end[0] + 50, end[1] + 50), rng.choice(("C", "H", "O", "N", "Cl")), image)
        for shift in rng.choice(((0,), (0,), (-8, 8))):
            bond = (start[0] + shift, start[1] + shift, end[0] + shift, end[1] + shift)
            draw.line(bond, (120, 120, 120), 8)
    return [(place, reach * rng.uniform(0.12, 0.2), rng.choice(ELEMENTS)) for place in spots]


def experiment(rng: Rng) -> Image.Image:
    """Forces on a body, a lens with its rays, a pendulum, a graph of particles, a wave."""
    image, draw = figure_sheet(rng)
    ink = dark(rng)
    rng.choice((forces, lens, pendulum, particles, waves))(rng, image, draw, ink)
    return smooth(image)


def forces(rng: Rng, image: Image.Image, draw: ImageDraw.ImageDraw, ink: Colour) -> None:
    """A body on a slope, and arrows."""
    (wide, high), centre = image.size, (image.width / 2, image.height / 2)
    half, slope = high * 0.12, rng.uniform(0, 0.4)
    ramp = [(wide * 0.1, high * 0.85), (wide * 0.9, high * 0.85), (wide * 0.9, high * (0.85 - slope))]
    draw.polygon(ramp, mix(ink, WHITE, 0.2), ink)
    draw.rectangle(around(centre, half), colour(rng, (0.2, 0.8), (0.6, 1)), ink, 4)
    for _ in range(rng.randint(2, 4)):
        tip = towards(centre, rng.uniform(0, 6.3), high * 0.35)
        arrow(draw, centre, tip, rng.choice((ink, (200, 20, 30), (20, 60, 200))), 7)
        tag(draw, (tip[0] + 20, tip[1] - 20), rng.choice(("F", "G", "N", "v", "a")), image)


def lens(rng: Rng, image: Image.Image, draw: ImageDraw.ImageDraw, ink: Colour) -> None:
    """Rays that a lens sends through its focus."""
    (wide, high), x, y = image.size, image.width / 2, image.height / 2
    draw.ellipse((x - wide * 0.04, high * 0.12, x + wide * 0.04, high * 0.88), (190, 220, 245), ink, 4)
    draw.line((0, y, wide, y), ink, 3)
    focus = wide * rng.uniform(0.65, 0.95)
    for offset in (-0.25, -0.12, 0.12, 0.25):
        draw.line([(0, y + offset * high), (x, y + offset * high), (focus, y)], RED, 5)
    tag(draw, (focus, y + high * 0.07), "F", image)


def pendulum(rng: Rng, image: Image.Image, draw: ImageDraw.ImageDraw, ink: Colour) -> None:
    """A pendulum at rest and swung out."""
    (wide, high), x = image.size, image.width / 2
    draw.line((wide * 0.3, high * 0.08, wide * 0.7, high * 0.08), ink, 10)
    for angle in (0, rng.uniform(0.2, 0.7)):
        bob = (x + high * 0.65 * math.sin(angle), high * (0.08 + 0.65 * math.cos(angle)))
        draw.line((x, high * 0.08, *bob), ink, 5)
        draw.ellipse(around(bob, 34), colour(rng), ink, 4)
    tag(draw, (x + 30, high * 0.4), rng.choice("θαl"), image)


def particles(rng: Rng, image: Image.Image, draw: ImageDraw.ImageDraw, ink: Colour) -> None:
    """A Feynman diagram: four arrows and a wave between two vertices."""
    (wide, high), x, y = image.size, image.width / 2, image.height / 2
    left, right = (wide * 0.35, y), (wide * 0.65, y)
    for vertex, side in ((left, -1), (right, 1)):
        for way in (-1, 1):
            far = (vertex[0] + side * wide * 0.3, y + way * high * 0.35)
            arrow(draw, far, ((vertex[0] + far[0]) / 2, (vertex[1] + far[1]) / 2), ink, 5)
            draw.line((far, vertex), ink, 5)
            tag(draw, (far[0], far[1] - 20), rng.choice(("e⁻", "e⁺", "μ", "q", "ν")), image)
    wave = [
        (left[0] + (right[0] - left[0]) * step / 60, y + high * 0.04 * math.sin(step * 0.8))
        for step in range(61)
    ]
    draw.line(wave, ink, 5)
    tag(draw, (x, y - high * 0.1), rng.choice("γZWg"), image)


def waves(rng: Rng, image: Image.Image, draw: ImageDraw.ImageDraw, ink: Colour) -> None:
    """One to three waves about an axis, and a wavelength."""
    wide, high = image.size
    for index in range(rng.randint(1, 3)):
        wave = [
            (wide * step / 100, high * 0.5 + high * 0.3 * math.sin(step * 0.1 * (index + 1)))
            for step in range(101)
        ]
        draw.line(wave, colour(rng, (0.5, 1), (0.3, 0.9)), 8)
    draw.line((0, high / 2, wide, high / 2), ink, 3)
    arrow(draw, (wide * 0.2, high * 0.9), (wide * 0.5, high * 0.9), ink, 4)
    tag(draw, (wide * 0.35, high * 0.94), "λ", image)
