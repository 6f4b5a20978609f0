"""Importing: what comes in, what is refused, and what is shown of it."""

import csv
import io
import re
from functools import partial
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connections
from django.test import Client
from PIL import Image as Picture

from studio.background.claims import ask_to_cancel, claim_next
from studio.background.heart import Heart
from studio.background.models import State
from studio.django_settings import STUDIO
from studio.images.asking import WantedImport, ask_for_import
from studio.images.candidates import ImportRefused
from studio.images.jobs import run_next_import
from studio.images.models import UNKNOWN, Change, Dataset, File, Image, Import
from studio.images.store import FileStore
from studio.people.models import User
from studio.settings import read_settings
from tests.harness.process import until
from tests.images import jpeg, one_colour, picture, png_bomb, svg
from tests.studio.world import HTMX, bring, equipment, pattern, run_imports, upload

pytestmark = pytest.mark.slow

SVG = svg('<rect width="64" height="32" fill="red"/><rect width="20" height="9"/>', 'width="64" height="32"')
RED, BLUE = (230, 20, 20), (20, 20, 230)


def problems(job: Import) -> dict[str, str]:
    return dict(job.problems.values_list("name", "reason"))


def test_an_archive_comes_in_with_labels_scores_and_pictures(dataset: Dataset, browser: Client) -> None:
    job = bring(
        browser,
        dataset,
        {"logo/a.png": pattern(1, RED), "out_of_domain/b.svg": SVG, "c.png": pattern(3, BLUE)},
        labels="folders",
    )
    assert (job.state, job.total, job.done, job.added, job.refused) == ("done", 3, 3, 3, 0)
    images = {image.name: image for image in Image.objects.select_related("label", "file")}
    assert {name: str(image.label) for name, image in images.items()} == {
        "logo/a.png": "logo", "out_of_domain/b.svg": "out_of_domain", "c.png": "None",
    }  # fmt: skip
    logo, drawing, plain = (images[name] for name in ("logo/a.png", "out_of_domain/b.svg", "c.png"))
    assert logo.score > 0.8 > 0.2 > plain.score >= 0  # the tiny model takes red for a logo
    assert logo.disagreement == pytest.approx(1 - logo.score, abs=1e-6)
    assert plain.disagreement == UNKNOWN
    assert (drawing.file.format, drawing.file.width, drawing.file.height) == ("svg", 64, 32)
    change = Change.objects.get()
    assert (change.kind, change.images, change.by.username) == ("import", 2, "ada")


def test_people_see_jpegs_of_our_own_making_and_never_a_file_as_it_came(
    dataset: Dataset, browser: Client
) -> None:
    bring(browser, dataset, {"a.svg": SVG})
    image = Image.objects.get()
    for name, size in (("thumbnail", (192, 96)), ("preview", (512, 256))):
        response = browser.get(f"/datasets/signs/images/{image.pk}/{name}")
        data = b"".join(response)
        response.close()
        assert response["Content-Type"] == "image/jpeg"
        with Picture.open(io.BytesIO(data)) as shown:
            assert (shown.format, shown.size) == ("JPEG", size)
            assert np.asarray(shown)[-5, -5] == pytest.approx([255, 0, 0], abs=12)
    for page in (f"/datasets/signs/images/{image.pk}", "/datasets/signs/"):
        assert "svg+xml" not in browser.get(page).content.decode()


def test_a_file_of_the_same_bytes_is_in_a_data_set_once(dataset: Dataset, browser: Client) -> None:
    data = pattern(1)
    first = bring(browser, dataset, {"a.png": data, "b.png": data})
    assert (first.added, first.known, first.done) == (1, 1, 2)
    second = bring(browser, dataset, {"c.png": data, "d.png": pattern(2)})
    assert (second.added, second.known) == (1, 1)
    assert sorted(Image.objects.values_list("name", flat=True)) == ["a.png", "d.png"]


def test_pictures_that_look_the_same_are_shown_as_pairs(dataset: Dataset, browser: Client) -> None:
    shown = picture(96, 64)
    bring(browser, dataset, {"a.jpg": jpeg(shown, quality=95), "other.png": pattern(5)})
    job = bring(browser, dataset, {"b.jpg": jpeg(shown.resize((192, 128)), quality=80)})
    assert "1 near duplicates" in job.message
    pair = dataset.near_duplicates.get()
    assert [image.name for image in pair.both] == ["a.jpg", "b.jpg"]
    page = browser.get("/datasets/signs/duplicates").content.decode()
    assert "a.jpg" in page
    assert "other.png" not in page
    assert "a.jpg" in browser.get(f"/datasets/signs/images/{pair.right.pk}").content.decode()


def test_what_is_refused_is_named_and_leaves_nothing_behind(dataset: Dataset, browser: Client) -> None:
    files = {
        "page.html": b"<script>alert(1)</script>",
        "cut.png": one_colour("red")[:50],
        "bomb.png": png_bomb(),
        "cat/a.png": pattern(1),
        "logo/inner.zip": b"PK",
        "../up.png": pattern(2),
        "logo/good.png": pattern(3),
    }
    job = bring(browser, dataset, files, labels="folders")
    assert (job.total, job.done, job.added, job.refused) == (7, 7, 1, 6)
    reasons = problems(job)
    assert reasons["cat/a.png"] == "'cat' is no class of this data set"
    assert reasons["logo/inner.zip"] == "it is an archive itself"
    assert reasons["../up.png"] == "its path leaves the archive"
    assert reasons.keys() == files.keys() - {"logo/good.png"}
    kept = [path for path in (STUDIO.data / "files").rglob("*") if path.is_file()]
    assert [path.name for path in kept] == [Image.objects.get().file_id]
    assert not list((STUDIO.data / "uploads").iterdir())
    page = browser.get(f"/datasets/signs/imports/{job.pk}", headers=HTMX).content.decode()
    assert "<html" not in page
    assert "../up.png" in page
    assert "hx-get" not in page  # it is over: nobody asks again


def test_single_pictures_are_uploaded_with_one_label_for_all(dataset: Dataset, browser: Client) -> None:
    logo = str(dataset.classes.get(name="logo").pk)
    sent = upload(browser, dataset, "../../etc/a.png", pattern(1), labels="one", label=logo)
    assert sent.status_code == 302
    (job,) = run_imports()
    assert (job.state, job.added) == ("done", 1)
    image = Image.objects.get()
    assert (image.name, str(image.label)) == ("a.png", "logo")


def test_several_pictures_are_uploaded_at_once_and_an_archive_comes_alone(
    dataset: Dataset, browser: Client
) -> None:
    def send(*names: str) -> int:
        files = [SimpleUploadedFile(name, pattern(number)) for number, name in enumerate(names)]
        sent = browser.post("/datasets/signs/imports/add", {"labels": "none", "uploads": files})
        return int(sent.status_code)

    assert b"multiple" in browser.get("/datasets/signs/imports").content
    assert send("a.png", "b.zip") == 400
    assert send("a.png", "b.png", "a.png") == 302
    (job,) = run_imports()
    assert (job.state, job.name, job.added) == ("done", "3 files", 3)
    assert sorted(Image.objects.values_list("name", flat=True)) == ["a.png", "a.png", "b.png"]


@pytest.mark.parametrize(
    "fields", [{"labels": "one"}, {"labels": "magic"}, {"folder": "x"}, {"label": "0"}], ids=str
)
def test_a_form_that_makes_no_sense_is_refused(
    fields: dict[str, str], dataset: Dataset, browser: Client
) -> None:
    assert upload(browser, dataset, "a.png", pattern(1), **fields).status_code == 400
    assert not Import.objects.exists()


def test_more_bytes_than_a_request_may_bring_are_refused(dataset: Dataset, browser: Client) -> None:
    assert upload(browser, dataset, "a.png", bytes(STUDIO.upload_max_size)).status_code == 400


def test_an_archive_that_is_none_fails_with_a_reason(dataset: Dataset, browser: Client) -> None:
    upload(browser, dataset, "a.zip", b"no archive")
    (job,) = run_imports()
    assert (job.state, job.message) == ("failed", "the file is not a zip archive, or is a damaged one")


def test_a_folder_with_a_manifest_comes_in_with_what_it_says(
    dataset: Dataset, browser: Client, imports: Path
) -> None:
    folder = imports / "set"
    folder.mkdir()
    (folder / "a.png").write_bytes(pattern(1))
    with (folder / "manifest.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "label", "category", "source", "license", "author", "group"])
        table.writerow(["a.png", "logo", "brand", "owner/name@1", "CC0-1.0", "Ann", "g1"])
    body = {"labels": "folders", "folder": "set"}
    assert browser.post("/datasets/signs/imports/add", body).status_code == 302
    (job,) = run_imports()
    assert (job.state, job.added) == ("done", 1), job.message
    image = Image.objects.get()
    assert (image.category, image.source, image.licence, image.author) == (
        "brand",
        "owner/name@1",
        "CC0-1.0",
        "Ann",
    )
    assert image.metadata == {"group": "g1"}
    assert (folder / "a.png").exists()


def test_a_folder_without_labels_comes_in(dataset: Dataset, browser: Client, imports: Path) -> None:
    (imports / "deep" / "er").mkdir(parents=True)
    (imports / "deep" / "er" / "a.png").write_bytes(pattern(1))
    (imports / "deep" / ".hidden.png").write_bytes(pattern(2))
    browser.post("/datasets/signs/imports/add", {"labels": "none", "folder": "deep"})
    (job,) = run_imports()
    assert (job.added, Image.objects.get().name) == (1, "er/a.png")


@pytest.mark.parametrize("name", ["../data", "/etc", "out", "nowhere", "deep/../../data", "a\0b"])
def test_a_folder_elsewhere_is_not_to_be_found(
    name: str, dataset: Dataset, browser: Client, imports: Path
) -> None:
    (imports / "out").symlink_to(STUDIO.data)
    sent = browser.post("/datasets/signs/imports/add", {"labels": "none", "folder": name})
    assert sent.status_code == 400
    assert not Import.objects.exists()


def test_an_import_that_was_killed_is_begun_again_and_counts_right(dataset: Dataset, browser: Client) -> None:
    upload(browser, dataset, "a.png", pattern(1))
    (job,) = run_imports()
    Import.objects.update(state=State.RUNNING, heartbeat="2020-01-01T00:00:00Z", kind="folder", labels="none")
    folder = STUDIO.data.parent / "imports" / "again"
    folder.mkdir()
    for number in (1, 2):
        (folder / f"{number}.png").write_bytes(pattern(number))
    Import.objects.update(path=str(folder))
    (job,) = run_imports()
    assert (job.state, job.total, job.added, job.known) == ("done", 2, 2, 0)


def test_what_is_cancelled_while_it_waits_is_not_begun(dataset: Dataset, browser: Client) -> None:
    upload(browser, dataset, "a.png", pattern(1))
    job = Import.objects.get()
    assert browser.post(f"/datasets/signs/imports/{job.pk}/cancel").status_code == 302
    (job,) = run_imports()
    assert (job.state, job.added) == ("cancelled", 0)
    assert not list((STUDIO.data / "uploads").iterdir())


@pytest.mark.parametrize("path", ["", ".", "..", "/", "../files", "x" * 32])
@pytest.mark.parametrize("kind", ["files", "zip"])
def test_a_path_that_is_no_token_removes_nothing(
    kind: str,
    path: str,
    dataset: Dataset,
    administrator: User,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    kept = [tmp_path / "kept", STUDIO.data / "kept", STUDIO.data / "uploads" / "kept"]
    for one in kept:
        one.write_text("")
    Import.objects.create(
        dataset=dataset, kind=kind, name="x", path=path, labels="none", asked_by=administrator
    )
    (job,) = run_imports()
    assert (job.state, job.message) == ("failed", "the uploaded files are not there")
    assert all(one.exists() for one in kept)


def test_a_running_import_is_cancelled_and_keeps_what_it_has(
    dataset: Dataset, browser: Client, imports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.images.importing.CHUNK", 1)
    # A fast machine is done before it hears of it, otherwise.
    monkeypatch.setattr("studio.background.conclusion.Heart", partial(Heart, interval_s=0.1))
    folder = imports / "many"
    folder.mkdir()
    for number in range(400):
        (folder / f"{number}.png").write_bytes(pattern(number, side=8))
    browser.post("/datasets/signs/imports/add", {"labels": "none", "folder": "many"})

    def work() -> None:
        run_imports()
        connections.close_all()

    thread = Thread(target=work)
    thread.start()
    until(lambda: Import.objects.get().added > 0, timeout_s=60)
    assert ask_to_cancel(Import.objects.get())
    thread.join(60)
    job = Import.objects.get()
    assert job.state == "cancelled"
    assert 0 < job.added < 400
    assert dataset.images.count() == job.added


def test_a_runner_that_ends_leaves_its_import_to_the_next(dataset: Dataset, browser: Client) -> None:
    upload(browser, dataset, "a.png", pattern(1))
    stopping = Event()
    stopping.set()
    assert run_next_import(equipment(), stopping)
    assert Import.objects.get().state == "waiting"
    (job,) = run_imports()
    assert (job.state, job.added) == ("done", 1)


def test_two_runners_never_take_the_same_work(dataset: Dataset, browser: Client, administrator: User) -> None:
    for number in range(20):
        Import.objects.create(
            dataset=dataset, kind="files", name=str(number), path="", labels="none", asked_by=administrator
        )
    taken: list[int] = []

    def take() -> None:
        while (job := claim_next(Import)) is not None:
            taken.append(job.pk)
        connections.close_all()

    threads = [Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(taken) == sorted(Import.objects.values_list("pk", flat=True))


def test_the_store_keeps_a_file_once_and_whole(studio: Path) -> None:
    store = FileStore(studio)
    first, again = (store.add(io.BytesIO(b"bytes"), 10) for _ in range(2))
    assert first == again
    assert store.file(first.sha256).read_bytes() == b"bytes"
    assert not File.objects.exists()


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({}, "uploads"),
        ({"folder": "a", "category": "Category:Logos"}, "uploads"),
        ({"folder": "nowhere"}, "folder"),
        ({"category": "Logos"}, "category"),
        ({"category": "Category:Logos", "labels": "folders"}, "labels"),
        ({"category": "Category:Logos", "labels": "one"}, "label"),
    ],
    ids=str,
)
def test_what_is_wrong_with_an_import_stands_beside_its_field(
    sent: dict[str, str], field: str, dataset: Dataset, browser: Client
) -> None:
    answer = browser.post("/datasets/signs/imports/add", {"labels": "none", **sent})
    assert answer.status_code == 400
    assert re.findall(rb'errorlist[^>]* id="id_(.*?)_error"', answer.content) == [field.encode()]


@pytest.mark.parametrize(
    ("unset", "told"),
    [
        ({}, "Choose files, or name a folder or a category."),
        ({"contact": None}, "Choose files, or name a folder."),
        ({"contact": None, "import_folder": None}, "Choose files."),
    ],
    ids=str,
)
def test_sources_are_named_that_are_set_up(
    unset: dict[str, None], told: str, dataset: Dataset, administrator: User
) -> None:
    with pytest.raises(ImportRefused, match=f"^{re.escape(told)}$"):
        ask_for_import(administrator, dataset, WantedImport("none"), read_settings(**unset))
