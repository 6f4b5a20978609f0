import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from onnx import helper
from PIL import Image, ImageColor

from batch.grid import LOGO_COLOUR, OTHER_COLOUR, UNSCORED_COLOUR
from logo_detection.heat_map import NO_HEAT_MAP
from tests.harness.origins import Origin
from tests.harness.process import ROOT, clean_environment
from tests.images import one_colour, svg_logo
from tests.logo_detection.test_head import mean_colour
from tests.models import write_artifact

TIMEOUT_S = 60
# exp(4) / (exp(4) + 1), and its complement: what the small model says of pure red and pure blue.
RED, BLUE = 0.982, 0.018

Run = Callable[..., subprocess.CompletedProcess[str]]


def command(artifact: Path, *arguments: object) -> list[str]:
    given = ("--model", artifact, "--workers", 1, *arguments)
    return [sys.executable, "-m", "batch.classify", *map(str, given)]


def classifying(artifact: Path, *arguments: object) -> "subprocess.Popen[str]":
    """The command under way, and its pipes."""
    return subprocess.Popen(
        command(artifact, *arguments),
        cwd=ROOT,
        env=clean_environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def run(artifact: Path) -> Run:
    def run_command(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(artifact, *arguments),
            cwd=ROOT,
            env=clean_environment({}),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )

    return run_command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files in the order in which they are scored."""
    folder = tmp_path / "folder"
    (folder / "deeper").mkdir(parents=True)
    (folder / ".hidden.png").write_bytes(one_colour("red"))
    (folder / "a.png").write_bytes(one_colour("red"))
    (folder / "b.txt").write_text("not an image")
    (folder / "deeper" / "cut-short.png").write_bytes(one_colour("red")[:60])
    (folder / "deeper" / "logo.png").write_bytes(svg_logo())
    (folder / "e.jpg").write_bytes(one_colour("blue"))
    return folder


def predictions(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    document: list[dict[str, Any]] = json.loads(done.stdout)
    return document


def test_a_table_shows_every_file_in_order(run: Run, folder: Path) -> None:
    done = run(folder)
    assert done.returncode == 0, done.stderr
    header, *rows = [line.split() for line in done.stdout.splitlines()]
    assert header == ["prediction", "out_of_domain", "format", "size", "filename"]
    assert rows[0] == ["0.9820", "0.0180", "png", "40x30", str(folder / "a.png")]
    assert rows[1] == ["image_unsupported", str(folder / "b.txt")]
    assert rows[2] == ["image_corrupt", str(folder / "deeper" / "cut-short.png")]
    assert rows[3][2:] == ["svg", "200x100", str(folder / "deeper" / "logo.png")]
    assert rows[4] == ["0.0180", "0.9820", "png", "40x30", str(folder / "e.jpg")]
    assert len(rows) == 5
    assert done.stderr.startswith("3 of 5 files scored in ")


def test_overlays_are_written_one_for_each_scored_file(run: Run, folder: Path, tmp_path: Path) -> None:
    overlays = tmp_path / "overlays"
    overlays.mkdir()
    done = run("--json", "--explain", overlays, folder, folder / "a.png")
    assert done.returncode == 0, done.stderr
    assert all("heat_map" not in prediction for prediction in predictions(done))
    names = ["0001-a.png.png", "0004-logo.png.png", "0005-e.jpg.png", "0006-a.png.png"]
    assert sorted(path.name for path in overlays.iterdir()) == names
    for name in names:
        with Image.open(overlays / name) as image:
            assert (image.format, image.size) == ("PNG", (224, 224))


def test_a_model_that_cannot_be_explained_is_an_error_of_one_line(
    folder: Path, tmp_path: Path, run: Run
) -> None:
    nodes = [helper.make_node("Softmax", ["colour"], ["scores"], axis=1)]
    model = tmp_path / "artifact"
    model.mkdir()
    mean_colour(model / "model.onnx", *nodes)
    write_artifact(model, labels=("out_of_domain", "logo", "flag"))
    done = run("--model", model, "--explain", tmp_path, folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"logo-classify: mean-colour cannot be explained: {NO_HEAT_MAP}\n"


def test_a_folder_for_overlays_that_does_not_exist_is_refused(run: Run, folder: Path) -> None:
    done = run("--explain", folder / "nowhere", folder)
    assert done.returncode == 2
    assert "is no folder" in done.stderr


def test_columns_stay_aligned_whatever_the_names(run: Run, tmp_path: Path) -> None:
    names = ["a.png", "x" * 250 + ".png", "東京 é.png", "\x1b[31m\n.png"]
    for name in names:
        (tmp_path / name).write_bytes(one_colour("red"))
    done = run(*(tmp_path / name for name in names), tmp_path / "missing.png")
    lines = done.stdout.splitlines()
    assert len(lines) == 1 + len(names) + 1
    assert {line.index(str(tmp_path)) for line in lines[1:]} == {lines[0].index("filename")}
    assert done.stdout.isascii() is False
    assert "\x1b" not in done.stdout


def test_json_is_one_list_of_what_the_server_would_answer(run: Run, folder: Path) -> None:
    done = run("--json", folder / "a.png", folder / "b.txt", folder / "a.png", folder / "é 東.png")
    assert done.returncode == 0, done.stderr
    red = {"filename": f"{folder}/a.png", "target": "logo", "prediction": 0.982, "out_of_domain": 0.018}
    unsupported, missing = predictions(done)[1], predictions(done)[3]
    assert predictions(done) == [red, unsupported, red, missing]
    assert unsupported == {
        "filename": f"{folder}/b.txt",
        "target": "logo",
        "error": {"code": "image_unsupported", "message": unsupported["error"]["message"]},
    }
    assert missing["filename"] == f"{folder}/é 東.png"
    assert missing["error"] == {"code": "no_such_file", "message": "no such file"}


def test_many_files_come_back_in_order(run: Run, tmp_path: Path) -> None:
    colours = ["red" if number % 3 else "blue" for number in range(300)]
    for number, colour in enumerate(colours):
        (tmp_path / f"{number:03}.png").write_bytes(one_colour(colour))
    answers = predictions(run("--json", tmp_path))
    assert [Path(answer["filename"]).stem for answer in answers] == [f"{n:03}" for n in range(300)]
    assert [answer["prediction"] for answer in answers] == [RED if c == "red" else BLUE for c in colours]


def test_the_status_is_1_when_nothing_was_scored(run: Run, folder: Path) -> None:
    done = run("--json", folder / "b.txt")
    assert done.returncode == 1
    assert [answer["error"]["code"] for answer in predictions(done)] == ["image_unsupported"]


def test_an_empty_folder_is_an_empty_list(run: Run, tmp_path: Path) -> None:
    done = run("--json", tmp_path)
    assert (done.returncode, predictions(done)) == (1, [])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--model", "/nowhere", "a.png"], "no such file or folder: /nowhere"),
        (["--runtime", "keras", "a.png"], " has no model for the keras runtime"),
        (["--target", "flag", "a.png"], "mean-colour has no class 'flag' to ask for; it has logo"),
        (["--workers", "0", "a.png"], "'0' is not a whole number from 1 on"),
        (["--threshold", "nan", "a.png"], "'nan' is not between 0 and 1"),
        (["--threshold", "high", "a.png"], "'high' is not between 0 and 1"),
        (["--fetch-timeout-s", "5s", "a.png"], "'5s' is not a number of seconds"),
        (["--plot", "/nowhere/grid.png", "a.png"], "is in a folder that does not exist"),
        (["--allowed-hosts", "a/b", "a.png"], "'a/b'"),
        (["--fetch-headers-file", "/nowhere", "a.png"], "'/nowhere' cannot be read as JSON"),
        (
            ["--polt", "x.png", "a.png"],
            "--polt: no such option; did you mean --plot? (see logo-classify --help)",
        ),
        ([], "the following arguments are required: INPUT"),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(run: Run, arguments: list[str], complaint: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_model_that_is_none_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    done = run("--model", write_artifact(tmp_path), "a.png")
    assert (done.returncode, done.stdout) == (2, "")
    last = done.stderr.splitlines()[-1]  # after what the engine itself logs
    assert last.startswith("logo-classify: model.onnx: ")
    assert "Traceback" not in done.stderr


def test_urls_are_fetched_from_allowed_hosts_only(run: Run) -> None:
    with Origin() as origin:
        origin.serve("/red.png", one_colour("red"))
        allowed = ("--allowed-hosts", "images.example", "--origin-overrides", f"images.example={origin.url}")
        urls = [
            "https://images.example/red.png?token=1",
            "https://images.example/missing.png",
            "https://other.example/red.png",
            f"{origin.url}/red.png",
            "file:///etc/passwd",
        ]
        done = run("--json", *allowed, *urls)
    answers = predictions(done)
    assert done.returncode == 0
    assert [answer["filename"] for answer in answers] == urls
    assert answers[0]["prediction"] == RED
    codes = [answer["error"]["code"] for answer in answers[1:]]
    assert codes == ["fetch_failed", "url_not_allowed", "url_not_allowed", "url_not_allowed"]
    assert sorted(request.target for request in origin.requests) == ["/missing.png", "/red.png?token=1"]


def test_a_plot_has_a_border_of_the_verdicts_colour_around_each_image(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    done = run(folder / "a.png", folder / "e.jpg", folder / "b.txt", "--plot", tmp_path / "grid.png")
    assert done.returncode == 0, done.stderr
    with Image.open(io.BytesIO((tmp_path / "grid.png").read_bytes())) as grid:
        assert grid.format == "PNG"
        colours = {colour for _, colour in grid.convert("RGB").getcolors(2**24) or []}
    shown = {
        ImageColor.getrgb(colour) for colour in (LOGO_COLOUR, OTHER_COLOUR, UNSCORED_COLOUR, "red", "blue")
    }
    assert shown <= colours


def test_an_interrupted_run_ends_at_once_and_leaves_no_worker(artifact: Path, folder: Path) -> None:
    with classifying(artifact, *[folder / "a.png"] * 20_000) as process:
        assert process.stdout
        assert process.stderr
        for _ in range(10):
            process.stdout.readline()
        workers = children(process.pid)
        assert len(workers) == 1
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(TIMEOUT_S) == 130
        told = process.stderr.read().strip()
        assert told == "logo-classify: interrupted: nothing is kept; the same command begins anew"
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


def children(pid: int) -> list[str]:
    give_up = time.monotonic() + 30
    found: list[str] = []
    while not found and time.monotonic() < give_up:
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return found


def test_a_reader_that_has_seen_enough_ends_the_run_quietly(artifact: Path, folder: Path) -> None:
    with classifying(artifact, *[folder / "a.png"] * 20_000) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(TIMEOUT_S) == 128 + signal.SIGPIPE
        assert process.stderr.read() == ""


def test_names_that_are_not_utf8_are_escaped_and_stay_apart(run: Run, tmp_path: Path) -> None:
    for name in (b"bad\xfe.png", b"bad\xff.png"):
        (tmp_path / os.fsdecode(name)).write_bytes(one_colour("red"))
    names = [Path(answer["filename"]).name for answer in predictions(run("--json", tmp_path))]
    assert names == ["bad\\xfe.png", "bad\\xff.png"]
