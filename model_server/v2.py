"""The Open Inference Protocol (V2): tensors in, items out; results in, tensors out; and what the model is.

No HTTP here, no JSON and no protobuf: `v2_rest` reads and writes the bodies of REST, and
`kserve.grpc.messages` the messages of gRPC.

    inputs    image xor url, filename, target                       BYTES[N], an element per file
    outputs   prediction, out_of_domain                             FP32[N], NaN where there is no score
              error_code, error_message                             BYTES[N], empty where there is a score
              scores (where it is asked for)                        FP32[N, classes], likewise NaN
"""

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from logo_detection.artifact import AlarmThreshold
from logo_detection.errors import ItemError
from model_server.answers import round_score
from model_server.errors import RequestMalformed
from model_server.routes import API_VERSION
from model_server.schema import (
    FILENAME_MAX_CHARS,
    Inline,
    InlineBytes,
    Item,
    ItemResult,
    Score,
    Source,
    read_url,
    targets_of,
)

Datatype = Literal["BYTES", "FP32"]
Values = Sequence[float] | Sequence[str]

INPUTS = ("image", "url", "filename", "target")
SCORES = "scores"
OUTPUTS = ("prediction", "out_of_domain", "error_code", "error_message")
"""What is answered where nothing is asked for."""

ID_MAX_CHARS = 1024
NAME = "[A-Za-z0-9_.-]{1,64}"
"""What a tensor may be called: short and plain, as answers name it."""

LENGTH = struct.Struct("<I")
"""Before each element of a serialized BYTES tensor: its length (Triton's binary tensor data extension)."""


@dataclass(frozen=True, slots=True)
class Input:
    """An input tensor as it came; nothing of it is checked but the types.

    Attributes:
        shape: Of the tensor, any integers.
        data: Its elements, of whatever type; or the serialized tensor, which stays a part of the body.
    """

    name: str
    datatype: str
    shape: Sequence[int]
    data: Sequence[object] | memoryview


@dataclass(frozen=True, slots=True)
class Output:
    """An output tensor: its values in row-major order."""

    name: str
    datatype: Datatype
    shape: tuple[int, ...]
    values: Values


def parse_items(inputs: Sequence[Input], labels: Sequence[str], max_items: int) -> tuple[Item, ...]:
    """Turn input tensors into items, an item per element.

    A file without a filename has the empty one. A target may be left out where the model has only one.

    Args:
        inputs: In any order.
        labels: The model's classes; each but `out_of_domain` may be a target.
        max_items: How many elements a tensor may have.

    Raises:
        RequestMalformed: The message names the tensor.
    """
    by_name = _by_name(inputs)
    source = _source(by_name)
    count = _count(source, max_items)
    for tensor in inputs:
        if tuple(tensor.shape) != (count,):
            raise _malformed(tensor, ".shape", f"must be [{count}], as that of {source.name}")
    sources = [_read_source(source, index, element) for index, element in enumerate(_elements(source))]
    filenames = _filenames(by_name.get("filename"), count)
    targets = _targets(by_name.get("target"), count, targets_of(labels))
    return tuple(map(Item, filenames, targets, sources))


def parse_outputs(names: Sequence[str]) -> tuple[str, ...]:
    """Which outputs are asked for, by name; all but `scores` where none is.

    Raises:
        RequestMalformed: One is no output of the model, or is there twice.
    """
    for index, name in enumerate(names):
        if name not in (*OUTPUTS, SCORES):
            raise RequestMalformed(f"outputs.{name}: must be one of: {', '.join((*OUTPUTS, SCORES))}")
        if name in names[:index]:
            raise RequestMalformed(f"outputs.{name}: is there twice")
    return tuple(names) or OUTPUTS


def render_outputs(
    results: Sequence[ItemResult], names: Sequence[str], labels: Sequence[str]
) -> list[Output]:
    """The output tensors of these names: an element, or a row of `scores`, per result, in their order."""
    none = Score(math.nan, math.nan, (math.nan,) * len(labels), "", 0, 0)
    scores = [result.outcome if isinstance(result.outcome, Score) else none for result in results]
    return [_render_output(name, results, scores, labels) for name in names]


def _render_output(
    name: str, results: Sequence[ItemResult], scores: Sequence[Score], labels: Sequence[str]
) -> Output:
    shape = (len(results),)
    match name:
        case "prediction":
            return Output(name, "FP32", shape, [round_score(score.target) for score in scores])
        case "out_of_domain":
            return Output(name, "FP32", shape, [round_score(score.out_of_domain) for score in scores])
        case "error_code":
            return Output(name, "BYTES", shape, [result.code or "" for result in results])
        case "error_message":
            return Output(name, "BYTES", shape, [_message(result) for result in results])
    values = [round_score(value) for score in scores for value in score.classes]
    return Output(name, "FP32", (*shape, len(labels)), values)


def _message(result: ItemResult) -> str:
    return result.outcome.message if isinstance(result.outcome, ItemError) else ""


def serialize(output: Output) -> bytes:
    """A tensor's values as the binary tensor data extension has them, little-endian."""
    if output.datatype == "FP32":
        return struct.pack(f"<{len(output.values)}f", *output.values)
    elements = [str(value).encode() for value in output.values]
    return b"".join(part for element in elements for part in (LENGTH.pack(len(element)), element))


def describe_server() -> dict[str, Any]:
    """The server's metadata; the extension is Triton's, by Triton's name."""
    return {"name": "logo-detection-server", "version": API_VERSION, "extensions": ["binary_tensor_data"]}


def describe_model(
    name: str,
    version: str,
    platform: str,
    labels: Sequence[str],
    thresholds: Sequence[AlarmThreshold] = (),
) -> dict[str, Any]:
    """The model's metadata: -1 stands for the number of files.

    Args:
        name: In the URL.
        version: The artifact's.
        platform: What computes the scores.
        labels: The model's classes, in the order of `scores`.
        thresholds: The manifest's; left out where it has none.
    """
    outputs = render_outputs([], (*OUTPUTS, SCORES), labels)
    found = [threshold.model_dump() for threshold in thresholds]
    return {
        "name": name,
        "versions": [version],
        "platform": platform,
        "inputs": [{"name": each, "datatype": "BYTES", "shape": [-1]} for each in INPUTS],
        "outputs": [
            {"name": each.name, "datatype": each.datatype, "shape": [-1, *each.shape[1:]]} for each in outputs
        ],
        "parameters": {"labels": list(labels)} | ({"thresholds": found} if found else {}),
    }


def _malformed(tensor: Input, at: str, problem: str) -> RequestMalformed:
    """An error that names the tensor, and a field (`.shape`) or element (`[3]`) of it."""
    return RequestMalformed(f"inputs.{tensor.name}{at}: {problem}")


def _by_name(inputs: Sequence[Input]) -> dict[str, Input]:
    found: dict[str, Input] = {}
    for tensor in inputs:
        if tensor.name not in INPUTS:
            raise _malformed(tensor, "", f"must be one of: {', '.join(INPUTS)}")
        if tensor.name in found:
            raise _malformed(tensor, "", "is there twice")
        if tensor.datatype != "BYTES":
            raise _malformed(tensor, ".datatype", "must be BYTES")
        found[tensor.name] = tensor
    return found


def _source(by_name: Mapping[str, Input]) -> Input:
    given = [by_name[name] for name in ("image", "url") if name in by_name]
    if not given:
        raise RequestMalformed("inputs: image or url is missing")
    if len(given) == 2:
        raise RequestMalformed("inputs: image and url exclude each other")
    return given[0]


def _count(tensor: Input, max_items: int) -> int:
    if len(tensor.shape) != 1 or not 1 <= tensor.shape[0] <= max_items:
        raise _malformed(tensor, ".shape", f"must be [N], N from 1 to {max_items}")
    return tensor.shape[0]


def _elements(tensor: Input) -> Sequence[object]:
    """As many elements as the shape says, which is checked already."""
    count = tensor.shape[0]
    if isinstance(tensor.data, memoryview):
        return _deserialize(tensor, tensor.data, count)
    if len(tensor.data) != count:
        raise _malformed(tensor, ".shape", f"must be [{len(tensor.data)}], as there are so many elements")
    return tensor.data


def _deserialize(tensor: Input, rest: memoryview, count: int) -> list[memoryview]:
    elements = []
    for index in range(count):
        start = LENGTH.size
        end = start + LENGTH.unpack_from(rest)[0] if len(rest) >= start else start
        if len(rest) < end:
            raise _malformed(tensor, f"[{index}]", "is cut short")
        elements.append(rest[start:end])
        rest = rest[end:]
    if len(rest):
        raise _malformed(tensor, ".shape", f"says {count} elements, and {len(rest):,} more bytes follow")
    return elements


def _read_source(tensor: Input, index: int, element: object) -> Source:
    if tensor.name == "url":
        return read_url(_text(tensor, index, element))
    return (
        InlineBytes(element)
        if isinstance(element, bytes | memoryview)
        else Inline(_text(tensor, index, element))
    )


def _filenames(tensor: Input | None, count: int) -> list[str]:
    if tensor is None:
        return [""] * count

    def check(text: str) -> str | None:
        if not text:
            return "must not be empty"
        return (
            f"is too long (at most {FILENAME_MAX_CHARS} characters)"
            if len(text) > FILENAME_MAX_CHARS
            else None
        )

    return _texts(tensor, check)


def _targets(tensor: Input | None, count: int, targets: Sequence[str]) -> list[str]:
    one_of = f"must be one of: {', '.join(targets)}"
    if tensor is not None:
        return _texts(tensor, lambda text: None if text in targets else one_of)
    if len(targets) > 1:
        raise RequestMalformed(f"inputs.target: is missing; {one_of}")
    return [targets[0]] * count


def _texts(tensor: Input, check: Callable[[str], str | None]) -> list[str]:
    texts = [_text(tensor, index, element) for index, element in enumerate(_elements(tensor))]
    for index, text in enumerate(texts):
        if problem := check(text):
            raise _malformed(tensor, f"[{index}]", problem)
    return texts


def _text(tensor: Input, index: int, element: object) -> str:
    if isinstance(element, str):
        return element
    if not isinstance(element, bytes | memoryview):
        raise _malformed(tensor, f"[{index}]", "must be a string")
    try:
        return str(element, "utf-8")
    except UnicodeDecodeError as error:
        raise _malformed(tensor, f"[{index}]", "is not UTF-8") from error
