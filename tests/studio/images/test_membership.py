"""Data sets whose name somebody else takes at the same moment."""

from collections.abc import Iterator

import pytest
from django.db.models.signals import pre_save
from django.test import Client

from studio.images.models import Dataset
from studio.people.models import AuditEntry, User
from tests.studio.api.calls import Caller, is_error

pytestmark = pytest.mark.slow


@pytest.fixture
def faster(administrator: User) -> Iterator[None]:
    """Somebody takes each name after it was looked up, and before it is kept."""

    def take(instance: Dataset, **_: object) -> None:
        Dataset.objects.bulk_create([Dataset(name=instance.name, made_by=administrator)])

    pre_save.connect(take, sender=Dataset)
    yield
    pre_save.disconnect(take, sender=Dataset)


@pytest.mark.usefixtures("faster")
def test_a_name_that_was_taken_a_moment_ago_is_told_on_the_page(browser: Client) -> None:
    body = {"name": "signs", "classes": "logo out_of_domain"}
    sent = browser.post("/datasets/add", body)
    assert sent.status_code == 400
    assert "There is a data set &#x27;signs&#x27; already." in sent.content.decode()
    assert not AuditEntry.objects.filter(action="make data set").exists()


@pytest.mark.usefixtures("faster")
def test_a_name_that_was_taken_a_moment_ago_is_a_conflict_by_the_api(administrator: User) -> None:
    error = is_error(Caller(administrator).send("/api/datasets/", {"name": "signs"}), 409, "name_taken")
    assert error["error"] == "There is a data set 'signs' already."
