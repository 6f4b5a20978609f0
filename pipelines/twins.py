"""Twins: images of a set that look alike, and so must not be on both sides of a split.

A head that was trained on one of two twins knows the other by heart.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from datasets.duplicates import alike
from datasets.manifest import Example
from heads.labels import with_digests
from pipelines.picture_features import Picture


@dataclass(frozen=True, slots=True)
class Twins:
    """The images of a set that can be used, and those that look alike.

    Attributes:
        examples: In groups (`heads.labels.GROUP`): twins are in one.
        alike: Names of images that look alike, of one class.
        contradictory: Likewise, of several classes; they are used.
        left_out: Names of files with the same bytes in several classes; they are not used.
    """

    examples: tuple[Example, ...]
    alike: tuple[tuple[str, ...], ...]
    contradictory: tuple[tuple[str, ...], ...]
    left_out: tuple[str, ...]


def find_twins(pictures: Sequence[Picture]) -> Twins:
    """Find the twins among the pictures that could be read."""
    labels: dict[str, set[str]] = defaultdict(set)
    for picture in pictures:
        labels[picture.example.sha256].add(picture.example.label)
    left_out = [one.example.original for one in pictures if len(labels[one.example.sha256]) > 1]
    kept = [one for one in pictures if one.seen is not None and len(labels[one.example.sha256]) == 1]
    clusters = _clusters(kept)
    several = [members for members in clusters if len(members) > 1]
    named = [
        (tuple(kept[index].example.original for index in members), len(_labels(kept, members)) > 1)
        for members in several
    ]
    return Twins(
        _grouped([picture.example for picture in kept], clusters),
        tuple(names for names, is_contradictory in named if not is_contradictory),
        tuple(names for names, is_contradictory in named if is_contradictory),
        tuple(left_out),
    )


def _labels(pictures: Sequence[Picture], members: Sequence[int]) -> set[str]:
    return {pictures[index].example.label for index in members}


def _clusters(pictures: Sequence[Picture]) -> list[list[int]]:
    """Indices of pictures, in clusters of those that look alike; most are alone."""
    prints = [picture.seen.fingerprint if picture.seen else None for picture in pictures]
    home = list(range(len(pictures)))
    for one, other in alike(prints, prints):
        if home[one] != home[other]:
            kept, joined = sorted((home[one], home[other]))
            home = [kept if place == joined else place for place in home]
    clusters: dict[int, list[int]] = defaultdict(list)
    for index, place in enumerate(home):
        clusters[place].append(index)
    return list(clusters.values())


def _grouped(examples: Sequence[Example], clusters: Sequence[Sequence[int]]) -> tuple[Example, ...]:
    """The examples, each in the group of its cluster, joined with the set's own groups."""
    names = {index: examples[members[0]].original for members in clusters for index in members}
    grouped = with_digests([(example, names[index]) for index, example in enumerate(examples)])
    return tuple(replace(one, sha256=example.sha256) for one, example in zip(grouped, examples, strict=True))
