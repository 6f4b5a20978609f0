"""The labels of images, and how labelled images are divided into train examples and a hold-out.

    filename,label
    a.jpg,logo
    b.jpg,out_of_domain

Columns `category`, `source` and `group`, where there are some, mean what they do in a manifest of training:
images of one group are all train examples, or all in the hold-out.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from batch.errors import BatchError
from batch.table_columns import FILENAME
from datasets.manifest import Example
from datasets.splits import HoldOut, assign_folds, split
from evaluation.arrays import Floats, Ints
from evaluation.calibration import prior_weights
from evaluation.outcomes import PAIR
from logo_detection.artifact import OUT_OF_DOMAIN

LABEL = "label"
GROUP = "group"
SMALL_CLASS = 10
"""Images of a class that has fewer to train on weigh as much as those of a class of so many: four images with
the weight of four hundred would decide everything, and be learnt by heart."""

MAX_LABELS = 5_000_000
"""Rows of labels: the driver holds them, about 1 kB each."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which images are trained on, and which are held out.

    Attributes:
        labels: The classes of the new model, in the order of its output.
        train_examples: The images to train on.
        holdout_examples: The images to evaluate on, of other groups.
    """

    labels: tuple[str, ...]
    train_examples: tuple[Example, ...]
    holdout_examples: tuple[Example, ...]

    @property
    def train_labels(self) -> tuple[str, ...]:
        """The classes that have train examples; `out_of_domain` may have none."""
        present = {example.label for example in self.train_examples}
        return tuple(label for label in self.labels if label in present)


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

    Images with equal features are one group, whatever their names. Images of one `group` of the labels are
    one group, too. Groups that share an image are joined.
    """
    # scipy.cluster.hierarchy.DisjointSet gives the same groups; 200,000 examples took it over 50 s, this 2.5.
    joined_to: dict[str, str] = {}

    def group_of(key: str) -> str:
        while (other := joined_to.get(key, key)) != key:
            joined_to[key] = joined_to.get(other, other)  # halves the path that the next call follows
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
        examples: Those that have features.
        share: The part that is held out.
        seed: Chooses that part.
        classes: The only labels that are allowed, in the model's order. Without any, all labels in the
            alphabet's order, after `out_of_domain`.

    Raises:
        BatchError: There is one class only, a label is not among the classes, or a class has too few images.
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
    if missing := [label for label in labels if label not in plan.train_labels and label != OUT_OF_DOMAIN]:
        raise BatchError(f"there is no image of {missing[0]!r} to train on")
    if len({example.label for example in plan.holdout_examples}) < 2:
        unseen = present - {example.label for example in plan.holdout_examples}
        raise BatchError(
            f"{len(examples):,} images are too few to evaluate on: each class needs two that are not alike,"
            f" and none could be held out of {', '.join(sorted(unseen))}"
        )
    return plan


def folds_of(examples: Sequence[Example], number: int, seed: int) -> list[int]:
    """The fold of each example, 0 to number - 1: parts of equal size. A group is in one fold."""
    return assign_folds(examples, number, seed + 1)


def in_every_fold(plan: Plan, number: int, seed: int) -> list[int]:
    """The classes that have train examples in every fold, by their index; all, where none has."""
    folds = folds_of(plan.train_examples, number, seed)
    present = {(example.label, fold) for example, fold in zip(plan.train_examples, folds, strict=True)}
    found = [
        index
        for index, label in enumerate(plan.train_labels)
        if all((label, fold) in present for fold in range(number))
    ]
    return found or list(range(len(plan.train_labels)))


def train_weights(plan: Plan) -> tuple[Ints, Floats]:
    """The index of each train example's class, int[N]; and what it counts, float64[N], 1 on average."""
    truth = np.array([plan.train_labels.index(example.label) for example in plan.train_examples])
    shares = class_weights(np.bincount(truth, minlength=len(plan.train_labels)).tolist())
    return truth, prior_weights(truth, shares.tolist())


def class_weights(counts: Sequence[int]) -> Floats:
    """The share that each class has of the training, float64[classes]: equal, but less for a small one."""
    shares = np.minimum(1.0, np.array(counts) / SMALL_CLASS)
    return np.asarray(shares / shares.sum(), np.float64)


def small_classes(plan: Plan) -> list[str]:
    """A line that names the classes with few images to train on, if there are such."""
    counts = Counter(example.label for example in plan.train_examples)
    small = [f"{label} ({counts[label]})" for label in plan.train_labels if counts[label] < SMALL_CLASS]
    if not small:
        return []
    names = ", ".join(small)
    return [f"fewer than {SMALL_CLASS} images to train on: {names}; these weigh less than others"]
