"""Pretrained weights: they are there, or training does not begin."""

import logging
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.training.recipes import tiny_recipe
from training.errors import WeightsMismatch
from training.model import HEAD, build
from training.pretrained import load_pretrained, set_values
from training.recipe import Recipe

OTHER_WIDTH = ("output_filters = [8, 12]", "output_filters = [8, 24]")
DEEPER = ("repeats = [1, 1]", "repeats = [1, 2]")
THREE = ('labels = ["out_of_domain", "logo"]', 'labels = ["out_of_domain", "logo", "map"]')


def save_weights(directory: Path, *changes: tuple[str, str]) -> tuple[str, list[np.ndarray]]:
    """A backbone's file of a tiny recipe with changes, and the values in it."""
    _, backbone = build(tiny_recipe(directory, *changes), 32)
    shifted = [value + 1.0 for value in backbone.get_weights()]
    backbone.set_weights(shifted)
    backbone.save_weights(directory / "backbone.weights.h5")
    return str(directory / "backbone.weights.h5"), shifted


def load(recipe: Recipe, weights: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The values of backbone and head after loading."""
    model, backbone = build(recipe, None)
    load_pretrained(model, backbone, recipe, weights)
    return backbone.get_weights(), model.get_layer(HEAD).get_weights()


def assert_equal(first: list[np.ndarray], second: list[np.ndarray]) -> None:
    for ours, theirs in zip(first, second, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_every_value_of_a_backbones_file_is_loaded(tmp_path: Path) -> None:
    weights, values = save_weights(tmp_path)
    loaded, _ = load(tiny_recipe(tmp_path), weights)
    assert_equal(loaded, values)


@pytest.mark.parametrize("change", [OTHER_WIDTH, DEEPER], ids=["wider", "deeper"])
def test_a_file_of_another_network_is_refused(tmp_path: Path, change: tuple[str, str]) -> None:
    weights, _ = save_weights(tmp_path, change)
    with pytest.raises(WeightsMismatch, match="backbone"):
        load(tiny_recipe(tmp_path), weights)
    weights, _ = save_weights(tmp_path)
    with pytest.raises(WeightsMismatch, match="backbone"):
        load(tiny_recipe(tmp_path, change), weights)


def test_a_whole_models_weights_under_a_backbones_kind_of_name_are_refused(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path)
    model, _ = build(recipe, 32)
    model.save_weights(tmp_path / "model.weights.h5")
    with pytest.raises(WeightsMismatch, match="values for a backbone of"):
        load(recipe, str(tmp_path / "model.weights.h5"))


# Keras warns, and goes on with the values that were there.
@pytest.mark.filterwarnings("ignore:Skipping nested container:UserWarning")
def test_a_file_with_as_many_values_in_other_places_is_refused(tmp_path: Path) -> None:
    weights, _ = save_weights(tmp_path)
    with h5py.File(weights, "r+") as file:
        name = next(name for name in file["layers"] if name.startswith("conv"))
        file.move(f"layers/{name}", "layers/elsewhere")
    with pytest.raises(WeightsMismatch):
        load(tiny_recipe(tmp_path), weights)


def test_a_whole_model_gives_backbone_and_head(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    recipe = tiny_recipe(tmp_path)
    model, backbone = build(recipe, 32)
    model.save(tmp_path / "model.keras")
    loaded, head = load(recipe, str(tmp_path / "model.keras"))
    assert_equal(loaded, backbone.get_weights())
    assert_equal(head, model.get_layer(HEAD).get_weights())
    assert "and the head" in caplog.text


def test_a_whole_model_of_other_classes_gives_its_backbone_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    model, backbone = build(tiny_recipe(tmp_path), 32)
    model.save(tmp_path / "model.keras")
    loaded, head = load(tiny_recipe(tmp_path, THREE), str(tmp_path / "model.keras"))
    assert_equal(loaded, backbone.get_weights())
    assert head[0].shape[1] == 3
    assert "begins anew" in caplog.text


def test_a_whole_model_of_another_network_is_refused(tmp_path: Path) -> None:
    model, _ = build(tiny_recipe(tmp_path, OTHER_WIDTH), 32)
    model.save(tmp_path / "model.keras")
    with pytest.raises(WeightsMismatch, match="has shape"):
        load(tiny_recipe(tmp_path), str(tmp_path / "model.keras"))


@pytest.mark.parametrize("name", ["model.keras", "backbone.weights.h5"])
def test_a_file_that_is_missing_or_broken_is_named(tmp_path: Path, name: str) -> None:
    recipe = tiny_recipe(tmp_path)
    with pytest.raises(WeightsMismatch, match=f"{name}: there is no such file"):
        load(recipe, str(tmp_path / name))
    (tmp_path / name).write_bytes(b"broken")
    with pytest.raises(WeightsMismatch, match=name):
        load(recipe, str(tmp_path / name))


def test_a_file_of_no_known_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsMismatch, match="neither imagenet"):
        load(tiny_recipe(tmp_path), "weights.ckpt")


def test_values_of_other_shapes_are_refused_by_the_name_of_the_variable(tmp_path: Path) -> None:
    _, backbone = build(tiny_recipe(tmp_path), 32)
    values = backbone.get_weights()
    with pytest.raises(WeightsMismatch, match="arrays for"):
        set_values(backbone, values[1:], "file")
    with pytest.raises(WeightsMismatch, match=r"file: .*kernel has shape"):
        set_values(backbone, [values[0][..., :2], *values[1:]], "file")
