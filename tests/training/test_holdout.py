"""The hold-out: a folder that any artifact can be evaluated on, as PNG and as JPEG."""

import tomllib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets.manifest import CSV_NAME, Example, read_examples
from logo_detection.artifact import ONNX, Calibration, Manifest, hash_files, write_manifest
from logo_detection.decode.image import load_image
from logo_detection.decode.spec import ImageSpec
from tests.training.recipes import tiny_recipe, write_recipe
from training.holdout import check_unseen, holdout_is_complete, main, read_validation, write_holdout
from training.recipe import read_recipe


@pytest.fixture(scope="module")
def folder(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("holdout")
    recipe = write_recipe(directory)
    arguments = ["--data", images, "--recipe", recipe, "--to", directory / "validation", "--workers", "1"]
    main([str(argument) for argument in arguments])
    return directory / "validation"


def test_every_unseen_example_and_every_drawing_comes_in_both_recodings(folder: Path) -> None:
    examples = read_examples(folder)
    pairs = Counter(example.metadata["pair"] for example in examples)
    assert set(pairs.values()) == {2}
    assert {example.repository for example in examples} == {"other/logos", "other/photos", "generated"}
    for example in examples:
        with Image.open(example.path) as image:
            assert image.format == example.metadata["recoding"].upper()
    kinds = {example.metadata["kind"] for example in examples if example.source == "generated"}
    assert "transit" in kinds
    assert {example.metadata["kind"] for example in examples if example.source != "generated"} == {""}


def test_what_is_known_of_an_original_is_known_of_its_recodings(folder: Path, images: Path) -> None:
    originals = {example.original: example for example in read_examples(images)}
    for example in read_examples(folder):
        if example.source != "generated":
            original = originals[example.original]
            assert (example.label, example.category, example.licence) == (
                original.label, original.category, original.licence,
            )  # fmt: skip
            assert example.sha256 != original.sha256
            assert example.metadata["original_sha256"] == original.sha256


def test_the_folder_is_decoded_once_as_the_server_decodes(folder: Path, tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path)
    validation = read_validation(folder, recipe.spec, 1)
    assert validation.pixels.shape == (len(validation.examples), 32, 32, 3)
    example = validation.examples[3]
    decoded = np.round(load_image(example.path.read_bytes(), recipe.spec))
    np.testing.assert_array_equal(validation.pixels[3], decoded)
    truth = validation.truth(recipe.labels)
    assert [recipe.labels[index] for index in truth] == [example.label for example in validation.examples]


def test_a_sample_has_whole_pairs_of_about_so_many_pictures(folder: Path, tmp_path: Path) -> None:
    validation = read_validation(folder, tiny_recipe(tmp_path).spec, 1)
    pictures = len(validation.examples) // 2
    sample = validation.sample(pictures // 2)
    assert pictures // 2 <= len(sample.examples) // 2 < pictures
    assert set(Counter(example.metadata["pair"] for example in sample.examples).values()) == {2}
    places = [validation.examples.index(example) for example in sample.examples]
    np.testing.assert_array_equal(sample.pixels, validation.pixels[places])
    assert max(places) > len(validation.examples) * 3 // 4
    assert validation.sample(pictures).examples == validation.examples


def test_a_folder_that_is_there_is_written_anew_for_other_images(images: Path, tmp_path: Path) -> None:
    recipe, folder = str(write_recipe(tmp_path)), tmp_path / "folder"
    folder.mkdir()
    (folder / "manifest.csv").write_text("path,label\nof/other/images.png,logo\n")
    assert main(["--data", str(images), "--recipe", recipe, "--to", str(folder), "--workers", "1"]) == 0
    assert all(example.path.is_file() for example in read_examples(folder))


def test_what_cannot_be_held_out_is_one_line(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = str(tmp_path / "no.toml")
    assert main(["--data", str(images), "--recipe", missing, "--to", str(tmp_path / "folder")]) == 2
    assert capsys.readouterr().err == f"logo-holdout: no such file: {missing}\n"


@pytest.mark.parametrize(
    ("named", "needed"),
    [
        ([], "--recipe or --model is needed"),
        (["--model", "tiny.keras"], "tiny.keras does not say by which recipe it was trained"),
    ],
)
def test_without_a_recipe_it_is_said_what_is_needed(
    named: list[str], needed: str, tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("tiny.keras").touch()
    assert main(["--data", str(images), "--to", str(tmp_path / "folder"), *named]) == 2
    assert needed in capsys.readouterr().err


def test_a_models_own_recipe_says_what_is_held_out(folder: Path, images: Path, tmp_path: Path) -> None:
    sources = Counter(example.source for example in read_examples(images))
    model = artifact_of(tmp_path / "model", write_recipe(tmp_path), sources)
    arguments = ["--data", images, "--model", model, "--to", tmp_path / "to", "--workers", "1"]
    assert main([str(argument) for argument in arguments]) == 0
    assert (tmp_path / "to" / CSV_NAME).read_bytes() == (folder / CSV_NAME).read_bytes()


def artifact_of(directory: Path, recipe: Path, sources: Counter[str]) -> Path:
    """An artifact's manifest, which says what it was trained on."""
    directory.mkdir()
    (directory / ONNX).write_bytes(b"never loaded")
    manifest = Manifest(
        name="tiny",
        version="0.1.0",
        labels=("out_of_domain", "logo"),
        image=ImageSpec(32, 32),
        files=hash_files(directory),
        calibration=Calibration(base_rate=0.5, temperature=1.0),
        training={"recipe": tomllib.loads(recipe.read_text()), "sources": {"training": dict(sources)}},
        libraries={},
        metrics={},
    )
    write_manifest(directory, manifest)
    return directory


def test_a_model_is_not_evaluated_on_images_it_was_trained_on(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    everything = read_examples(images)
    known = Counter(example.source for example in everything)
    recipe, own = tmp_path / "recipe", tmp_path / "own"
    for folder in (recipe, own):
        folder.mkdir()
    evaluating = write_recipe(recipe)
    other = write_recipe(own, ('"other/logos" = 1.0', '"acme/logos" = 1.0'), ('["map/transit"]', "[]"))
    arguments = [
        "--data",
        str(images),
        "--recipe",
        str(evaluating),
        "--to",
        str(tmp_path / "to"),
        "--workers",
        "1",
    ]
    trained = artifact_of(tmp_path / "trained", other, known)
    assert main([*arguments, "--model", str(trained)]) == 2
    complaint = capsys.readouterr().err
    assert "tiny, on 4 images and 0 kinds" in complaint
    assert "(--recipe, of make RECIPE=)" in complaint
    assert "(logo-evaluate --data, of make IMAGES=)" in complaint
    assert not (tmp_path / "to").exists()
    for name, by, sources in (
        ("same", evaluating, known),
        ("elsewhere", other, Counter({"else/where@1": 9})),
    ):
        artifact = artifact_of(tmp_path / name, by, sources)
        check_unseen(read_recipe(evaluating), everything, artifact)


def test_pictures_that_cannot_be_made_are_told_and_copies_of_one_picture_are_kept_apart(
    images: Path, tmp_path: Path
) -> None:
    recipe = tiny_recipe(tmp_path, ("drawn_validation = { flag = 1, map = 2 }", ""))
    good = read_examples(images)[0]
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    broken = Example(tmp_path / "broken.png", "logo", "brand", "s", "o", "", "", "1")
    assert not holdout_is_complete(tmp_path / "out")
    (left_out,) = write_holdout(recipe, [good, broken, good], tmp_path / "out", 1)
    assert left_out.picture == str(broken.path)
    assert holdout_is_complete(tmp_path / "out")
    assert len({example.metadata["pair"] for example in read_examples(tmp_path / "out")}) == 2
