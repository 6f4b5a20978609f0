"""What a set and a recipe contradict each other in is told before anything heavy is loaded."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from datasets.manifest import DatasetInvalid
from tests.harness.process import ROOT, clean_environment
from tests.images import one_colour
from tests.training.recipes import write_recipe
from training.errors import RecipeInvalid
from training.inputs import read_inputs
from training.recipe import read_recipe, with_labels

NAMED = 'labels = ["out_of_domain", "logo"]\n'
SCRIPT = """
import sys
from training.train import main
print(main(sys.argv[1:]), "tensorflow" in sys.modules)
"""


def folder(root: Path, *labels: str) -> Path:
    for label in labels:
        (root / label).mkdir(parents=True)
        for number in range(20):
            (root / label / f"{number}.png").write_bytes(one_colour("red"))
    return root


def test_a_recipe_without_labels_has_those_of_the_images(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, (NAMED, ""))
    inputs = read_inputs(folder(tmp_path / "data", "cat", "dog"), recipe)
    assert inputs.recipe.labels == ("out_of_domain", "cat", "dog")
    assert inputs.recipe.unseen_labels == ("out_of_domain",)
    assert inputs.recipe.shares() == [0, 0.5, 0.5]
    assert inputs.recipe.base_rate() == 0.5
    others = read_inputs(folder(tmp_path / "others", "cat", "out_of_domain"), recipe)
    assert others.recipe.labels == others.recipe.trained_labels == ("out_of_domain", "cat")


def test_the_text_of_a_recipe_with_labels_is_that_recipe(tmp_path: Path) -> None:
    path = write_recipe(tmp_path, (NAMED, ""))
    text = with_labels(path.read_text(), ["cat", "dog"])
    assert with_labels(text, ["bird"]) == text
    (tmp_path / "written.toml").write_text(text)
    assert read_recipe(tmp_path / "written.toml") == read_recipe(path, ["dog", "cat"])


def test_what_of_a_recipe_applies_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    data = folder(tmp_path / "data", "brand", "logo", "out_of_domain")
    read_inputs(data, write_recipe(tmp_path, (NAMED, "")))
    assert caplog.messages == [
        f"{data}: 60 images of 3 classes: brand 20, logo 20, out_of_domain 20",
        f"{data}: each image is degraded once, but for these: brand 2",
        f"{data}: 4 pictures of flag, plain are drawn beside them",
    ]


def test_drawings_that_show_what_is_no_logo_are_not_drawn_for_other_classes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    data = folder(tmp_path / "data", "cat", "dog")
    recipe = read_inputs(data, write_recipe(tmp_path, (NAMED, ""))).recipe
    assert (recipe.drawings, recipe.validation_drawings) == ({}, {})
    assert caplog.messages[1:] == [
        f"{data}: each image is degraded once",
        f"{data}: the recipe's 4 drawings show what is no logo: none is drawn for these classes",
    ]


def test_labels_that_a_recipe_names_are_held_to_and_the_key_is_named(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path)
    with pytest.raises(DatasetInvalid, match=r"0\.png: label 'loco' is none of .*did you mean logo\?; edit"):
        read_inputs(folder(tmp_path / "data", "loco", "out_of_domain"), recipe)
    with pytest.raises(DatasetInvalid, match=r"^no image of logo; edit labels in .*tiny\.toml, or remove"):
        read_inputs(folder(tmp_path / "others", "out_of_domain"), recipe)


def test_shares_and_weights_of_labels_need_labels(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, (NAMED, "class_weights = { logo = 2.0 }\n"))
    with pytest.raises(RecipeInvalid, match="class_weights and class_shares need labels"):
        read_recipe(recipe)


def test_a_contradiction_is_told_before_tensorflow_is_loaded(tmp_path: Path) -> None:
    data, recipe = folder(tmp_path / "data", "Red roses", "logo"), write_recipe(tmp_path, (NAMED, ""))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, "--data", data, "--recipe", recipe, "--run", tmp_path / "run"],
        cwd=ROOT,
        env=clean_environment({}),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stdout == "2 False\n"
    assert done.stderr.startswith(
        "logo-train: classes without a plain name: 'Red roses' (such as Red-roses). A plain name is letters"
    )
    assert not (tmp_path / "run").exists()
