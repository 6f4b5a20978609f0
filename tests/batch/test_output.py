from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from batch.errors import BatchError
from batch.inputs import Entry
from batch.output import Done, Output
from batch.rows import RowSchema
from batch.target import Target
from logo_detection.errors import ImageCorrupt
from logo_detection.pool.messages import Scored
from tests.batch.jobs import read_rows
from tests.models import LABELS

ROW_SCHEMA = RowSchema("1.0/é =x", Target("logo", LABELS))
SCORED = Scored((0.25, 0.75), "png", 4, 3, 0.0, 0.0, 0.0)


def rows(*names: str, row_schema: RowSchema = ROW_SCHEMA) -> pa.Table:
    outcomes = {name: ImageCorrupt() if "corrupt" in name else SCORED for name in names}
    made = [row_schema.row(Entry.of_name(name), outcome) for name, outcome in outcomes.items()]
    return pa.Table.from_batches([row_schema.batch(made)])


def keys(*names: str) -> set[tuple[str, str]]:
    return {(name, name) for name in names}


def test_nothing_is_done_where_there_is_nothing(tmp_path: Path) -> None:
    assert Output(tmp_path / "none").done(ROW_SCHEMA).keys == set()
    assert Output(tmp_path).done(ROW_SCHEMA).keys == set()


@pytest.mark.parametrize(
    "partition_by", [(), ("model_version",), ("error", "format", "target", "model_version")]
)
def test_what_was_added_is_done(tmp_path: Path, partition_by: tuple[str, ...]) -> None:
    output = Output(tmp_path, partition_by)
    output.add(rows("a", "corrupt"))
    output.add(rows("é 東"))
    assert output.done(ROW_SCHEMA) == Done(keys("a", "corrupt", "é 東"), Counter(scored=2, image_corrupt=1))
    found = read_rows(tmp_path)
    assert (found["corrupt"]["error"], found["corrupt"]["prediction"]) == ("image_corrupt", None)
    assert (found["a"]["error"], found["a"]["prediction"]) == (None, 0.75)
    assert {row["model_version"] for row in found.values()} == {"1.0/é =x"}


def test_what_a_killed_job_left_is_not_done(tmp_path: Path) -> None:
    output = Output(tmp_path, ("model_version",))
    output.add(rows("a"))
    (whole,) = tmp_path.rglob("*.parquet")
    (tmp_path / "_temporary" / "0").mkdir(parents=True)
    (tmp_path / "_temporary" / "0" / "part-1.parquet").write_bytes(whole.read_bytes())
    (whole.parent / "_part-2.parquet").write_bytes(whole.read_bytes()[:100])
    assert output.done(ROW_SCHEMA).keys == keys("a")


@pytest.mark.parametrize("partition_by", [(), ("model_version",), ("model_version", "error")])
def test_rows_of_an_error_are_forgotten_and_no_others(tmp_path: Path, partition_by: tuple[str, ...]) -> None:
    output = Output(tmp_path, partition_by)
    output.add(rows("a", "corrupt"))
    output.add(rows("b"))
    output.add(rows("corrupt too"))
    output.forget(ROW_SCHEMA, ["fetch_failed"])
    assert len(read_rows(tmp_path)) == 4
    if partition_by:
        other = RowSchema("2", Target("logo", LABELS))
        output.add(rows("corrupt of another model", row_schema=other))
        output.forget(other, ["fetch_failed"])
    before = read_rows(tmp_path)
    output.forget(ROW_SCHEMA, ["image_corrupt"])
    assert output.done(ROW_SCHEMA) == Done(keys("a", "b"), Counter(scored=2))
    wanted = {"a", "b", *(["corrupt of another model"] if partition_by else [])}
    assert read_rows(tmp_path) == {name: row for name, row in before.items() if name in wanted}


def test_an_output_keeps_its_partitions(tmp_path: Path) -> None:
    Output(tmp_path, ("error",)).add(rows("a"))
    with pytest.raises(BatchError, match="is partitioned by error, and not by nothing"):
        Output(tmp_path).done(ROW_SCHEMA)


def test_a_folder_of_something_else_is_no_output(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"words")
    with pytest.raises(BatchError, match="holds something else"):
        Output(tmp_path).done(ROW_SCHEMA)


def test_only_what_is_written_is_an_output_that_cannot_be_written_to(tmp_path: Path) -> None:
    elsewhere = pytest.raises(FileNotFoundError)
    with elsewhere, Output(tmp_path / "a").locked():
        (tmp_path / "input.png").read_bytes()
    (tmp_path / "file").write_bytes(b"")
    refused = pytest.raises(BatchError, match=r"cannot write to .*file")
    with refused, Output(tmp_path / "file").locked():
        pass
    with refused:
        Output(tmp_path / "file").add(rows("a"))


def test_only_one_job_has_an_output(tmp_path: Path) -> None:
    refused = pytest.raises(BatchError, match="another job writes to")
    with Output(tmp_path).locked(), refused, Output(tmp_path).locked():
        pass
    with Output(tmp_path).locked():
        pass
