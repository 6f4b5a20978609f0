"""Dyes: the colours that flags and shields have, as often as the world's flags have them."""

from synthetic.stateless_random import Colour, Rng, colour

CLOTHS: tuple[Colour, ...] = (
    (206, 17, 38), (0, 40, 104), (0, 122, 61), (252, 209, 22), (255, 255, 255), (0, 0, 0), (0, 119, 200),
    (239, 125, 0), (120, 20, 40), (0, 80, 60), (116, 172, 223), (198, 12, 48), (0, 56, 147),
)  # fmt: skip

# Each dye: how often among national flags, roughly, and its usual shades.
SHADES: tuple[tuple[float, tuple[Colour, ...]], ...] = (
    (0.25, ((206, 17, 38), (200, 16, 46), (237, 28, 36), (255, 0, 0), (218, 41, 28), (186, 12, 47))),
    (0.23, ((255, 255, 255),)),
    (0.13, ((0, 40, 104), (0, 56, 147), (0, 51, 160), (0, 0, 139), (12, 35, 64), (0, 85, 164))),
    (0.14, ((0, 122, 61), (0, 154, 68), (0, 106, 78), (0, 98, 51), (7, 137, 48), (0, 151, 57))),
    (0.12, ((252, 209, 22), (255, 205, 0), (255, 215, 0), (254, 221, 0), (253, 185, 19))),
    (0.06, ((0, 0, 0), (20, 20, 20))),
    (0.02, ((239, 125, 0), (255, 130, 0), (255, 153, 51))),
    (0.04, ((116, 172, 223), (0, 175, 202), (65, 143, 222), (0, 156, 222))),
    (0.01, ((128, 20, 50), (138, 21, 56), (110, 30, 40))),
)


def dyes(rng: Rng, count: int) -> list[Colour]:
    """Different dyes; now and then one that no flag of a country has."""
    left = list(SHADES)
    chosen: list[Colour] = []
    for _ in range(min(count, len(left))):
        pick = rng.choices(left, [weight for weight, _ in left])[0]
        left.remove(pick)
        chosen.append(rng.choice(pick[1]) if rng.random() < 0.96 else colour(rng, (0.3, 1), (0.3, 1)))
    return chosen
