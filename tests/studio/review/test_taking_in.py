"""Taking in: the tables of `logo-batch`, and what of them is shown, counted and refused."""

from pathlib import Path

import pyarrow as pa
import pytest
from django.test import Client

from batch.rows import SCHEMA
from batch.score import main as logo_batch
from studio.background.claims import ask_to_cancel
from studio.images.models import Dataset, File
from studio.people.models import AuditEntry, User
from studio.review import tables
from studio.review.models import Intake, Item
from tests.studio.conftest import FOLDER
from tests.studio.review.world import make_queue, row, run_intakes, take_in, write_table
from tests.studio.world import pattern

pytestmark = pytest.mark.slow

RED, BLUE = (230, 20, 20), (20, 20, 230)


def problems(job: Intake) -> dict[str, str]:
    return dict(job.problems.values_list("name", "reason"))


def test_what_logo_batch_has_written_is_taken_in_with_pictures(
    dataset: Dataset, browser: Client, imports: Path, administrator: User
) -> None:
    (imports / "pictures").mkdir()
    for number in range(3):
        (imports / "pictures" / f"{number}.png").write_bytes(pattern(number, RED))
    (imports / "pictures" / "blue.png").write_bytes(pattern(4, BLUE))
    (imports / "pictures" / "broken.png").write_bytes(b"no image")
    arguments = ["--output", str(imports / "scores"), "--model", str(FOLDER / "artifact"), "--workers", "1"]
    assert logo_batch([*arguments, "--partition-by", "model_version", str(imports / "pictures")]) == 0
    queue = make_queue(dataset, administrator)
    page = f"/datasets/signs/review/{queue.pk}/intakes"
    sent = browser.post(f"{page}/add", {"table": "scores", "pictures": "pictures"})
    assert sent.status_code == 302
    run_intakes()
    job = Intake.objects.get()
    assert (job.state, job.total, job.done, job.unscored) == ("done", 5, 5, 1)
    assert job.message == "3 alarms, 0 drawn from below the threshold, 0 known, 1 without a score, 0 refused"
    assert job.message in browser.get(sent["Location"]).content.decode()
    items = list(Item.objects.select_related("file"))
    assert {Path(item.filename).name for item in items} == {"0.png", "1.png", "2.png"}
    assert all(item.is_ready and item.file and item.heat_map_by == "mean-colour 1" for item in items)
    assert {item.model_version for item in items} == {"1"}
    assert queue.passed_over.count() == 1
    assert AuditEntry.objects.filter(action="take table in", details="scores").exists()


def test_a_table_that_comes_twice_is_counted_once(
    dataset: Dataset, imports: Path, administrator: User
) -> None:
    queue = make_queue(dataset, administrator, rate=0.5)
    rows = [row(f"https://upload.wikimedia.org/{n}.png", n / 40) for n in range(40)]
    path = write_table(imports / "t.parquet", rows)
    first = take_in(queue, path)
    counts = Item.objects.count(), queue.passed_over.count()
    assert sum(counts) == 40
    assert Item.objects.filter(is_alarm=True).count() == 20
    assert 3 <= Item.objects.filter(is_alarm=False).count() <= 17
    assert first.known == 0
    again = take_in(queue, path)
    assert (again.known, Item.objects.count(), queue.passed_over.count()) == (40, *counts)


def test_an_address_is_linked_to_and_nothing_is_fetched(
    dataset: Dataset, imports: Path, administrator: User
) -> None:
    queue = make_queue(dataset, administrator)
    wanted, foreign = "https://commons.wikimedia.org/wiki/File:A.png", "https://evil.example/a.png"
    job = take_in(queue, write_table(imports / "t.parquet", [row(wanted, 0.9), row(foreign, 0.9)]))
    assert problems(job) == {
        foreign: "there is neither a picture of it here nor an address of an allowed host"
    }
    by_name = {item.filename: item for item in Item.objects.all()}
    assert (by_name[wanted].source_url, by_name[wanted].is_ready) == (wanted, True)
    assert (by_name[foreign].source_url, by_name[foreign].is_ready) == ("", False)
    assert not File.objects.exists()


def test_no_row_reaches_a_file_outside_the_folder_for_imports(
    dataset: Dataset, imports: Path, administrator: User, tmp_path: Path
) -> None:
    (tmp_path / "secret.png").write_bytes(pattern(1))
    (imports / "link.png").symlink_to(tmp_path / "secret.png")
    names = [str(tmp_path / "secret.png"), "../artifact/model.onnx", "link.png", "a\0b", "x" * 5000, "."]
    rows = [row(name[:1000], 0.9, input=name) for name in names]
    job = take_in(make_queue(dataset, administrator), write_table(imports / "t.parquet", rows))
    assert job.state == "done"
    assert not File.objects.exists()
    assert not Item.objects.filter(is_ready=True).exists()


def test_rows_that_are_no_scored_files_are_named(
    dataset: Dataset, imports: Path, administrator: User
) -> None:
    (imports / "a.png").write_bytes(pattern(1))
    rows = [
        row("a.png", 0.9), row("high.png", 1.5), row("flag.png", 0.9, target="flag"), row("bad.png", None),
        row("nan.png", float("nan")), row("old.png", 0.9, model_version="v" * 101), row("", 0.9),
    ]  # fmt: skip
    job = take_in(make_queue(dataset, administrator), write_table(imports / "t.parquet", rows))
    assert (job.done, job.unscored, job.refused) == (7, 1, 5)
    assert Item.objects.get().filename == "a.png"
    assert {name: reason.partition(":")[0] for name, reason in problems(job).items()} == {
        "high.png": "score", "flag.png": "target", "nan.png": "score", "old.png": "model_version",
        "a row without a name": "filename",
    }  # fmt: skip


def test_a_table_of_other_columns_is_refused_before_a_row_is_read(
    dataset: Dataset, imports: Path, administrator: User
) -> None:
    queue = make_queue(dataset, administrator)
    without = pa.schema([field for field in SCHEMA if field.name != "prediction"])
    job = take_in(queue, write_table(imports / "a.parquet", [row("a", 0.9)], without))
    assert (job.state, job.message.partition(";")[0]) == ("failed", "the table has no column prediction")
    texts = SCHEMA.set(SCHEMA.get_field_index("prediction"), pa.field("prediction", pa.string()))
    job = take_in(queue, write_table(imports / "b.parquet", [row("a", None, prediction="0.9")], texts))
    assert job.message == "the column prediction is string, and not a floating-point number"
    (imports / "c.parquet").write_bytes(b"PAR1 no table PAR1")
    assert take_in(queue, imports / "c.parquet").message.startswith("the table cannot be read: ")
    (imports / "empty").mkdir()
    assert take_in(queue, imports / "empty").message == (
        "the table has 0 Parquet files, and may have 1 to 10,000"
    )
    assert not Item.objects.exists()


def test_a_table_that_is_too_large_is_refused(
    dataset: Dataset, imports: Path, administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, path = make_queue(dataset, administrator), write_table(imports / "t.parquet", [row("a", 0.9)] * 3)
    monkeypatch.setattr(tables, "MAX_ROWS", 2)
    assert take_in(queue, path).message == "the table has 3 rows, and may have 2"
    monkeypatch.setattr(tables, "MAX_ROWS", 3)
    monkeypatch.setattr(tables, "MAX_GROUP_BYTES", 100)
    assert "a row group has" in take_in(queue, path).message


def test_a_folder_outside_that_of_imports_cannot_be_asked_for(
    dataset: Dataset, browser: Client, imports: Path, administrator: User
) -> None:
    queue = make_queue(dataset, administrator)
    for fields in ({"table": "../artifact"}, {"table": "t", "pictures": ".."}, {}):
        assert browser.post(f"/datasets/signs/review/{queue.pk}/intakes/add", fields).status_code == 400
    assert not Intake.objects.exists()


def test_an_intake_that_waits_is_cancelled(dataset: Dataset, browser: Client, administrator: User) -> None:
    queue = make_queue(dataset, administrator)
    job = Intake.objects.create(queue=queue, kind="table", name="t", path="/x", asked_by=administrator)
    page = f"/datasets/signs/review/{queue.pk}/intakes/{job.pk}"
    assert browser.post(f"{page}/cancel").status_code == 302
    assert b"Cancelled" in browser.get(page).content
    assert not ask_to_cancel(job)
