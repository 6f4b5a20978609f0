"""Imports, versions and runs by the API, from files to a training that waits for its runner."""

import base64
import io
import zipfile
from pathlib import Path

import pytest

from studio.background.models import State
from studio.django_settings import STUDIO
from studio.images.asking import MAX_OPEN
from studio.images.models import Dataset, Import, Version
from studio.images.uploads import Uploads
from studio.images.wiki import CategoryRequest, read_request
from studio.people.models import AuditEntry, User
from studio.runs.models import Run
from tests.studio.api.calls import Caller, is_error
from tests.studio.world import pattern, run_imports, zipped

pytestmark = pytest.mark.slow

SIGNS = "/api/datasets/signs"


@pytest.fixture
def caller(administrator: User, dataset: Dataset) -> Caller:
    return Caller(administrator)


def file(data: bytes, name: str) -> io.BytesIO:
    found = io.BytesIO(data)
    found.name = name
    return found


def inline(data: bytes, name: str) -> dict[str, str]:
    return {"filename": name, "content": base64.b64encode(data).decode()}


def test_from_an_archive_to_versions_and_runs(caller: Caller, imports: Path) -> None:
    archive = {
        "logo/a.png": pattern(1),
        "out_of_domain/b.png": pattern(2, (20, 200, 40)),
        "logo/c.png": b"none",
    }
    asked = caller.upload(
        f"{SIGNS}/imports/", {"labels": "folders", "uploads": file(zipped(archive), "a.zip")}
    )
    assert (asked.status_code, asked.json()["kind"], asked.json()["state"]) == (201, "zip", "waiting")
    run_imports()
    path = f"{SIGNS}/imports/{asked.json()['id']}/"
    done = caller.get(path).json()
    assert (done["state"], done["total"], done["added"], done["refused"]) == ("done", 3, 2, 1)
    (problem,) = caller.get(f"{path}problems/").json()["results"]
    assert problem["name"] == "logo/c.png"
    image = caller.get(f"{SIGNS}/images/?label=logo").json()["results"][0]
    picture = caller.get(image["thumbnail"])
    assert picture["Content-Type"] == "image/jpeg"
    assert b"".join(picture.streaming_content).startswith(b"\xff\xd8")
    whole = caller.get(f"{SIGNS}/images/{image['id']}/").json()
    assert (whole["format"], whole["width"], set(whole["scores"])) == ("png", 48, {"logo", "out_of_domain"})

    made = caller.send(f"{SIGNS}/versions/", {"note": "first"})
    assert (made.status_code, made.json()["number"], made.json()["images"]) == (201, 1, 2)
    caller.send(f"{SIGNS}/images/{image['id']}/label/", {"label": "out_of_domain"}, "PUT")
    assert caller.send(f"{SIGNS}/versions/").json()["number"] == 2
    assert caller.get(f"{SIGNS}/versions/2/since/1/").json() == {
        "added": 0, "removed": 0, "relabelled": 1,
        "images": [{"sha256": image["sha256"], "former": "logo", "label": "out_of_domain"}],
    }  # fmt: skip
    manifest = b"".join(caller.get(f"{SIGNS}/versions/1/manifest/").streaming_content)
    assert manifest.startswith(b"path,label,")
    folder = b"".join(caller.get(f"{SIGNS}/versions/1/archive/").streaming_content)
    assert "signs-1/manifest.csv" in zipfile.ZipFile(io.BytesIO(folder)).namelist()
    assert AuditEntry.objects.filter(action="download version", details="by token laptop").exists()

    asked = caller.send(f"{SIGNS}/runs/", {"version": 1, "recipe": "quick", "numbers": {"dropout": 0.5}})
    assert asked.status_code == 201
    run = f"{SIGNS}/runs/{asked.json()['id']}/"
    assert caller.get(run).json()["changes"] == {"dropout": 0.5}
    assert caller.get(run).json()["progress"] | {"log": ""} == {
        "step": 0,
        "steps": 0,
        "curves": [],
        "log": "",
    }
    is_error(caller.get(f"{run}log/"), 404, "not_found")
    assert caller.send(f"{run}cancel/").json()["state"] == "cancelled"
    assert caller.send(f"{run}resume/").json()["state"] == "waiting"
    assert len(caller.get(f"{SIGNS}/runs/").json()["results"]) == 1


def test_files_come_as_base64_too(caller: Caller) -> None:
    body = {
        "labels": "one",
        "label": "logo",
        "files": [inline(pattern(1), "a.png"), inline(pattern(2), "../b.png")],
    }
    assert caller.send(f"{SIGNS}/imports/", body).json()["kind"] == "files"
    archive = {"labels": "folders", "files": [inline(zipped({"logo/c.png": pattern(3)}), "c.zip")]}
    assert caller.send(f"{SIGNS}/imports/", archive).json()["kind"] == "zip"
    assert [job.message for job in run_imports()] == [
        "2 added, 0 known, 0 refused, 0 near duplicates", "1 added, 0 known, 0 refused, 0 near duplicates",
    ]  # fmt: skip
    names = {each["name"] for each in caller.get(f"{SIGNS}/images/?label=logo").json()["results"]}
    assert names == {"a.png", "b.png", "logo/c.png"}


def test_a_folder_is_imported_from_below_the_folder_for_imports_alone(caller: Caller, imports: Path) -> None:
    (imports / "signs").mkdir()
    (imports / "signs" / "a.png").write_bytes(pattern(1))
    assert caller.send(f"{SIGNS}/imports/", {"labels": "none", "folder": "signs"}).status_code == 201
    assert run_imports()[-1].added == 1
    for path in ("../data", "/etc", "signs/../..", "nowhere", "http://127.0.0.1/", "file:///etc/passwd"):
        is_error(caller.send(f"{SIGNS}/imports/", {"labels": "none", "folder": path}), 400, "import_refused")


def test_a_category_of_commons_waits_for_the_runner_as_it_was_asked_for(caller: Caller) -> None:
    body = {"labels": "one", "label": "logo", "category": "Category:Logos", "depth": 0, "most": 7}
    made = caller.send(f"{SIGNS}/imports/", body)
    assert (made.status_code, made.json()["kind"], made.json()["name"]) == (201, "commons", "Category:Logos")
    job = Import.objects.get()
    assert read_request(Uploads(STUDIO.data / "uploads").folder(job.path)) == CategoryRequest(
        "Category:Logos", 0, 7
    )
    assert str(job.label) == "logo"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"labels": "none"}, "import_refused"), ({"labels": "one", "folder": "x"}, "import_refused"),
        ({"labels": "best", "folder": "x"}, "invalid"),
        ({"labels": "one", "label": "cat", "folder": "x"}, "invalid"),
        ({"labels": "none", "files": [{"filename": "a.png", "content": "?"}]}, "invalid"),
        ({"labels": "none", "files": [{"filename": "a.png"}]}, "invalid"),
        ({"labels": "none", "files": [inline(b"x", "a.zip"), inline(b"x", "b.png")]}, "import_refused"),
        ({"labels": "none", "folder": "x", "files": [inline(b"x", "b.png")]}, "import_refused"),
        ({"labels": "none", "folder": "x\0"}, "invalid"),
        ({"labels": "none", "category": "Logos"}, "import_refused"),
        ({"labels": "folders", "category": "Category:Logos"}, "import_refused"),
        ({"labels": "none", "category": "Category:Logos", "folder": "x"}, "import_refused"),
        ({"labels": "none", "category": "Category:Logos", "depth": 6}, "invalid"),
        ({"labels": "none", "category": "Category:Logos", "most": 5001}, "invalid"),
    ],
    ids=str,
)  # fmt: skip
def test_an_import_that_makes_no_sense_is_refused(body: dict[str, object], code: str, caller: Caller) -> None:
    is_error(caller.send(f"{SIGNS}/imports/", body), 400, code)
    assert not Import.objects.exists()


def test_an_import_is_cancelled_and_only_so_many_wait(caller: Caller, studio: Path) -> None:
    for number in range(MAX_OPEN):
        sent = caller.send(
            f"{SIGNS}/imports/", {"labels": "none", "files": [inline(pattern(number), "a.png")]}
        )
    assert len(list((studio / "uploads").iterdir())) == MAX_OPEN
    body = {"labels": "none", "files": [inline(b"x", "a.png")]}
    is_error(caller.send(f"{SIGNS}/imports/", body), 400, "import_refused")
    assert caller.send(f"{SIGNS}/imports/{sent.json()['id']}/cancel/").json()["state"] == "cancelled"
    assert len(list((studio / "uploads").iterdir())) == MAX_OPEN - 1
    assert caller.send(f"{SIGNS}/imports/", body).status_code == 201


def test_what_has_ended_by_itself_is_neither_cancelled_nor_resumed(
    caller: Caller, dataset: Dataset, administrator: User
) -> None:
    own = {"dataset": dataset, "asked_by": administrator}
    brought = Import.objects.create(kind="zip", name="a.zip", labels="none", state=State.DONE, **own)
    version = Version.objects.create(dataset=dataset, number=1, digest="1", images=1, made_by=administrator)
    run = Run.objects.create(version=version, recipe="quick", state=State.DONE, asked_by=administrator)
    addresses = f"imports/{brought.pk}/cancel", f"runs/{run.pk}/cancel", f"runs/{run.pk}/resume"
    for address in addresses:
        is_error(caller.send(f"{SIGNS}/{address}/"), 409, "work_refused")


def test_nothing_labelled_is_no_version(caller: Caller) -> None:
    is_error(caller.send(f"{SIGNS}/versions/"), 409, "version_refused")


def test_recipes_are_told_with_the_bounds_of_their_numbers(caller: Caller) -> None:
    found = {each["name"]: each["numbers"] for each in caller.get("/api/recipes/").json()}
    (dropout,) = [each for each in found["quick"] if each["place"] == "dropout"]
    assert (dropout["low"], dropout["high"], dropout["is_integer"]) == (0.0, 0.9, False)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"recipe": "../../etc/passwd"}, 400), ({"version": 7}, 404), ({"version": "x"}, 400),
        ({"numbers": {"dropout": 2}}, 400), ({"numbers": {"labels": 1}}, 400),
        ({"numbers": {"dropout": "x"}}, 400), ({"numbers": {"__import__('os')": 1}}, 400),
        ({"numbers": [1]}, 400), ({"numbers": {"dropout": 1e999}}, 400),
        ({"numbers": {str(number): 1 for number in range(101)}}, 400),
    ],
    ids=str,
)  # fmt: skip
def test_a_run_that_makes_no_sense_is_refused(
    changes: dict[str, object], status: int, caller: Caller, dataset: Dataset, administrator: User
) -> None:
    dataset.versions.create(
        number=1, digest="1" * 64, images=2, balance={"logo": 1, "out_of_domain": 1}, made_by=administrator
    )
    sent = caller.send(f"{SIGNS}/runs/", {"version": 1, "recipe": "quick", **changes})
    is_error(sent, status, sent.json()["code"])
    assert not Run.objects.exists()


def test_a_training_that_has_diverged_can_be_read(
    caller: Caller, dataset: Dataset, administrator: User
) -> None:
    version = dataset.versions.create(number=1, digest="1" * 64, images=2, made_by=administrator)
    run = Run.objects.create(version=version, recipe="quick", asked_by=administrator)
    folder = run.folder(STUDIO.data)
    folder.mkdir(parents=True)
    (folder / "history.csv").write_text("step,loss\n1,0.5\n2,nan\n")
    progress = caller.get(f"{SIGNS}/runs/{run.pk}/").json()["progress"]
    assert progress["curves"][0]["name"] == "loss"
    assert progress["curves"][0]["last"] is None
    is_error(caller.get(f"{SIGNS}/runs/{run.pk}/artifact/"), 404, "not_found")
