"""Folds: a recipe is validated on a part of its training images, and never on what it holds out."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets.manifest import Example, read_examples
from datasets.splits import split
from synthetic.catalogue import Drawing
from tests.training.recipes import tiny_recipe, write_recipe
from tests.training.test_fitting import pictures
from training.batches import training_batches
from training.holdout import split_data
from training.materialise import ImageTask
from training.plan import fold_kinds, training_tasks, validation_tasks
from training.recipe import Fold, Recipe
from training.run import Run
from training.schedule import chunks_of
from training.shards import read_shards, write_shards
from training.train import main

ON_FOLD = ("seed = 1\n", "seed = 1\nfold = { number = 0, of = 2 }\n")
FEW = ("images = 32,", "images = 8,")
SMALLER = ("images = 16,", "images = 8,")


def kinds_of(tasks: list[ImageTask]) -> set[str]:
    drawings = [task.picture for task in tasks if isinstance(task.picture, Drawing)]
    return {f"{drawing.category}/{drawing.kind}" for drawing in drawings}


def on_fold(recipe: Recipe, number: int, of: int) -> Recipe:
    return replace(recipe, fold=Fold(number, of))


def test_every_training_image_is_validated_on_in_one_fold_and_no_held_out_one_in_any(
    images: Path, tmp_path: Path
) -> None:
    recipe, examples = tiny_recipe(tmp_path), read_examples(images)
    whole = split(examples, recipe.hold_out)
    validated: list[Example] = []
    for number in range(3):
        parts = split_data(on_fold(recipe, number, 3), examples, 1)
        assert set(parts.training) | set(parts.validation) == set(whole.training)
        assert not set(parts.training) & set(parts.validation)
        validated += parts.validation
    assert sorted(example.path for example in validated) == sorted(one.path for one in whole.training)


def test_a_fold_draws_no_kind_and_no_picture_of_the_hold_out(tmp_path: Path) -> None:
    recipe = replace(tiny_recipe(tmp_path), drawn={"map": 40}, drawn_validation={"map": 40})
    folded = on_fold(recipe, 1, 3)
    logo = Example(Path("a.png"), "logo", "brand", "s", "o", "", "", "1")
    training, validation = training_tasks(folded, [logo]), validation_tasks(folded, [logo])
    held_out = {task.name for task in validation_tasks(recipe, [logo])} - {logo.sha256}
    assert "map/transit" in kinds_of(validation_tasks(recipe, [logo]))
    assert "map/transit" not in kinds_of(training) | kinds_of(validation)
    assert not held_out & {task.name for task in (*training, *validation)}
    assert kinds_of(validation) - kinds_of(training) == {
        kind for kind in fold_kinds(folded) if kind.startswith("map/")
    }
    assert kinds_of(validation) & kinds_of(training)


def test_a_seed_of_fitting_changes_the_order_and_no_picture(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path)
    other = replace(recipe, fit_seed=7)
    logo = Example(Path("a.png"), "logo", "brand", "s", "o", "", "", "1")
    assert training_tasks(recipe, [logo]) == training_tasks(other, [logo])
    write_shards(tmp_path / "shards", pictures(recipe), recipe.labels, 32)
    shards, chunk = read_shards(tmp_path / "shards"), chunks_of(recipe.stages)[0]
    first, same, second = (
        next(iter(training_batches(shards, one, chunk)))[0].numpy()
        for one in (recipe, replace(recipe, fit_seed=1), other)
    )
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, second)


def test_runs_on_a_fold_share_their_images_and_make_no_artifact(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def train(name: str, *changes: tuple[str, str], options: tuple[str, ...] = ()) -> tuple[int, Run]:
        run = Run(tmp_path / name)
        recipe = write_recipe(tmp_path, ON_FOLD, FEW, SMALLER, *changes)
        common = ["--data", str(images), "--recipe", str(recipe), "--run", str(run.path), "--workers", "1"]
        return main([*common, *options]), run

    borrow = ("--images", str(tmp_path / "prepared"))
    assert train("early", options=borrow)[0] == 2
    assert "has no images: run `logo-train --prepare` first" in capsys.readouterr().err

    status, prepared = train("prepared", options=("--prepare",))
    assert status == 0
    assert not (prepared.path / "history.csv").exists()
    made = (prepared.training / "index.json").stat().st_mtime_ns

    other = (
        ("weight_decay = 0.01", "weight_decay = 0.02"),
        ("seed = 1\nfold", "seed = 1\nfit_seed = 5\nfold"),
    )
    status, run = train("other", *other, options=borrow)
    assert status == 0
    assert len((run.path / "history.csv").read_text().splitlines()) == 3
    assert run.training.resolve() == prepared.training.resolve()
    assert (prepared.training / "index.json").stat().st_mtime_ns == made
    assert not run.artifact.exists()

    assert train("another fold", ("number = 0", "number = 1"), options=borrow)[0] == 2
    assert "were made by another fold" in capsys.readouterr().err
