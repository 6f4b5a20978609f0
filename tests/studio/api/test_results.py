"""Results, comparisons, publishing and activation by the API: as on their pages, with ids and numbers."""

import io
import json
import zipfile
from contextlib import closing
from threading import Event

import pytest

from logo_detection.artifact import load_artifact
from studio.background.models import State
from studio.django_settings import STUDIO
from studio.images.models import Dataset, Version
from studio.people.models import AuditEntry, Role, User
from studio.publishing.active import link_of
from studio.results.jobs import run_next_evaluation
from studio.results.models import Evaluation
from studio.runs.models import Run
from tests.studio.api.calls import Caller, is_error
from tests.studio.trained import NASTY, NOTHING_IS_LOGO, done_run, evaluated, make_images, well_evaluated
from tests.studio.world import make_user

pytestmark = pytest.mark.slow

SIGNS = "/api/datasets/signs"


@pytest.fixture
def caller(administrator: User) -> Caller:
    return Caller(administrator)


@pytest.fixture
def version(dataset: Dataset, administrator: User) -> Version:
    return make_images(dataset, administrator)


@pytest.fixture
def run(version: Version, administrator: User) -> Run:
    return done_run(version, administrator)


def test_what_a_model_gets_wrong_is_told_by_ids_and_scores(run: Run, caller: Caller) -> None:
    path = f"{SIGNS}/runs/{run.pk}/results/"
    assert caller.get(path).json() == {
        "evaluation": None, "figures": None, "confusion": None, "remarks": None, "wrong": None
    }  # fmt: skip
    assert run_next_evaluation(STUDIO, Event())
    found = caller.get(path).json()
    assert found["evaluation"]["state"] == "done"
    right = next(row for row in found["figures"]["rows"] if row["name"] == "right")
    assert right["cells"][0] == "92.3% (64.0% to 99.8%)"  # 12 of 13
    assert found["confusion"]["columns"] == ["out_of_domain", "logo"]
    (wrong,) = found["wrong"]["entries"]
    image = run.version.dataset.images.latest("pk")
    assert (found["wrong"]["total"], wrong["image"], wrong["sha256"]) == (1, image.pk, image.file_id)
    assert NASTY in wrong["name"]
    assert (wrong["label"], wrong["verdict"]["label"], wrong["other"]) == ("out_of_domain", "logo", None)
    assert wrong["verdict"]["score"] > 0.5
    with closing(caller.get(wrong["pictures"]["heat_maps"])) as picture:
        assert b"".join(picture).startswith(b"\x89PNG")
    below = f"{SIGNS}/evaluations/{found['evaluation']['id']}"
    with closing(caller.get(f"{below}/document/")) as document:
        assert json.loads(b"".join(document))["evaluation"]["by_recoding"]["png"]["images"] == 13
    with closing(caller.get(f"{below}/predictions/")) as table:
        assert b"".join(table).count(b"\n") == 27
    is_error(caller.get(f"{below}/logs/0/"), 404, "not_found")


def test_two_runs_are_compared(version: Version, run: Run, administrator: User, caller: Caller) -> None:
    other = done_run(version, administrator, NOTHING_IS_LOGO, held_out=12)
    well_evaluated(run)
    well_evaluated(other)
    path = f"{SIGNS}/runs/{run.pk}/comparisons/"
    asked = caller.send(path, {"other": other.pk})
    assert asked.status_code == 201
    assert asked.json()["evaluation"]["beside"] == other.pk
    assert asked.json()["figures"] is None
    assert run_next_evaluation(STUDIO, Event())
    found = caller.get(f"{path}{other.pk}/").json()
    assert found["difference"]["by"] == pytest.approx(1 / 3)  # 5 more are right, 1 less, of 12
    assert found["differing"]["total"] == len(found["differing"]["entries"]) == 6
    assert {entry["other"]["label"] for entry in found["differing"]["entries"]} == {"out_of_domain"}
    assert found["figures"]["columns"] == ["this run", "the other run"]
    assert [each["id"] for each in caller.get(path).json()["results"]] == [found["evaluation"]["id"]]


def test_a_run_is_compared_with_another_that_is_done(
    version: Version, run: Run, administrator: User, caller: Caller
) -> None:
    waiting = Run.objects.create(version=version, recipe="quick", text="", asked_by=administrator)
    for other in (run.pk, waiting.pk, 999):
        sent = caller.send(f"{SIGNS}/runs/{run.pk}/comparisons/", {"other": other})
        is_error(sent, 409, "comparison_refused")
    assert not Evaluation.objects.exists()


def test_an_evaluation_is_cancelled_and_begun_again(run: Run, administrator: User, caller: Caller) -> None:
    waiting = Evaluation.objects.create(run=run, asked_by=administrator)
    path = f"{SIGNS}/evaluations/{waiting.pk}"
    assert caller.send(f"{path}/cancel/").json()["state"] == State.CANCELLED
    assert caller.send(f"{path}/again/").json()["state"] == State.WAITING
    Evaluation.objects.update(state=State.DONE)
    for what in ("cancel", "again"):
        is_error(caller.send(f"{path}/{what}/"), 409, "work_refused")


def publish(caller: Caller, run: Run, version: str) -> int:
    sent = caller.send(f"{SIGNS}/runs/{run.pk}/publish/", {"version": version, "note": "n"})
    assert sent.status_code == 201, sent.content
    return int(sent.json()["id"])


def test_from_a_run_to_an_active_version_and_back(run: Run, caller: Caller) -> None:
    gate = f"{SIGNS}/runs/{run.pk}/gate/"
    assert caller.get(gate).json()["findings"] == []
    is_error(caller.send(f"{SIGNS}/runs/{run.pk}/publish/", {"version": "1.1"}), 409, "publication_refused")
    well_evaluated(run)
    stands = caller.get(gate).json()
    assert (stands["missed"], stands["proposed_version"]) == (0, f"1-run{run.pk}")
    assert any(each["name"] == "AUC-PR (png)" and each["value"] == 1 for each in stands["findings"])
    first, second = publish(caller, run, "1.1"), publish(caller, run, "1.2")
    is_error(caller.send(f"{SIGNS}/runs/{run.pk}/publish/", {"version": "1.2"}), 409, "publication_refused")
    for bad in ("../x", "", "a b"):
        sent = caller.send(f"{SIGNS}/runs/{run.pk}/publish/", {"version": bad})
        assert "version" in is_error(sent, 400, "invalid")["fields"]
    listed = caller.get("/api/models/").json()["results"]
    assert [(each["version"], each["dataset"], each["run"]) for each in listed] == [
        ("1.2", "signs", run.pk), ("1.1", "signs", run.pk),
    ]  # fmt: skip
    assert [each["version"] for each in caller.get(gate).json()["published"]] == ["1.2", "1.1"]
    one = caller.get(f"/api/models/{first}/").json()
    assert "# mean-colour 1.1" in one["card"]
    assert "AUC-PR (png): 1, wanted at least 0.9" in one["findings"]
    assert (one["is_active"], one["why_kept"]) == (False, "")
    archive = b"".join(caller.get(f"/api/models/{first}/archive/").streaming_content)
    assert "1.1/manifest.json" in zipfile.ZipFile(io.BytesIO(archive)).namelist()

    is_error(caller.send("/api/models/roll-back/"), 409, "activation_refused")
    assert caller.send(f"/api/models/{first}/activate/").json()["active"]["version"] == "1.1"
    active = caller.send(f"/api/models/{second}/activate/").json()
    assert (active["active"]["version"], active["former"]["version"]) == ("1.2", "1.1")
    assert active["served"] == {"is_asked": False, "version": "", "problem": ""}
    assert load_artifact(link_of(STUDIO.data)).version == "1.2"
    is_error(caller.send(f"/api/models/{second}/delete/"), 409, "publication_refused")
    assert caller.send("/api/models/roll-back/").json()["active"]["version"] == "1.1"
    assert caller.get("/api/models/active/").json()["active"]["id"] == first
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.target) == ("roll back", "1.1")
    assert "by token laptop" in entry.details

    third = publish(caller, run, "1.3")
    assert caller.send(f"/api/models/{third}/delete/").json()["deleted_at"]
    assert caller.get(f"/api/models/{third}/").json()["card"] == ""
    is_error(caller.get(f"/api/models/{third}/archive/"), 404, "not_found")
    is_error(caller.send(f"/api/models/{third}/activate/"), 409, "activation_refused")


def test_the_gate_is_closed_in_one_line_until_an_administrator_lowers_it(run: Run, caller: Caller) -> None:
    evaluated(run, [0.99, 0.99, 0.01, 0.01], [1, 1, 0, 0])
    publication = f"{SIGNS}/runs/{run.pk}/publish/"
    closed = is_error(caller.send(publication, {"version": "1.1"}), 409, "gate_closed")["error"]
    assert "wanted at least 50; images of logo (png): 2, wanted at least 50" in closed
    assert "\n" not in closed
    assert caller.get(f"{SIGNS}/runs/{run.pk}/gate/").json()["missed"] == 2
    lower = {"why": "a small set", "thresholds": {"min_class_images": 2, "min_recall_at_1_in_1000": None}}
    trainer = Caller(make_user("tess", Role.TRAINER))
    is_error(trainer.send("/api/gate/", lower, "PUT"), 403, "permission_denied")
    for wrong in (
        {"why": ""}, {"thresholds": {"min_auc_pr": 2}}, {"thresholds": {"min_auc_pr": None}},
        {"thresholds": {"min_auc": 0.5}}, {"thresholds": {"min_auc_pr": "nan"}},
        {"thresholds": {"min_class_images": "inf"}},
    ):  # fmt: skip
        is_error(caller.send("/api/gate/", {**lower, **wrong}, "PUT"), 400, "invalid")
    gate = caller.send("/api/gate/", lower, "PUT").json()
    changed = {each["name"]: each["value"] for each in gate["thresholds"] if each["value"] != each["default"]}
    assert changed == {"min_class_images": 2}
    assert gate["history"][0]["why"] == "a small set"
    assert trainer.get("/api/gate/").json() == gate
    assert trainer.send(publication, {"version": "1.1"}).status_code == 201
