"""Models that need no training: small ones, whose scores can be told beforehand."""

from pathlib import Path

import numpy as np
import onnx
import openvino as ov
from onnx import TensorProto, helper, numpy_helper

from logo_detection.artifact import (
    INT8_XML,
    AlarmThreshold,
    Calibration,
    Int8,
    Manifest,
    hash_files,
    read_manifest,
    write_manifest,
)
from logo_detection.classifier import ModelSource
from logo_detection.cpu import INT8, instruction_sets, int8_instruction_set
from logo_detection.decode.spec import ImageSpec

LABELS = ("out_of_domain", "logo")


Weights = tuple[tuple[float, ...], ...]

RED_IS_LOGO: Weights = ((0, 4), (0, 0), (4, 0))
BLUE_IS_LOGO: Weights = ((4, 0), (0, 0), (0, 4))


def tiny_onnx(path: Path, weights: Weights = RED_IS_LOGO, side: int = 224) -> Path:
    """Save a model of the mean colour: red is a logo, blue is none, grey is undecided.

    Input float32[N, side, side, 3] in 0..255, output float32[N, classes], probabilities, as the real one's.
    Its features are the mean of a map, as the real one's: of the colours of 7 x 7 places at 224 pixels.

    Args:
        path: The file to write.
        weights: One row per colour channel, one column per class.
        side: Pixels, a multiple of 32.
    """
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", side, side, 3])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", len(weights[0])])
    constants = {
        "axes": np.array([2, 3], np.int64),
        "white": np.array(255, np.float32),
        "weights": np.array(weights, np.float32),
    }
    nodes = [
        helper.make_node("Div", ["image", "white"], ["bright"]),
        helper.make_node("Transpose", ["bright"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["planes"], ["places"], kernel_shape=[32, 32], strides=[32, 32]),
        helper.make_node("ReduceMean", ["places", "axes"], ["colour"], keepdims=0),
        helper.make_node("MatMul", ["colour", "weights"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["scores"], axis=1),
    ]
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "mean_colour", [image], [scores], initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, path)
    return path


def tiny_source(directory: Path) -> ModelSource:
    """The tiny model, written to a directory, as a worker is told of it."""
    path = tiny_onnx(directory / "model.onnx")
    return ModelSource(str(path), "openvino", "f32", LABELS, ImageSpec())


def write_artifact(
    directory: Path,
    side: int = 224,
    labels: tuple[str, ...] = LABELS,
    thresholds: tuple[AlarmThreshold, ...] = (),
) -> Path:
    """Describe the model.onnx that is there already."""
    write_manifest(
        directory,
        Manifest(
            name="mean-colour",
            version="1",
            labels=labels,
            image=ImageSpec(side, side),
            files=hash_files(directory),
            calibration=Calibration(base_rate=0.5),
            training={},
            libraries={},
            metrics={},
            thresholds=thresholds,
        ),
    )
    return directory


def add_int8(directory: Path, instruction_sets: tuple[str, ...]) -> Path:
    """Add to an artifact what stands for its int8 model, and shows by its scores: blue is a logo."""
    tiny_onnx(directory / "blue.onnx", BLUE_IS_LOGO)
    ov.save_model(ov.Core().read_model(directory / "blue.onnx"), directory / INT8_XML, compress_to_fp16=False)
    (directory / "blue.onnx").unlink()
    int8 = Int8.model_validate({"instruction_sets": instruction_sets})
    change = {"int8": int8, "files": hash_files(directory)}
    write_manifest(directory, read_manifest(directory).model_copy(update=change))
    return directory


def int8_here() -> str | None:
    """The instruction set by which this CPU computes in int8, if it has one."""
    return int8_instruction_set(instruction_sets())


def int8_elsewhere() -> tuple[str, ...]:
    """Those by which it does not."""
    return tuple(each for each in INT8 if each != int8_here())
