"""Quantisation: a model whose convolutions multiply bytes, by static post-training quantisation (NNCF).

Weights have a scale for each channel, activations one for each tensor, which is found on pictures. What loses
most and costs least stays in float: see `kept_in_float`.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from logo_detection.decode.spec import ImageSpec, Pixels

CONVOLUTIONS = ("Convolution", "GroupConvolution")


def quantise(path: Path, spec: ImageSpec, images: Sequence[Pixels]) -> Any:
    """An `openvino.Model` in int8, for one image at a time.

    Args:
        path: Of the ONNX model.
        spec: Of its images.
        images: Pictures like those that it will be given, float32[height, width, 3] each: a few hundred.
    """
    import nncf
    import openvino as ov
    from openvino.passes import ConstantFolding, Manager

    nncf.set_log_level(logging.ERROR)  # a line for each operation that stays in float
    model = ov.Core().read_model(path)
    model.reshape([1, spec.height, spec.width, 3])
    folding = Manager()
    folding.register_pass(ConstantFolding())
    folding.run_passes(model)
    return nncf.quantize(
        model,
        nncf.Dataset([_batched(image) for image in images]),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(images),
        ignored_scope=nncf.IgnoredScope(names=sorted(kept_in_float(model)), validate=False),
    )


def _batched(image: Pixels) -> NDArray[np.float32]:
    return image[np.newaxis]


def kept_in_float(model: Any) -> set[str]:
    """The names of the operations that are not quantised, of an `openvino.Model` of a fixed input size.

    They are the stem (all up to the first convolution), the means, all that has one place, as in
    squeeze-and-excite, with what that scales, and the dense head.
    """
    return {node.get_friendly_name() for node in _float_nodes(model.get_ordered_ops())}


def _float_nodes(nodes: Sequence[Any]) -> Iterator[Any]:
    first = next((number for number, node in enumerate(nodes) if node.get_type_name() in CONVOLUTIONS), -1)
    for number, node in enumerate(nodes):
        kind = node.get_type_name()
        if kind in ("Constant", "Parameter", "Result"):
            continue
        is_scaled = kind == "Multiply" and any(_has_one_place(one.get_node()) for one in node.input_values())
        if number <= first or kind in ("ReduceMean", "MatMul") or is_scaled or _has_one_place(node):
            yield node


def _has_one_place(node: Any) -> bool:
    """Whether an operation gives one number for each channel; a constant (a scale, a bias) does not count."""
    shape = node.output(0).get_partial_shape()
    if node.get_type_name() == "Constant" or shape.is_dynamic or len(shape) != 4:
        return False
    return list(shape.to_shape())[2:] == [1, 1]
