"""Classifier: pixels in, one probability per class out.

Two implementations of one protocol: OpenVINO on `model.onnx`, which serves, and Keras on
`model.keras`, which is the source of truth. That they agree is a test (tests/parity).
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from logo_detection.decode.spec import ImageSpec, Pixels
from logo_detection.head import add_features_in_keras, add_features_in_openvino

Scores = NDArray[np.float32]
Runtime = Literal["openvino", "keras"]
Precision = Literal["f32", "bf16"]


@dataclass(frozen=True, slots=True)
class ModelSource:
    """All that a process needs to build a classifier; plain data, so that it can cross to a worker.

    `embed` asks for the features before the model's head, too; see `logo_detection.head`.
    """

    path: str
    runtime: Runtime
    precision: Precision
    labels: tuple[str, ...]
    spec: ImageSpec
    embed: bool = False


class Classifier(Protocol):
    """One image at a time: on a CPU a batch gains nothing (docs/decisions)."""

    def score(self, pixels: Pixels) -> Scores:
        """Score one image.

        Args:
            pixels: float32[height, width, 3], 0..255.

        Returns:
            float32[classes]: probabilities, in label order; the features follow if the source says `embed`.
        """
        ...


class OpenVINOClassifier:
    """`model.onnx` on one CPU thread, with the batch of 1 compiled in.

    A static shape is 12 % faster than a dynamic one; a process per core with one thread each
    beats one process with a thread per core.
    """

    def __init__(self, source: ModelSource) -> None:
        with _unavailable("openvino.tools.ovc"):
            import openvino as ov

        core = ov.Core()
        model = core.read_model(source.path)
        if source.embed:
            model = add_features_in_openvino(model)
        height, width = source.spec.height, source.spec.width
        model.reshape([1, height, width, 3])
        config = {
            "INFERENCE_NUM_THREADS": 1,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # workers pinned alike would share one core
            "INFERENCE_PRECISION_HINT": source.precision,
        }
        self._request = core.compile_model(model, "CPU", config).create_infer_request()
        self._input = ov.Tensor(np.zeros((1, height, width, 3), np.float32))
        self._request.set_input_tensor(self._input)

    def score(self, pixels: Pixels) -> Scores:
        """See `Classifier.score`."""
        self._input.data[0] = pixels
        self._request.infer()
        return self._request.get_output_tensor().data[0].copy()  # type: ignore[no-any-return]


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
        import tensorflow as tf

        model = keras.models.load_model(source.path, compile=False)
        if source.embed:
            model = add_features_in_keras(model)
        signature = tf.TensorSpec((1, source.spec.height, source.spec.width, 3), tf.float32)
        self._call = tf.function(lambda batch: model(batch, training=False), input_signature=[signature])

    def score(self, pixels: Pixels) -> Scores:
        """See `Classifier.score`."""
        return self._call(pixels[np.newaxis])[0].numpy()  # type: ignore[no-any-return]


def load_classifier(source: ModelSource) -> Classifier:
    """Build the classifier of a source. Imports TensorFlow only for the Keras runtime."""
    return KerasClassifier(source) if source.runtime == "keras" else OpenVINOClassifier(source)
