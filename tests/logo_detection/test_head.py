"""The head: found by a model's structure, and its features are those that the probabilities come from."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import openvino as ov
import pytest
from onnx import TensorProto, helper, numpy_helper

from logo_detection.artifact import load_artifact
from logo_detection.classifier import load_classifier
from logo_detection.errors import WorkerStartError
from logo_detection.head import MAX_FEATURES, HeadNotFound, find_in_openvino, probabilities
from logo_detection.pool.messages import Task, WorkerConfig
from logo_detection.pool.pool import ScoringPool
from tests.harness.process import ROOT
from tests.images import one_colour
from tests.models import tiny_source

SHIPPED = ROOT / "model_artifacts" / "logo-detection"
LIFTWINGS = ROOT / "tests" / "liftwing" / "small.keras"

WEIGHTS = np.array([[0, 4], [0, 0], [4, 0]], np.float32)
BIAS = np.array([0.5, -0.5], np.float32)


def mean_colour(path: Path, *nodes: Any, **constants: np.ndarray) -> Path:
    """A model of the mean colour, `colour` float32[N, 3], that ends with the given nodes in `scores`."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 224, 224, 3])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, None)
    values = {"axes": np.array([1, 2], np.int64), **constants}
    mean = helper.make_node("ReduceMean", ["image", "axes"], ["colour"], keepdims=0)
    initializers = [numpy_helper.from_array(value, name) for name, value in values.items()]
    graph = helper.make_graph([mean, *nodes], "mean_colour", [image], [scores], initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


def softmax(of: str) -> Any:
    return helper.make_node("Softmax", [of], ["scores"], axis=1)


@pytest.mark.parametrize(
    "nodes",
    [
        [
            helper.make_node("MatMul", ["colour", "weights"], ["product"]),
            helper.make_node("Add", ["product", "bias"], ["logits"]),
        ],
        [
            helper.make_node("MatMul", ["colour", "weights"], ["product"]),
            helper.make_node("Add", ["bias", "product"], ["logits"]),
        ],
        [helper.make_node("Gemm", ["colour", "weights", "bias"], ["logits"])],
        [helper.make_node("Gemm", ["colour", "turned", "bias"], ["logits"], transB=1)],
        [helper.make_node("Gemm", ["colour", "halved", "doubled"], ["logits"], alpha=2.0, beta=0.5)],
    ],
)
def test_a_dense_layer_is_found_however_it_is_written(nodes: list[Any], tmp_path: Path) -> None:
    constants: dict[str, np.ndarray] = {"weights": WEIGHTS, "turned": WEIGHTS.T.copy(), "bias": BIAS}
    constants |= {"halved": WEIGHTS / np.float32(2), "doubled": BIAS * np.float32(2)}
    path = mean_colour(tmp_path / "model.onnx", *nodes, softmax("logits"), **constants)
    features, head = find_in_openvino(ov.Core().read_model(path))
    assert "colour" in features.get_names()
    np.testing.assert_array_equal(head.weights, WEIGHTS)
    np.testing.assert_array_equal(head.bias, BIAS)


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        ([helper.make_node("MatMul", ["colour", "weights"], ["scores"])], "its last step is MatMul"),
        ([softmax("colour")], "ReduceMean comes before its softmax"),
        ([helper.make_node("MatMul", ["colour", "colour"], ["l"]), softmax("l")], "and no dense layer"),
        (
            [
                helper.make_node("Gemm", ["image_rows", "wide"], ["l"]),
                helper.make_node("Reshape", ["image", "shape"], ["image_rows"]),
                softmax("l"),
            ],
            f"has {MAX_FEATURES + 1:,} inputs, more than",
        ),
    ],
)
def test_a_model_without_a_head_is_refused_with_a_reason(nodes: list[Any], why: str, tmp_path: Path) -> None:
    constants: dict[str, np.ndarray] = {
        "weights": WEIGHTS,
        "wide": np.zeros((MAX_FEATURES + 1, 2), np.float32),
        "shape": np.array([-1, MAX_FEATURES + 1], np.int64),
    }
    ordered = sorted(nodes, key=lambda node: node.op_type != "Reshape")
    path = mean_colour(tmp_path / "model.onnx", *ordered, **constants)
    with pytest.raises(HeadNotFound, match=why):
        find_in_openvino(ov.Core().read_model(path))


def test_features_of_the_shipped_model_and_its_head_make_its_probabilities() -> None:
    artifact = load_artifact(SHIPPED)
    source = artifact.model_source("openvino")
    features, head = find_in_openvino(ov.Core().read_model(source.path))
    assert features.get_partial_shape()[1].get_length() == 1280
    pixels = np.random.default_rng(1).uniform(0, 255, (224, 224, 3)).astype(np.float32)
    values = load_classifier(replace(source, embed=True)).score(pixels)
    assert values.shape == (2 + 1280,)
    np.testing.assert_allclose(values[:2], load_classifier(source).score(pixels), atol=1e-6)
    np.testing.assert_allclose(probabilities(head.logits(values[None, 2:]))[0], values[:2], atol=1e-4)


async def embedded(config: WorkerConfig, *images: bytes) -> list[bytes]:
    async with ScoringPool(config, workers=1) as pool:
        return [(await pool.score(Task(image), None)).features for image in images]


def test_features_come_out_of_the_fence(tmp_path: Path) -> None:
    source = tiny_source(tmp_path)
    red, blue = one_colour("red"), one_colour("blue")
    found = asyncio.run(embedded(WorkerConfig(replace(source, embed=True)), red, blue))
    assert [np.frombuffer(features, "<f4").tolist() for features in found] == [[1, 0, 0], [0, 0, 1]]
    assert asyncio.run(embedded(WorkerConfig(source), red)) == [b""]


def test_a_worker_says_why_its_model_has_no_features(tmp_path: Path) -> None:
    source = replace(tiny_source(tmp_path), embed=True)
    twice = helper.make_node("Softmax", ["colour"], ["once"], axis=1)
    weighed = helper.make_node("MatMul", ["once", "weights"], ["product"])
    logits = helper.make_node("Relu", ["product"], ["logits"])
    mean_colour(tmp_path / "model.onnx", twice, weighed, logits, softmax("logits"), weights=WEIGHTS)
    with pytest.raises(WorkerStartError, match=r"^model.onnx: the model has no features to give: Relu comes"):
        asyncio.run(embedded(WorkerConfig(source)))


@pytest.mark.slow
@pytest.mark.parametrize("path", [SHIPPED, LIFTWINGS])
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
def test_a_keras_model_gives_its_features_too(path: Path) -> None:
    import keras

    from logo_detection.head import find_in_keras, keras_head

    source = load_artifact(path).model_source("keras")
    pixels = np.random.default_rng(1).uniform(0, 255, (224, 224, 3)).astype(np.float32)
    values = load_classifier(replace(source, embed=True)).score(pixels)
    layer = find_in_keras(keras.models.load_model(source.path, compile=False))
    computed = probabilities(keras_head(layer).logits(values[None, 2:]))[0]
    np.testing.assert_allclose(computed, values[:2], atol=1e-4)
    if path == SHIPPED:
        on_openvino = load_classifier(replace(load_artifact(path).model_source("openvino"), embed=True))
        np.testing.assert_allclose(values, on_openvino.score(pixels), atol=1e-4)


@pytest.mark.slow
def test_a_keras_model_without_a_head_is_refused_with_a_reason() -> None:
    import keras

    from logo_detection.head import find_in_keras

    image = keras.Input((8, 8, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(image)
    by_layer = keras.layers.Softmax()(keras.layers.Dense(3, name="last")(pooled))
    assert find_in_keras(keras.Model(image, by_layer)).name == "last"
    sigmoid = keras.layers.Dense(3, "sigmoid", name="odd")(pooled)
    with pytest.raises(HeadNotFound, match="its last layer is odd, and no dense one with a softmax"):
        find_in_keras(keras.Model(image, sigmoid))
    per_pixel = keras.layers.Dense(3, "softmax")(image)
    with pytest.raises(HeadNotFound, match="not a row of numbers for each image"):
        find_in_keras(keras.Model(image, per_pixel))
