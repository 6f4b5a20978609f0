"""Accepting: what reviewers agree on enters the next version, and nothing else does."""

import csv

import pytest
from django.test import Client

from studio.django_settings import STUDIO
from studio.images.labelling import label_images, undo
from studio.images.membership import make_dataset
from studio.images.models import Change, Dataset, Image, Import, Membership
from studio.images.store import FileStore
from studio.images.versions import folder_of, make_version
from studio.people.models import AuditEntry, Role, User
from studio.review.models import Item, Queue
from tests.studio.review.world import make_queue, post, reviewers, run_intakes, settle
from tests.studio.world import bring, class_of, log_in, make_user, pattern

pytestmark = pytest.mark.slow

ANSWERS = {"a.png": "yes yes", "b.png": "no no", "c.png": "yes no", "d.png": "unsure unsure", "e.png": "yes"}


@pytest.fixture
def queue(dataset: Dataset, administrator: User) -> Queue:
    """With five files, of which two are data, and a third that has no picture here."""
    queue, people = make_queue(dataset, administrator), reviewers("ann", "bob")
    for number, name in enumerate(ANSWERS):
        post(queue, administrator, name, 0.9, source_url="", picture=pattern(number))
    post(queue, administrator, "far.png", 0.9)
    run_intakes()
    for item in Item.objects.all():
        settle(item, people, *ANSWERS.get(item.filename, "yes yes").split())
    return queue


def labels(dataset: Dataset) -> dict[str, str]:
    return {image.name: str(image.label) for image in dataset.images.select_related("label")}


def test_a_button_puts_what_two_agree_on_into_the_next_version(
    queue: Queue, dataset: Dataset, browser: Client, administrator: User
) -> None:
    page = f"/datasets/signs/review/{queue.pk}"
    assert b"2 settled files with a picture here" in browser.get(f"{page}/results").content
    assert browser.post(f"{page}/accept", {"into": "signs"}).status_code == 302
    assert labels(dataset) == {"a.png": "logo", "b.png": "out_of_domain"}
    version = make_version(administrator, dataset, "", FileStore(STUDIO.data))
    with (folder_of(version, FileStore(STUDIO.data)) / "manifest.csv").open(newline="") as file:
        rows = {row["original"]: row["label"] for row in csv.DictReader(file)}
    assert rows == {"a.png": "logo", "b.png": "out_of_domain"}
    assert {(change.why, change.by.username, change.images) for change in Change.objects.all()} == {
        ("review", "ada", 1)
    }
    assert Import.objects.get().state == "done"
    assert AuditEntry.objects.filter(action="accept items", details__startswith="2 of").exists()
    assert browser.post(f"{page}/accept").status_code == 409  # nothing is left


def test_another_data_set_may_take_them_where_one_may_import(
    queue: Queue, dataset: Dataset, browser: Client, administrator: User
) -> None:
    other, page = make_dataset(administrator, "other"), f"/datasets/signs/review/{queue.pk}"
    make_dataset(administrator, "flags", classes=("out_of_domain", "flag"))
    assert browser.post(f"{page}/accept", {"into": "flags"}).status_code == 409
    tom = make_user("tom")
    Membership.objects.create(dataset=dataset, user=tom, role=Role.TRAINER)
    Membership.objects.create(dataset=other, user=tom, role=Role.REVIEWER)
    assert log_in(tom).post(f"{page}/accept", {"into": "other"}).status_code == 400
    assert not Image.objects.exists()
    assert browser.post(f"{page}/accept", {"into": "other"}).status_code == 302
    assert (len(labels(other)), labels(dataset)) == (2, {})


def test_an_image_that_is_there_already_keeps_its_history(
    queue: Queue, dataset: Dataset, browser: Client, administrator: User
) -> None:
    bring(browser, dataset, {"known.png": pattern(0)})
    known = Image.objects.get()
    label_images(administrator, dataset, [known.pk], class_of(dataset, "out_of_domain"))
    assert browser.post(f"/datasets/signs/review/{queue.pk}/accept").status_code == 302
    assert labels(dataset) == {"known.png": "logo", "b.png": "out_of_domain"}
    change = Change.objects.get(labellings__image=known, why="review")
    undo(administrator, change)
    assert labels(dataset)["known.png"] == "out_of_domain"
