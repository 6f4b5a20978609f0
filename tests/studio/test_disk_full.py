"""A full disk: SQLite really has no page left, and a file's error is the system's own."""

import errno
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from studio.background.claims import claim_next
from studio.background.conclusion import conclude
from studio.background.heart import Heart
from studio.disk_full import DISK_FULL, is_disk_full
from studio.images.models import Change, Dataset, Import
from studio.people.models import User
from tests.studio.api.calls import Caller, is_error
from tests.studio.world import rows

pytestmark = pytest.mark.slow

IMAGES = 50


@pytest.fixture
def images(dataset: Dataset, administrator: User) -> list[int]:
    return [image.pk for image in rows(dataset, administrator, [0.5] * IMAGES)]


@pytest.fixture
def full(images: list[int]) -> Iterator[None]:
    """The database takes no page more."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")  # no page is free
        cursor.execute("PRAGMA max_page_count = 1")  # which sets it to what there are
        yield
        cursor.execute("PRAGMA max_page_count = 1000000")


@pytest.fixture
def browser(administrator: User) -> Client:
    """One that gets the page of a failure, as browsers do."""
    client = Client(SERVER_NAME="localhost", raise_request_exception=False)
    client.force_login(administrator)
    return client


def until_full(label: Callable[[str], Any]) -> list[Any]:
    """The answers to labelling in turn, which takes pages, up to the first that is not a success."""
    answers: list[Any] = []
    while not answers or answers[-1].status_code == 200:
        answers.append(label(("logo", "out_of_domain")[len(answers) % 2]))
        assert len(answers) < 1000
    assert answers[-1].status_code == 507
    return answers


def test_a_page_says_that_the_disk_is_full_and_nothing_is_changed(
    images: list[int], browser: Client, full: None
) -> None:
    answers = until_full(
        lambda label: browser.post("/datasets/signs/label", {"image": images, "label": label})
    )
    assert DISK_FULL in answers[-1].content.decode().replace("&#x27;", "'")
    assert Change.objects.count() == len(answers) - 1
    assert browser.get("/datasets/signs/").status_code == 200


@pytest.fixture
def caller(administrator: User) -> Caller:
    return Caller(administrator)


def test_the_api_says_that_the_disk_is_full(images: list[int], caller: Caller, full: None) -> None:
    path = "/api/datasets/signs/labels/"
    answers = until_full(lambda label: caller.send(path, {"images": images, "label": label}))
    is_error(answers[-1], 507, "disk_full")
    assert Change.objects.count() == len(answers) - 1


def test_work_that_fails_of_a_full_disk_says_so(dataset: Dataset, administrator: User) -> None:
    Import.objects.create(dataset=dataset, kind="zip", name="a", labels="none", asked_by=administrator)
    work = claim_next(Import)
    assert work is not None

    def fill(_: Heart) -> str:
        raise OSError(errno.ENOSPC, "no space")

    conclude(work, Event(), fill)
    assert [*Import.objects.values_list("state", "message")] == [("failed", DISK_FULL)]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "no space"), True),
        (OSError(errno.EDQUOT, "quota"), True),
        (OSError(errno.EACCES, "no"), False),
        (OperationalError("another"), False),
    ],
    ids=str,
)
def test_a_full_disk_is_told_from_other_errors(error: Exception, expected: bool) -> None:
    assert is_disk_full(error) is expected
