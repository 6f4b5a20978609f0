"""Posting: what programs may send into a queue, and what becomes of it."""

from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from studio.images.models import Dataset, File, Image
from studio.people.models import AuditEntry, User
from studio.review import posting
from studio.review.models import Intake, Item
from studio.review.posting import Post, TooManyWaiting
from studio.review.scored_files import ScoredFileInvalid
from tests.studio.review.world import make_queue, post, poster, reviewers, run_intakes
from tests.studio.world import log_in, pattern

pytestmark = pytest.mark.slow

RED = pattern(1, (230, 20, 20))


def test_a_posted_picture_is_shown_once_the_fence_has_seen_it(dataset: Dataset, administrator: User) -> None:
    queue = make_queue(dataset, administrator)
    item = post(queue, administrator, "a.png", 0.9, source_url="", picture=RED)
    assert item is not None
    assert not item.is_ready
    run_intakes()
    item.refresh_from_db()
    assert (item.is_ready, item.upload, item.heat_map_by) == (True, "", "mean-colour 1")
    assert item.file == File.objects.get()
    assert not Image.objects.exists()  # it is in no data set before it is accepted
    assert not list(poster().uploads.root.iterdir())
    (ann,) = reviewers("ann")
    client, page = log_in(ann), f"/datasets/signs/review/{queue.pk}/items/{item.pk}"
    for name, kind in (("picture", "image/jpeg"), ("heat-map", "image/png")):
        response = client.get(f"{page}/{name}")
        assert response["Content-Type"] == kind
        assert b"".join(response)[:4] in (b"\xff\xd8\xff\xe0", b"\x89PNG")
        response.close()
    assert AuditEntry.objects.filter(action="post item", details="a.png").exists()


def test_many_posted_pictures_are_one_intake(dataset: Dataset, administrator: User) -> None:
    queue = make_queue(dataset, administrator)
    for number in range(3):
        post(queue, administrator, f"{number}.png", 0.9, picture=pattern(number))
    broken = post(queue, administrator, "broken.png", 0.9, source_url="", picture=b"no image")
    run_intakes()
    job = Intake.objects.get()
    assert (job.state, job.message) == ("done", "4 pictures, 1 refused")
    assert Item.objects.filter(is_ready=True).count() == 3
    assert broken is not None
    assert job.problems.get().name == "broken.png"
    post(queue, administrator, "later.png", 0.9, picture=pattern(9))
    assert Intake.objects.count() == 2


def test_the_same_post_is_one_item(dataset: Dataset, administrator: User) -> None:
    queue = make_queue(dataset, administrator)
    first = post(queue, administrator, "a.png", 0.9, picture=RED)
    assert post(queue, administrator, "a.png", 0.9, picture=RED) == first
    assert len(list(poster().uploads.root.iterdir())) == 1
    below = [post(queue, administrator, "b.png", 0.1) for _ in range(2)]
    assert below == [None, None]
    assert queue.passed_over.count() == 1


def test_posts_of_other_bytes_under_one_name_are_other_items(dataset: Dataset, administrator: User) -> None:
    queue = make_queue(dataset, administrator)
    sent = [post(queue, administrator, "a.png", 0.9, source_url="", picture=pattern(n)) for n in range(2)]
    assert sent[0] != sent[1]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"filename": ""}, "filename"), ({"filename": "a\0b"}, "filename"),
        ({"filename": "a" * 1025}, "filename"), ({"score": 1.5}, "score"),
        ({"score": float("nan")}, "score"), ({"model_version": ""}, "model_version"),
        ({"source_url": ""}, "source_url"), ({"source_url": "http://upload.wikimedia.org/a"}, "source_url"),
        ({"source_url": "https://evil.example/a"}, "source_url"),
        ({"source_url": "javascript:alert(1)"}, "source_url"),
        ({"source_url": "https://upload.wikimedia.org:8443/a"}, "source_url"),
        ({"picture": b""}, "picture"), ({"scored_at": datetime(2026, 5, 1)}, "scored_at"),
    ],
)  # fmt: skip
def test_a_post_that_makes_no_sense_is_refused_by_its_field(
    fields: dict[str, Any], named: str, dataset: Dataset, administrator: User
) -> None:
    queue = make_queue(dataset, administrator)
    sound: dict[str, Any] = {
        "filename": "a.png", "score": 0.9, "model_version": "1", "source_url": "https://upload.wikimedia.org/a",
    }  # fmt: skip
    with pytest.raises(ScoredFileInvalid, match=f"^{named}: "):
        poster().post(administrator, queue, Post(**{**sound, **fields}))
    assert not Item.objects.exists()


def test_no_more_pictures_wait_than_may(
    dataset: Dataset, administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "MAX_WAITING", 1)
    queue = make_queue(dataset, administrator)
    post(queue, administrator, "a.png", 0.9, picture=RED)
    with pytest.raises(TooManyWaiting, match="later"):
        post(queue, administrator, "b.png", 0.9, picture=RED)
    assert post(queue, administrator, "c.png", 0.9) is not None  # an address alone waits for nothing


def test_a_picture_of_another_queue_is_not_found(
    dataset: Dataset, browser: Client, administrator: User
) -> None:
    queue, other = make_queue(dataset, administrator), make_queue(dataset, administrator, name="other")
    item = post(queue, administrator, "a.png", 0.9)
    assert item is not None
    assert browser.get(f"/datasets/signs/review/{queue.pk}/items/{item.pk}/picture").status_code == 404
    assert (
        browser.post(
            f"/datasets/signs/review/{other.pk}/items/{item.pk}/decide", {"answer": "yes"}
        ).status_code
        == 404
    )
