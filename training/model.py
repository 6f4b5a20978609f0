"""The model: a backbone with a softmax head."""

from typing import Any

import keras

from training.backbones import build_backbone
from training.errors import RecipeInvalid
from training.recipe import Recipe

HEAD = "scores"  # the name of the last layer


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


def logits_of(model: Any) -> Any:
    """A function of images in training, float32[N, size, size, 3], to the inputs of a model's softmax.

    They are float32[N, classes]. The loss is exact with them where a probability would be rounded to 0.
    """
    head = model.get_layer(HEAD)
    features_of = keras.Model(model.input, head.input)

    def logits(images: Any) -> Any:
        features = keras.ops.cast(features_of(images, training=True), "float32")
        return keras.ops.matmul(features, head.kernel) + head.bias

    return logits


def layers_from(model: Any, name: str) -> list[Any]:
    """The layers of a model from the one of that name on; all of them for no name.

    Raises:
        RecipeInvalid: No layer has that name.
    """
    names = [layer.name for layer in model.layers]
    if name and name not in names:
        raise RecipeInvalid(f"stages: trained_from: {name!r} is none of the layers: {', '.join(names)}")
    return list(model.layers[names.index(name) if name else 0 :])


def freeze(model: Any, trained_from: str) -> None:
    """Let the layers of a model train from one of that name on (`layers_from`), and no others.

    A frozen batch norm uses its stored means in training, too. Takes effect when the model is compiled.
    """
    trained = layers_from(model, trained_from)
    for layer in model.layers:
        # True first: else a composite layer that was frozen when it was saved keeps parts that train.
        layer.trainable = True
        layer.trainable = layer in trained
