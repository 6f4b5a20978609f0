"""Pretrained weights: the first values of a model that is not trained from scratch.

Weights that silently do not load cost a training run and show only in its score. So a backbone is filled with
NaN first, and a file that does not overwrite all of it, or that holds more values, is refused.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import keras
import keras_cv
import numpy as np
from numpy.typing import NDArray

from training.backbones import APPLICATIONS, EFFICIENTNET
from training.errors import WeightsMismatch
from training.model import HEAD
from training.recipe import Recipe

LOG = logging.getLogger(__name__)

IMAGENET = "imagenet"
EFFICIENTNET_PRESET = "efficientnetv2_b0_imagenet"
_NO_WEIGHTS = ("optimizer", "seed_generator")  # what else Keras keeps in a file of weights

Values = list[NDArray[np.float32]]


def load_pretrained(model: Any, backbone: Any, recipe: Recipe, weights: str) -> None:
    """Give the backbone within a model its first values; and the head, if they come from a whole model.

    Args:
        model: What `training.model.build_classifier` made of the backbone.
        backbone: Shares its variables with the model.
        recipe: That of both.
        weights: `imagenet` (fetched from Keras's hub), a backbone's `.weights.h5`, or a `.keras` file.

    Raises:
        WeightsMismatch: They are another network's, or the file cannot be read.
    """
    if weights == IMAGENET:
        return set_values(backbone, imagenet_values(recipe), IMAGENET)
    if not weights.endswith((".weights.h5", ".keras")):
        raise WeightsMismatch(f"{weights}: neither {IMAGENET}, nor a .weights.h5, nor a .keras file")
    if not Path(weights).is_file():
        raise WeightsMismatch(f"{weights}: there is no such file")
    try:
        if weights.endswith(".keras"):
            load_whole_model(model, backbone, Path(weights))
        else:
            load_backbone_file(backbone, Path(weights))
    except (OSError, ValueError) as error:  # no HDF5, no archive, another Keras's
        raise WeightsMismatch(f"{weights}: {error}") from error


def imagenet_values(recipe: Recipe) -> Values:
    """The weights that the backbone's authors trained on ImageNet, in the order of its variables."""
    if recipe.backbone == EFFICIENTNET:
        preset = keras_cv.models.EfficientNetV2Backbone.from_preset(EFFICIENTNET_PRESET, load_weights=True)
        return list(preset.get_weights())
    _, build = APPLICATIONS[recipe.backbone]
    return list(build(include_top=False, weights=IMAGENET).get_weights())


def load_backbone_file(backbone: Any, path: Path) -> None:
    """All values of a `.weights.h5` file, which has as many as the backbone. Raises WeightsMismatch."""
    expected, found = _count(backbone.get_weights()), _count_in(path)
    if found != expected:
        raise WeightsMismatch(f"{path}: {found:,} values for a backbone of {expected:,}")
    backbone.set_weights([np.full_like(value, np.nan) for value in backbone.get_weights()])
    backbone.load_weights(path)
    missing = [
        variable.path
        for variable, value in zip(backbone.weights, backbone.get_weights(), strict=True)
        if np.isnan(value).any()
    ]
    if missing:
        raise WeightsMismatch(f"{path}: no values for {len(missing)} variables, such as {missing[0]}")
    LOG.info("%s: %s values of the backbone; the head begins anew", path, f"{found:,}")


def load_whole_model(model: Any, backbone: Any, path: Path) -> None:
    """The backbone of a `.keras` file, and its head where that has as many classes."""
    values = keras.models.load_model(path, compile=False).get_weights()
    body, head = values[: len(backbone.weights)], values[len(backbone.weights) :]
    set_values(backbone, body, str(path))
    scores = model.get_layer(HEAD)
    shapes = [value.shape for value in head]
    if shapes == [value.shape for value in scores.get_weights()]:
        scores.set_weights(head)
        LOG.info("%s: %s values of the backbone, and the head", path, f"{_count(body):,}")
    else:
        LOG.info(
            "%s: %s values of the backbone; the head of %s begins anew", path, f"{_count(body):,}", shapes
        )


def set_values(backbone: Any, values: Values, origin: str) -> None:
    """Values in the order of the backbone's variables. Raises WeightsMismatch for other shapes."""
    variables = backbone.weights
    if len(values) != len(variables):
        raise WeightsMismatch(f"{origin}: {len(values)} arrays for {len(variables)} variables")
    for variable, value in zip(variables, values, strict=True):
        if tuple(variable.shape) != value.shape:
            raise WeightsMismatch(
                f"{origin}: {variable.path} has shape {tuple(variable.shape)}, not {value.shape}"
            )
    backbone.set_weights(values)


def _count(values: Sequence[NDArray[np.float32]]) -> int:
    return sum(value.size for value in values)


def _count_in(path: Path) -> int:
    """How many numbers of a network a `.weights.h5` file holds."""
    sizes: list[int] = []

    def note(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not any(part in name for part in _NO_WEIGHTS):
            sizes.append(int(item.size))

    with h5py.File(path) as file:
        file.visititems(note)
    return sum(sizes)
