"""logo-mine: from a folder of pictures to an artifact; what it says of the folder, and what it refuses."""

import base64
import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets.manifest import read_examples, write_examples
from datasets.splits import HoldOut, split
from logo_detection.artifact import load_artifact, read_manifest
from pipelines.mine import main
from tests.harness.server import running_server
from tests.images import png

COLOURS = {"red": (1.0, 0.1, 0.1), "green": (0.1, 1.0, 0.1), "blue": (0.1, 0.1, 1.0)}
EACH = 12
SIDE = 48  # pixels


def picture(label: str, seed: int) -> Image.Image:
    """Blocks of one hue, which is what the tiny model's features are."""
    blocks = np.random.default_rng((seed, *label.encode())).integers(90, 255, (6, 6, 1))
    pixels = (blocks * np.array(COLOURS[label])).astype(np.uint8)
    return Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.NEAREST)


def write_folder(root: Path, each: int = EACH) -> Path:
    for label in COLOURS:
        (root / label).mkdir(parents=True)
        for seed in range(each):
            picture(label, seed).save(root / label / f"{seed}.png")
    return root


def mine(artifact: Path, data: Path, output: Path, *arguments: object) -> int:
    """Run the command in this process. Returns its status."""
    given = ("--model", artifact, "--output", output, "--workers", 1)
    return main([*map(str, (*given, *arguments, data))])


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a name that has a blank, a broken file, a copy, and a file of two classes."""
    data = write_folder(tmp_path_factory.mktemp("set") / "my pictures")
    (data / "red" / "broken.png").write_bytes((data / "red" / "1.png").read_bytes()[:60])
    picture("red", 3).resize((96, 96), Image.Resampling.NEAREST).save(data / "red" / "larger.png")
    picture("blue", 99).save(data / "blue" / "both.png")
    shutil.copyfile(data / "blue" / "both.png", data / "green" / "both.png")
    (data / "empty").mkdir()
    return data


def test_a_folder_becomes_a_model_that_its_last_line_serves(
    artifact: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert mine(artifact, pictures, output) == 0
    said = capsys.readouterr()
    last = said.out.splitlines()[-1]
    assert last == f"MODEL_PATH={output / 'artifact'} make run"
    for line in (
        f"{pictures}: 40 images of 3 classes: blue 13, green 13, red 14",
        f"{pictures}: no image is in the folder empty, which is no class then",
        f"1 files cannot be read, and are left out: {pictures}/red/broken.png (image_corrupt)",
        "sizes: 48 x 48 to 96 x 96 pixels; 39 are smaller than the 224 at which the model looks",
        "2 files look alike, and stay together: red/3.png = red/larger.png",
        "WARNING: the same file has two classes, and is left out: blue/both.png, green/both.png",
    ):
        assert f"logo-mine: {line}\n" in said.err
    assert f"logo-mine: {output / 'artifact'}: 3 classes, in " in said.err

    made = load_artifact(output / "artifact")
    assert (made.name, made.labels) == ("my-pictures", ("out_of_domain", "blue", "green", "red"))
    head = read_manifest(output / "artifact").training["head"]
    assert head["by"].startswith("scikit-learn ")
    metrics = json.loads((output / "evaluation.json").read_text())["evaluation"]["by_recoding"]["as is"]
    assert metrics["balanced_accuracy"] == 1.0
    assert "data:image/jpeg;base64," in (output / "report.html").read_text()
    with (output / "predictions.csv").open(newline="") as file:
        assert {row["path"].split("/")[0] for row in csv.DictReader(file)} == set(COLOURS)

    with running_server(tmp_path / "stderr", MODEL_PATH=output / "artifact", WORKERS=1) as server:
        instances = [
            {"filename": "a", "target": "red", "image": base64.b64encode(png(picture("green", 77))).decode()}
        ]
        answer = server.predict({"instances": instances, "all_scores": True}).json()
    scores = answer["predictions"][0]["scores"]
    assert max(scores, key=scores.get) == "green"
    assert scores["out_of_domain"] == 0


def test_the_set_that_it_leaves_is_split_again_in_the_same_way(
    artifact: Path, pictures: Path, tmp_path: Path
) -> None:
    assert mine(artifact, pictures, tmp_path / "out") == 0
    parts = split(read_examples(tmp_path / "out" / "images"), HoldOut({}, 1, 0.3))
    with (tmp_path / "out" / "predictions.csv").open(newline="") as file:
        evaluated = {row["path"] for row in csv.DictReader(file)} - {"red/broken.png"}
    assert {example.original for example in parts.validation} == evaluated
    twins = {"red/3.png", "red/larger.png"}
    assert twins <= evaluated or not twins & evaluated


def test_made_again_it_replaces_what_it_made_before(artifact: Path, tmp_path: Path) -> None:
    data = write_folder(tmp_path / "data", 6)
    assert mine(artifact, data, tmp_path / "out") == 0
    shutil.rmtree(data / "blue")
    assert mine(artifact, data, tmp_path / "out") == 0
    assert load_artifact(tmp_path / "out" / "artifact").labels == ("out_of_domain", "green", "red")


def test_what_is_no_artifact_is_not_replaced(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_folder(tmp_path / "data", 2)
    (tmp_path / "out" / "artifact").mkdir(parents=True)
    assert mine(artifact, data, tmp_path / "out") == 2
    assert "is no artifact that could be replaced" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        ("data", "is among the pictures of"),
        ("data/red", "is among the pictures of"),
        ("link/mine", "is among the pictures of"),
        ("file", "cannot write to"),
        ("file/mine", "cannot write to"),
    ],
)
def test_an_output_that_would_harm_the_pictures_or_be_lost_is_refused_before_any_work(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], output: str, complaint: str
) -> None:
    data = write_folder(tmp_path / "data", 2)
    (tmp_path / "link").symlink_to(data)
    (tmp_path / "file").touch()
    before = sorted(tmp_path.rglob("*"))
    assert mine(artifact, data, tmp_path / output) == 2
    said = capsys.readouterr().err
    assert f"logo-mine: --output: {complaint.replace('is among', f'{tmp_path / output} is among')}" in said
    assert "reading the pictures" not in said
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("share", ["abc", "30", "0", "nan"])
def test_a_hold_out_that_is_no_share_is_refused(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], share: str
) -> None:
    with pytest.raises(SystemExit):
        mine(artifact, tmp_path, tmp_path / "out", "--hold-out", share)
    assert f"argument --hold-out: {share!r} is not between 0 and 1" in capsys.readouterr().err


def test_the_set_that_it_left_is_not_replaced_by_a_model_of_it(
    artifact: Path, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert mine(artifact, pictures, output) == 0
    assert mine(artifact, output / "images", output) == 2
    assert f"{output} would replace {output / 'images'}, which it reads" in capsys.readouterr().err
    assert (output / "images" / "files").resolve() == pictures.resolve()


def test_beside_a_manifest_the_output_may_lie_in_its_folder(artifact: Path, tmp_path: Path) -> None:
    data = write_folder(tmp_path / "data", 3)
    write_examples(data / "manifest.csv", read_examples(data))
    assert mine(artifact, data, data / "runs") == 0
    assert mine(artifact, data / "manifest.csv", data / "runs") == 0


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        (["Red roses", "green"], "classes without a plain name: 'Red roses' (such as Red-roses)"),
        (["green"], "all 3 images are 'green': a model tells two classes or more"),
        ([], "there is no image"),
    ],
)
def test_what_cannot_be_told_apart_is_refused_in_a_line(
    artifact: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], labels: list[str], complaint: str
) -> None:
    for label in labels:
        (tmp_path / "data" / label).mkdir(parents=True)
        for seed in range(3):
            picture("green", seed).save(tmp_path / "data" / label / f"{seed}.png")
    (tmp_path / "data").mkdir(exist_ok=True)
    assert mine(artifact, tmp_path / "data", tmp_path / "out") == 2
    assert complaint in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("wrong", ["half", "0", "1", "nan"])
def test_a_hold_out_that_is_no_share_is_refused_with_what_one_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    with pytest.raises(SystemExit):
        main([str(tmp_path), "--hold-out", wrong])
    assert capsys.readouterr().err == (
        f"logo-mine: argument --hold-out: '{wrong}' is not between 0 and 1 (see logo-mine --help)\n"
    )
