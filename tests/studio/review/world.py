"""Review queues, scored files and reviewers for the tests of the review."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from batch.rows import SCHEMA
from studio.django_settings import STUDIO
from studio.images.models import Dataset
from studio.people.models import Role, User
from studio.review.deciding import decide
from studio.review.jobs import run_next_intake
from studio.review.models import Answer, Intake, Item, Queue
from studio.review.posting import Post, Poster, poster_of
from tests.studio.world import equipment, make_user

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ADDRESS = "https://upload.wikimedia.org/a/{}.png"


def make_queue(
    dataset: Dataset, by: User, threshold: float = 0.5, rate: float = 0.0, name: str = "alarms"
) -> Queue:
    return Queue.objects.create(
        dataset=dataset,
        name=name,
        positive=dataset.classes.get(name="logo"),
        threshold=threshold,
        sample_rate=rate,
        seed="0" * 32,
        made_by=by,
    )


def reviewers(*names: str) -> list[User]:
    return [make_user(name, Role.REVIEWER) for name in names]


def poster() -> Poster:
    return poster_of(STUDIO)


def post(queue: Queue, by: User, name: str, score: float, **more: Any) -> Item | None:
    """A file of which only an address is known, unless more is said."""
    fields = {"source_url": ADDRESS.format(name), "scored_at": NOON, **more}
    return poster().post(by, queue, Post(name, score, "mean-colour 1", **fields))


def alarms(queue: Queue, by: User, count: int, score: float = 0.9) -> list[Item]:
    posted = [post(queue, by, f"{number}", score) for number in range(count)]
    return [item for item in posted if item is not None]


def settle(item: Item, by: Sequence[User], *answers: str) -> Item:
    for user, answer in zip(by, answers, strict=False):
        decide(user, item, Answer(answer))
    item.refresh_from_db()
    return item


def row(name: str, score: float | None, **more: Any) -> dict[str, Any]:
    """A row of `logo-batch`."""
    fields: dict[str, Any] = dict.fromkeys(SCHEMA.names)
    fields |= {"filename": name, "input": name, "target": "logo", "prediction": score}
    fields |= {
        "model_version": "2.0.0",
        "scored_at": NOON,
        "error": None if score is not None else "image_corrupt",
    }
    return fields | more


def write_table(path: Path, rows: Sequence[dict[str, Any]], schema: pa.Schema = SCHEMA) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)
    return path


def take_in(queue: Queue, path: Path | str, pictures: Path | str = "") -> Intake:
    """Have a table taken in, the whole way."""
    job = Intake.objects.create(
        queue=queue,
        kind=Intake.Kind.TABLE,
        name="table",
        path=str(path),
        pictures=str(pictures),
        asked_by=queue.made_by,
    )
    run_intakes()
    job.refresh_from_db()
    return job


def run_intakes() -> None:
    while run_next_intake(equipment(), STUDIO.allowed_hosts, Event()):
        pass
