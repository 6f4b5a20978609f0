"""The golden set: every format that is read, small, and really awkward."""

import io
import json
from pathlib import Path
from shutil import copytree

import pytest
from PIL import Image

from logo_detection.artifact import hash_files, load_artifact, read_manifest, write_manifest
from logo_detection.decode.header import DecodeLimits, Format, read_header
from logo_detection.errors import ArtifactError
from release.golden import DIRECTORY, EXPECTED, draw_images, main, write_expected, write_images

IMAGES = draw_images()


def test_every_format_is_there_and_small() -> None:
    assert {read_header(data, DecodeLimits()).format for data in IMAGES.values()} == set(Format)
    assert max(map(len, IMAGES.values())) <= 20_000


def test_the_awkward_ones_are_awkward() -> None:
    opened = {
        name: Image.open(io.BytesIO(data)) for name, data in IMAGES.items() if not name.endswith(".svg")
    }
    assert opened["cmyk.jpg"].mode == "CMYK"
    assert opened["grey-16-bit.png"].mode == "I;16"
    assert opened["one-bit.png"].mode == "1"
    assert opened["palette-alpha.png"].mode == "P"
    assert "transparency" in opened["palette-alpha.png"].info
    assert getattr(opened["animated.gif"], "n_frames", 1) == 2
    assert opened["rotated.jpg"].getexif()[0x0112] == 6


def test_the_set_is_the_same_every_time() -> None:
    assert draw_images() == IMAGES


@pytest.fixture
def published(artifact: Path, tmp_path: Path) -> Path:
    """An artifact with a golden set, one of whose scores is not what the model gives."""
    directory = copytree(artifact, tmp_path / "published")
    write_images(directory / DIRECTORY)
    write_expected(load_artifact(directory))
    expected = directory / DIRECTORY / EXPECTED
    scores = json.loads(expected.read_text())
    scores["mark.svg"]["logo"] -= 0.25
    expected.write_text(json.dumps(scores))
    write_manifest(directory, read_manifest(directory).model_copy(update={"files": hash_files(directory)}))
    return directory


def test_a_set_is_scored_anew_and_the_manifest_follows(
    published: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = published / DIRECTORY / EXPECTED
    wrong = json.loads(expected.read_text())
    main(["--model", str(published)])
    told = {name: float(change) for change, name in map(str.split, capsys.readouterr().out.splitlines())}
    assert told == {name: 0.25 if name == "mark.svg" else 0 for name in IMAGES}
    right = json.loads(expected.read_text())
    assert right["mark.svg"]["logo"] == pytest.approx(wrong["mark.svg"]["logo"] + 0.25)
    assert load_artifact(published).version == "1"


def test_a_set_is_not_scored_by_a_model_that_the_manifest_does_not_describe(published: Path) -> None:
    (published / "model.onnx").write_bytes(b"another")
    with pytest.raises(ArtifactError):
        main(["--model", str(published)])
