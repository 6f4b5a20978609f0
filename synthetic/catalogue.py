"""The catalogue: every kind of generated picture, and how often each is drawn."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from PIL import Image

from synthetic import (
    charts,
    chemistry,
    codes,
    diagrams,
    documents,
    drawings,
    flags,
    heraldry,
    maps,
    patterns,
    plain,
    screens,
)
from synthetic.stateless_random import Rng, seeded

Kind = Callable[[Rng], Image.Image]

NEGATIVES: Mapping[str, Mapping[str, Kind]] = MappingProxyType(
    {
        "chart": charts.KINDS,
        "map": maps.KINDS,
        "diagram": diagrams.KINDS,
        "document": documents.KINDS,
        "chemistry": chemistry.KINDS,
        "code": codes.KINDS,
        "flag": flags.KINDS,
        "heraldry": heraldry.KINDS,
        "screenshot": screens.KINDS,
        "plain": {**plain.KINDS, **patterns.KINDS},
        "drawing": drawings.KINDS,
    }
)


@dataclass(frozen=True, slots=True)
class Drawing:
    """One picture to be generated; the same drawing is the same picture everywhere."""

    category: str
    kind: str
    seed: int

    def draw(self) -> Image.Image:
        """The picture, RGB."""
        return NEGATIVES[self.category][self.kind](seeded(self.category, self.kind, self.seed))


def drawings_of(counts: Mapping[str, int], seed: int, held_out: frozenset[str]) -> Iterator[Drawing]:
    """`counts[category]` drawings of each category, its kinds in turn; `held_out` names `category/kind`s."""
    for category, count in counts.items():
        kinds = [kind for kind in NEGATIVES[category] if f"{category}/{kind}" not in held_out]
        for index in range(count):
            yield Drawing(category, kinds[index % len(kinds)], seed * 1_000_000 + index)
