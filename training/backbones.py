"""Backbones: the networks that turn pixels into features, by the name that a recipe gives them.

All take RGB in 0..255: what each was pretrained with (scale, order of channels) is done by its first
layers, so that nothing outside a model prepares pixels for it. None reads weights here: see
`training.pretrained`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import keras
import keras_cv

from training.errors import RecipeInvalid
from training.recipe import Network, Recipe

EFFICIENTNET = "efficientnetv2-b0"
B0 = Network()

# ImageNet's mean pixel as the authors of VGG have it (https://arxiv.org/abs/1409.1556): BGR, of 255.
_MEAN_BGR = (103.939, 116.779, 123.68)


def build_backbone(recipe: Recipe, size: int | None) -> Any:
    """The recipe's backbone: float32[N, size, size, 3] in 0..255 -> features; None for any size."""
    if recipe.backbone == EFFICIENTNET:
        return build_efficientnet(size, recipe.network, recipe.skip_dropout)
    return build_application(recipe.backbone, size)


def build_efficientnet(size: int | None, network: Network = B0, skip_dropout: float = 0.2) -> Any:
    """EfficientNetV2, as KerasCV builds it.

    KerasCV fetches even its weightless presets from a hub. The arguments of `efficientnetv2_b0` are
    therefore written down, in `training.recipe.Network` (they follow https://arxiv.org/abs/2104.00298);
    that they are the preset's shows in its 5,919,312 parameters, which a test counts.
    """
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


def build_application(name: str, size: int | None) -> Any:
    """One of Keras's own networks, with its preprocessing in front.

    Raises:
        RecipeInvalid: There is none of that name.
    """
    if name not in APPLICATIONS:
        raise RecipeInvalid(f"backbone: {name!r} is none of {', '.join((EFFICIENTNET, *APPLICATIONS))}")
    preprocess, build = APPLICATIONS[name]
    pixels = keras.Input((size, size, 3), name="pixels")
    network = build(include_top=False, weights=None, input_tensor=preprocess(pixels))
    return keras.Model(pixels, network.output, name=name)


def to_one(pixels: Any) -> Any:
    """0..255 -> -1..1."""
    return keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="to_one")(pixels)


def to_mean(pixels: Any) -> Any:
    """RGB in 0..255 -> BGR around ImageNet's mean."""
    reversed_channels = keras.ops.flip(pixels, axis=-1)
    offset = [-channel for channel in _MEAN_BGR]
    return keras.layers.Rescaling(1.0, offset=offset, name="to_mean")(reversed_channels)


Preprocess = Callable[[Any], Any]
APPLICATIONS: Mapping[str, tuple[Preprocess, Callable[..., Any]]] = MappingProxyType(
    {
        "xception": (to_one, keras.applications.Xception),
        "inceptionv3": (to_one, keras.applications.InceptionV3),
        "resnet50": (to_mean, keras.applications.ResNet50),
        "vgg16": (to_mean, keras.applications.VGG16),
    }
)
