"""Pages of runs: what one may ask for."""

import pytest
from django.test import Client

from studio.images.models import Dataset, Version
from studio.people.models import User
from studio.runs.models import Run
from studio.runs.recipes import numbers_of, read_text

pytestmark = pytest.mark.slow


@pytest.fixture
def version(dataset: Dataset, administrator: User) -> Version:
    balance = {"logo": 1, "out_of_domain": 1}
    return Version.objects.create(
        dataset=dataset, number=1, digest="1" * 64, images=2, balance=balance, made_by=administrator
    )


def numbers(**changes: str) -> dict[str, str]:
    own = {number.place: str(number.value) for number in numbers_of(read_text("quick"))}
    return {**own, **changes}


def test_a_run_is_asked_for_with_numbers_of_the_recipe(version: Version, browser: Client) -> None:
    assert b'value="1"' in browser.get("/datasets/signs/runs").content
    form = browser.get("/datasets/signs/runs/new?version=1&recipe=quick").content.decode()
    assert 'name="stages.0.images"' in form
    body = {"version": "1", "recipe": "quick", **numbers(dropout="0.5")}
    assert browser.post("/datasets/signs/runs/add", body).status_code == 302
    run = Run.objects.get()
    assert run.changes == {"dropout": 0.5}
    assert "dropout = 0.5" in run.text
    assert b"Waiting" in browser.get(f"/datasets/signs/runs/{run.pk}").content


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"dropout": "2"}, 400), ({"dropout": "nan"}, 400), ({"stages.0.batch": "x"}, 400),
        ({"recipe": "../../etc/passwd"}, 400), ({"recipe": "distilled"}, 400), ({"version": "7"}, 404),
        ({"version": "x"}, 404),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_no_run(
    changes: dict[str, str], status: int, version: Version, browser: Client
) -> None:
    body = {"version": "1", "recipe": "quick", **numbers(), **changes}
    assert browser.post("/datasets/signs/runs/add", body).status_code == status
    assert not Run.objects.exists()


def test_a_class_without_images_is_no_label_of_the_recipe(version: Version, browser: Client) -> None:
    Version.objects.update(balance={"logo": 2})
    sent = browser.post("/datasets/signs/runs/add", {"version": "1", "recipe": "quick", **numbers()})
    assert sent.status_code == 400
    assert b"labels" in sent.content
