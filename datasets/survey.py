"""The survey of a set: what is said of its images before anything is made of them.

    read_examples -> survey_of -> lines

It looks at names and counts alone, and opens no image.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from unicodedata import combining, normalize

from datasets.manifest import IMAGE_SUFFIXES, MANIFESTS, DatasetInvalid, Example

FEW_IMAGES = 20
"""A class that has fewer is rare: what is measured of it says little."""

PLAIN = "letters of A to Z, digits, '_', '.' and '-', of which the first is a letter or a digit"
"""What a class may be called: its name is a folder's, a label of metrics and a part of requests."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
SHOWN = 3  # names, of more that there are


@dataclass(frozen=True, slots=True)
class Survey:
    """What a set of images has.

    Attributes:
        labels: How many images each class has, by the alphabet.
        empty: Folders of classes in which there is no image.
        others: Files that are no images by their names.
    """

    labels: Mapping[str, int]
    empty: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def rare(self) -> dict[str, int]:
        """The classes of fewer than FEW_IMAGES."""
        return {label: count for label, count in self.labels.items() if count < FEW_IMAGES}


def survey_of(path: Path, examples: Sequence[Example]) -> Survey:
    """Survey the images that `read_examples` found at a path."""
    labels = dict(sorted(Counter(example.label for example in examples).items()))
    if not path.is_dir() or any((path / name).is_file() for name in MANIFESTS):
        return Survey(labels, (), ())
    folders = sorted(one.name for one in path.iterdir() if one.is_dir() and not one.name.startswith("."))
    files = (one.relative_to(path) for one in sorted(path.rglob("*")) if one.is_file())
    visible = (one for one in files if not any(part.startswith(".") for part in one.parts))
    return Survey(
        labels,
        tuple(name for name in folders if name not in labels),
        tuple(str(one) for one in visible if one.suffix.lower() not in IMAGE_SUFFIXES),
    )


def lines_of(survey: Survey) -> list[str]:
    """The survey in sentences: the counts, and then what its owner may not expect."""
    counts = ", ".join(f"{label} {count:,}" for label, count in survey.labels.items())
    said = [f"{sum(survey.labels.values()):,} images of {len(survey.labels)} classes: {counts}"]
    if survey.empty:
        said.append(f"no image is in the folder {some_of(survey.empty)}, which is no class then")
    if alike := _alike(list(survey.labels)):
        said.append(f"WARNING: classes whose names differ in case alone: {', '.join(alike)}")
    if survey.rare:
        rare = some_of(list(survey.rare))
        said.append(f"fewer than {FEW_IMAGES} images are of {rare}: what is measured of them says little")
    if survey.others:
        said.append(f"{len(survey.others):,} files are no images by their names: {some_of(survey.others)}")
    return said


def _alike(labels: Sequence[str]) -> list[str]:
    """Groups of names that are one name but for its case: one of them may be a slip."""
    same: dict[str, list[str]] = {}
    for label in labels:
        same.setdefault(label.casefold(), []).append(label)
    return [" = ".join(names) for names in same.values() if len(names) > 1]


def check_names(labels: Sequence[str]) -> None:
    """Raise DatasetInvalid where classes have no plain names; says what one is, and proposes some."""
    if odd := [label for label in labels if not _PLAIN.fullmatch(label)]:
        proposed = ", ".join(f"{label!r} (such as {plain_name(label)})" for label in odd)
        raise DatasetInvalid(f"classes without a plain name: {proposed}. A plain name is {PLAIN}")


def is_plain(name: str) -> bool:
    """Whether a class may have a name; see PLAIN."""
    return _PLAIN.fullmatch(name) is not None


def plain_name(name: str) -> str:
    """The nearest plain name; a letter with an accent is the letter."""
    letters = "".join(one for one in normalize("NFKD", name) if not combining(one))
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", letters).strip("-_.") or "class"


def some_of(names: Sequence[str], shown: int = SHOWN) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
