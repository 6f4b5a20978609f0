"""Data sets and images by the API: what is read, labelled, and not overwritten by who comes late."""

import pytest
from django.test import Client

from studio.images.membership import make_dataset
from studio.images.models import Change, Dataset, Image, Membership
from studio.people.models import AuditEntry, Role, User
from tests.studio.api.calls import Caller, is_error
from tests.studio.world import make_user, rows

pytestmark = pytest.mark.slow

SIGNS = "/api/datasets/signs"


@pytest.fixture
def caller(administrator: User) -> Caller:
    return Caller(administrator)


@pytest.fixture
def images(dataset: Dataset, administrator: User) -> list[Image]:
    return rows(dataset, administrator, [0.9, 0.5, 0.1], ["logo", "", ""])


def test_a_data_set_is_made_as_on_its_page(caller: Caller) -> None:
    made = caller.send("/api/datasets/", {"name": "signs", "classes": ["out_of_domain", "logo", "map"]})
    assert made.status_code == 201
    assert made.json()["role"] == "administrator"
    assert [each["name"] for each in made.json()["classes"]] == ["out_of_domain", "logo", "map"]
    assert caller.get(f"{SIGNS}/").json()["balance"] == {"out_of_domain": 0, "logo": 0, "map": 0, "-": 0}
    assert is_error(caller.send("/api/datasets/", {"name": "signs"}), 400, "invalid")["fields"].keys() == {
        "name"
    }


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"), ({"name": "../etc"}, "name"), ({"name": "a" * 61}, "name"), ({"name": "a\0b"}, "name"),
        ({"name": "a", "classes": ["logo", "map"]}, "classes"), ({"name": "a", "classes": "logo"}, "classes"),
        ({"name": "a", "classes": ["out_of_domain", "a b"]}, "classes.1"),
        ({"name": "a", "classes": ["out_of_domain", "<b>"]}, "classes.1"), ({"name": ["a"]}, "name"),
    ],
    ids=str,
)  # fmt: skip
def test_a_data_set_that_makes_no_sense_is_refused_by_field(
    body: dict[str, object], field: str, caller: Caller
) -> None:
    assert field in is_error(caller.send("/api/datasets/", body), 400, "invalid")["fields"]
    assert not Dataset.objects.exists()


def test_members_are_set_and_listed(caller: Caller, dataset: Dataset) -> None:
    lea = make_user("lea")
    assert caller.send(f"{SIGNS}/members/", {"user": "lea", "role": "labeller"}).status_code == 204
    assert {"user": "lea", "role": "labeller"} in caller.get(f"{SIGNS}/members/").json()["results"]
    assert Caller(lea, "read").get(f"{SIGNS}/").json()["role"] == "viewer"  # as far as the scope goes
    assert caller.send(f"{SIGNS}/members/", {"user": "lea", "role": "none"}).status_code == 204
    assert not Membership.objects.filter(user=lea).exists()
    is_error(caller.send(f"{SIGNS}/members/", {"user": "nobody", "role": "labeller"}), 400, "invalid")


def test_images_are_filtered_and_paged_as_in_the_grid(caller: Caller, images: list[Image]) -> None:
    page = caller.get(f"{SIGNS}/images/?order=likely&size=2").json()
    assert [each["score"] for each in page["results"]] == [0.9, 0.5]
    following = caller.get(page["next"]).json()
    assert [each["score"] for each in following["results"]] == [pytest.approx(0.1)]
    assert following["next"] is None
    unlabelled = caller.get(f"{SIGNS}/images/?label=-&score_max=0.3").json()["results"]
    assert [each["id"] for each in unlabelled] == [images[2].pk]
    assert page["results"][0]["thumbnail"] == f"{SIGNS}/images/{images[0].pk}/thumbnail/"


@pytest.mark.parametrize(
    "query",
    ["size=0", "size=201", "size=x", "order=best", "score_min=2", "score_min=nan", "label=cat", "after=x",
     "after=1:1", "label=%00", "source=%00"],
)  # fmt: skip
def test_a_filter_that_is_none_is_refused(query: str, caller: Caller, dataset: Dataset) -> None:
    answer = caller.get(f"{SIGNS}/images/?{query}")
    is_error(answer, 400, answer.json()["code"])


def test_a_label_is_set_by_who_has_read_the_last_one(caller: Caller, images: list[Image]) -> None:
    path = f"{SIGNS}/images/{images[0].pk}/"
    read = caller.get(path)
    assert read.json()["label"] == "logo"
    sent = caller.send(
        f"{path}label/", {"label": "out_of_domain", "why": "a map"}, "PUT", **{"If-Match": read["ETag"]}
    )
    assert sent.status_code == 200
    assert sent.json()["label"] == "out_of_domain"
    assert sent.json()["labellings"][0] | {"at": "", "change": 0} == {
        "change": 0, "kind": "label", "by": "ada", "at": "", "why": "a map", "before": "logo",
        "after": "out_of_domain",
    }  # fmt: skip
    late = caller.send(f"{path}label/", {"label": "-"}, "PUT", **{"If-Match": read["ETag"]})
    is_error(late, 412, "precondition_failed")
    assert caller.get(path)["ETag"] == sent["ETag"]
    again = caller.send(f"{path}label/", {"label": "-"}, "PUT", **{"If-Match": sent["ETag"]})
    assert again.json()["label"] is None
    assert caller.send(f"{path}label/", {"label": "logo"}, "PUT").status_code == 200  # whoever does not mind
    assert Change.objects.count() == 3


def test_what_has_not_changed_is_not_sent_again(caller: Caller, images: list[Image]) -> None:
    for path in (f"{SIGNS}/images/", f"{SIGNS}/images/{images[0].pk}/", f"{SIGNS}/", "/api/recipes/"):
        read = caller.get(path)
        assert read["Cache-Control"] == "private, no-cache"
        assert {"Authorization", "Cookie", "Accept"} <= set(read["Vary"].split(", "))
        again = caller.get(path, **{"If-None-Match": read["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert caller.get(path, **{"If-None-Match": '"another"'}).status_code == 200


def test_some_images_are_labelled_at_once_and_that_is_undone(caller: Caller, images: list[Image]) -> None:
    keys = [image.pk for image in images]
    sent = caller.send(f"{SIGNS}/labels/", {"images": keys[1:], "label": "logo"})
    assert Change.objects.get(pk=sent.json()["change"]).images == 2
    assert caller.send(f"{SIGNS}/labels/undo/").json() == sent.json()
    assert caller.send(f"{SIGNS}/labels/undo/").json() == {"change": None}
    listed = caller.get(f"{SIGNS}/changes/").json()["results"]
    assert [each["kind"] for each in listed] == ["undo", "label"]
    assert listed[1]["undone_by"] == listed[0]["id"]
    is_error(caller.send(f"{SIGNS}/changes/{listed[1]['id']}/undo/"), 409, "labelling_refused")


def test_all_images_of_a_selection_are_labelled_by_who_knows_how_many_they_are(
    caller: Caller, images: list[Image]
) -> None:
    asked = {"label": "-", "score_max": 0.6, "new_label": "out_of_domain", "why": "unlikely", "sure": 3}
    assert "2 images" in is_error(caller.send(f"{SIGNS}/labels/selection/", asked), 409, "conflict")["error"]
    assert caller.send(f"{SIGNS}/labels/selection/", {**asked, "sure": 2}).status_code == 200
    entry = AuditEntry.objects.latest("pk")
    assert (entry.action, entry.details) == ("label many", "by token laptop; 2 images: out_of_domain")


def test_a_labellers_token_undoes_nothing_of_others(
    images: list[Image], dataset: Dataset, caller: Caller
) -> None:
    change = caller.send(f"{SIGNS}/labels/", {"images": [images[1].pk], "label": "logo"}).json()["change"]
    rea = make_user("rea", Role.REVIEWER)
    undo = f"{SIGNS}/changes/{change}/undo/"
    is_error(Caller(rea, "label").send(undo), 403, "not_theirs")
    assert Caller(rea, "review", "other").send(undo).status_code == 200


@pytest.mark.parametrize(
    "body",
    [{"images": [], "label": "logo"}, {"images": [1] * 61, "label": "logo"}, {"label": "logo"},
     {"images": ["x"], "label": "logo"}, {"images": [2**70], "label": "logo"}, {"images": [1]},
     {"images": [1], "label": "cat"}, {"images": [1], "label": "logo", "why": "x" * 301}, [], "x", None, 7],
    ids=str,
)  # fmt: skip
def test_labels_that_make_no_sense_are_refused(body: object, caller: Caller, dataset: Dataset) -> None:
    answer = caller.send(f"{SIGNS}/labels/", body)
    is_error(answer, 400, answer.json()["code"])


def test_images_of_another_data_set_are_left_alone(
    caller: Caller, images: list[Image], administrator: User
) -> None:
    make_dataset(administrator, "other")
    sent = caller.send("/api/datasets/other/labels/", {"images": [images[1].pk], "label": "logo"})
    assert sent.json() == {"change": None}
    images[1].refresh_from_db()
    assert images[1].label is None


def test_lists_are_paged_newest_first(caller: Caller, administrator: User) -> None:
    for number in range(5):
        make_dataset(administrator, f"set-{number}")
    seen, path = [], "/api/datasets/?size=2"
    while path:
        page = caller.get(path).json()
        assert len(page["results"]) <= 2
        seen += [each["name"] for each in page["results"]]
        path = page["next"]
    assert seen == [f"set-{number}" for number in (4, 3, 2, 1, 0)]
    for query in ("size=0", "size=201", "before=0", "before=x", f"before={2**64}"):
        is_error(caller.get(f"/api/datasets/?{query}"), 400, "invalid")


def test_the_audit_log_is_an_administrators(caller: Caller, dataset: Dataset, browser: Client) -> None:
    entries = caller.get("/api/audit/").json()["results"]
    assert ("ada", "make data set", "signs") in [
        (each["who"], each["action"], each["target"]) for each in entries
    ]
    assert browser.post("/api/audit/").status_code == 405
