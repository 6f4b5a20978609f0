"""A queue of 100,000 items, half of which a reviewer has decided about."""

import hashlib
import time

import pytest

from studio.images.models import Dataset
from studio.people.models import User
from studio.review.deciding import next_item
from studio.review.models import Decision, Item
from studio.review.results import read_results
from tests.studio.review.world import NOON, make_queue, reviewers

pytestmark = pytest.mark.soak

ITEMS = 100_000
MOST_S = 0.3


def test_the_next_item_and_the_results_come_soon(dataset: Dataset, administrator: User) -> None:
    queue, (ann, bob) = make_queue(dataset, administrator), reviewers("ann", "bob")
    keys = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(ITEMS)]
    items = Item.objects.bulk_create(
        [
            Item(
                queue=queue,
                key=key[:32],
                filename=f"{number}.png",
                source_url="https://upload.wikimedia.org/a.png",
                score=0.5 + number / ITEMS / 2,
                model_version="1",
                scored_at=NOON,
                day=NOON.date(),
                band=5 + 5 * number // ITEMS,
                is_alarm=True,
                rank=int(key[-15:], 16),
                is_ready=True,
            )
            for number, key in enumerate(keys)
        ],
        batch_size=2000,
    )
    # The first ones in the order of the queue: the worst case, as all of them are passed by.
    first = sorted(items, key=lambda item: item.rank)[: ITEMS // 2]
    Item.objects.filter(rank__lte=first[-1].rank).update(first_by=ann)
    Decision.objects.bulk_create(
        [Decision(item=item, by=ann, answer="yes") for item in first], batch_size=2000
    )
    for reviewer in (ann, bob):
        began = time.perf_counter()
        assert next_item(queue, reviewer) is not None
        took = time.perf_counter() - began
        print(f"next item of {ITEMS:,}: {1000 * took:.0f} ms")  # noqa: T201
        assert took < MOST_S
    began = time.perf_counter()
    assert read_results(queue).whole.files == ITEMS
    took = time.perf_counter() - began
    print(f"results of {ITEMS:,}: {1000 * took:.0f} ms")  # noqa: T201
