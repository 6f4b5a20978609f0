"""A new head: it takes the place of a model's own, in each of the artifact's files.

Nothing is published that was not checked: every runtime must give the golden images the probabilities that
the new head has for the features of the old model.
"""

import importlib.util
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.arrays import Floats
from logo_detection.artifact import KERAS, ONNX, Artifact
from logo_detection.classifier import ModelSource, load_classifier
from logo_detection.decode.spec import Pixels
from logo_detection.errors import ArtifactError
from logo_detection.head import Head, find_in_keras, find_in_openvino, keras_head, probabilities
from release import golden
from release.model_card import Facts
from release.publication import publish

HEAD_TOLERANCE = 1e-4
"""Of a probability, between a runtime and the same computed from features; 2e-6 was measured."""

_WEIGHTS, _BIAS, _PRODUCT, _LOGITS = "head/weights", "head/bias", "head/product", "head/logits"


def has_tensorflow() -> bool:
    """Whether a `.keras` file can be written here."""
    return all(importlib.util.find_spec(name) for name in ("keras", "keras_cv", "tensorflow"))


def own_head(artifact: Artifact) -> Head:
    """The head that an artifact has.

    Raises:
        HeadNotFound: It has none.
        ArtifactError: It is in a `.keras` file only, and TensorFlow is not installed.
    """
    source = artifact.model_source()
    if source.runtime == "openvino":
        return find_in_openvino(_read_openvino(source.path))[1]
    if not has_tensorflow():
        raise ArtifactError(f"{artifact.path} is a .keras file: for those, install the keras extra")
    return keras_head(find_in_keras(_load_keras(source.path)))


def write_artifact(source: Artifact, head: Head, facts: Facts, directory: Path) -> Artifact:
    """Write an artifact of a model's backbone and a new head into an empty directory.

    Its `.keras` file is left out where TensorFlow is not installed.

    Raises:
        ArtifactError: A runtime has other probabilities than it should, or a file is too large.
    """
    if "openvino" in source.model_files:
        replace_in_onnx(source.model_files["openvino"], head, directory / ONNX)
    if "keras" in source.model_files and has_tensorflow():
        replace_in_keras(source.model_files["keras"], head, directory / KERAS)
    _copy_golden(source, directory)
    artifact = publish(facts, directory)
    check_head(source, head, artifact)
    golden.write_expected(artifact)
    return publish(facts, directory)


def replace_in_onnx(source: Path, head: Head, path: Path) -> None:
    """Write an ONNX model with another head: `float32[N, classes]` out, under the old name."""
    import onnx

    features, _ = find_in_openvino(_read_openvino(str(source)))
    model = onnx.load(source)
    graph, output = model.graph, model.graph.output[0]
    (given, *_) = sorted(features.get_names() & {name for node in graph.node for name in node.output})
    nodes = _needed(graph.node, given)
    constants = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in constants]
    for field, values in ((graph.node, nodes), (graph.initializer, kept), (graph.value_info, [])):
        del field[:]
        field.extend(values)
    graph.initializer.append(onnx.numpy_helper.from_array(head.weights, _WEIGHTS))
    graph.initializer.append(onnx.numpy_helper.from_array(head.bias, _BIAS))
    graph.node.append(onnx.helper.make_node("MatMul", [given, _WEIGHTS], [_PRODUCT]))
    graph.node.append(onnx.helper.make_node("Add", [_PRODUCT, _BIAS], [_LOGITS]))
    graph.node.append(onnx.helper.make_node("Softmax", [_LOGITS], [output.name], axis=1))
    output.type.tensor_type.shape.dim[1].dim_value = len(head.bias)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def replace_in_keras(source: Path, head: Head, path: Path) -> None:
    """Write a Keras model with another head, a layer of the old one's name."""
    model = _load_keras(str(source))
    import keras

    old = find_in_keras(model)
    new = keras.layers.Dense(len(head.bias), activation="softmax", dtype="float32", name=old.name)
    renewed = keras.Model(model.input, new(old.input), name=model.name)
    new.set_weights([head.weights, head.bias])
    renewed.save(path, include_optimizer=False)


def check_head(source: Artifact, head: Head, artifact: Artifact) -> float:
    """The largest difference on the golden images between a runtime and the head, given the old features.

    Raises:
        ArtifactError: It is larger than HEAD_TOLERANCE.
    """
    images = list(golden.decode_images(artifact).values())
    model = replace(source.model_source(), embed=True)
    classifier = load_classifier(model)
    features = np.stack([classifier.score(image)[len(model.labels) :] for image in images])
    expected = probabilities(head.logits(features))
    differences = [
        float(np.abs(_scores(artifact.model_source(runtime), images) - expected).max())
        for runtime in artifact.model_files
    ]
    if not max(differences) <= HEAD_TOLERANCE:
        raise ArtifactError(f"the new head and the model with it differ by {max(differences):.1e}")
    return max(differences)


def _scores(source: ModelSource, images: list[Pixels]) -> Floats:
    classifier = load_classifier(source)
    return np.stack([classifier.score(image) for image in images])


def _copy_golden(source: Artifact, directory: Path) -> None:
    """The source's images, or those of this project where it has none."""
    if not (source.path / golden.DIRECTORY).is_dir():
        golden.write_images(directory / golden.DIRECTORY)
        return
    (directory / golden.DIRECTORY).mkdir()
    for name, data in golden.read_images(source.path).items():
        (directory / golden.DIRECTORY / name).write_bytes(data)


def _read_openvino(path: str) -> Any:
    import openvino as ov

    return ov.Core().read_model(path)


def _load_keras(path: str) -> Any:
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import keras_cv  # noqa: F401  registers the layers that LiftWing's artifact names

    return keras.models.load_model(path, compile=False)


def _needed(nodes: Any, tensor: str) -> list[Any]:
    """The nodes that a tensor is computed by, in their order."""
    needed, kept = {tensor}, []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(node.input)
    return kept[::-1]
