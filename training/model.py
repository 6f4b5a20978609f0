"""The model: a backbone with a softmax head."""

from typing import Any

import keras

from training.backbones import build_backbone
from training.recipe import Recipe

HEAD = "scores"  # the layer whose values tell one class from another


def build_classifier(backbone: Any, classes: int, dropout: float) -> Any:
    """The backbone, averaged over space, and a softmax: float32[N, classes], whatever the dtype policy."""
    features = keras.layers.GlobalAveragePooling2D(name="average")(backbone.output)
    features = keras.layers.Dropout(dropout, name="dropout")(features)
    scores = keras.layers.Dense(classes, activation="softmax", dtype="float32", name=HEAD)(features)
    return keras.Model(backbone.input, scores, name="logo_detection")


def build(recipe: Recipe, size: int | None) -> tuple[Any, Any]:
    """The model of a recipe in Keras's current dtype policy, and the backbone within it."""
    backbone = build_backbone(recipe, size)
    return build_classifier(backbone, len(recipe.labels), recipe.dropout), backbone


def freeze(model: Any, frozen: bool) -> None:
    """Let a model learn with its head alone, or with all of it.

    A frozen batch norm goes by its stored means, in training too. Takes effect when the model is compiled.
    """
    for layer in model.layers:
        layer.trainable = not frozen or layer.name == HEAD
