"""Results: precision by day and by score, and recall, from decisions that are known."""

from datetime import timedelta

import pytest
from django.test import Client

from studio.images.models import Dataset
from studio.people.models import User
from studio.review.models import Item, Queue
from studio.review.results import read_results
from tests.studio.review.world import NOON, make_queue, post, reviewers, settle

pytestmark = pytest.mark.slow


@pytest.fixture
def queue(dataset: Dataset, administrator: User) -> Queue:
    return make_queue(dataset, administrator, threshold=0.55, rate=0.5)


def test_alarms_are_counted_by_day_and_by_band_of_scores(queue: Queue, administrator: User) -> None:
    people = reviewers("ann", "bob", "cay")
    wanted = [
        (0.55, 0, "yes yes"), (0.59, 0, "no no"), (0.6, 0, "yes no yes"), (0.95, 1, "yes yes"),
        (1.0, 1, "unsure unsure"), (0.97, 1, "yes"), (0.91, 1, "yes no"),
    ]  # fmt: skip
    for number, (score, days, answers) in enumerate(wanted):
        item = post(queue, administrator, str(number), score, scored_at=NOON + timedelta(days=days))
        assert item is not None
        settle(item, people, *answers.split())
    found = read_results(queue)
    assert [(part.name, part.files, part.yes, part.no, part.unsure) for part in found.days] == [
        ("2026-05-02", 4, 1, 0, 1), ("2026-05-01", 3, 2, 1, 0),
    ]  # fmt: skip
    assert [(part.name, part.files, part.yes, part.no, part.unsure) for part in found.bands] == [
        ("0.9 to 1.0", 4, 1, 0, 1), ("0.6 to 0.7", 1, 1, 0, 0), ("0.55 to 0.6", 2, 1, 1, 0),
    ]  # fmt: skip
    assert (found.whole.files, found.whole.yes, found.whole.no) == (7, 3, 1)
    assert found.whole.precision is not None
    assert found.whole.precision.value == 0.75
    assert found.recall is None


def test_recall_counts_those_that_were_not_drawn(queue: Queue, administrator: User, browser: Client) -> None:
    people = reviewers("ann", "bob")
    page = f"/datasets/signs/review/{queue.pk}/results"
    assert b"cannot be told yet" in browser.get(page).content
    for number in range(60):
        item = post(queue, administrator, str(number), 0.9 if number < 20 else 0.1)
        if item is not None:
            settle(item, people, *(2 * ["yes" if number % 4 == 0 else "no"]))
    found = read_results(queue)
    drawn = Item.objects.filter(is_alarm=False)
    assert (found.below, found.drawn.files) == (40, drawn.count())
    assert found.recall is not None
    missed = 40 * drawn.filter(verdict="yes").count() / drawn.count()
    assert found.recall.value == pytest.approx(5 / (5 + missed))
    text = browser.get(page).content.decode()
    assert f"<strong>{found.recall.value:.3f}</strong> of all are found" in text
    assert '<svg class="interval"' in text
