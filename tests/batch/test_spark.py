"""logo-batch on Spark: the same job, with the same rows."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from batch.batch_scorer import ScorerConfig
from batch.output import Output
from batch.rows import OUTCOME_SCORED, SCHEMA, RowSchema
from batch.sources import InputSource
from batch.spark import BYTES_IN_BATCH, TASKS_PER_CORE, Session, SparkOutput, score_on_spark, task_count
from batch.spark_inputs import read_inputs
from batch.target import Target, find_target
from logo_detection.artifact import INT8_XML, load_artifact
from logo_detection.fetch.policy import FetchPolicy
from tests.batch.jobs import (
    BLUE,
    EXPECTED_ERRORS,
    RED,
    awkward_files,
    binary_types,
    damaged_table,
    endless_artifact,
    errors,
    files_of_every_kind,
    half_way,
    many_files,
    read_keys,
    read_rows,
    run,
    table_of_type,
    text_types,
    write_table,
)
from tests.batch.test_output import rows as output_rows
from tests.harness.origins import Origin
from tests.harness.process import ROOT, clean_environment, free_port
from tests.models import LABELS, add_int8, write_artifact

pytestmark = pytest.mark.slow

TIMEOUT_S = 300
SPARK = ("--engine", "spark")
PLAIN = RowSchema("1.0/x =y", Target("logo", LABELS))
PARTITIONED: tuple[tuple[str, ...], ...] = ((), ("model_version", "error"))

K = TypeVar("K")


def without_time(rows: dict[K, dict[str, Any]]) -> dict[K, dict[str, Any]]:
    return {
        name: {column: value for column, value in row.items() if column != "scored_at"}
        for name, row in rows.items()
    }


def test_both_engines_write_the_same_rows_also_of_a_file_that_hangs_its_worker(tmp_path: Path) -> None:
    artifact, folder = endless_artifact(tmp_path / "a"), files_of_every_kind(tmp_path / "in")
    assert run(artifact, tmp_path / "spark", folder, "--decode-timeout-s", 4, *SPARK) == 0
    assert run(artifact, tmp_path / "local", folder, "--decode-timeout-s", 4) == 0
    rows = read_rows(tmp_path / "spark")
    assert errors(rows) == EXPECTED_ERRORS
    assert without_time(rows) == without_time(read_rows(tmp_path / "local"))
    schema = ds.dataset(tmp_path / "spark", format="parquet").schema
    assert {field.name: field.type for field in schema} == {field.name: field.type for field in SCHEMA}


@pytest.mark.parametrize(
    ("rows", "rows_per_file", "cores", "tasks"),
    [
        (0, 10_000, 2, 1),
        (3, 10_000, 8, 3),
        (120, 10_000, 2, 8),
        (100_000, 10_000, 100, 400),
        (1_000_001, 10_000, 2, 101),
    ],
)
def test_every_core_has_several_tasks_and_no_task_too_many_rows(
    rows: int, rows_per_file: int, cores: int, tasks: int
) -> None:
    assert task_count(rows, rows_per_file, cores) == tasks


def test_a_batch_of_large_images_ends_early(tmp_path: Path) -> None:
    number, size = 40, 2**20
    images = [os.urandom(size) for _ in range(number)]
    table = write_table(tmp_path / "t.parquet", filename=[f"{n}" for n in range(number)], content=images)

    def sizes(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield pa.RecordBatch.from_pydict({"rows": [batch.num_rows]})

    with Session().open() as spark:
        found = (
            read_inputs(spark, InputSource("parquet", (str(table),))).mapInArrow(sizes, "rows long").collect()
        )
    assert sum(row.rows for row in found) == number
    assert max(row.rows for row in found) <= BYTES_IN_BATCH // size + 1


def test_the_model_is_loaded_once_in_a_python_worker(artifact: Path, tmp_path: Path) -> None:
    loaded = load_artifact(artifact)
    row_schema = RowSchema(loaded.version, find_target(loaded, None))
    add_int8(Path(shutil.copytree(artifact, tmp_path / "model")), ("avx512_vnni",))
    of_two_files = replace(loaded.model_source(), path=str(tmp_path / "model" / INT8_XML))
    scorer = ScorerConfig(of_two_files, row_schema, FetchPolicy(allowed_hosts=()))
    source = InputSource("files", (str(many_files(tmp_path / "in", 24)),))
    place = SparkOutput(str(tmp_path / "out"))
    tally = score_on_spark(Session(workers=2), source, place, scorer, rows_per_file=10_000)
    assert len(list((tmp_path / "out").glob("*.parquet"))) == 2 * TASKS_PER_CORE
    assert 1 <= tally.models <= 2  # Python workers
    assert tally.outcomes == {OUTCOME_SCORED: 24}


def kill_java(job: subprocess.Popen[bytes]) -> None:
    """Kill the Java that a job has started, as the kernel does that is out of memory."""
    (java,) = (each for each in psutil.Process(job.pid).children() if each.name() == "java")
    java.kill()


@pytest.mark.parametrize(
    ("kill", "status"),
    [
        pytest.param(lambda job: os.killpg(job.pid, signal.SIGKILL), -signal.SIGKILL, id="job"),
        pytest.param(kill_java, 2, id="java", marks=pytest.mark.soak),
    ],
)
def test_a_job_that_is_killed_half_way_goes_on_to_one_row_an_input(
    kill: Callable[[subprocess.Popen[bytes]], None], status: int, artifact: Path, tmp_path: Path
) -> None:
    folder, output = many_files(tmp_path / "in", 200), tmp_path / "out"
    arguments = (*SPARK, "--rows-per-file", 5, folder)
    with half_way(artifact, output, *arguments, timeout_s=TIMEOUT_S) as job:
        kill(job)
        assert job.wait(timeout=TIMEOUT_S) == status
    before = read_rows(output)
    assert 10 <= len(before) < 200
    assert run(artifact, output, folder, *SPARK) == 0
    rows = read_rows(output)
    assert sorted(errors(rows)) == [f"{index:04}.png" for index in range(200)]
    assert all(rows[name] == row for name, row in before.items())


def test_a_table_is_joined_with_names_and_written_in_partitions(artifact: Path, tmp_path: Path) -> None:
    table = write_table(
        tmp_path / "images.parquet",
        filename=["Red.png", "unwanted", "é 東.png", "null", "words"],
        content=[RED, RED, BLUE, None, b"words"],
    )
    names = tmp_path / "names.txt"
    names.write_text("é 東.png\nmissing\nRed.png\nnull\nRed.png\nwords\n")
    for _ in range(2):
        arguments = ("--names", names, "--partition-by", "model_version,error", *SPARK)
        assert run(artifact, tmp_path / "out", table, *arguments) == 0
    rows = read_rows(tmp_path / "out")
    assert {name: row["error"] for name, row in rows.items()} == {
        "Red.png": None,
        "é 東.png": None,
        "null": "no_content",
        "missing": "fetch_failed",
        "words": "image_unsupported",
    }
    assert rows["Red.png"]["prediction"] > 0.9 > 0.1 > rows["é 東.png"]["prediction"]
    # What one engine began, the other goes on with.
    (tmp_path / "names.txt").write_text("Red.png\nunwanted\n")
    assert (
        run(artifact, tmp_path / "out", table, "--names", names, "--partition-by", "model_version,error") == 0
    )
    assert len(read_rows(tmp_path / "out")) == 6


def test_files_by_a_scheme_and_what_is_fetched_are_rows_too(artifact: Path, tmp_path: Path) -> None:
    folder = files_of_every_kind(tmp_path / "in")
    with Origin() as origin:
        origin.serve("/red.png", RED)
        urls = ["https://images.example/red.png", "https://other.example/red.png"]
        allowed = ("--allowed-hosts", "images.example", "--origin-overrides", f"images.example={origin.url}")
        assert run(artifact, tmp_path / "out", f"file://{folder}", *urls, *allowed, *SPARK, "--embed") == 0
    rows = read_rows(tmp_path / "out")
    assert (rows[urls[0]]["features"], rows[urls[1]]["features"]) == ([1, 0, 0], None)
    expected = {f"{folder}/{name}": error for name, error in EXPECTED_ERRORS.items()}
    expected[f"{folder}/green.png"] = None  # this model takes it as it is
    assert {name: row["error"] for name, row in rows.items()} == {
        **expected,
        urls[0]: None,
        urls[1]: "url_not_allowed",
    }


def test_a_table_of_the_metastore_is_added_to(
    artifact: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = many_files(tmp_path / "in", 2)
    metastore = f"spark.hadoop.javax.jdo.option.ConnectionURL=jdbc:derby:{tmp_path}/metastore;create=true"
    conf = ("--conf", metastore, "--conf", f"spark.sql.warehouse.dir={tmp_path}/warehouse")
    command = ("--model", artifact, "--workers", 1, "--table", "scores", *SPARK, *conf, folder)
    from batch.score import main

    assert main([str(part) for part in command]) == 0
    (folder / "new.png").write_bytes(RED)
    assert main([str(part) for part in command]) == 0
    assert "1 of 1 files scored (2 were there) in " in capfd.readouterr().err
    table = tmp_path / "warehouse" / "scores"
    assert len(read_rows(table)) == 3
    assert ds.dataset(table, format="parquet").schema.field("scored_at").type == pa.timestamp("ns")  # INT96
    elsewhere = ["nowhere.scores" if part == "scores" else str(part) for part in command]
    assert main(elsewhere) == 2
    assert "logo-batch: --table: there is no database nowhere; make it first" in capfd.readouterr().err


def test_spark_is_quiet_unless_it_is_asked(artifact: Path, tmp_path: Path) -> None:
    folder = many_files(tmp_path / "in", 1)
    command = [sys.executable, "-m", "batch.score", "--model", artifact, "--workers", 1, *SPARK]
    said = []
    for verbose in ([], ["--verbose"]):
        output = tmp_path / f"out{len(verbose)}"
        done = subprocess.run(
            [str(part) for part in (*command, *verbose, "--output", output, folder)],
            cwd=ROOT,
            env=clean_environment({}),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        assert done.returncode == 0, done.stderr
        said.append(done.stderr)
    (summary,) = said[0].splitlines()
    assert summary.startswith("1 of 1 files scored in ")
    assert "WARN" in said[1]


def test_a_master_that_does_not_answer_is_told_before_spark_is_started(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    master = f"spark://127.0.0.1:{free_port()}"
    assert run(artifact, tmp_path / "out", many_files(tmp_path / "in", 1), *SPARK, "--master", master) == 2
    said = capsys.readouterr().err
    assert said == f"logo-batch: --master: nothing answers at {master[8:]} (Connection refused)\n"


def test_a_folder_that_another_job_writes_to_is_refused(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, output = many_files(tmp_path / "in", 1), tmp_path / "out %20[1]"
    with Output(output).locked():
        assert run(artifact, output, folder, *SPARK) == 2
    assert capsys.readouterr().err == f"logo-batch: another job writes to {output}\n"
    assert run(artifact, f"file://{output}", folder, *SPARK) == 0
    assert len(read_rows(output)) == 1


def test_a_path_with_a_colon_is_told_before_spark_is_started(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = many_files(tmp_path / "in:1", 1)
    table = write_table(tmp_path / "t:1.parquet", filename=["a"], content=[RED])
    for output, given in ((tmp_path / "out:1", folder), ("hdfs://head:8020/2024-01-01T10:00/out", folder)):
        assert run(artifact, output, given, *SPARK) == 2
        assert capsys.readouterr().err.startswith(f"logo-batch: {output} has a colon: Spark can use no such")
    assert run(artifact, tmp_path / "out", table, *SPARK) == 2
    assert capsys.readouterr().err.startswith(f"logo-batch: {table} has a colon")


def test_why_spark_does_not_start_is_told(artifact: Path, tmp_path: Path) -> None:
    folder = many_files(tmp_path / "in", 1)
    said = {}
    for option, given in (("--archive", "none.tar.gz"), ("--java-home", tmp_path)):
        command = [sys.executable, "-m", "batch.score", "--model", artifact, "--output", tmp_path / "out"]
        done = subprocess.run(
            [str(part) for part in (*command, *SPARK, option, given, folder)],
            cwd=ROOT,
            env=clean_environment({}),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        assert done.returncode == 2
        said[option] = done.stderr.splitlines()[-1].removeprefix("logo-batch: Spark does not start: ")
    assert said["--archive"].startswith("java.nio.file.NoSuchFileException: ")
    assert said["--archive"].endswith("none.tar.gz")
    assert said["--java-home"] == "its Java has ended; what it said is above"


def read_on_spark(tables: list[Path]) -> list[list[tuple[str, bytes | None, str | None]]]:
    """The filename, content and URL of each row, for each of these tables."""
    with Session().open() as spark:
        return [
            [
                (row.filename, row.content and bytes(row.content), row.url)
                for row in read_inputs(spark, InputSource("parquet", (str(table),))).sort("input").collect()
            ]
            for table in tables
        ]


def test_text_and_bytes_of_any_type_are_read(tmp_path: Path) -> None:
    tables = [
        table_of_type(tmp_path / f"{number}.parquet", text, binary)
        for number, (text, binary) in enumerate(product(text_types(), binary_types()))
    ]
    images = pa.array(
        [{"bytes": RED, "path": "a"}, {"bytes": RED, "path": "b"}],
        pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
    )
    hugging_face = tmp_path / "[hf] {train}.parquet"
    pq.write_table(pa.table({"image": images}), hugging_face)
    for found in read_on_spark([*tables, hugging_face]):
        assert found == [("a", RED, None), ("b", RED, None)]


def test_columns_of_another_type_are_refused_in_one_line(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "t.parquet"
    pq.write_table(pa.table({"filename": ["a"], "content": ["words"]}), table)
    assert run(artifact, tmp_path / "out", table, *SPARK) == 2
    assert f"{table}: the column content is text, and not bytes" in capsys.readouterr().err
    assert not list((tmp_path / "out").rglob("*.parquet"))


def test_both_engines_give_the_same_rows_whatever_the_names(artifact: Path, tmp_path: Path) -> None:
    folder, output = tmp_path / "in [a]", tmp_path / "rows [1]{2} é"
    names = awkward_files(folder)
    assert run(artifact, output, f"file://{folder}", *SPARK) == 0
    assert run(artifact, tmp_path / "local", folder) == 0
    rows = read_keys(output)
    assert sorted(filename for _, filename in rows) == names
    assert without_time(rows) == without_time(read_keys(tmp_path / "local"))
    before = read_keys(output)
    assert run(artifact, output, folder, *SPARK) == 0  # all are known
    assert read_keys(output) == before


def test_rows_of_an_error_are_forgotten_and_no_others(tmp_path: Path) -> None:
    outputs = {partition_by: tmp_path / f"rows [1] é {len(partition_by)}" for partition_by in PARTITIONED}
    for partition_by, folder in outputs.items():
        for names in (("a", "corrupt"), ("b",), ("corrupt too",)):
            Output(folder, partition_by).add(output_rows(*names, row_schema=PLAIN))
    before = without_time(read_rows(outputs[()]))
    with Session().open() as spark:
        for partition_by, folder in outputs.items():
            output = SparkOutput(str(folder), partition_by=partition_by)
            output.forget(spark, PLAIN, ["fetch_failed"])
            output.forget(spark, PLAIN, ["image_corrupt"])
            done = output.done(spark, PLAIN)
            assert done is not None
            assert sorted(row.filename for row in done.collect()) == ["a", "b"]
    assert without_time(read_rows(outputs[()])) == {name: before[name] for name in ("a", "b")}
    for partition_by, folder in outputs.items():
        assert Output(folder, partition_by).done(PLAIN).keys == {("a", "a"), ("b", "b")}
        assert not list(folder.rglob("_kept-*"))


VIEW = "spark.hadoop.fs.viewfs.mounttable.test.link./data=file://{}"


def test_what_hadoop_lists_has_a_row_each_also_empty_files_and_underscores(
    artifact: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    (folder / "_folder").mkdir(parents=True)
    contents = {
        "_red.png": RED,
        "empty.png": b"",
        "_folder/blue é %20[1].png": BLUE,
        ".hidden.png": RED,
        ".named.png": RED,
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    view = ("--conf", VIEW.format(folder))
    named = "viewfs://test/data/.named.png"
    for _ in range(2):
        assert run(artifact, tmp_path / "out", "viewfs://test/data", named, *view, *SPARK) == 0
    assert {row["input"]: row["error"] for row in read_rows(tmp_path / "out").values()} == {
        "viewfs://test/data/_red.png": None,
        "viewfs://test/data/empty.png": "image_corrupt",
        "viewfs://test/data/_folder/blue é %20[1].png": None,
        named: None,
    }


def test_urls_of_one_name_stay_apart(artifact: Path, tmp_path: Path) -> None:
    urls = [f"https://other.example/{number}" for number in (1, 2, 1)]
    table = write_table(tmp_path / "t.parquet", filename=["a"] * 3, url=urls)
    manifest = tmp_path / "m.csv"
    manifest.write_text("filename,url\n" + "".join(f"a,{url}\n" for url in urls))
    for source in (table, manifest):
        assert run(artifact, tmp_path / "spark", source, *SPARK) == (1 if source is table else 0)
        assert run(artifact, tmp_path / "local", source) == (1 if source is table else 0)
    rows = read_keys(tmp_path / "spark")
    assert sorted(rows) == [(url, "a") for url in urls[:2]]
    assert without_time(rows) == without_time(read_keys(tmp_path / "local"))


def test_a_task_that_fails_for_good_is_told_in_one_line(
    artifact: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    quiet = ("--conf", "spark.ui.showConsoleProgress=false")
    table = damaged_table(tmp_path / "damaged.parquet", "content")
    assert run(artifact, tmp_path / "out", table, *SPARK, *quiet) == 2
    *_, line = capfd.readouterr().err.splitlines()
    assert line.startswith("logo-batch: ")
    assert "damaged.parquet" in line
    unloadable = tmp_path / "a"
    unloadable.mkdir()
    (unloadable / "model.onnx").write_bytes(b"words")
    write_artifact(unloadable)
    assert run(unloadable, tmp_path / "out", many_files(tmp_path / "in", 2), *SPARK, *quiet) == 2
    said = capfd.readouterr().err.splitlines()
    assert "cannot load it" in said[-1]
    assert not [line for line in said if line.startswith("\tat ")]


def test_what_spark_cannot_read_is_refused_in_one_line(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(artifact, tmp_path / "out", "/nowhere.parquet", *SPARK) == 2
    assert "/nowhere.parquet" in capsys.readouterr().err
    twice = write_table(tmp_path / "t.parquet", filename=["a", "a"], content=[RED, RED])
    assert run(artifact, tmp_path / "out", twice, *SPARK) == 2
    assert "has more than one row of a" in capsys.readouterr().err
    assert run(artifact, tmp_path / "scores", many_files(tmp_path / "in", 2)) == 0
    capsys.readouterr()
    assert run(artifact, tmp_path / "scores", tmp_path / "in", *SPARK, "--embed") == 2
    headless = endless_artifact(tmp_path / "a")
    assert run(headless, tmp_path / "out", tmp_path / "in", *SPARK, "--embed") == 2
    without, headless_says = capsys.readouterr().err.splitlines()
    assert "has rows without features" in without
    assert "the model has no features to give" in headless_says
