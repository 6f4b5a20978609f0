"""The network: EfficientNetV2-B0 with a softmax head, as KerasCV builds it.

KerasCV fetches even its weightless presets from a hub. The arguments of `efficientnetv2_b0` are
therefore written down, in `training.recipe.Network` (they follow https://arxiv.org/abs/2104.00298);
that they are the preset's shows in its 5,919,312 parameters, which a test counts.
"""

from pathlib import Path
from typing import Any

import keras
import keras_cv

from training.recipe import Network

B0 = Network()
IMAGENET_PRESET = "efficientnetv2_b0_imagenet"


def build_backbone(size: int | None, network: Network = B0, skip_dropout: float = 0.2) -> Any:
    """float32[N, size, size, 3] in 0..255 -> features; rescaling is its first layer."""
    return keras_cv.models.EfficientNetV2Backbone(
        include_rescaling=True,
        width_coefficient=1.0,
        depth_coefficient=1.0,
        stackwise_kernel_sizes=[3] * len(network.repeats),
        stackwise_num_repeats=list(network.repeats),
        stackwise_input_filters=list(network.input_filters),
        stackwise_output_filters=list(network.output_filters),
        stackwise_expansion_ratios=list(network.expansions),
        stackwise_squeeze_and_excite_ratios=list(network.squeezes),
        stackwise_strides=list(network.strides),
        stackwise_conv_types=list(network.kinds),
        skip_connection_dropout=skip_dropout,
        input_shape=(size, size, 3),
    )


def build_classifier(backbone: Any, classes: int, dropout: float) -> Any:
    """The backbone, averaged over space, and a softmax: float32[N, classes], whatever the dtype policy."""
    features = keras.layers.GlobalAveragePooling2D(name="average")(backbone.output)
    features = keras.layers.Dropout(dropout, name="dropout")(features)
    scores = keras.layers.Dense(classes, activation="softmax", dtype="float32", name="scores")(features)
    return keras.Model(backbone.input, scores, name="logo_detection")


def load_pretrained(backbone: Any, weights: str) -> None:
    """Give a backbone its first weights: `imagenet` (fetched from a hub), or a `.weights.h5` file."""
    if weights == "imagenet":
        preset = keras_cv.models.EfficientNetV2Backbone.from_preset(IMAGENET_PRESET, load_weights=True)
        backbone.set_weights(preset.get_weights())
    else:
        backbone.load_weights(Path(weights))
