"""Near duplicates: which images of a data set look like others of it, by the fingerprints of their files."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import numpy as np
from django.db.models import QuerySet

from datasets.duplicates import Fingerprint, alike
from studio.images.models import Dataset, Image, NearDuplicate

BLOCK = 4096
"""Images whose fingerprints are in memory at a time: of 4 KB each, while they are compared."""

Prints = list[tuple[int, Fingerprint]]


def find_near_duplicates(dataset: Dataset, images: QuerySet[Image], go_on: Callable[[], None]) -> int:
    """Write down the pairs of images of a data set of which the one or the other is among these.

    Args:
        dataset: Theirs.
        images: Some of it.
        go_on: Called now and then; may raise what ends this.

    Returns:
        How many pairs there are now more.
    """
    before = dataset.near_duplicates.count()
    for new in _blocks(images):
        for every in _blocks(dataset.images.all()):
            go_on()
            pairs = {
                _ordered(new[one][0], every[other][0]) for one, other in alike(_prints(new), _prints(every))
            }
            rows = [
                NearDuplicate(dataset=dataset, left_id=left, right_id=right)
                for left, right in sorted(pairs)
                if left != right
            ]
            NearDuplicate.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
    return dataset.near_duplicates.count() - before


def _ordered(one: int, other: int) -> tuple[int, int]:
    return (one, other) if one < other else (other, one)


def _prints(block: Prints) -> Sequence[Fingerprint]:
    return [fingerprint for _, fingerprint in block]


def _blocks(images: QuerySet[Image]) -> Iterator[Prints]:
    rows = images.order_by("pk").values_list("pk", "file__colours", "file__stretch").iterator(BLOCK)
    prints = (
        (key, Fingerprint(np.frombuffer(bytes(colours), np.uint8), stretch))
        for key, colours, stretch in rows
        if colours
    )
    while block := list(islice(prints, BLOCK)):
        yield block
