"""An int8 model, made of a small convolutional one whose scores can be told: red is a logo, blue is none."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import openvino as ov
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from datasets.manifest import Example, read_examples
from logo_detection.artifact import INT8_BIN, INT8_XML, load_artifact, read_manifest
from logo_detection.classifier import load_classifier
from logo_detection.decode.spec import ImageSpec
from release.int8 import CALIBRATION_IMAGES, choose_pictures, main
from release.quantisation import kept_in_float, quantise
from tests.models import RED_IS_LOGO, int8_here, write_artifact

SIDE = 32
OTHERS, LOGOS = 340, 12  # 0.3 % of fewer others than 334 cannot be counted


def convolutional_onnx(path: Path) -> Path:
    """Stem, convolution, squeeze-and-excite, convolution, mean, head: each hands the colours on."""
    node = helper.make_node
    same = np.eye(3, dtype=np.float32)[:, :, None, None]
    constants = {
        "white": np.array(255, np.float32),
        "same": same,
        "open": np.full((3, 3, 1, 1), 9, np.float32),  # of which the sigmoid is 1
        "axes": np.array([2, 3], np.int64),
        "weights": np.array(RED_IS_LOGO, np.float32),
    }
    nodes = [
        node("Div", ["image", "white"], ["bright"]),
        node("Transpose", ["bright"], ["planes"], perm=[0, 3, 1, 2]),
        node("Conv", ["planes", "same"], ["stem"], name="stem"),
        node("Relu", ["stem"], ["stem_out"]),
        node("Conv", ["stem_out", "same"], ["first"], name="first"),
        node("ReduceMean", ["first", "axes"], ["squeezed"], keepdims=1),
        node("Conv", ["squeezed", "open"], ["excited"], name="excite"),
        node("Sigmoid", ["excited"], ["gate"]),
        node("Mul", ["first", "gate"], ["gated"]),
        node("Conv", ["gated", "same"], ["second"], name="second"),
        node("ReduceMean", ["second", "axes"], ["colour"], keepdims=0),
        node("MatMul", ["colour", "weights"], ["logits"]),
        node("Softmax", ["logits"], ["scores"], axis=1),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", SIDE, SIDE, 3])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 2])
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "convolutional", [image], [scores], initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    directory = tmp_path / "model"
    (directory / "golden").mkdir(parents=True)
    convolutional_onnx(directory / "model.onnx")
    paint(directory / "golden" / "red.png", (255, 0, 0))
    return write_artifact(directory, side=SIDE)


def paint(path: Path, colour: tuple[int, int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4), colour).save(path)


def write_pictures(folder: Path, others: int, logos: int) -> Path:
    for number in range(others):
        paint(folder / "out_of_domain" / f"{number}.png", (number % 60, number % 40, 200 + number % 50))
    for number in range(logos):
        paint(folder / "logo" / f"{number}.png", (200 + number % 50, number % 40, number % 60))
    return folder


def make(model: Path, folder: Path, others: int) -> int:
    calibration = write_pictures(folder / "calibration", 8, 8)
    held_out = write_pictures(folder / "held-out", others, LOGOS)
    for path in held_out.rglob("*.png"):  # of other names than those to calibrate on
        path.rename(path.with_stem(f"held-{path.stem}"))
    paths = ["--model", model, "--calibration", calibration, "--data", held_out, "--output", folder / "int8"]
    return main([*map(str, paths), "--workers", "1"])


def example(original: str) -> Example:
    return Example(Path(original), "logo", "any", "a/b@c", original, "", "", "")


def test_no_picture_is_both_calibrated_on_and_held_out() -> None:
    names = [f"{number}.png" for number in range(CALIBRATION_IMAGES + 50)]
    chosen = choose_pictures([*map(example, names)], [*map(example, names[:20])])
    drawn = {one.original for one in chosen.calibration}
    assert len(drawn) == CALIBRATION_IMAGES
    assert drawn.isdisjoint(names[:20])


def test_stem_squeeze_and_excite_and_head_stay_in_float(tmp_path: Path) -> None:
    read = ov.Core().read_model(convolutional_onnx(tmp_path / "model.onnx"))
    read.reshape([1, SIDE, SIDE, 3])
    kinds = {node.get_friendly_name(): node.get_type_name() for node in read.get_ordered_ops()}
    kept = Counter(kinds[name] for name in kept_in_float(read))
    assert (kept["Convolution"], kept["Sigmoid"], kept["ReduceMean"], kept["MatMul"]) == (2, 1, 2, 1)
    colours = [np.full((SIDE, SIDE, 3), colour, np.float32) for colour in ((255, 0, 0), (0, 0, 255))]
    quantised = quantise(tmp_path / "model.onnx", ImageSpec(SIDE, SIDE), colours)
    assert [node.get_type_name() for node in quantised.get_ops()].count("FakeQuantize") == 2  # of activations


def test_an_artifact_gets_an_int8_model_that_scores_as_its_golden_set_says(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = make(model, tmp_path, OTHERS)
    told = capsys.readouterr()
    if int8_here() is None:
        assert status == 2
        assert "make int8 where it is to be served" in told.err
        return
    assert status == 0, told.err
    made = load_artifact(tmp_path / "int8")
    assert made.int8 is not None
    assert made.int8.instruction_sets == (int8_here(),)
    assert made.int8.against_f32["flips"] == {"as is": 0.0}
    assert {INT8_XML, INT8_BIN, "golden/expected-int8.json"} <= set(read_manifest(made.path).files)
    expected = json.loads((made.path / "golden" / "expected-int8.json").read_text())["red.png"]
    pixels = np.full((SIDE, SIDE, 3), (255, 0, 0), np.float32)
    scores = load_classifier(made.model_source("auto", "int8")).score(pixels)
    assert list(scores) == pytest.approx(list(expected.values()), abs=1e-6)
    assert read_manifest(model).int8 is None


def test_an_artifact_that_the_gate_is_closed_to_is_not_written(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make(model, tmp_path, others=20) == 2  # too few to count false alarms
    told = capsys.readouterr().err
    assert ("the gate is closed to mean-colour 1 in int8" if int8_here() else "make int8 where") in told
    assert sorted(path.name for path in tmp_path.iterdir()) == ["calibration", "held-out", "model"]


def test_an_output_that_is_there_is_left_alone(model: Path, tmp_path: Path) -> None:
    (tmp_path / "int8").mkdir()
    assert make(model, tmp_path, others=20) == 2
    assert not list((tmp_path / "int8").iterdir())


def test_examples_of_a_folder_have_names_to_be_told_apart_by(tmp_path: Path) -> None:
    found = read_examples(write_pictures(tmp_path, 3, 3))
    assert len({(one.source, one.original) for one in found}) == 6
