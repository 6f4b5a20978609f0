"""The labels: what each image shows, as somebody wrote it down, and which images judge.

    filename,label
    a.jpg,logo
    b.jpg,out_of_domain

Columns `category`, `source` and `group`, where there are some, mean what they do in a manifest of training:
of one group, images are learnt from or judged by, and never both.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from batch.errors import BatchError
from batch.sources import FILENAME
from datasets.manifest import Example
from datasets.splits import HoldOut, assign_folds, split
from evaluation.outcomes import PAIR
from logo_detection.artifact import OUT_OF_DOMAIN

LABEL = "label"
GROUP = "group"
MAX_LABELS = 5_000_000
"""Rows of labels: the driver holds them, about 1 kB each."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which images teach, and which judge.

    Attributes:
        labels: The classes of the model to be, in the order of its output.
        learnt: What is learnt from.
        judged: What the result is judged by, of other groups.
    """

    labels: tuple[str, ...]
    learnt: tuple[Example, ...]
    judged: tuple[Example, ...]

    @property
    def taught(self) -> tuple[str, ...]:
        """The classes that there are images of; `out_of_domain` may have none."""
        present = {example.label for example in self.learnt}
        return tuple(label for label in self.labels if label in present)


def read_csv(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a CSV. Raises BatchError."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            yield from csv.DictReader(file)
    except OSError as error:
        raise BatchError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BatchError(f"{path} is not text in UTF-8 ({error})") from error


def as_examples(
    rows: Iterable[Mapping[str, Any]], path: str, column: str, images: Path | None
) -> dict[str, Example]:
    """Examples by filename.

    Args:
        rows: With `filename`, and the label's column.
        path: Where the rows are from, for errors.
        column: That of the label.
        images: Where the files are, if they are: for the report's pictures.

    Raises:
        BatchError: A column is missing, a name or a label is empty, a name has two labels or is not below the
            folder of the images, or there are too many.
    """
    found: dict[str, Example] = {}
    for number, row in enumerate(rows, 1):
        if missing := [name for name in (FILENAME, column) if name not in row]:
            raise BatchError(f"{path} has no column {', '.join(missing)}; it has {', '.join(map(str, row))}")
        name, label = (str("" if row[key] is None else row[key]).strip() for key in (FILENAME, column))
        if not name or not label:
            raise BatchError(f"{path}, row {number}: {column if name else FILENAME} is empty")
        if (before := found.get(name)) and before.label != label:
            raise BatchError(f"{path}, row {number}: {name} is {label}, and {before.label} in another row")
        if number > MAX_LABELS:
            raise BatchError(f"{path} has more than {MAX_LABELS:,} rows: label fewer, or train on a part")
        if images is not None and not (images / name).resolve().is_relative_to(images.resolve()):
            raise BatchError(f"{path}, row {number}: {name} is not below {images}")
        found[name] = _example(name, label, row, path, images)
    if not found:
        raise BatchError(f"{path} has no rows")
    return found


def _example(name: str, label: str, row: Mapping[str, Any], path: str, images: Path | None) -> Example:
    category = row.get("category") or label
    metadata = {PAIR: name} | ({GROUP: str(row[GROUP])} if row.get(GROUP) else {})
    return Example(
        path=Path(name) if images is None else images / name,
        label=label,
        category=str(category),
        source=str(row.get("source") or Path(path).name),
        original=name,
        licence=str(row.get("license") or ""),
        author=str(row.get("author") or ""),
        sha256="",
        metadata=metadata,
    )


def with_digests(found: Sequence[tuple[Example, str]]) -> list[Example]:
    """Examples, each with the digest of its features, and in groups.

    Equal images are one group, by whatever names, and so are those of one group of the labels: groups that
    share an image are joined.
    """
    # scipy.cluster.hierarchy.DisjointSet gives the same groups; 200,000 examples took it over 50 s, this 2.5.
    joined_to: dict[str, str] = {}

    def group_of(key: str) -> str:
        while (other := joined_to.get(key, key)) != key:
            joined_to[key] = joined_to.get(other, other)  # halves the way for the next who asks
            key = other
        return key

    for example, digest in found:
        image = f"features {digest}"
        first, last = sorted(map(group_of, (image, example.metadata.get(GROUP, image))))
        joined_to[last] = first
    return [
        replace(example, sha256=digest, metadata={**example.metadata, GROUP: group_of(f"features {digest}")})
        for example, digest in found
    ]


def make_plan(examples: Sequence[Example], share: float, seed: int, classes: Sequence[str]) -> Plan:
    """Divide by label and group; see `datasets.splits`.

    Args:
        examples: Those that there are features of.
        share: What is held out to judge by.
        seed: Chooses it.
        classes: The only labels there may be, in the model's order; or none, and they are in the alphabet's,
            behind `out_of_domain`.

    Raises:
        BatchError: There is one class only, or a label that is not among the classes.
    """
    present = {example.label for example in examples}
    if classes and (strange := next((one for one in examples if one.label not in classes), None)):
        raise BatchError(f"{strange.original} is labelled {strange.label!r}, none of {', '.join(classes)}")
    if len(present) < 2:
        raise BatchError(
            f"all {len(examples):,} images are {min(present)!r}: a model tells two classes or more"
        )
    ordered = classes or sorted(present - {OUT_OF_DOMAIN})
    labels = tuple(dict.fromkeys(ordered if OUT_OF_DOMAIN in ordered else (OUT_OF_DOMAIN, *ordered)))
    parts = split(examples, HoldOut({}, seed, share))
    plan = Plan(labels, parts.training, parts.validation)
    if missing := [label for label in labels if label not in plan.taught and label != OUT_OF_DOMAIN]:
        raise BatchError(f"there is no image of {missing[0]!r} to learn from")
    if len({example.label for example in plan.judged}) < 2:
        raise BatchError(
            f"{len(examples):,} images are too few to judge by: each class needs two that are not alike"
        )
    return plan


def folds_of(examples: Sequence[Example], number: int, seed: int) -> list[int]:
    """The fold of each example, 0 to number - 1: parts as large as each other, of other groups each."""
    return assign_folds(examples, number, seed + 1)
