"""Classifier: pixels in, one probability per class out.

Two implementations of one protocol: OpenVINO on `model.onnx` or `model-int8.xml`, which serves, and Keras on
`model.keras`, which is the source of truth. That they agree is a test (tests/parity).
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from logo_detection.cpu import instruction_sets, int8_instruction_set
from logo_detection.decode.spec import ImageSpec, Pixels
from logo_detection.errors import CpuUnsuitable
from logo_detection.head import HeadNotFound, add_features_in_keras, add_features_in_openvino
from logo_detection.heat_map import HeatMapNotFound, LastMap
from logo_detection.heat_map import find_in_keras as find_map_in_keras
from logo_detection.heat_map import find_in_openvino as find_map_in_openvino

Scores = NDArray[np.float32]
Runtime = Literal["openvino", "keras"]
Precision = Literal["f32", "bf16", "int8"]


@dataclass(frozen=True, slots=True)
class ModelSource:
    """All that a process needs to build a classifier; plain data, so that it can cross to a worker.

    `embed` asks for the features before the model's head, too; see `logo_detection.head`. In int8, scores
    are what they should be where the engine computes by one of `instruction_sets`.
    """

    path: str
    runtime: Runtime
    precision: Precision
    labels: tuple[str, ...]
    spec: ImageSpec
    embed: bool = False
    instruction_sets: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of all that is read: OpenVINO finds the weights of an .xml beside it."""
        xml = Path(self.path)
        return (self.path, str(xml.with_suffix(".bin"))) if xml.suffix == ".xml" else (self.path,)


@dataclass(frozen=True, slots=True)
class Contrast:
    """What an explanation is of: one class, told apart from another; both as indices of the labels."""

    target: int
    other: int


@dataclass(frozen=True, slots=True)
class Explained:
    """An image's scores, as of `Classifier.score`, and its heat map float32[rows, columns], in logits."""

    scores: Scores
    heat_map: NDArray[np.float32]


Explain = Callable[[Pixels, Contrast], Explained]


class Classifier(Protocol):
    """One image at a time: on a CPU a batch gains nothing (docs/decisions)."""

    @property
    def explains(self) -> bool:
        """Whether the model has heat maps: see `logo_detection.heat_map`."""
        ...

    def score(self, pixels: Pixels) -> Scores:
        """Score one image.

        Args:
            pixels: float32[height, width, 3], 0..255.

        Returns:
            float32[classes]: probabilities, in label order; the features follow if the source says `embed`.
        """
        ...

    def build_explainer(self) -> Explain:
        """Build a second network, which scores and explains an image in one pass.

        It costs an OpenVINO worker 0.2 s of CPU and 60 MB, a Keras worker 1.2 s and 40 MB; so a worker has it
        only once it was asked for an explanation. One network for both would cost every score 1 to 2 %.

        Raises:
            HeadNotFound, HeatMapNotFound: The model does not explain.
        """
        ...


class OpenVINOClassifier:
    """`model.onnx`, or `model-int8.xml`, on one CPU thread, with the batch of 1 compiled in.

    A static shape is 12 % faster than a dynamic one; a process per core with one thread each
    beats one process with a thread per core.
    """

    def __init__(self, source: ModelSource) -> None:
        self._source = source
        model = _read_model(source)
        self.explains = not source.embed and _has_map(find_map_in_openvino, model.clone())
        self._network = _OpenVINONetwork(add_features_in_openvino(model) if source.embed else model, source)

    def score(self, pixels: Pixels) -> Scores:
        """See `Classifier.score`."""
        (scores,) = self._network.infer(pixels)
        return scores[0].copy()  # type: ignore[no-any-return]

    def build_explainer(self) -> Explain:
        """See `Classifier.build_explainer`."""
        import openvino as ov

        model = _read_model(self._source)
        output, last = find_map_in_openvino(model)
        outputs = [model.outputs[0].get_node().input_value(0), output]
        both = ov.Model(outputs, model.get_parameters(), "with_last_map")
        return _explain_by(_OpenVINONetwork(both, self._source).infer, last)


def _read_model(source: ModelSource) -> Any:
    """The model of a source, for one image at a time."""
    with _unavailable("openvino.tools.ovc"):
        import openvino as ov

    model = ov.Core().read_model(source.path)
    model.reshape([1, source.spec.height, source.spec.width, 3])
    return model


class _OpenVINONetwork:
    """A compiled model, and the tensors of its one request."""

    def __init__(self, model: Any, source: ModelSource) -> None:
        import openvino as ov

        config = {
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # workers pinned alike would share one core
            # What is not in int8 in an int8 model stays in f32.
            "INFERENCE_PRECISION_HINT": "bf16" if source.precision == "bf16" else "f32",
        }
        self._request = ov.Core().compile_model(model, "CPU", config).create_infer_request()
        self._input = ov.Tensor(np.zeros((1, source.spec.height, source.spec.width, 3), np.float32))
        self._request.set_input_tensor(self._input)

    def infer(self, pixels: Pixels) -> list[Any]:
        """The outputs for one image, each with a batch of 1; they are overwritten by the next image's."""
        self._input.data[0] = pixels
        self._request.infer()
        return [tensor.data for tensor in self._request.output_tensors]


def _explain_by(infer: Callable[[Pixels], list[Any]], last: LastMap) -> Explain:
    """Explain by a network whose outputs are the probabilities and the last map, each with a batch of 1."""

    def explain(pixels: Pixels, contrast: Contrast) -> Explained:
        scores, values = infer(pixels)
        return Explained(scores[0].copy(), last.weigh(values, contrast.target, contrast.other))

    return explain


def _has_map(find: Callable[..., object], model: Any, *size: int) -> bool:
    try:
        find(model, *size)
    except (HeadNotFound, HeatMapNotFound):
        return False
    return True


@contextmanager
def _unavailable(module: str) -> Iterator[None]:
    """Within the block, the module cannot be imported, unless it was before.

    OpenVINO does without its converter of models, which costs 9 MB, and whose telemetry starts a thread.
    """
    sys.modules.setdefault(module, None)  # type: ignore[arg-type]  # so Python marks what is not to be found
    try:
        yield
    finally:
        if sys.modules[module] is None:
            del sys.modules[module]


class KerasClassifier:
    """A `.keras` file on TensorFlow, traced once with a batch of 1.

    How many threads it takes is the process's business: TensorFlow cannot be told once it has started.
    """

    def __init__(self, source: ModelSource) -> None:
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import keras
        import keras_cv  # noqa: F401  registers the layers that LiftWing's artifact names

        self._source = source
        self._model = keras.models.load_model(source.path, compile=False)
        size = source.spec.height, source.spec.width
        self.explains = not source.embed and _has_map(find_map_in_keras, self._model, *size)
        scores = add_features_in_keras(self._model) if source.embed else self._model
        self._call = _traced(scores, source)

    def score(self, pixels: Pixels) -> Scores:
        """See `Classifier.score`."""
        return self._call(pixels[np.newaxis])[0].numpy()  # type: ignore[no-any-return]

    def build_explainer(self) -> Explain:
        """See `Classifier.build_explainer`."""
        import keras

        output, last = find_map_in_keras(self._model, self._source.spec.height, self._source.spec.width)
        call = _traced(keras.Model(self._model.input, [self._model.outputs[0], output]), self._source)
        return _explain_by(lambda pixels: [output.numpy() for output in call(pixels[np.newaxis])], last)


def _traced(model: Any, source: ModelSource) -> Any:
    """A Keras model as a function that TensorFlow traces upon its first call."""
    import tensorflow as tf

    signature = tf.TensorSpec((1, source.spec.height, source.spec.width, 3), tf.float32)
    return tf.function(lambda batch: model(batch, training=False), input_signature=[signature])


def check_cpu(source: ModelSource) -> None:
    """Refuse a source in int8 on a CPU on which it would have other scores.

    Without such instructions the sum of two products of bytes has 16 bits, and overflows.

    Raises:
        CpuUnsuitable: The engine would compute by none of the instruction sets that the source names.
    """
    if source.precision != "int8":
        return
    found = int8_instruction_set(instruction_sets())
    if found not in source.instruction_sets:
        raise CpuUnsuitable(
            f"its int8 scores hold for {' and '.join(source.instruction_sets)}, and this CPU"
            f" {f'computes by {found}' if found else 'has no instructions for int8'}: take f32"
        )


def load_classifier(source: ModelSource) -> Classifier:
    """Build the classifier of a source. Imports TensorFlow only for the Keras runtime.

    Raises:
        CpuUnsuitable: See `check_cpu`.
    """
    check_cpu(source)
    return KerasClassifier(source) if source.runtime == "keras" else OpenVINOClassifier(source)
