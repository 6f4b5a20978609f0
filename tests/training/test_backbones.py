"""Backbones: the presets, without their hub, each with its own preprocessing inside."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest

from logo_detection.classifier import ModelSource, load_classifier
from logo_detection.decode.spec import ImageSpec
from release.export import export_onnx
from release.publication import EXPORT_TOLERANCE, check_parity
from tests.training.recipes import tiny_recipe
from training.backbones import APPLICATIONS, build_application, build_backbone, build_efficientnet
from training.errors import RecipeInvalid
from training.model import build_classifier

SIDE = 96  # the least that all of them take is 75
PREPROCESS = {
    "xception": keras.applications.xception.preprocess_input,
    "inceptionv3": keras.applications.inception_v3.preprocess_input,
    "resnet50": keras.applications.resnet.preprocess_input,
    "vgg16": keras.applications.vgg16.preprocess_input,
}


def noise(count: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (count, SIDE, SIDE, 3)).astype(np.float32)


def test_efficientnet_has_the_parameters_of_the_preset() -> None:
    assert build_efficientnet(None).count_params() == 5_919_312


def test_an_unknown_backbone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeInvalid, match="'lenet' is none of efficientnetv2-b0, xception"):
        build_backbone(replace(tiny_recipe(tmp_path), backbone="lenet"), None)


@pytest.mark.parametrize("name", ["xception", "vgg16"])
def test_preprocessing_is_that_of_the_pretrained_weights(name: str) -> None:
    preprocess, _ = APPLICATIONS[name]
    pixels = keras.Input((SIDE, SIDE, 3))
    ours = keras.Model(pixels, preprocess(pixels))(noise(2))
    np.testing.assert_allclose(ours, PREPROCESS[name](noise(2)), atol=1e-4)


@pytest.mark.soak  # a minute each
@pytest.mark.parametrize("name", APPLICATIONS)
def test_every_backbone_takes_pixels_and_is_saved_and_exported_without_a_difference(
    name: str, tmp_path: Path
) -> None:
    keras.utils.set_random_seed(1)
    model = build_classifier(build_application(name, SIDE), 3, 0.2)
    images = noise(4) * np.array([0.2, 0.5, 0.8, 1.0], np.float32)[:, None, None, None]
    spread_scores(model, images)
    scores = np.asarray(model(images))
    assert np.ptp(scores, axis=0).max() > 0.01  # they depend on the image
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(again(images), scores)
    export_onnx(again, tmp_path / "model.onnx")
    (pixels,) = onnx.load(tmp_path / "model.onnx").graph.input
    shape = pixels.type.tensor_type.shape.dim
    assert pixels.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert [dim.dim_value for dim in shape] == [0, SIDE, SIDE, 3]
    labels, spec = ("a", "b", "c"), ImageSpec(SIDE, SIDE)
    source = ModelSource(str(tmp_path / "model.onnx"), "openvino", "f32", labels, spec)
    assert check_parity(again, load_classifier(source), images) <= EXPORT_TOLERANCE


def spread_scores(model: keras.Model, images: np.ndarray) -> None:
    """Give the head values by which images differ; untrained backbones hardly do."""
    head = model.get_layer("scores")
    features = np.asarray(keras.Model(model.input, head.input)(images))
    directions = np.random.default_rng(1).normal(size=(features.shape[1], 3))
    logits = features @ directions
    kernel = directions / logits.std()
    head.set_weights([kernel, -(features @ kernel).mean(axis=0)])
