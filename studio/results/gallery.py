"""The gallery: images that a model gets wrong, or that two models call differently.

    gallery.json  pictures/NUMBER.jpg  heat_maps/NUMBER.png  other_heat_maps/NUMBER.png

The pictures are made of pixels that come from the fenced pool, as all that people see are.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from datasets.replacement import replacing
from evaluation.metrics import predict_class
from evaluation.outcomes import Outcome
from evaluation.report import AS_IS
from studio.images.inspection import Inspected, Inspector, encode_jpeg
from training.holdout import ORIGINAL_SHA256

T = TypeVar("T")

NAME = "gallery.json"
PICTURES, HEAT_MAPS, OTHER_HEAT_MAPS = "pictures", "heat_maps", "other_heat_maps"
MAX_OF_A_KIND = 12
"""Entries of one label and predicted class: those that the model is surest of."""
MAX_ENTRIES = 120
LOOKS = 16
"""Images that are looked at together."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A model's predicted class of an image, and the probability that it gives it."""

    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Entry:
    """An image of the gallery.

    Attributes:
        number: Names its pictures.
        name: What people call it.
        sha256: Of the data set's file; empty where it was drawn.
        label: That it has.
        verdict: Of the model.
        other: Of the model that it is beside.
    """

    number: int
    name: str
    sha256: str
    label: str
    verdict: Verdict
    other: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Gallery:
    """Some of the images, the worst of each kind first, and how many there are in all."""

    entries: tuple[Entry, ...]
    total: int


_FILE = TypeAdapter(Gallery)


@dataclass(frozen=True, slots=True)
class Found:
    """An entry, and the file that it is of."""

    entry: Entry
    path: Path


def mistakes(outcomes: Sequence[Outcome], labels: Sequence[str]) -> tuple[list[Found], int]:
    """The images that a model gets wrong. Returns some of each kind, and how many there are."""
    scored = [one for one in _first_recoding(outcomes) if one.scores is not None]
    wrong = [
        (one, verdict) for one in scored if (verdict := _verdict(one, labels)).label != one.example.label
    ]
    wrong.sort(key=lambda pair: -pair[1].score)
    kept = _some(wrong, lambda pair: (pair[0].example.label, pair[1].label))
    return [_found(number, one, verdict) for number, (one, verdict) in enumerate(kept)], len(wrong)


def differing(
    outcomes: Sequence[Outcome], others: Sequence[Outcome], labels: Sequence[str]
) -> tuple[list[Found], int]:
    """The images of which two models predict another class; both have scored all of them. As `mistakes`."""
    pairs = [
        (one, _verdict(one, labels), _verdict(other, labels))
        for one, other in zip(outcomes, others, strict=True)
    ]
    apart = [each for each in pairs if each[1].label != each[2].label]
    apart.sort(key=lambda each: -(each[1].score + each[2].score))
    kept = _some(apart, lambda each: (each[0].example.label, each[1].label, each[2].label))
    return [_found(number, *each) for number, each in enumerate(kept)], len(apart)


def draw(
    found: Sequence[Found],
    folder: Path,
    inspector: Inspector,
    go_on: Callable[[], None],
    heat_maps: str = HEAT_MAPS,
) -> None:
    """Write the pictures of entries, and a model's heat maps over them. What it has no heat map of has none.

    Args:
        found: The entries.
        folder: Of the gallery.
        inspector: The fence, with the model.
        go_on: Called now and then; may raise what ends this.
        heat_maps: The folder below it for the heat maps.
    """
    for kind in (PICTURES, heat_maps):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for start in range(0, len(found), LOOKS):
        go_on()
        some = found[start : start + LOOKS]
        for each, seen in zip(
            some, inspector.look([one.path for one in some], inspector.target), strict=True
        ):
            if isinstance(seen, Inspected):
                (folder / PICTURES / f"{each.entry.number}.jpg").write_bytes(encode_jpeg(seen.thumbnail))
                if (overlay := seen.overlay) is not None:
                    (folder / heat_maps / f"{each.entry.number}.png").write_bytes(overlay)


def write_gallery(found: Iterable[Found], total: int, folder: Path) -> None:
    """Write what a page shows."""
    gallery = Gallery(tuple(each.entry for each in found), total)
    with replacing(folder / NAME) as unfinished:
        unfinished.write_bytes(_FILE.dump_json(gallery))


def read_gallery(folder: Path) -> Gallery:
    """What `write_gallery` wrote."""
    return _FILE.validate_json((folder / NAME).read_bytes())


def _first_recoding(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Of an image's recodings one: PNG before JPEG."""
    first = max((one.recoding for one in outcomes), default=AS_IS)
    return [one for one in outcomes if one.recoding == first]


def _verdict(outcome: Outcome, labels: Sequence[str]) -> Verdict:
    assert outcome.scores is not None  # noqa: S101  it was filtered by
    label = predict_class(outcome.scores, labels)
    return Verdict(label, outcome.scores[labels.index(label)])


def _some(ordered: Iterable[T], kind_of: Callable[[T], Hashable]) -> list[T]:
    """The first of each kind, kind by kind; the kinds in the order of their first."""
    kinds: dict[Hashable, list[T]] = defaultdict(list)
    for each in ordered:
        if len(kinds[kind_of(each)]) < MAX_OF_A_KIND:
            kinds[kind_of(each)].append(each)
    return [each for kind in kinds.values() for each in kind][:MAX_ENTRIES]


def _found(number: int, outcome: Outcome, verdict: Verdict, other: Verdict | None = None) -> Found:
    example = outcome.example
    sha256 = example.metadata.get(ORIGINAL_SHA256, "")
    return Found(Entry(number, example.original, sha256, example.label, verdict, other), example.path)
