"""Datasets: which images there are, what they show, where they come from, and which of them judge.

A set is split by source, never at random: two pictures of one source are alike in ways that say
nothing of logos, so a random split measures memory.
"""

import csv
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff", ".svg"})

# `aws-dark.svg`, `aws-icon.svg` and `aws_wordmark.svg` show one brand.
_VARIANTS = re.compile(r"[-_. ](icon|dark|light|wordmark|logo|logomark|mark|alt|text|[0-9]+|js|io|dev|app)$")


@dataclass(frozen=True, slots=True)
class Example:
    """One image file. `source` is `owner/name@commit`; `original` its path there."""

    path: Path
    label: str
    category: str
    source: str
    original: str
    licence: str
    sha256: str

    @property
    def repository(self) -> str:
        """The source without its commit."""
        return self.source.partition("@")[0]


@dataclass(frozen=True, slots=True)
class Split:
    """Examples to learn from, and examples of other sources to judge by."""

    training: tuple[Example, ...]
    validation: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class HoldOut:
    """What is kept from training: whole sources, and a share of the groups of some categories.

    A group is a country of flags, or the folder that screenshots of one program share.
    """

    sources: frozenset[str]
    shares: Mapping[str, float]
    seed: int


def read_examples(directory: Path) -> list[Example]:
    """The images that `manifest.csv` names; without one, those in `<label>/<category>/` or `<label>/`."""
    table = directory / "manifest.csv"
    return _read_table(table) if table.exists() else _read_folders(directory)


def _read_table(table: Path) -> list[Example]:
    with table.open(newline="") as file:
        return [
            Example(
                table.parent / row["path"],
                row["label"],
                row["category"],
                row["source"],
                row["original"],
                row["license"],
                row["sha256"],
            )
            for row in csv.DictReader(file)
        ]


def _read_folders(directory: Path) -> list[Example]:
    examples = []
    for path in sorted(directory.rglob("*")):
        if path.suffix.lower() in IMAGE_SUFFIXES:
            label, *folders, name = path.relative_to(directory).parts
            category = folders[0] if folders else label
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            examples.append(Example(path, label, category, f"{directory.name}/{category}", name, "", digest))
    return examples


def split(examples: Iterable[Example], hold_out: HoldOut) -> Split:
    """Divide by source; a brand that is learnt from is not judged by, whatever collection shows it."""
    training: list[Example] = []
    validation: list[Example] = []
    for example in examples:
        (validation if _is_held_out(example, hold_out) else training).append(example)
    brands = {brand_of(example) for example in training if example.category == "brand"}
    unseen = [item for item in validation if item.category != "brand" or brand_of(item) not in brands]
    return Split(tuple(training), tuple(unseen))


def _is_held_out(example: Example, hold_out: HoldOut) -> bool:
    if example.repository in hold_out.sources:
        return True
    share = hold_out.shares.get(example.category, 0.0)
    digest = hashlib.sha256(f"{hold_out.seed}/{example.category}/{group_of(example)}".encode()).digest()
    return int.from_bytes(digest[:4]) / 2**32 < share


def group_of(example: Example) -> str:
    """What belongs together within a source: the folder of a screenshot, else the file itself."""
    if example.category == "screenshot":
        return str(Path(example.original).parent)
    return Path(example.original).stem


def brand_of(example: Example) -> str:
    """The brand that a logo's file is named after, without its variant and punctuation."""
    name = Path(example.original).stem.lower()
    while (shorter := _VARIANTS.sub("", name)) != name:
        name = shorter
    return re.sub(r"[^a-z0-9]", "", name)


def sources_of(examples: Iterable[Example]) -> dict[str, int]:
    """How many examples each source gives, by `owner/name@commit`."""
    counts: dict[str, int] = {}
    for example in examples:
        counts[example.source] = counts.get(example.source, 0) + 1
    return dict(sorted(counts.items()))
