"""The heat map: where in an image the difference between two classes comes from.

    image -> backbone -> last map float32[height, width, channels] -> mean -> features -> head -> logits

Where the features are the mean of the last map over its places, and the head is one dense layer, each place
has its own part in a logit. The map of two classes, `last @ (weights[target] - weights[other])`, is exact:
its mean plus the difference of the biases is the difference of the logits. This is the class activation map
of Zhou and others (arXiv:1512.04150); it needs no gradients.

It is found by this structure, as the head is. The engines are imported by those who have a model of theirs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logo_detection import head
from logo_detection.errors import ArtifactError
from logo_detection.head import Head

MAX_SIDE = 32
"""Of a map, in places: it crosses from a worker in one frame. EfficientNetV2-B0 has 7 at 224 pixels."""

OVERLAY_SIDE = 224
"""Of the picture with the map over it, pixels, whatever a model's images have."""

NO_HEAT_MAP = "it does not end in a global average pooling and one dense layer"
"""What is said of a model without a heat map, where nobody wants to know more."""


class HeatMapNotFound(ArtifactError):
    """A model does not end in the mean of a map of at most MAX_SIDE x MAX_SIDE, and a dense layer."""


@dataclass(frozen=True, slots=True)
class LastMap:
    """The map that a model's features are the mean of.

    Attributes:
        channels: The axis of its channels: 1, or 3.
        head: What follows the mean.
    """

    channels: int
    head: Head

    def weigh(self, values: NDArray[np.float32], target: int, other: int) -> NDArray[np.float32]:
        """The heat map of one image.

        Args:
            values: The last map, float32 of rank 4, with a batch of 1.
            target: The class that positive values speak for.
            other: The class that negative values speak for.

        Returns:
            float32[height, width], in logits.
        """
        difference = self.head.weights[:, target] - self.head.weights[:, other]
        found: NDArray[np.float32] = np.moveaxis(values[0], self.channels - 1, -1) @ difference
        return found


def find_in_openvino(model: Any) -> tuple[Any, LastMap]:
    """The output of an `openvino.Model` that holds the last map, and what is to be known of it.

    The model's input has a fixed size. What it computes of constants alone is computed, in place.

    Raises:
        HeadNotFound, HeatMapNotFound: It ends otherwise.
    """
    features, found = head.find_in_openvino(model)
    mean = features.get_node()
    if mean.get_type_name() in ("Squeeze", "Reshape"):  # the mean kept its axes, of one place each
        mean = mean.input_value(0).get_node()
    if mean.get_type_name() != "ReduceMean":
        raise _no_map(f"{mean.get_type_name()} makes its features, and no mean")
    axes = mean.input_value(1).get_node()
    last = mean.input_value(0)
    shape = last.get_partial_shape()
    if len(shape) != 4 or axes.get_type_name() != "Constant":
        raise _no_map("its features are not the mean of a map")
    places = sorted(int(axis) % 4 for axis in np.ravel(axes.data))
    if places not in ([1, 2], [2, 3]):
        raise _no_map("its features are not the mean over the places of a map")
    (channels,) = {1, 2, 3} - set(places)
    sides = [shape[axis].get_length() if shape[axis].is_static else None for axis in places]
    return last, _checked(channels, shape[channels].get_max_length(), sides, found)


def find_in_keras(model: Any, height: int, width: int) -> tuple[Any, LastMap]:
    """The tensor of a Keras model that holds the last map, and what is to be known of it.

    Args:
        model: Made of layers.
        height: Of the images that it will be given, pixels.
        width: Likewise.

    Raises:
        HeadNotFound, HeatMapNotFound: It ends otherwise.
    """
    import keras

    dense = head.find_in_keras(model)
    mean = dense.input._keras_history.operation
    while isinstance(mean, keras.layers.Dropout):  # which does nothing once a model is trained
        mean = mean.input._keras_history.operation
    if not isinstance(mean, keras.layers.GlobalAveragePooling2D):
        raise _no_map(f"its layer {mean.name} makes its features, and no global mean")
    channels = 3 if mean.data_format == "channels_last" else 1
    shape = mean.input.shape
    if None in shape[1:]:  # for images of any size; to go through all layers costs a start 0.4 s
        shape = keras.Model(model.input, mean.input).compute_output_shape((1, height, width, 3))
    sides = [size for axis, size in enumerate(shape) if axis not in (0, channels)]
    return mean.input, _checked(channels, shape[channels], sides, head.keras_head(dense))


def _checked(channels: int, width: int, sides: list[int | None], found: Head) -> LastMap:
    if width != len(found.weights):
        raise _no_map("its features are not one number for each channel of the map")
    if any(side is None or side > MAX_SIDE for side in sides):
        raise _no_map(f"its last map is not of a fixed size, at most {MAX_SIDE} x {MAX_SIDE}")
    return LastMap(channels, found)


def _no_map(why: str) -> HeatMapNotFound:
    return HeatMapNotFound(f"the model has no heat map to give: {why}")
