"""Categories of a wiki: a small real one, whose files come into a data set as any others do."""

from collections.abc import Iterator
from dataclasses import replace
from threading import Event, Timer

import pytest
from django.test import Client

from datasets.mediawiki import RetryPolicy
from studio.background.claims import ask_to_cancel
from studio.django_settings import STUDIO
from studio.images.jobs import run_next_import
from studio.images.models import Dataset, Image, Import
from studio.images.uploads import Uploads
from studio.images.wiki import Wiki
from tests.studio.world import equipment
from tests.wiki import Answer, WikiServer, small_commons

pytestmark = pytest.mark.slow

HASTY = RetryPolicy(first_wait_s=0.01, lag_wait_s=0.05, longest_wait_s=2.0)
ADD = "/datasets/signs/imports/add"
LOGOS = {"category": "Category:Logos", "depth": "2", "most": "100", "labels": "one"}


@pytest.fixture
def wiki() -> Iterator[WikiServer]:
    with WikiServer(small_commons(6)) as server:
        yield server


def run(wiki: WikiServer) -> Import:
    own = Wiki(wiki.api, "", "tests@example.org", HASTY)
    assert run_next_import(replace(equipment(), wiki=own), Event())
    return Import.objects.latest("pk")


def label(dataset: Dataset) -> str:
    return str(dataset.classes.get(name="logo").pk)


def test_a_category_comes_in_with_licences_and_one_label(
    wiki: WikiServer, dataset: Dataset, browser: Client
) -> None:
    broken = wiki.files[1003]
    broken.thumbnail = lambda: Answer(200, b"no picture")
    assert browser.post(ADD, LOGOS | {"label": label(dataset)}).status_code == 302
    job = run(wiki)
    assert (job.state, job.kind, job.name) == ("done", "commons", "Category:Logos")
    assert (job.added, job.refused) == (5, 1)
    image = Image.objects.get(original="File:Logo of company 1001.svg")
    assert (str(image.label), image.licence, image.author) == ("logo", "CC BY-SA 4.0", "Ann & Bob")
    assert image.source == "Category:Logos of companies"
    assert image.metadata["description_url"] == f"{wiki.url}/wiki/1001"
    assert all("tests@example.org" in each.headers["user-agent"] for each in wiki.requests)
    assert not any(Uploads(STUDIO.data / "uploads").root.iterdir())


def test_what_the_wiki_does_not_give_is_named(wiki: WikiServer, dataset: Dataset, browser: Client) -> None:
    wiki.files[1002].mime = "audio/ogg"
    assert browser.post(ADD, LOGOS | {"labels": "none", "most": "6"}).status_code == 302
    job = run(wiki)
    assert (job.added, job.refused) == (5, 1)
    assert job.problems.get().reason == "is no picture, but audio/ogg"
    assert not Image.objects.filter(label__isnull=False).exists()


def test_an_import_that_was_cut_off_fetches_no_file_twice(
    wiki: WikiServer, dataset: Dataset, browser: Client
) -> None:
    browser.post(ADD, LOGOS | {"label": label(dataset)})
    slow = wiki.files[1004]
    stopping = Event()

    def stop() -> Answer:
        stopping.set()
        return Answer(503, b"", {"Retry-After": "1"})

    slow.thumbnail = stop
    own = Wiki(wiki.api, "", "tests@example.org", HASTY)
    assert run_next_import(replace(equipment(), wiki=own), stopping)
    assert Import.objects.get().state == "waiting"  # for the next runner
    slow.thumbnail = None
    assert run(wiki).added == 6
    paths = [each.path for each in wiki.asked("/thumb/") if "/1004/" not in each.path]
    assert len(paths) == len(set(paths))


def test_a_category_that_is_cancelled_ends_while_it_is_fetched(
    wiki: WikiServer, dataset: Dataset, browser: Client
) -> None:
    browser.post(ADD, LOGOS | {"label": label(dataset)})
    wiki.files[1000].thumbnail = lambda: Answer(503, b"", {"Retry-After": "1"})
    job = Import.objects.get()
    Timer(0.5, ask_to_cancel, (job,)).start()
    assert run(wiki).state == "cancelled"
    assert not Image.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"category": "Logos"}, {"category": "Category:a|b"}, {"labels": "folders"}, {"depth": "9"},
        {"most": "0"}, {"most": "100000"}, {"folder": "x"},
    ],
)  # fmt: skip
def test_what_is_no_category_is_refused_when_it_is_asked_for(
    fields: dict[str, str], dataset: Dataset, browser: Client
) -> None:
    assert browser.post(ADD, LOGOS | {"label": label(dataset)} | fields).status_code == 400
    assert not Import.objects.exists()
