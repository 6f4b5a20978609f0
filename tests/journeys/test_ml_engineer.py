"""An ML engineer with a folder of her own pictures: docs/training.md, from its first command on.

The pictures are drawn by a program: a stand-in for photos.
"""

import base64
import re
from pathlib import Path

import pytest

from benchmarks.own_classes import KINDS, QUICK, draw_set
from logo_detection.artifact import load_artifact
from synthetic.catalogue import Drawing
from tests.harness.server import running_server
from tests.images import jpeg
from tests.journeys.commands import Done, interrupted, run

pytestmark = pytest.mark.slow

EACH = 10
UNSEEN = 900  # seeds of drawings that are in no set
QUIET_CORES_S = 180.0
"""What `make mine` may take for three classes of 60 pictures on two cores that do nothing else."""


def assert_told_apart(artifact: Path, stderr: Path, least: int) -> None:
    """Whether a server tells nine unseen pictures apart, asked once for all classes; `least` of them."""
    unseen = [
        (kind, Drawing("drawing", kind, UNSEEN + number).draw()) for kind in KINDS for number in range(3)
    ]
    instances = [
        {
            "filename": kind,
            "target": KINDS[0],
            "image": base64.b64encode(jpeg(picture.convert("RGB"))).decode(),
        }
        for kind, picture in unseen
    ]
    with running_server(stderr, MODEL_PATH=artifact) as server:
        answers = server.predict({"instances": instances, "all_scores": True}).json()["predictions"]
    told = [max(answer["scores"], key=answer["scores"].get) == answer["filename"] for answer in answers]
    assert sum(told) >= least


def served_by(done: Done) -> Path:
    """The artifact that the last line serves."""
    found = re.fullmatch(r"MODEL_PATH='?(.*?)'? make run", done.out.splitlines()[-1])
    assert found, done.out
    return Path(found[1])


def accuracy_of(done: Done) -> float:
    found = re.search(
        r"^balanced accuracy on \d+ images that were not trained on: ([0-9.]+)$", done.out, re.M
    )
    assert found, done.out
    return float(found[1])


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as people have it: with a blank in its name, an empty folder, a broken file, notes, a copy."""
    folder = draw_set(tmp_path_factory.mktemp("set") / "my photos", EACH)
    (folder / "to sort").mkdir()
    (folder / "notes.txt").write_text("taken in May")
    (folder / "city" / "broken.jpg").write_bytes((folder / "city" / "000.jpg").read_bytes()[:200])
    (folder / "room" / "copy.jpg").write_bytes((folder / "room" / "001.jpg").read_bytes())
    return folder


def test_a_folder_is_a_served_model_and_then_a_training_that_goes_on_after_an_interruption(
    photos: Path, tmp_path: Path
) -> None:
    mine = run("logo-mine", photos, "--output", tmp_path / "mine")
    assert mine.status == 0, mine.err
    for line in (
        f"{photos}: 32 images of 3 classes: city 11, landscape 10, room 11",
        f"{photos}: no image is in the folder to sort, which is no class then",
        f"{photos}: fewer than 20 images are of city, landscape, room: what is measured of them says little",
        f"{photos}: 1 files are no images by their names: notes.txt",
        f"1 files cannot be read, and are left out: {photos}/city/broken.jpg (image_corrupt)",
        "2 files look alike, and stay together: room/001.jpg = room/copy.jpg",
    ):
        assert f"logo-mine: {line}\n" in mine.err
    assert "Traceback" not in mine.err
    assert accuracy_of(mine) > 0.5  # of three classes
    page = (tmp_path / "mine" / "report.html").read_text()
    assert "Thresholds of every class" in page
    assert "others with the highest scores of it" in page
    assert_told_apart(served_by(mine), tmp_path / "stderr", least=6)

    quick = ("--data", tmp_path / "mine" / "images", "--recipe", QUICK, "--run", tmp_path / "quick")
    stopped = interrupted("logo-train", *quick, when=tmp_path / "quick" / "progress.json")
    assert stopped.status == 130, stopped.err
    assert (
        stopped.err.rstrip()
        .splitlines()[-1]
        .startswith("logo-train: interrupted: the same command goes on from the last checkpoint")
    )
    assert "Traceback" not in stopped.err
    assert "drawings show what is no logo: none is drawn for these classes" in stopped.err
    resumed = run("logo-train", *quick)
    assert resumed.status == 0, resumed.err
    assert re.search(r"quick: going on after part \d of \d", resumed.err)
    trained = load_artifact(tmp_path / "quick" / "artifact")
    assert trained.labels == ("out_of_domain", "city", "landscape", "room")


def test_a_folder_with_an_odd_name_is_told_in_a_second_and_a_line(tmp_path: Path) -> None:
    draw_set(tmp_path / "photos", 2, ("city", "room"))
    (tmp_path / "photos" / "room").rename(tmp_path / "photos" / "My rooms!")
    for done in (
        run("logo-mine", tmp_path / "photos", "--output", tmp_path / "out"),
        run("logo-train", "--data", tmp_path / "photos", "--recipe", QUICK, "--run", tmp_path / "out"),
    ):
        assert done.status == 2
        assert "classes without a plain name: 'My rooms!' (such as My-rooms)." in done.err
        assert not (tmp_path / "out").exists()


@pytest.mark.soak
def test_sixty_pictures_of_three_classes_are_a_good_model_within_three_minutes(tmp_path: Path) -> None:
    photos = draw_set(tmp_path / "photos")
    mine = run("logo-mine", photos, "--output", tmp_path / "mine")
    assert mine.status == 0, mine.err
    assert mine.seconds < QUIET_CORES_S
    assert accuracy_of(mine) > 0.85
    assert_told_apart(served_by(mine), tmp_path / "stderr", least=7)


@pytest.mark.soak
def test_a_fine_tuning_is_compared_with_the_head_and_the_better_one_is_served(tmp_path: Path) -> None:
    photos = draw_set(tmp_path / "photos", 30)
    mine = run("logo-mine", photos, "--output", tmp_path / "mine", "--fine-tune")
    assert mine.status == 0, mine.err
    found = re.search(
        r"^balanced accuracy of the fine-tuned model on the same images: ([0-9.]+)$", mine.out, re.M
    )
    assert found, mine.out
    (tuned,) = (tmp_path / "mine" / "fine-tuning").glob("*/artifact")
    assert (served_by(mine) == tuned) == (float(found[1]) > accuracy_of(mine))
    assert load_artifact(tuned).labels == ("out_of_domain", "city", "landscape", "room")
