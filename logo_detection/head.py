"""The head: the last dense layer of a model, and the features that it is given.

    image -> backbone -> features float32[width] -> features @ weights + bias -> softmax -> probabilities

It is found by this structure, whatever its tensors and layers are called. The engines are imported by those
who have a model of theirs.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logo_detection.errors import ArtifactError

MAX_FEATURES = 8_192
"""Of an image: they cross from a worker in one frame. EfficientNetV2-B0 has 1,280, ResNet50 2,048."""


class HeadNotFound(ArtifactError):
    """A model does not end in a dense layer of at most MAX_FEATURES inputs and a softmax."""


@dataclass(frozen=True, slots=True)
class Head:
    """A dense layer.

    Attributes:
        weights: float32[features, classes].
        bias: float32[classes].
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of features float32[N, features]: float32[N, classes], whose softmax are the probabilities."""
        found: NDArray[np.float32] = features @ self.weights + self.bias
        return found


def probabilities(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Softmax of float[N, classes], in double precision."""
    exponents = np.exp(np.asarray(logits, np.float64) - logits.max(axis=1, keepdims=True))
    found: NDArray[np.float64] = exponents / exponents.sum(axis=1, keepdims=True)
    return found


def find_in_openvino(model: Any) -> tuple[Any, Head]:
    """The output of an `openvino.Model` that holds the features, and the head that follows it.

    What it computes of constants alone is computed, in place: a Gemm scales its bias, weights may be widened.

    Raises:
        HeadNotFound: It ends otherwise.
    """
    from openvino.passes import ConstantFolding, Manager

    folding = Manager()
    folding.register_pass(ConstantFolding())
    folding.run_passes(model)
    softmax = model.outputs[0].get_node().input_value(0).get_node()
    if softmax.get_type_name() != "Softmax":
        raise _no_head(f"its last step is {softmax.get_type_name()}, and no softmax")
    last, bias = _without_constant(softmax.input_value(0).get_node(), "Add")
    last, scale = _without_constant(last, "Multiply")  # a Gemm's alpha
    if last.get_type_name() != "MatMul" or (weights := _constant(last.input_value(1))) is None:
        raise _no_head(f"{last.get_type_name()} comes before its softmax, and no dense layer")
    if last.get_attributes()["transpose_b"]:
        weights = weights.T
    if scale is not None:
        weights = weights * scale.ravel()  # of one number, or of one for each class
    features = last.input_value(0)
    if len(features.get_partial_shape()) != 2 or last.get_attributes()["transpose_a"]:
        raise _no_head("what its last dense layer is given is not a row of numbers for each image")
    return features, _checked(weights, np.zeros(weights.shape[1]) if bias is None else bias.ravel())


def check_features(path: str) -> None:
    """Raise HeadNotFound if an ONNX model has no head."""
    import openvino as ov

    find_in_openvino(ov.Core().read_model(path))


def add_features_in_openvino(model: Any) -> Any:
    """A model whose one output has an image's probabilities, and behind them its features.

    Raises:
        HeadNotFound: It has no head.
    """
    import openvino as ov
    from openvino import opset13 as ops

    features, _ = find_in_openvino(model)
    both = ops.concat([model.outputs[0].get_node().input_value(0), features], axis=1)
    return ov.Model([both.output(0)], model.get_parameters(), "with_features")


def find_in_keras(model: Any) -> Any:
    """The dense layer that a Keras model ends with; its `input` are the features.

    Raises:
        HeadNotFound: It ends otherwise, or is not made of layers.
    """
    import keras

    if not getattr(model, "outputs", None):
        raise _no_head("it is not made of layers")
    last = model.outputs[0]._keras_history.operation
    activation = getattr(last, "activation", None)
    if isinstance(last, keras.layers.Softmax) or (
        isinstance(last, keras.layers.Activation) and activation is keras.activations.softmax
    ):
        last = last.input._keras_history.operation
        is_softmax = getattr(last, "activation", None) is keras.activations.linear
    else:
        is_softmax = activation is keras.activations.softmax
    if not (is_softmax and isinstance(last, keras.layers.Dense)):
        raise _no_head(f"its last layer is {last.name}, and no dense one with a softmax")
    if len(last.input.shape) != 2:
        raise _no_head("what its last dense layer is given is not a row of numbers for each image")
    keras_head(last)
    return last


def keras_head(layer: Any) -> Head:
    """The weights of a dense layer of Keras. Raises HeadNotFound where they are too many."""
    weights, *bias = (np.asarray(values) for values in layer.get_weights())
    return _checked(weights, bias[0] if bias else np.zeros(weights.shape[1]))


def add_features_in_keras(model: Any) -> Any:
    """A model whose one output has an image's probabilities, and behind them its features.

    Raises:
        HeadNotFound: It has no head.
    """
    import keras

    both = [model.outputs[0], find_in_keras(model).input]
    together = keras.layers.Concatenate(dtype="float32", name="with_features")(both)
    return keras.Model(model.input, together)


def _without_constant(node: Any, kind: str) -> tuple[Any, NDArray[Any] | None]:
    """What comes before a step of a kind, and the constant of it, on whichever side; or the node itself."""
    if node.get_type_name() == kind:
        for one, other in ((0, 1), (1, 0)):
            if (constant := _constant(node.input_value(other))) is not None:
                return node.input_value(one).get_node(), constant
    return node, None


def _constant(output: Any) -> NDArray[Any] | None:
    node = output.get_node()
    return np.asarray(node.data, np.float32) if node.get_type_name() == "Constant" else None


def _checked(weights: NDArray[Any], bias: NDArray[Any]) -> Head:
    if len(weights) > MAX_FEATURES:
        raise _no_head(f"its last dense layer has {len(weights):,} inputs, more than {MAX_FEATURES:,}")
    if bias.shape != weights.shape[1:]:
        raise _no_head("the bias of its last dense layer is not one number for each class")
    return Head(np.ascontiguousarray(weights, np.float32), np.asarray(bias, np.float32))


def _no_head(why: str) -> HeadNotFound:
    return HeadNotFound(f"the model has no features to give: {why}")
