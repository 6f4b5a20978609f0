"""Fitting: stages that train the head alone, classes that count more, any number of classes."""

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from datasets.manifest import Example
from tests.training.recipes import tiny_recipe
from training.errors import RecipeInvalid
from training.fitting import dtype_policy_of, fit_model
from training.holdout import ValidationSet
from training.materialise import ImageTask, MaterialisedImage
from training.model import HEAD, build
from training.recipe import Recipe
from training.run import Run
from training.shards import read_shards, write_shards

STAGES = """stages = [
    { size = 16, images = 32, batch = 8, rate = 1e-3, last_rate = 1e-4 },
    { size = 32, images = 16, batch = 8, rate = 1e-3, last_rate = 1e-4 },
]"""
FROZEN = "{ size = 16, images = 64, batch = 8, rate = 1e-2, last_rate = 1e-3, trained_from = 'scores' }"
WHOLE = "{ size = 16, images = 64, batch = 8, rate = 1e-3, last_rate = 1e-3 }"
THREE = ('labels = ["out_of_domain", "logo"]', 'labels = ["logo", "map", "out_of_domain"]')


def pictures(recipe: Recipe) -> Iterator[MaterialisedImage]:
    """Twenty of each label, in its own shade."""
    rng = np.random.default_rng(0)
    for number in range(20 * len(recipe.labels)):
        index = number % len(recipe.labels)
        label = recipe.labels[index]
        example = Example(Path(f"{number}.png"), label, label, "", "", "", "", str(number))
        pixels = (rng.integers(0, 60, (32, 32, 3)) + 80 * index).astype(np.uint8)
        yield MaterialisedImage(ImageTask(example, "drawn", 0, 1), {}, {"degraded": pixels})


def fitted(directory: Path, recipe: Recipe, weights: str | None = None) -> keras.Model:
    """What a recipe makes of its shades."""
    directory.mkdir(exist_ok=True)
    write_shards(directory / "training", pictures(recipe), recipe.labels, 32)
    made = list(pictures(recipe))
    examples = tuple(item.task.picture for item in made if isinstance(item.task.picture, Example))
    validation = ValidationSet(examples, np.stack([item.pixels["degraded"] for item in made]))
    return fit_model(recipe, Run(directory), read_shards(directory / "training"), validation, weights)


def test_a_frozen_stage_changes_the_head_and_nothing_else(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, (STAGES, f"stages = [{FROZEN}]"))
    model, backbone = build(recipe, 32)
    model.save(tmp_path / "first.keras")
    trained = fitted(tmp_path / "run", recipe, str(tmp_path / "first.keras"))
    *body, kernel, _ = trained.get_weights()
    for before, after in zip(backbone.get_weights(), body, strict=True):
        np.testing.assert_array_equal(before, after)
    assert not np.array_equal(kernel, model.get_layer(HEAD).get_weights()[0])


def test_after_a_frozen_stage_all_is_tuned_from_where_it_was(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path, (STAGES, f"stages = [{FROZEN}, {WHOLE}]"))
    model, backbone = build(recipe, 32)
    model.save(tmp_path / "first.keras")
    trained = fitted(tmp_path / "run", recipe, str(tmp_path / "first.keras"))
    pairs = zip(backbone.get_weights(), trained.get_weights(), strict=False)
    moved = [float(np.abs(before - after).max()) for before, after in pairs]
    assert max(moved) > 0
    kernel_moved = float(np.abs(backbone.get_weights()[0] - trained.get_weights()[0]).max())
    assert 0 < kernel_moved < 0.1
    # The run goes on after its frozen stage, too: nothing is left to do, and the model is the same.
    again = fitted(tmp_path / "run", recipe)
    for ours, theirs in zip(again.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_run_that_goes_on_keeps_frozen_what_was_and_the_optimizers_state(tmp_path: Path) -> None:
    small = "{ size = 16, images = 64, batch = 8, rate = 1e-2, last_rate = 1e-3, trained_from = 'block2a_' }"
    large = small.replace("size = 16", "size = 32")
    certain = ("dropout = 0.1", "dropout = 0.0")  # in a composite layer, where it was is not kept
    both = tiny_recipe(tmp_path, (STAGES, f"stages = [{small}, {large}]"), certain)
    begun = tiny_recipe(tmp_path, (STAGES, f"stages = [{small}]"), certain)
    at_once = fitted(tmp_path / "at once", both)
    fitted(tmp_path / "in parts", begun)
    for ours, theirs in zip(
        fitted(tmp_path / "in parts", both).get_weights(), at_once.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


def test_a_run_does_not_go_on_with_other_layers_than_it_trained(tmp_path: Path) -> None:
    fitted(tmp_path / "run", tiny_recipe(tmp_path, (STAGES, f"stages = [{FROZEN}]")))
    other = FROZEN.replace("scores", "block2a_")
    with pytest.raises(RecipeInvalid, match=r"checkpoint-1.keras was made by other stages"):
        fitted(tmp_path / "run", tiny_recipe(tmp_path, (STAGES, f"stages = [{other}, {WHOLE}]")))


def test_bfloat16_is_used_where_the_cpu_has_it_and_said_to_be_missing_elsewhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = tiny_recipe(tmp_path, ("mixed_precision = false", "mixed_precision = true"))
    policy = dtype_policy_of(recipe)
    cpu = Path("/proc/cpuinfo").read_text()
    assert (policy == "mixed_bfloat16") == ("avx512_bf16" in cpu or "amx_bf16" in cpu)
    assert (policy == "float32") == ("this CPU has no bfloat16" in caplog.text)
    assert dtype_policy_of(tiny_recipe(tmp_path)) == "float32"


@pytest.mark.parametrize("precision", ["true", "false"])
def test_three_classes_are_trained_in_the_order_of_the_recipe(tmp_path: Path, precision: str) -> None:
    stage = "stages = [{ size = 16, images = 480, batch = 12, rate = 1e-2, last_rate = 1e-3 }]"
    recipe = tiny_recipe(
        tmp_path, THREE, (STAGES, stage), ("mixed_precision = false", f"mixed_precision = {precision}")
    )
    model = fitted(tmp_path / "run", recipe)
    assert model.output_shape == (None, 3)
    line = (tmp_path / "run" / "history.csv").read_text().splitlines()
    columns = dict(zip(line[0].split(","), line[1].split(","), strict=True))
    assert {"recall_logo", "recall_map", "recall_out_of_domain"} <= set(columns)
    assert float(columns["auc_roc"]) > 0.8


def test_a_recipe_may_have_the_seed_0(tmp_path: Path) -> None:
    assert fitted(tmp_path / "run", tiny_recipe(tmp_path, ("seed = 1", "seed = 0"))).output_shape == (None, 2)


def test_a_class_that_counts_more_is_called_more_often(tmp_path: Path) -> None:
    def mean_score(weight: float) -> float:
        table = f"seed = 1\nclass_weights = {{ logo = {weight} }}"
        stage = "stages = [{ size = 16, images = 160, batch = 8, rate = 1e-2, last_rate = 1e-3 }]"
        recipe = tiny_recipe(tmp_path, ("seed = 1", table), (STAGES, stage))
        model = fitted(tmp_path / f"run-{weight}", recipe)
        images = np.random.default_rng(1).uniform(0, 200, (32, 32, 32, 3)).astype(np.float32)
        return float(np.asarray(model(images))[:, 1].mean())

    assert mean_score(20.0) > mean_score(0.05) + 0.1
