"""The model: probabilities at every size; and what is frozen is not trained."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.recipes import tiny_recipe
from training.errors import RecipeInvalid
from training.model import HEAD, build, freeze, layers_from


def test_scores_are_probabilities_at_every_size(tmp_path: Path) -> None:
    model, _ = build(tiny_recipe(tmp_path), None)
    for size in (32, 48):
        scores = np.asarray(model(np.full((2, size, size, 3), 128, np.float32)))
        assert scores.shape == (2, 2)
        np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)


def test_there_are_as_many_scores_as_labels(tmp_path: Path) -> None:
    labels = 'labels = ["out_of_domain", "logo", "map"]'
    model, _ = build(tiny_recipe(tmp_path, ('labels = ["out_of_domain", "logo"]', labels)), 32)
    assert model.output_shape == (None, 3)


def test_of_a_frozen_model_the_head_alone_is_trained_and_batch_norms_stand_still(tmp_path: Path) -> None:
    model, backbone = build(tiny_recipe(tmp_path), 32)
    freeze(model, HEAD)
    model.compile("sgd", "categorical_crossentropy")
    before, head = backbone.get_weights(), model.get_layer(HEAD).get_weights()
    images = np.random.default_rng(0).uniform(0, 255, (16, 32, 32, 3)).astype(np.float32)
    model.fit(images, np.eye(2)[np.arange(16) % 2], epochs=2, verbose=0)
    for then, now in zip(before, backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(then, now)
    assert not np.array_equal(head[0], model.get_layer(HEAD).get_weights()[0])
    freeze(model, "")
    model.compile("sgd", "categorical_crossentropy")
    model.fit(images, np.eye(2)[np.arange(16) % 2], verbose=0)
    assert not all(map(np.array_equal, before, backbone.get_weights()))


def test_layers_before_the_first_trained_one_are_frozen_and_no_others(tmp_path: Path) -> None:
    model, backbone = build(tiny_recipe(tmp_path), 32)
    names = [layer.name for layer in model.layers]
    middle = backbone.layers[len(backbone.layers) // 2].name
    freeze(model, middle)
    trained = [layer.name for layer in model.layers if layer.trainable]
    assert trained == names[names.index(middle) :]


def test_a_layer_that_there_is_not_is_named(tmp_path: Path) -> None:
    model, _ = build(tiny_recipe(tmp_path), 32)
    with pytest.raises(RecipeInvalid, match=r"trained_from: 'block9' is none of the layers: .*scores"):
        layers_from(model, "block9")
