"""Splits: which images are for training, and which for validation.

A set is split by source or group, never image by image: pictures of one source are alike in ways that have
nothing to do with logos, so that a random split would measure memory.
"""

import hashlib
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from datasets.manifest import Example

# `aws-dark.svg`, `aws-icon.svg`, `aws_wordmark.svg` and `aws-64x64.png` show one brand.
_VARIANTS = re.compile(
    r"[-_. ](icon|logo|logomark|mark|symbol|wordmark|text|original|plain|line|alt|alternate|old|new"
    r"|dark|light|black|white|gr[ae]y|gr[ae]yscale|mono|monochrome|colou?r|blue|green|red"
    r"|square|circle|round|rounded|horizontal|vertical|stacked|wide|small|large|hd"
    r"|[0-9]+|[0-9]+x[0-9]+|[0-9]+px|js|io|dev|app)$"
)

Group = tuple[str, ...]
"""The key of a group, whose examples are all on one side of a split."""


@dataclass(frozen=True, slots=True)
class Split:
    """Examples to train on, and examples of other sources or groups to validate on."""

    training: tuple[Example, ...]
    validation: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class HoldOut:
    """The images that are kept from training.

    Attributes:
        sources: Of some sources (`owner/name`, or a wiki category), the share of their groups; 1.0 is the
            whole source, save groups that another source has in training.
        seed: Chooses the groups.
        share: Of the groups of all other sources, 0 to 1.

    Raises:
        ValueError: A share is not 0 to 1; names its source.
    """

    sources: Mapping[str, float]
    seed: int
    share: float = 0.0

    def __post_init__(self) -> None:
        for name, share in {**self.sources, "others": self.share}.items():
            if not 0 <= share <= 1:
                raise ValueError(f"hold_out: share of {name}: {share} is not 0 to 1")


def split(examples: Iterable[Example], hold_out: HoldOut) -> Split:
    """Divide by source and group, in the order of the examples.

    A group is on one side whole, whatever sources show it, and a random number that depends on the group and
    the seed alone decides on which. If the share of the sources that the hold-out does not name is more than
    0, a label with two or more of their groups is on both sides.
    """
    everything = list(examples)
    groups = [_group(example, hold_out) for example in everything]
    train_groups = _train_groups_of_named(everything, groups, hold_out)
    train_groups |= _train_groups_of_others(everything, groups, hold_out, train_groups)
    return Split(
        tuple(example for example, group in zip(everything, groups, strict=True) if group in train_groups),
        tuple(
            example for example, group in zip(everything, groups, strict=True) if group not in train_groups
        ),
    )


def _is_named(example: Example, hold_out: HoldOut) -> bool:
    return example.repository in hold_out.sources


def _group(example: Example, hold_out: HoldOut) -> Group:
    """The group of an example. Only brands and the manifest's groups are shared between sources."""
    if group := example.metadata.get("group"):
        return ("group", group)
    if example.category == "brand":
        return ("brand", brand_of(example))
    if _is_named(example, hold_out):
        return ("source", example.source, example.category, group_of(example))
    return ("file", example.source, example.original, example.sha256)


def _train_groups_of_named(
    examples: Sequence[Example], groups: Sequence[Group], hold_out: HoldOut
) -> set[Group]:
    return {
        group
        for example, group in zip(examples, groups, strict=True)
        if _is_named(example, hold_out) and not _is_held_out(example, hold_out)
    }


def _is_held_out(example: Example, hold_out: HoldOut) -> bool:
    """Each group of a named source by itself, so that a source that grows keeps its split."""
    name = f"{example.category}/{group_of(example)}"
    return _stateless_random(hold_out.seed, name) < hold_out.sources[example.repository]


def _train_groups_of_others(
    examples: Sequence[Example], groups: Sequence[Group], hold_out: HoldOut, train_groups: set[Group]
) -> set[Group]:
    """The groups of unnamed sources that are for training."""
    others = [
        (example, group)
        for example, group in zip(examples, groups, strict=True)
        if not _is_named(example, hold_out) and group not in train_groups
    ]
    return {
        group for those in _by_label(others).values() for group in _train_groups_of_label(those, hold_out)
    }


def _by_label(examples: Iterable[tuple[Example, Group]]) -> dict[str, dict[Group, str]]:
    """The groups of each label, with their categories; a group of several labels counts for the first."""
    homes: dict[Group, tuple[str, str]] = {}
    for example, group in examples:
        place = (example.label, example.category)
        homes[group] = min(homes.get(group, place), place)
    by_label: dict[str, dict[Group, str]] = defaultdict(dict)
    for group, (label, category) in homes.items():
        by_label[label][group] = category
    return by_label


def _train_groups_of_label(groups: Iterable[Group], hold_out: HoldOut) -> list[Group]:
    """Each group by itself, so that a set that grows keeps its split; of two or more, one on either side."""
    randoms = {group: _stateless_random(hold_out.seed, *group) for group in groups}
    ordered = sorted(randoms, key=lambda group: (randoms[group], group))
    held = sum(random < hold_out.share for random in randoms.values())
    if len(ordered) > 1 and hold_out.share > 0:
        held = min(max(held, 1), len(ordered) - 1)
    elif hold_out.share < 1:
        held = 0
    return ordered[held:]


def assign_folds(examples: Sequence[Example], number: int, seed: int) -> list[int]:
    """The fold of each example, 0 to number - 1: no group is in two of them.

    Of each label, and of any category in it, the folds have equally many groups, give or take one.
    """
    groups = [_group(example, HoldOut({}, seed)) for example in examples]
    folds: dict[Group, int] = {}
    for label, homes in _by_label(zip(examples, groups, strict=True)).items():
        ordered = sorted(homes, key=lambda group: (homes[group], _stateless_random(seed, *group), group))
        first = math.floor(number * _stateless_random(seed, "first", label))
        folds |= {group: (first + index) % number for index, group in enumerate(ordered)}
    return [folds[group] for group in groups]


def _stateless_random(seed: int, *name: str) -> float:
    """A number in [0, 1) that depends on a seed and a name alone."""
    digest = hashlib.sha256("/".join((str(seed), *name)).encode()).digest()
    return int.from_bytes(digest[:4]) / 2**32


def group_of(example: Example) -> str:
    """What is one group in a source: the manifest's, a brand, a screenshots' folder, else a file."""
    if group := example.metadata.get("group"):
        return group
    if example.category == "brand":
        return brand_of(example)
    original = PurePosixPath(example.original)
    return str(original.parent) if example.category == "screenshot" else original.stem


def brand_of(example: Example) -> str:
    """The brand that a logo's file is named after."""
    return brand_of_name(PurePosixPath(example.original).stem)


def brand_of_name(name: str) -> str:
    """The brand in a name, in lower case, without its variant, size and punctuation."""
    name = name.lower()
    while (shorter := _VARIANTS.sub("", name)) != name:
        name = shorter
    return re.sub(r"[\W_]", "", name)


def sources_of(examples: Iterable[Example]) -> dict[str, int]:
    """How many examples each source gives, by `owner/name@commit`."""
    counts: dict[str, int] = {}
    for example in examples:
        counts[example.source] = counts.get(example.source, 0) + 1
    return dict(sorted(counts.items()))
