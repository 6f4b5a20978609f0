"""Who may do what: every address, as a stranger and in every role."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from oauth2_provider.models import get_application_model

from studio.django_settings import STUDIO
from studio.images.labelling import label_images
from studio.images.membership import make_dataset
from studio.images.models import Dataset, Image, Import, Membership, Version
from studio.images.store import FileStore
from studio.people.models import Role, User
from studio.publishing.models import ArtifactVersion
from studio.results.models import Evaluation
from studio.review.models import Intake, Item
from studio.review.taking_in import heat_map_of
from studio.runs.models import Run
from studio.runs.process import ARTIFACT, LOG
from tests.studio.review.world import alarms, make_queue
from tests.studio.world import HTMX, class_of, log_in, make_user, rows, stranger

pytestmark = pytest.mark.slow

V, L, R, T, A = Role.VIEWER, Role.LABELLER, Role.REVIEWER, Role.TRAINER, Role.ADMINISTRATOR

# By name: the method, and the role over all data sets that it takes. NONE: whoever is logged in.
EVERYWHERE = {
    "log-out": ("POST", Role.NONE), "password": ("GET", Role.NONE), "home": ("GET", Role.NONE),
    "people": ("GET", A), "add-person": ("POST", A), "person": ("GET", A), "new-password": ("POST", A),
    "audit": ("GET", A), "add-dataset": ("POST", T), "tokens": ("GET", Role.NONE),
    "revoke-token": ("POST", Role.NONE), "forget-application": ("POST", Role.NONE),
    "oauth-authorize": ("GET", Role.NONE), "applications": ("GET", A), "delete-application": ("POST", A),
    "models": ("GET", V), "model": ("GET", V), "model-archive": ("GET", V), "activate": ("POST", A),
    "roll-back": ("POST", A), "delete-model": ("POST", A), "gate": ("GET", V), "set-gate": ("POST", A),
    "try": ("GET", V), "try-score": ("POST", V),
}  # fmt: skip

# The same of those in a data set, where the role of a member counts as well.
IN_DATASET = {
    "dataset": ("GET", V), "queue": ("GET", L), "image": ("GET", V), "thumbnail": ("GET", V),
    "preview": ("GET", V), "label": ("POST", L), "label-selection": ("POST", R), "undo": ("POST", L),
    "history": ("GET", V), "undo-change": ("POST", R), "members": ("GET", A), "imports": ("GET", V),
    "add-import": ("POST", T), "import": ("GET", V), "cancel-import": ("POST", T), "duplicates": ("GET", V),
    "versions": ("GET", V), "add-version": ("POST", T), "version": ("GET", V), "version-manifest": ("GET", V),
    "version-folder": ("GET", V), "difference": ("GET", V), "runs": ("GET", V), "new-run": ("GET", T),
    "add-run": ("POST", T), "run": ("GET", V), "run-log": ("GET", V), "run-artifact": ("GET", V),
    "cancel-run": ("POST", T), "resume-run": ("POST", T),
    "results": ("GET", V), "add-comparison": ("POST", T), "comparison": ("GET", V),
    "evaluation-report": ("GET", V), "evaluation-predictions": ("GET", V), "evaluate-again": ("POST", T),
    "cancel-evaluation": ("POST", T), "evaluation-picture": ("GET", V), "publish": ("GET", V),
    "add-artifact": ("POST", T), "reviews": ("GET", V), "add-review-queue": ("POST", T),
    "review-queue": ("GET", R), "decide-item": ("POST", R), "item-picture": ("GET", R),
    "item-heat-map": ("GET", R), "undo-decision": ("POST", R), "review-disputes": ("GET", R),
    "review-results": ("GET", V), "accept-items": ("POST", T), "review-intakes": ("GET", V),
    "add-intake": ("POST", T), "review-intake": ("GET", V), "cancel-intake": ("POST", T),
}  # fmt: skip
QUERIES = {"new-run": "?version=1&recipe=quick"}
FOR_STRANGERS = {"log-in", "oauth-token", "oauth-revoke"}
ADDRESSES = EVERYWHERE | IN_DATASET


@dataclass(frozen=True)
class World:
    """A data set with one of everything, and what stands for the parts of addresses."""

    dataset: Dataset
    named: dict[str, object]

    def address(self, name: str) -> str:
        pattern = PATTERNS[name]
        return reverse(name, kwargs={key: self.named[key] for key in pattern}) + QUERIES.get(name, "")


def patterns(of: URLResolver, before: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every address's name, and the names of its parts."""
    for each in of.url_patterns:
        parts = (*before, *each.pattern.converters)
        if isinstance(each, URLPattern):
            yield str(each.name), parts
        else:
            yield from patterns(each, parts)


PATTERNS = dict(patterns(get_resolver()))


@pytest.fixture
def world(administrator: User, dataset: Dataset, studio: object) -> World:
    (image,) = rows(dataset, administrator, [0.7])
    change = label_images(administrator, dataset, [image.pk], class_of(dataset, "logo"))
    assert change is not None
    job = Import.objects.get()
    for number in (1, 2):
        Version.objects.create(
            dataset=dataset, number=number, digest=str(number) * 64, images=1, made_by=administrator
        )
    run = Run.objects.create(
        version=Version.objects.latest("pk"), recipe="quick", asked_by=administrator, state="done"
    )
    named: dict[str, object] = {
        "dataset": dataset.name, "image_id": image.pk, "change_id": change.pk, "import_id": job.pk,
        "number": 2, "former": 1, "person_id": make_user("somebody").pk,
        "run_id": run.pk, "token_id": 1, "application_id": add_application().pk, **_results(run),
    }  # fmt: skip
    _write_files(image.file_id, run)
    named |= _review(dataset, administrator, image)
    return World(dataset, named)


def add_application() -> Any:
    return get_application_model().objects.create(
        name="app", client_type="public", authorization_grant_type="authorization-code",
        redirect_uris="https://app.example/back",
    )  # fmt: skip


def _results(run: Run) -> dict[str, object]:
    """Another run, a comparison with it, and a published model; `number` names a picture, too."""
    other = Run.objects.create(version=run.version, recipe="quick", asked_by=run.asked_by)
    evaluation = Evaluation.objects.create(run=run, beside=other, asked_by=run.asked_by)
    folder = evaluation.folder(STUDIO.data)
    (folder / "pictures").mkdir(parents=True)
    for name in ("report.html", "evaluation.json", "predictions.csv", "pictures/2.jpg"):
        (folder / name).write_text("any")
    model = ArtifactVersion.objects.create(version="1", run=run, digest="1" * 64, published_by=run.asked_by)
    model.folder(STUDIO.data).mkdir(parents=True)
    (model.folder(STUDIO.data) / "MODEL_CARD.md").write_text("any")
    return {
        "other_id": other.pk, "evaluation_id": evaluation.pk, "kind": "pictures", "model_id": model.pk
    }  # fmt: skip


def _review(dataset: Dataset, by: User, image: Image) -> dict[str, object]:
    """A queue with an item that has a picture and a heat map, and an intake."""
    queue = make_queue(dataset, by)
    (item,) = alarms(queue, by, 1)
    Item.objects.filter(pk=item.pk).update(file=image.file_id, heat_map_by="m")
    FileStore(STUDIO.data).write(heat_map_of(FileStore(STUDIO.data), image.file_id, "m", "logo"), b"PNG")
    job = Intake.objects.create(queue=queue, kind="table", name="t", path="/t", asked_by=by)
    return {"queue_id": queue.pk, "item_id": item.pk, "intake_id": job.pk}


def _write_files(digest: str, run: Run) -> None:
    store = FileStore(STUDIO.data)
    for path in (store.file(digest), store.thumbnail(digest), store.preview(digest)):
        store.write(path, b"JPEG")
    for number in (1, 2):
        folder = STUDIO.data / "versions" / (str(number) * 64)
        folder.mkdir(parents=True)
        (folder / "manifest.csv").write_text("path,label,sha256\n")
    run.folder(STUDIO.data).mkdir(parents=True)
    (run.folder(STUDIO.data) / LOG).write_text("step 1")
    (run.folder(STUDIO.data) / ARTIFACT).mkdir()


def ask(client: Client, world: World, name: str) -> Any:
    method, _ = ADDRESSES[name]
    response = client.generic(method, world.address(name))
    response.close()
    return response


def status(client: Client, world: World, name: str) -> int:
    found: int = ask(client, world, name).status_code
    return found


def test_the_matrix_has_every_address_and_no_other() -> None:
    pages = {name for name in PATTERNS if not name.startswith("api-")}  # which have a matrix of their own
    assert pages == ADDRESSES.keys() | FOR_STRANGERS


def test_strangers_are_sent_to_the_log_in_from_everywhere(world: World) -> None:
    for name in ADDRESSES:
        response = ask(stranger(), world, name)
        assert response.status_code == 302, name
        assert response["Location"].startswith("/log-in"), name
    assert stranger().get("/log-in").status_code == 200


@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.label)
def test_a_role_over_all_data_sets_allows_what_it_should(role: Role, world: World) -> None:
    user = make_user("tester", role)
    for name, (_, needed) in ADDRESSES.items():
        found = status(log_in(user), world, name)
        if role >= needed:
            assert found not in (403, 404), name
            assert found < 500, name
        elif name in IN_DATASET and role < Role.VIEWER:
            assert found == 404, name
        else:
            assert found == 403, name


@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.label)
def test_a_members_role_allows_the_same_in_its_data_set_alone(role: Role, world: World) -> None:
    user = make_user("tester")
    Membership.objects.create(dataset=world.dataset, user=user, role=role)
    for name, (_, needed) in IN_DATASET.items():
        found = status(log_in(user), world, name)
        expected = (404,) if role < Role.VIEWER else (403,)
        assert (found in expected) is (role < needed), name
        assert found < 500, name
    for name, (_, needed) in EVERYWHERE.items():
        assert (status(log_in(user), world, name) == 403) is (needed > Role.NONE), name


def test_a_member_of_one_data_set_sees_nothing_of_another(world: World) -> None:
    user = make_user("tester")
    other = make_dataset(make_user("tess", Role.TRAINER), "other")
    Membership.objects.create(dataset=other, user=user, role=Role.ADMINISTRATOR)
    client = log_in(user)
    assert b"signs" not in client.get("/").content
    for name in IN_DATASET:
        assert status(client, world, name) == 404, name
        if set(PATTERNS[name]) - {"dataset"}:  # and not by way of its own data set, either
            foreign = World(other, world.named | {"dataset": other.name})
            assert status(client, foreign, name) == 404, name


@pytest.mark.parametrize("name", [name for name, (method, _) in ADDRESSES.items() if method == "POST"])
def test_what_changes_something_wants_the_pages_token(name: str, world: World, administrator: User) -> None:
    client = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    client.force_login(administrator)
    assert client.post(world.address(name)).status_code == 403


@pytest.mark.parametrize("name", ADDRESSES)
def test_no_address_answers_to_another_method(name: str, world: World, browser: Client) -> None:
    assert browser.delete(world.address(name)).status_code == 405


def test_every_answer_has_the_headers_of_security(world: World, browser: Client) -> None:
    for response in (
        browser.get("/"),
        stranger().get("/log-in"),
        browser.get("/nowhere"),
        ask(browser, world, "thumbnail"),
    ):
        assert "default-src 'none'" in response["Content-Security-Policy"]
        assert "unsafe" not in response["Content-Security-Policy"]
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["X-Frame-Options"] == "DENY"
        assert "Cache-Control" in response


def test_a_host_that_is_not_named_is_refused() -> None:
    assert Client(SERVER_NAME="evil.example").get("/log-in").status_code == 400


def test_a_page_that_is_out_of_date_says_so_and_a_role_that_is_missing_is_told_apart(
    world: World, administrator: User
) -> None:
    client = Client(SERVER_NAME="localhost", enforce_csrf_checks=True)
    client.force_login(administrator)
    assert b"<h1>Out of date</h1>" in client.post(world.address("add-version")).content
    told = log_in(make_user("tester", V)).post(world.address("add-version"))
    assert (told.status_code, b"Your role does not allow this." in told.content) == (403, True)
    assert b"load" not in told.content


@pytest.mark.parametrize(
    ("referer", "after"),
    [
        ("http://localhost/datasets/signs/?label=logo", "/datasets/signs/?label=logo"),
        ("http://evil.example/datasets/signs/", "/"),
        (None, "/"),
    ],
)  # fmt: skip
def test_who_sends_a_form_after_the_log_out_comes_back_to_its_page(
    referer: str | None, after: str, world: World
) -> None:
    headers = {"Referer": referer} if referer else {}
    answer = stranger().post(world.address("label"), headers=headers)
    assert answer.status_code == 302
    assert QueryDict(urlsplit(answer["Location"]).query)["next"] == after


def test_a_part_of_a_page_that_is_asked_for_after_the_log_out_has_the_page_loaded(world: World) -> None:
    answer = stranger().get(world.address("run"), headers=HTMX)
    assert (answer.status_code, answer["HX-Refresh"], answer.content) == (401, "true", b"")


def test_an_address_that_is_no_page_says_so(world: World, browser: Client) -> None:
    answer = browser.get(world.address("add-import"))
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert b"<h1>Not a page</h1>" in answer.content
