"""The review by the API: a bot posts scored files, people decide, and a data set takes what they settle."""

import base64
import io
from pathlib import Path
from typing import Any

import pytest

from studio.django_settings import STUDIO
from studio.images.membership import make_dataset
from studio.images.models import Dataset
from studio.people.models import AuditEntry, Role, User
from studio.review import posting
from studio.review.models import Item, PassedOver, Queue
from tests.studio.api.calls import Caller, is_error
from tests.studio.review.world import ADDRESS, alarms, make_queue, reviewers, row, run_intakes, write_table
from tests.studio.world import make_user, pattern

pytestmark = pytest.mark.slow

REVIEWS = "/api/datasets/signs/reviews"


@pytest.fixture
def queue(dataset: Dataset, administrator: User) -> Queue:
    return make_queue(dataset, administrator)


@pytest.fixture
def bot() -> Caller:
    """May import, by a token that does no more."""
    return Caller(make_user("bot", Role.TRAINER), "train")


@pytest.fixture
def people() -> list[Caller]:
    return [Caller(user, "review") for user in reviewers("rea", "ria", "rob")]


def scored(name: str, score: float = 0.9, **more: Any) -> dict[str, Any]:
    return {
        "filename": name, "score": score, "model_version": "2.0.0", "source_url": ADDRESS.format(name), **more
    }  # fmt: skip


def picture(number: int) -> str:
    return base64.b64encode(pattern(number)).decode()


def test_a_queue_is_made_and_its_name_is_used_once(bot: Caller, dataset: Dataset) -> None:
    body = {"name": "alarms", "positive": "logo", "threshold": 0.5, "sample_rate": 0.1}
    made = bot.send(f"{REVIEWS}/", body)
    assert (made.status_code, made.json()["positive"], made.json()["is_blind"]) == (201, "logo", True)
    is_error(bot.send(f"{REVIEWS}/", body), 409, "name_taken")
    for wrong in ({"positive": "out_of_domain"}, {"positive": "cat"}, {"threshold": 2}, {"name": ""}):
        fields = is_error(bot.send(f"{REVIEWS}/", {**body, **wrong}), 400, "invalid")["fields"]
        assert fields.keys() == wrong.keys()
    assert [each["name"] for each in bot.get(f"{REVIEWS}/").json()["results"]] == ["alarms"]


def test_from_a_bots_posts_to_labelled_images(
    bot: Caller, people: list[Caller], queue: Queue, dataset: Dataset
) -> None:
    path = f"{REVIEWS}/{queue.pk}"
    body = scored("a.png", picture=picture(1))
    posted = bot.send(f"{path}/items/", body)
    assert posted.status_code == 201
    assert bot.send(f"{path}/items/", body).json() == posted.json()  # the same again changes nothing
    assert people[0].get(f"{path}/next/").json() == {"item": None, "last": None, "disputes": 0}
    run_intakes()
    for person, answer in zip(people, ("yes", "no", "yes"), strict=True):
        waiting = person.get(f"{path}/next/").json()
        shown = waiting["item"] or person.get(f"{path}/disputes/").json()["results"][0]
        assert waiting["disputes"] == (0 if waiting["item"] else 1)
        assert (shown["id"], shown["score"]) == (posted.json()["item"], 0.9)
        assert b"".join(person.get(shown["picture"]).streaming_content).startswith(b"\xff\xd8")
        assert b"".join(person.get(shown["heat_map"]).streaming_content).startswith(b"\x89PNG")
        said = person.send(f"{path}/items/{shown['id']}/decide/", {"answer": answer})
        assert (said.status_code, said.json()["answer"]) == (200, answer)
        assert said.json().keys() == {"item", "answer", "at"}  # and nothing of what others said
    found = bot.get(f"{path}/").json()
    assert (found["waiting"], found["results"]["whole"]["yes"]) == (1, 1)
    assert found["results"]["whole"]["precision"]["value"] == 1
    assert found["results"]["recall"] is None
    is_error(bot.send(f"{path}/accept/", {"into": "nowhere"}), 400, "invalid")
    assert bot.send(f"{path}/accept/").json() == {"accepted": 1, "waiting": 0}
    assert str(dataset.images.get().label) == "logo"
    is_error(bot.send(f"{path}/accept/"), 409, "accepting_refused")
    entry = AuditEntry.objects.filter(action="post item").get()
    assert (entry.who, "by token laptop" in entry.details) == ("bot", True)


def test_a_data_set_takes_what_was_settled_in_another(
    bot: Caller, people: list[Caller], queue: Queue, administrator: User
) -> None:
    other = make_dataset(administrator, "other")
    path = f"{REVIEWS}/{queue.pk}"
    item = bot.send(f"{path}/items/", scored("a.png", picture=picture(1))).json()["item"]
    run_intakes()
    for person in people[:2]:
        person.send(f"{path}/items/{item}/decide/", {"answer": "no"})
    assert bot.send(f"{path}/accept/", {"into": "other"}).json()["accepted"] == 1
    assert str(other.images.get().label) == "out_of_domain"


def test_files_are_posted_in_bulk_each_for_itself(bot: Caller, queue: Queue) -> None:
    path = f"{REVIEWS}/{queue.pk}/items/bulk/"
    files = [
        scored("a.png"), scored("b.png", source_url="https://evil.example/b.png"), scored("c.png", 0.1),
        scored("d.png", source_url="", picture="no base64!"), scored("e.png", source_url=""),
        scored("f.png", source_url="", picture=picture(1)),
    ]  # fmt: skip
    found = bot.send(path, {"files": files}).json()["results"]
    assert [each.get("error", {}).get("message", "").partition(":")[0] for each in found] == [
        "", "source_url", "", "picture", "source_url", "",
    ]  # fmt: skip
    assert {each["error"]["code"] for each in found if "error" in each} == {"scored_file_invalid"}
    assert [each.get("item") for each in found] == [
        Item.objects.get(filename="a.png").pk, None, None, None, None, Item.objects.get(filename="f.png").pk
    ]  # fmt: skip
    assert PassedOver.objects.count() == 1  # c.png is no alarm, and was not drawn
    for wrong in ([], [scored(f"{number}.png") for number in range(51)], [scored("a.png", 2)], ["x"]):
        is_error(bot.send(path, {"files": wrong}), 400, "invalid")
    assert len(bot.send(path, {"files": [scored(f"{n}.png") for n in range(50)]}).json()["results"]) == 50


def test_a_picture_comes_by_multipart_too(bot: Caller, queue: Queue) -> None:
    upload = io.BytesIO(pattern(1))
    upload.name = "a.png"
    fields: dict[str, object] = {"filename": "a.png", "score": "0.9", "model_version": "2", "upload": upload}
    assert bot.upload(f"{REVIEWS}/{queue.pk}/items/", fields).status_code == 201
    run_intakes()
    assert Item.objects.get().is_ready


@pytest.mark.parametrize(
    "wrong",
    [{"score": 2}, {"score": "nan"}, {"score": None}, {"filename": ""}, {"filename": "a\0"}, {"picture": "?"},
     {"source_url": "http://127.0.0.1/"}, {"source_url": ""}, {"scored_at": "yesterday"},
     {"scored_at": "0001-01-01T00:00:00+14:00"}, {"model_version": "x" * 101}, {"filename": "x" * 1025}],
    ids=str,
)  # fmt: skip
def test_a_post_that_makes_no_sense_is_refused(wrong: dict[str, Any], bot: Caller, queue: Queue) -> None:
    sent = bot.send(f"{REVIEWS}/{queue.pk}/items/", {**scored("a.png"), **wrong})
    is_error(sent, 400, sent.json()["code"])
    assert not Item.objects.exists()


def test_where_too_many_pictures_wait_a_bot_is_told_to_come_again(
    bot: Caller, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "MAX_WAITING", 1)
    path = f"{REVIEWS}/{queue.pk}/items"
    assert bot.send(f"{path}/", scored("a.png", picture=picture(1))).status_code == 201
    late = bot.send(f"{path}/", scored("b.png", picture=picture(2)))
    is_error(late, 503, "too_many_waiting")
    assert late["Retry-After"] == "10"
    many = bot.send(f"{path}/bulk/", {"files": [scored("b.png", picture=picture(2)), scored("c.png")]})
    first, second = many.json()["results"]
    assert first["error"]["code"] == "too_many_waiting"
    assert second["item"] == Item.objects.get(filename="c.png").pk


def test_a_blind_queue_shows_the_score_after_the_decision(
    dataset: Dataset, administrator: User, people: list[Caller]
) -> None:
    queue = make_queue(dataset, administrator, rate=0.5)
    alarms(queue, administrator, 1)
    path = f"{REVIEWS}/{queue.pk}"
    shown = people[0].get(f"{path}/next/").json()["item"]
    assert (shown["score"], shown["model_version"], shown["heat_map"]) == (None, None, None)
    assert shown["source_url"] == ADDRESS.format("0")
    people[0].send(f"{path}/items/{shown['id']}/decide/", {"answer": "yes"})
    assert people[0].get(f"{path}/items/{shown['id']}/").json()["score"] == 0.9
    assert people[1].get(f"{path}/items/{shown['id']}/").json()["score"] is None
    again = people[0].send(f"{path}/items/{shown['id']}/decide/", {"answer": "no"})
    is_error(again, 409, "decision_refused")
    assert people[0].get(f"{path}/next/").json()["last"]["answer"] == "yes"
    assert people[0].send(f"{path}/undo/").json() == {"item": shown["id"]}
    assert people[0].send(f"{path}/undo/").json() == {"item": None}
    is_error(people[0].send(f"{path}/items/{shown['id']}/decide/", {"answer": "maybe"}), 400, "invalid")


def test_a_table_is_taken_in_from_below_the_folder_for_imports_alone(
    bot: Caller, queue: Queue, imports: Path
) -> None:
    write_table(imports / "table.parquet", [row("a.png", 0.9), row("b.png", 0.8, target="cat")])
    path = f"{REVIEWS}/{queue.pk}/intakes"
    asked = bot.send(f"{path}/", {"table": "table.parquet"})
    assert (asked.status_code, asked.json()["kind"], asked.json()["state"]) == (201, "table", "waiting")
    run_intakes()
    done = bot.get(f"{path}/{asked.json()['id']}/").json()
    assert (done["state"], done["total"], done["refused"]) == ("done", 2, 1)
    found = bot.get(f"{path}/{done['id']}/problems/").json()["results"]
    problems = {each["name"]: each["reason"] for each in found}
    assert problems.keys() == {"a.png", "b.png"}  # of the one there is no picture
    assert problems["b.png"].startswith("target: ")
    for table in ("../data", "/etc/passwd", "nowhere"):
        is_error(bot.send(f"{path}/", {"table": table}), 400, "import_refused")
    waiting = bot.send(f"{path}/", {"table": "table.parquet"}).json()
    assert bot.send(f"{path}/{waiting['id']}/cancel/").json()["state"] == "cancelled"
    assert [each["state"] for each in bot.get(f"{path}/").json()["results"]] == ["cancelled", "done"]
    assert STUDIO.import_folder == imports


def test_what_is_of_another_queue_is_not_found(
    bot: Caller, people: list[Caller], queue: Queue, dataset: Dataset, administrator: User
) -> None:
    other = make_queue(dataset, administrator, name="other")
    (item,) = alarms(queue, administrator, 1)
    for name in ("", "picture/", "heat-map/"):
        is_error(people[0].get(f"{REVIEWS}/{other.pk}/items/{item.pk}/{name}"), 404, "not_found")
    decided = people[0].send(f"{REVIEWS}/{other.pk}/items/{item.pk}/decide/", {"answer": "yes"})
    is_error(decided, 404, "not_found")
    is_error(bot.get(f"{REVIEWS}/999/"), 404, "not_found")
