"""Doodles: people and things as a few lines, before a hand makes them wobble."""

import math

from synthetic.shapes import Point, blob, polygon
from synthetic.stateless_random import Rng

Lines = list[list[Point]]


def oval(centre: Point, rx: float, ry: float) -> list[Point]:
    """A closed oval that overshoots a little."""
    turns = [index * 0.3 for index in range(23)]
    return [(centre[0] + rx * math.cos(turn), centre[1] + ry * math.sin(turn)) for turn in turns]


def stick_figure(x: float, y: float, tall: float, lean: float) -> Lines:
    """A person out of lines; `lean` moves the arms."""
    neck, hip = y - tall * 0.7, y - tall * 0.35
    return [
        oval((x, neck - tall * 0.14), tall * 0.13, tall * 0.14), [(x, neck), (x, hip)],
        [
            (x - tall * 0.25, neck + tall * (0.15 + lean)), (x, neck + tall * 0.08),
            (x + tall * 0.25, neck + tall * (0.15 - lean)),
        ],
        [(x - tall * 0.16, y), (x, hip), (x + tall * 0.16, y)],
    ]  # fmt: skip


def doodled_thing(rng: Rng, x: float, y: float, tall: float) -> Lines:
    """A house, a sun, a flower, a tree, a boat, a box or a spiral that stands at x, y."""
    return rng.choice((doodled_house, doodled_sun, doodled_flower, doodled_tree, boat, box, spiral))(
        rng, x, y, tall
    )


def doodled_house(_rng: Rng, x: float, y: float, tall: float) -> Lines:
    """A wall, a roof, a door."""
    half, eaves, lintel = tall / 2, y - tall * 0.6, y - tall * 0.3
    jamb = half * 0.2
    return [
        [(x - half, y), (x - half, eaves), (x + half, eaves), (x + half, y), (x - half, y)],
        [(x - half * 1.1, eaves), (x, y - tall), (x + half * 1.1, eaves)],
        [(x - jamb, y), (x - jamb, lintel), (x + jamb, lintel), (x + jamb, y)],
    ]


def doodled_sun(_rng: Rng, x: float, y: float, tall: float) -> Lines:
    """A disc and its rays."""
    half = tall / 2
    centre = (x, y - half)
    feet, tips = polygon(centre, half * 0.7, 11), polygon(centre, half * 1.1, 11)
    rays = [[foot, tip] for foot, tip in zip(feet, tips, strict=True)]
    return [oval(centre, half * 0.6, half * 0.6), *rays]


def doodled_flower(_rng: Rng, x: float, y: float, tall: float) -> Lines:
    """A stalk, a heart, six petals."""
    heart = (x, y - tall * 0.8)
    petals = [oval(place, tall * 0.1, tall * 0.1) for place in polygon(heart, tall * 0.16, 6)]
    return [[(x, y), (x, y - tall * 0.65)], oval(heart, tall * 0.07, tall * 0.07), *petals]


def doodled_tree(rng: Rng, x: float, y: float, tall: float) -> Lines:
    """A trunk and a crown."""
    half = tall / 2
    return [
        [(x - half * 0.15, y), (x - half * 0.1, y - half)],
        [(x + half * 0.15, y), (x + half * 0.1, y - half)],
        blob(rng, (x, y - tall * 0.7), half * 0.6, 0.3),
    ]


def boat(_rng: Rng, x: float, y: float, tall: float) -> Lines:
    """A hull, a mast and a sail."""
    half, rail = tall / 2, y - tall * 0.3
    bow, stern = (x + half, rail), (x - half, rail)
    boom = y - tall * 0.4
    return [
        [stern, bow, (x + half * 0.6, y), (x - half * 0.6, y), stern],
        [(x, rail), (x, y - tall), (x + half * 0.7, boom), (x, boom)],
    ]


def spiral(_rng: Rng, x: float, y: float, tall: float) -> Lines:
    """A spiral of three turns."""
    half = tall / 2
    return [
        [
            (x + half * t / 40 * math.cos(t * 0.5), y - half + half * t / 40 * math.sin(t * 0.5))
            for t in range(40)
        ]
    ]


def box(_rng: Rng, x: float, y: float, tall: float) -> Lines:
    """A box of twelve edges, seen aslant."""
    half, shift, lid = tall / 2, tall * 0.25, y - tall * 0.7
    front = [(x - half, y), (x + half * 0.5, y), (x + half * 0.5, lid), (x - half, lid), (x - half, y)]
    back = [(px + shift, py - shift) for px, py in front]
    return [front, back, *([p, q] for p, q in zip(front, back, strict=True))]
