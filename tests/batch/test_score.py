"""logo-batch on this machine: a row for every input, whatever becomes of it and of the job."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.dataset as ds
import pytest

from batch.rows import SCHEMA
from batch.score import main
from tests.batch.jobs import (
    BLUE,
    EXPECTED_ERRORS,
    RED,
    awkward_files,
    endless_artifact,
    errors,
    files_of_every_kind,
    half_way,
    many_files,
    read_keys,
    read_rows,
    run,
    write_table,
)
from tests.harness.origins import Origin
from tests.harness.process import ROOT, clean_environment
from tests.models import add_int8, int8_here, tiny_onnx, write_artifact

TIMEOUT_S = 120
LOGO = 0.98201379  # exp(4) / (exp(4) + 1): what the small model says of pure red


def test_every_file_has_a_row_and_one_that_hangs_its_worker_costs_one(tmp_path: Path) -> None:
    artifact, folder, output = (
        endless_artifact(tmp_path / "a"),
        files_of_every_kind(tmp_path / "in"),
        tmp_path / "out",
    )
    assert run(artifact, output, folder, "--decode-timeout-s", 4) == 0
    rows = read_rows(output)
    assert errors(rows) == EXPECTED_ERRORS
    assert list(rows) == sorted(rows)
    red, green = rows[f"{folder}/red.png"], rows[f"{folder}/green.png"]
    assert red["prediction"] == pytest.approx(LOGO, abs=1e-6)
    assert dict(red["scores"]) == {"logo": red["prediction"], "out_of_domain": red["out_of_domain"]}
    assert (red["width"], red["height"], red["format"], red["target"]) == (40, 30, "png", "logo")
    assert red["model_version"] == green["model_version"] == "1"
    assert abs(datetime.now(UTC) - red["scored_at"]) < timedelta(seconds=TIMEOUT_S)
    unknown = ("prediction", "out_of_domain", "scores", "width", "height", "format")
    assert {green[column] for column in unknown} == {None}
    assert ds.dataset(output, format="parquet").schema.equals(SCHEMA)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_job_that_is_ended_half_way_goes_on_to_one_row_an_input(
    artifact: Path, tmp_path: Path, how: signal.Signals
) -> None:
    folder, output = many_files(tmp_path / "in", 400), tmp_path / "out"
    with half_way(artifact, output, folder, "--rows-per-file", 10, timeout_s=TIMEOUT_S) as job:
        job.send_signal(how)
        status = job.wait(TIMEOUT_S)
    assert status == (130 if how is signal.SIGINT else -how)
    before = read_rows(output)
    assert 20 <= len(before) < 400
    assert run(artifact, output, folder) == 0
    rows = read_rows(output)
    assert sorted(errors(rows)) == [f"{index:04}.png" for index in range(400)]
    assert all(rows[name] == row for name, row in before.items())
    assert [rows[name]["prediction"] > 0.5 for name in sorted(rows)] == [True, False] * 200


def test_what_is_done_is_not_scored_again(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, output = many_files(tmp_path / "in", 3), tmp_path / "out"
    assert run(artifact, output, folder) == 0
    (folder / "new.png").write_bytes(RED)
    assert run(artifact, output, folder) == 0
    assert "1 of 1 files scored (3 were there) in " in capsys.readouterr().err
    assert len(read_rows(output)) == 4


def test_a_table_is_joined_with_a_list_of_names(artifact: Path, tmp_path: Path) -> None:
    table = write_table(
        tmp_path / "images.parquet",
        filename=["Red.png", "unwanted", "é 東.png", "null"],
        content=[RED, RED, BLUE, None],
    )
    names = tmp_path / "names.txt"
    names.write_text("é 東.png\nmissing\nRed.png\nnull\nRed.png\n")
    assert run(artifact, tmp_path / "out", table, "--names", names) == 0
    rows = read_rows(tmp_path / "out")
    assert {name: row["error"] for name, row in rows.items()} == {
        "Red.png": None,
        "é 東.png": None,
        "null": "no_content",
        "missing": "fetch_failed",
    }
    assert rows["Red.png"]["prediction"] > 0.9 > 0.1 > rows["é 東.png"]["prediction"]


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (
            "filename,wanted\nRed.png,yes\n",
            "none of its 2 names, of which the first is 'filename,wanted'; a list has",
        ),
        ("another.png\n", "none of its 1 names, of which the first is 'another.png'\n"),
        ("", "names.txt has no names"),
    ],
)
def test_a_list_of_names_none_of_which_is_in_the_table_is_refused(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], names: str, complaint: str
) -> None:
    table = write_table(tmp_path / "images.parquet", filename=["Red.png"], content=[RED])
    (tmp_path / "names.txt").write_text(names)
    assert run(artifact, tmp_path / "out", table, "--names", tmp_path / "names.txt") == 2
    assert complaint in capsys.readouterr().err
    assert not list((tmp_path / "out").rglob("*.parquet"))


def test_a_job_in_which_nothing_was_scored_is_no_success(artifact: Path, tmp_path: Path) -> None:
    table = write_table(tmp_path / "t.parquet", filename=["null", "words"], content=[None, b"words"])
    assert run(artifact, tmp_path / "out", table) == 1
    assert errors(read_rows(tmp_path / "out")) == {"null": "no_content", "words": "image_unsupported"}
    urls = write_table(tmp_path / "u.parquet", filename=["null"], url=[None])
    assert run(artifact, tmp_path / "of urls", urls) == 1
    assert errors(read_rows(tmp_path / "of urls")) == {"null": "no_content"}
    assert run(artifact, tmp_path / "out", table) == 0  # nothing is left to do


def test_what_could_not_be_fetched_is_scored_anew_where_that_is_asked_for(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = tmp_path / "urls.txt"
    manifest.write_text("https://a.example/red.png\nhttps://a.example/words\nhttps://a.example/late.png\n")
    with Origin() as origin:
        allowed = ("--allowed-hosts", "a.example", "--origin-overrides", f"a.example={origin.url}")
        origin.serve("/red.png", RED)
        origin.serve("/words", b"words")
        assert run(artifact, tmp_path / "out", manifest, *allowed) == 0
        before = read_rows(tmp_path / "out")
        origin.serve("/late.png", BLUE)
        assert run(artifact, tmp_path / "out", manifest, *allowed) == 0
        there = "(3 were there, with fetch_failed 1, image_unsupported 1; --retry CODES scores such anew)"
        assert there in capsys.readouterr().err
        assert (
            run(artifact, tmp_path / "out", manifest, *allowed, "--retry", "fetch_failed,fetch_timeout") == 0
        )
        assert "1 of 1 files scored (2 were there, with image_unsupported 1;" in capsys.readouterr().err
    rows = read_rows(tmp_path / "out")
    assert [row["error"] for row in rows.values()].count(None) == 2
    untouched = ("https://a.example/red.png", "https://a.example/words")
    assert [rows[name] for name in untouched] == [before[name] for name in untouched]


def test_a_manifest_is_fetched_from_allowed_hosts_only(artifact: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    urls = ["https://images.example/red.png", "https://other.example/red.png", "file:///etc/passwd"]
    manifest.write_text(
        "filename,url\n" + "".join(f"{n},{url}\n" for n, url in zip("abc", urls, strict=True))
    )
    with Origin() as origin:
        origin.serve("/red.png", RED)
        allowed = ("--allowed-hosts", "images.example", "--origin-overrides", f"images.example={origin.url}")
        assert run(artifact, tmp_path / "out", manifest, *allowed) == 0
    rows = read_rows(tmp_path / "out")
    assert {name: row["error"] for name, row in rows.items()} == {
        "a": None,
        "b": "url_not_allowed",
        "c": "url_not_allowed",
    }


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_every_file_has_its_own_row_whatever_its_name(artifact: Path, tmp_path: Path, scheme: str) -> None:
    folder, output = tmp_path / "[a]{b}*", tmp_path / "out"
    names = awkward_files(folder)
    for _ in range(2):  # the second time, all are known
        assert main(["--model", str(artifact), "--output", f"{scheme}{output}", f"{scheme}{folder}"]) == 0
    rows = read_keys(output)
    assert sorted(filename for _, filename in rows) == names
    assert all(path == filename for path, filename in rows)
    assert {row["error"] for row in rows.values()} == {None}


def test_one_filename_of_two_urls_is_two_rows_and_one_url_by_two_names_likewise(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest, output = tmp_path / "manifest.csv", tmp_path / "out"
    url = "https://images.example/{}.png".format
    given = [(url("red"), "same"), (url("blue"), "same"), (url("red"), "other"), (url("red"), "same")]
    manifest.write_text("url,filename\n" + "".join(f"{address},{name}\n" for address, name in given))
    with Origin() as origin:
        origin.serve("/red.png", RED)
        origin.serve("/blue.png", BLUE)
        allowed = ("--allowed-hosts", "images.example", "--origin-overrides", f"images.example={origin.url}")
        for _ in range(2):
            assert run(artifact, output, manifest, *allowed) == 0
    assert "0 of 0 files scored (3 were there)" in capsys.readouterr().err
    assert {key: row["prediction"] > 0.5 for key, row in read_keys(output).items()} == {
        (url("red"), "same"): True,
        (url("blue"), "same"): False,
        (url("red"), "other"): True,
    }


def test_a_manifest_opens_no_files_of_this_machine(artifact: Path, tmp_path: Path) -> None:
    manifest, image = tmp_path / "urls.txt", tmp_path / "red.png"
    image.write_bytes(RED)
    manifest.write_text(f"file://{image}\n{image}\n")
    assert run(artifact, tmp_path / "out", manifest) == 1
    assert [row["error"] for row in read_rows(tmp_path / "out").values()] == ["url_not_allowed"] * 2


def test_an_output_of_rows_without_keys_is_refused(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    output.mkdir()
    write_table(output / "part-1.parquet", filename=["a"], target=["logo"], model_version=["1"])
    assert run(artifact, output, many_files(tmp_path / "in", 1)) == 2
    assert "holds something else: its rows have no column input" in capsys.readouterr().err


def test_a_path_of_a_table_that_is_not_utf8_is_refused_in_one_line(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = write_table(tmp_path / "t.parquet", filename=["a"], content=[RED])
    odd = table.rename(tmp_path / os.fsdecode(b"bad\xff.parquet"))
    assert run(artifact, tmp_path / "out", odd) == 2
    assert "is not UTF-8" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        run(artifact, tmp_path / os.fsdecode(b"out\xff"), tmp_path)
    assert "is not UTF-8" in capsys.readouterr().err


def test_rows_are_partitioned_on_request(artifact: Path, tmp_path: Path) -> None:
    folder, output = many_files(tmp_path / "in", 2), tmp_path / "out"
    (folder / "words.txt").write_text("words")
    assert run(artifact, output, folder, "--partition-by", "model_version,error") == 0
    assert run(artifact, output, folder, "--partition-by", "model_version,error") == 0
    parts = {part.parent.relative_to(output).as_posix() for part in output.rglob("*.parquet")}
    assert parts == {
        "model_version=1/error=__HIVE_DEFAULT_PARTITION__",
        "model_version=1/error=image_unsupported",
    }
    assert len(read_rows(output)) == 3


def test_rows_of_another_model_are_not_mixed_in(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, other = many_files(tmp_path / "in", 2), tmp_path / "other"
    other.mkdir()
    (other / "model.onnx").write_bytes((artifact / "model.onnx").read_bytes())
    manifest = json.loads((artifact / "manifest.json").read_text())
    (other / "manifest.json").write_text(json.dumps({**manifest, "version": "2.0"}))
    assert run(artifact, tmp_path / "plain", folder) == 0
    assert run(other, tmp_path / "plain", folder) == 2
    assert "has rows whose model_version is 1, and not 2.0" in capsys.readouterr().err
    for model in (artifact, other):
        assert run(model, tmp_path / "parts", folder, "--partition-by", "model_version") == 0
    folders = sorted(path.name for path in (tmp_path / "parts").iterdir() if path.is_dir())
    assert folders == ["model_version=1", "model_version=2.0"]


def test_rows_in_another_precision_are_those_of_another_version(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = many_files(tmp_path / "in", 2)
    assert run(artifact, tmp_path / "out", folder) == 0
    assert run(artifact, tmp_path / "out", folder, "--precision", "bf16") == 2
    assert "has rows whose model_version is 1, and not 1+bf16" in capsys.readouterr().err
    assert run(artifact, tmp_path / "bf16", folder, "--precision", "bf16") == 0
    assert "by mean-colour 1 (openvino bf16, local)" in capsys.readouterr().err
    assert {row["model_version"] for row in read_rows(tmp_path / "bf16").values()} == {"1+bf16"}


def test_int8_is_scored_where_the_cpu_computes_as_the_manifest_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "model").mkdir()
    tiny_onnx(tmp_path / "model" / "model.onnx")
    model = add_int8(write_artifact(tmp_path / "model"), (int8_here() or "amx_int8",))
    (tmp_path / "blue.png").write_bytes(BLUE)
    status = run(model, tmp_path / "out", tmp_path / "blue.png", "--precision", "int8")
    if int8_here() is None:
        assert status == 2
        assert "this CPU has no instructions for int8: take f32" in capsys.readouterr().err
        return
    (row,) = read_rows(tmp_path / "out").values()
    assert (row["prediction"], row["model_version"]) == (pytest.approx(LOGO, abs=1e-4), "1+int8")


def test_two_jobs_do_not_write_to_one_output(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output, pipe = tmp_path / "out", tmp_path / "names"
    os.mkfifo(pipe)
    table = write_table(tmp_path / "t.parquet", filename=["a"], content=[RED])
    arguments = ["--model", artifact, "--output", output, table, "--names", pipe]
    with subprocess.Popen(
        [sys.executable, "-m", "batch.score", *map(str, arguments)], cwd=ROOT, env=clean_environment({})
    ) as first:
        with pipe.open("w"):  # the first job has its output, and waits for names
            assert run(artifact, output, table) == 2
        first.kill()
    assert f"another job writes to {output}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--model", "/nowhere", "in"], "no such file or folder: /nowhere"),
        (["/nowhere.png"], "no such file: /nowhere.png"),
        (["/nowhere.parquet"], "no such file: /nowhere.parquet"),
        (["/nowhere.txt"], "cannot read /nowhere.txt: No such file"),
        (["in", "--names", "names.txt"], "joined with a table of parquet, and not with files"),
        (["in", "--table", "scores"], "--table goes with --engine spark"),
        (["in", "--master", "yarn"], "--master goes with --engine spark"),
        (["in", "--java-home", "/usr"], "--java-home goes with --engine spark"),
        (["in", "--conf", "a=b"], "--conf goes with --engine spark"),
        (["in", "--output", "hdfs://head/scores"], "hdfs://head/scores goes with --engine spark"),
        (["s3a://bucket/images.parquet"], "s3a://bucket/images.parquet goes with --engine spark"),
        (["in", "hdfs://head/more"], "hdfs://head/more goes with --engine spark"),
        (["in", "--partition-by", "filename"], "'filename' is none of target, format, error, model_version"),
        (["in", "--precision", "int8"], "has no int8 model: take f32 or bf16"),
        (["in", "--rows-per-file", "0"], "'0' is not a whole number from 1 on"),
        (["in", "--conf", "x"], "'x' is not KEY=VALUE"),
        (["in", "--retry", "fetch_fialed"], "'fetch_fialed' is no error's code; did you mean fetch_failed?"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(
    artifact: Path, tmp_path: Path, arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    many_files(tmp_path / "in", 1)
    given = [str(tmp_path / "in") if argument == "in" else argument for argument in arguments]
    try:
        status = run(artifact, tmp_path / "out", *given)
    except SystemExit as error:  # argparse
        status = int(str(error.code))
    assert status == 2
    text = capsys.readouterr().err
    assert complaint in text
    assert len(text.splitlines()) == 1


@pytest.mark.parametrize("where", ["in", "in/below/out", "in/../link/out"])
@pytest.mark.parametrize("engine", ["local", "spark"])
def test_an_output_in_an_input_is_refused(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], where: str, engine: str
) -> None:
    folder = many_files(tmp_path / "in", 1)
    (tmp_path / "link").symlink_to(folder)
    output = tmp_path / where
    assert run(artifact, output, folder, "--engine", engine) == 2
    assert f"the output {output} is in the input {folder}: choose one outside it" in capsys.readouterr().err
    assert [file.name for file in folder.iterdir()] == ["0000.png"]


def test_columns_of_partitions_may_be_named_one_by_one(artifact: Path, tmp_path: Path) -> None:
    folder, output = many_files(tmp_path / "in", 1), tmp_path / "out"
    by = ("--partition-by", "model_version", "--partition-by", "error,format", "--partition-by", "error")
    assert run(artifact, output, folder, *by) == 0
    (file,) = output.rglob("*.parquet")
    columns = [part.partition("=")[0] for part in file.relative_to(output).parts[:-1]]
    assert columns == ["model_version", "error", "format"]


def test_an_installed_command_finds_the_shipped_artifact_from_any_folder(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "batch.classify", "--workers", "1", "--json", ROOT / "samples" / "logo.png"],
        cwd=tmp_path,
        env=clean_environment({"PYTHONPATH": str(ROOT)}),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["prediction"] > 0.9


def test_a_command_that_has_moved_says_where_it_went(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fit", "--labels", "labels.csv", "--output", "artifact", "features"]) == 2
    assert capsys.readouterr().err == (
        "logo-batch: fit is a command of its own: logo-fit, with the same options\n"
    )


def test_features_are_written_beside_the_scores_that_the_head_makes_of_them(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, output = files_of_every_kind(tmp_path / "in"), tmp_path / "out"
    assert run(artifact, output, folder, "--embed") == 0
    rows = {Path(name).name: row for name, row in read_rows(output).items()}
    assert rows["red.png"]["features"] == [1, 0, 0]
    assert rows["blue.png"]["features"] == [0, 0, 1]
    assert rows["cut.png"]["features"] is None
    assert run(artifact, output, folder, "--embed") == 0
    assert "(6 were there, with image_corrupt 2, image_unsupported 1; --retry" in capsys.readouterr().err


@pytest.mark.parametrize("first", [(), ("--embed",)])
def test_rows_with_features_and_rows_without_do_not_share_an_output(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], first: tuple[str, ...]
) -> None:
    folder, output = many_files(tmp_path / "in", 2), tmp_path / "out"
    second = () if first else ("--embed",)
    assert run(artifact, output, folder, *first) == 0
    assert run(artifact, output, folder, *second) == 2
    has = "with" if first else "without"
    assert f"has rows {has} features: choose another output" in capsys.readouterr().err


def test_a_model_without_features_is_refused_before_anything_is_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artifact = endless_artifact(tmp_path / "a")  # a loop comes before its softmax
    assert run(artifact, tmp_path / "out", many_files(tmp_path / "in", 2), "--embed") == 2
    assert "the model has no features to give: Loop comes before its softmax" in capsys.readouterr().err
    assert list(tmp_path.glob("out/*.parquet")) == []
