"""The heat map: exact, whatever the engine, and refused where a model's structure does not give one."""

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from onnx import helper

from logo_detection.artifact import load_artifact
from logo_detection.classifier import Contrast, Runtime, load_classifier
from logo_detection.decode.image import load_image
from logo_detection.head import find_in_openvino as find_head
from logo_detection.heat_map import MAX_SIDE, HeatMapNotFound, find_in_keras, find_in_openvino
from tests.harness.process import ROOT
from tests.logo_detection.test_head import BIAS, WEIGHTS, mean_colour, softmax
from tests.models import tiny_source

SHIPPED = ROOT / "model_artifacts" / "logo-detection"
GOLDEN = sorted(path for path in (SHIPPED / "golden").iterdir() if path.suffix != ".json")
LIFTWING = ROOT / "tests" / "liftwing"
LOGO = Contrast(target=1, other=0)
TOLERANCE = 1e-3


def read(path: Path) -> Any:
    """An ONNX model, of one image."""
    model = ov.Core().read_model(path)
    model.reshape([1, 224, 224, 3])
    return model


def check_maps(runtime: Runtime, bias: np.ndarray) -> None:
    """Hold the maps of the golden set to the difference of the logits, and the scores to the plain ones."""
    artifact = load_artifact(SHIPPED)
    classifier = load_classifier(artifact.model_source(runtime))
    assert classifier.explains
    explain = classifier.build_explainer()
    assert len(GOLDEN) >= 6
    for path in GOLDEN:
        pixels = load_image(path.read_bytes(), artifact.spec)
        explained = explain(pixels, LOGO)
        np.testing.assert_array_equal(explained.scores, classifier.score(pixels))
        assert explained.heat_map.shape == (7, 7)
        logits = np.log(explained.scores.astype(float))  # but for a number that both have
        difference = explained.heat_map.mean(dtype=float) + bias[1] - bias[0]
        assert difference == pytest.approx(logits[1] - logits[0], abs=TOLERANCE), path.name
        turned = explain(pixels, Contrast(target=0, other=1)).heat_map
        np.testing.assert_allclose(turned, -explained.heat_map, atol=1e-4)


def test_the_maps_of_the_golden_set_add_up_on_openvino() -> None:
    _, head = find_head(read(SHIPPED / "model.onnx"))
    check_maps("openvino", head.bias)


@pytest.mark.slow
def test_the_maps_of_the_golden_set_add_up_on_keras() -> None:
    _, head = find_head(read(SHIPPED / "model.onnx"))
    check_maps("keras", head.bias)


@pytest.mark.slow
def test_the_maps_of_liftwings_artifact_add_up() -> None:
    import keras
    import keras_cv  # noqa: F401  registers the layers that the artifact names

    artifact = load_artifact(LIFTWING / "small.keras")
    classifier = load_classifier(artifact.model_source())
    assert classifier.explains
    explain = classifier.build_explainer()
    _, last = find_in_keras(keras.models.load_model(artifact.path, compile=False), 224, 224)
    for path in sorted((LIFTWING / "images").iterdir()):
        explained = explain(load_image(path.read_bytes(), artifact.spec), LOGO)
        assert explained.heat_map.shape == (14, 14)
        bias = float(last.head.bias[1] - last.head.bias[0])
        # Its weights are random, and most scores so near to 0 that their logarithm says nothing.
        odds = np.exp(-(explained.heat_map.mean(dtype=float) + bias))
        assert explained.scores[1] == pytest.approx(1 / (1 + odds), abs=TOLERANCE)


def test_a_map_says_where_in_the_image_the_class_is(tmp_path: Path) -> None:
    pixels = np.zeros((224, 224, 3), np.float32)
    pixels[:96, :, 2] = 255  # blue above speaks against a logo, red to the lower right for it
    pixels[96:, 128:, 0] = 255
    explained = load_classifier(tiny_source(tmp_path)).build_explainer()(pixels, LOGO)
    expected = np.zeros((7, 7))
    expected[:3], expected[3:, 4:] = -4, 4
    np.testing.assert_allclose(explained.heat_map, expected, atol=1e-5)


def pooled(*between: Any, axes: tuple[int, int] = (1, 2), keepdims: int = 0, kernel: int = 8) -> list[Any]:
    """From 28 x 28 places to logits: the pooling of a map, and what comes between it and the dense layer."""
    return [
        helper.make_node("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node(
            "AveragePool", ["planes"], ["small"], kernel_shape=[kernel] * 2, strides=[kernel] * 2
        ),
        helper.make_node(
            "Transpose", ["small"], ["map"], perm=[0, 2, 3, 1] if axes == (1, 2) else [0, 1, 2, 3]
        ),
        helper.make_node("ReduceMean", ["map", "places"], ["pooled"], keepdims=keepdims),
        *between,
        helper.make_node("Gemm", ["features" if between else "pooled", "weights", "bias"], ["logits"]),
        softmax("logits"),
    ]


def constants(axes: tuple[int, int] = (1, 2)) -> dict[str, np.ndarray]:
    return {
        "weights": WEIGHTS,
        "bias": BIAS,
        "places": np.array(axes, np.int64),
        "row": np.array([-1, 3], np.int64),
        "flat": np.array([1, 2], np.int64),
    }


@pytest.mark.parametrize(
    ("axes", "nodes"),
    [
        ((1, 2), pooled()),
        ((2, 3), pooled(axes=(2, 3))),
        ((-1, -2), pooled(axes=(2, 3))),
        (
            (2, 3),
            pooled(helper.make_node("Flatten", ["pooled"], ["features"]), axes=(2, 3), keepdims=1),
        ),
        (
            (1, 2),
            pooled(helper.make_node("Squeeze", ["pooled", "flat"], ["features"]), keepdims=1),
        ),
        (
            (1, 2),
            pooled(helper.make_node("Reshape", ["pooled", "row"], ["features"]), keepdims=1),
        ),
    ],
)
def test_a_map_is_found_however_its_mean_is_written(
    axes: tuple[int, int], nodes: list[Any], tmp_path: Path
) -> None:
    model = read(mean_colour(tmp_path / "model.onnx", *nodes, **constants(axes)))
    output, last = find_in_openvino(model)
    assert last.channels == (1 if axes != (1, 2) else 3)
    values = np.random.default_rng(1).normal(size=[int(side) for side in output.get_shape()]).astype("f4")
    features = values.mean(axis=(2, 3) if last.channels == 1 else (1, 2))
    logits = last.head.logits(features)[0]
    found = last.weigh(values, target=1, other=0)
    assert found.shape == (28, 28)
    assert found.mean() + BIAS[1] - BIAS[0] == pytest.approx(logits[1] - logits[0], abs=1e-5)


@pytest.mark.parametrize(
    ("nodes", "why"),
    [
        (
            pooled(helper.make_node("Relu", ["pooled"], ["features"])),
            "Relu makes its features, and no mean",
        ),
        (pooled(kernel=4), f"at most {MAX_SIDE} x {MAX_SIDE}"),
        (
            [
                helper.make_node("ReduceMean", ["colour", "last"], ["grey"]),
                helper.make_node("Gemm", ["grey", "one", "bias"], ["logits"]),
                softmax("logits"),
            ],
            "not the mean of a map",
        ),
    ],
)
def test_a_model_without_a_map_is_refused_with_a_reason(nodes: list[Any], why: str, tmp_path: Path) -> None:
    others: dict[str, np.ndarray] = {"last": np.array([1], np.int64), "one": np.ones((1, 2), np.float32)}
    path = mean_colour(tmp_path / "model.onnx", *nodes, **constants(), **others)
    with pytest.raises(HeatMapNotFound, match=why):
        find_in_openvino(read(path))


@pytest.mark.slow
def test_a_keras_model_without_a_map_is_refused_with_a_reason() -> None:
    import keras

    image = keras.Input((64, 64, 3))
    averaged = keras.layers.GlobalAveragePooling2D(name="average")(image)
    dropped = keras.layers.Dropout(0.5)(averaged)
    model = keras.Model(image, keras.layers.Dense(2, "softmax")(dropped))
    with pytest.raises(HeatMapNotFound, match="not of a fixed size, at most 32 x 32"):
        find_in_keras(model, 64, 64)
    largest = keras.layers.GlobalMaxPooling2D(name="largest")(image)
    with pytest.raises(HeatMapNotFound, match="its layer largest makes its features, and no global mean"):
        find_in_keras(keras.Model(image, keras.layers.Dense(2, "softmax")(largest)), 64, 64)
