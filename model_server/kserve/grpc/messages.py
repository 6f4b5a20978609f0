"""The messages of V2 over gRPC, which are KServe's: a request in, items out; results in, an answer out.

Tensors come in `raw_input_contents`, serialized as the binary tensor data extension has it, or each in its
own `contents`; the answer has them in the same way.
"""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from google.protobuf.message import DecodeError, Message
from kserve.protocol.grpc import grpc_predict_v2_pb2 as pb

from model_server.answers import Latency
from model_server.errors import RequestMalformed, status_of_items
from model_server.kserve.grpc.wire import count_overhead
from model_server.protocols import Answer, Parsed
from model_server.schema import NOT_PLAIN, ItemResult
from model_server.v2 import (
    ID_MAX_CHARS,
    INPUTS,
    NAME,
    Input,
    Output,
    parse_items,
    parse_outputs,
    render_outputs,
    serialize,
)

OVERHEAD_BYTES = 64 * 2**10
"""What a request may have beside the elements of its tensors, and any other message at all."""
OVERHEAD_BYTES_PER_ITEM = 32
ELEMENTS = {7: None, 5: {5: {8: None}}}
"""Fields of ModelInferRequest: `raw_input_contents`, and of `inputs` the `bytes_contents` of `contents`."""
REFUSED = ("shared_memory_region", "classification")
"""Parameters of a tensor that would change what it means."""


def decode_infer(body: bytes, max_items: int) -> pb.ModelInferRequest:
    """A request of ModelInfer; what its tensors hold is not checked yet.

    Raises:
        RequestMalformed: It is none, or would take too much memory.
    """
    count_overhead(memoryview(body), ELEMENTS, OVERHEAD_BYTES + OVERHEAD_BYTES_PER_ITEM * max_items)
    return _decode(pb.ModelInferRequest, body)


def decode_small(kind: type[Message], body: bytes) -> Any:
    """A message of any other kind.

    Raises:
        RequestMalformed: It is none, or has more bytes than such a message needs.
    """
    if len(body) > OVERHEAD_BYTES:
        raise RequestMalformed(f"the message has more than {OVERHEAD_BYTES:,} bytes")
    return _decode(kind, body)


def _decode(kind: type[Message], body: bytes) -> Any:
    try:
        return kind.FromString(body)
    except DecodeError as error:
        raise RequestMalformed(f"the message is no {kind.DESCRIPTOR.name}") from error


def parse_infer(
    message: pb.ModelInferRequest, labels: Sequence[str], max_items: int, model: Mapping[str, str]
) -> Parsed:
    """The items of a request, and what makes an answer of their results.

    Args:
        message: Of which nothing is kept but the elements of its tensors.
        labels: The model's classes; each but `out_of_domain` may be a target.
        max_items: How many files a request may have.
        model: What the answer says of the model: `model_name`, `model_version`.

    Raises:
        RequestMalformed: The text names the tensor.
    """
    if len(message.id) > ID_MAX_CHARS:
        raise RequestMalformed(f"id: is too long (at most {ID_MAX_CHARS} characters)")
    items = parse_items(_inputs(message), labels, max_items)
    head = {**model, "id": message.id}
    raw = bool(message.raw_input_contents)
    return Parsed(items, partial(_render, head=head, names=_asked(message), labels=labels, raw=raw))


def _inputs(message: pb.ModelInferRequest) -> list[Input]:
    raw = message.raw_input_contents
    if not 1 <= len(message.inputs) <= len(INPUTS):
        raise RequestMalformed(f"inputs: must be 1 to {len(INPUTS)} tensors, not {len(message.inputs)}")
    if raw and len(raw) != len(message.inputs):
        raise RequestMalformed(f"raw_input_contents: must be {len(message.inputs)}, one for each input")
    inputs = []
    for index, tensor in enumerate(message.inputs):
        where = _where("inputs", index, tensor)
        if raw and tensor.HasField("contents"):
            raise RequestMalformed(f"{where}.contents: must not be there beside raw_input_contents")
        data = memoryview(raw[index]) if raw else _contents(where, tensor.contents)
        inputs.append(Input(tensor.name, tensor.datatype, list(tensor.shape), data))
    return inputs


def _contents(where: str, contents: pb.InferTensorContents) -> list[bytes]:
    other = [field.name for field, _ in contents.ListFields() if field.name != "bytes_contents"]
    if other:
        raise RequestMalformed(f"{where}.contents.{other[0]}: must be bytes_contents")
    return list(contents.bytes_contents)


def _asked(message: pb.ModelInferRequest) -> tuple[str, ...]:
    for index, tensor in enumerate(message.outputs):
        _where("outputs", index, tensor)
    return parse_outputs([tensor.name for tensor in message.outputs])


def _where(field: str, index: int, tensor: Any) -> str:
    """How an error names a tensor, once its name and its parameters are checked."""
    if not re.fullmatch(NAME, tensor.name):
        raise RequestMalformed(f"{field}[{index}].name: {NOT_PLAIN}")
    where = f"{field}.{tensor.name}"
    for name in REFUSED:
        if name in tensor.parameters:
            raise RequestMalformed(f"{where}.parameters.{name}: is not supported")
    return where


def _render(
    results: Sequence[ItemResult],
    _: Latency,
    *,
    head: Mapping[str, str],
    names: Sequence[str],
    labels: Sequence[str],
    raw: bool,
) -> Answer:
    response = pb.ModelInferResponse(**head)
    for output in render_outputs(results, names, labels):
        tensor = response.outputs.add(name=output.name, datatype=output.datatype, shape=output.shape)
        if raw:
            response.raw_output_contents.append(serialize(output))
        else:
            _fill(tensor.contents, output)
    status = status_of_items([result.code for result in results])
    return Answer(status, response.SerializeToString(), {})


def _fill(contents: pb.InferTensorContents, output: Output) -> None:
    if output.datatype == "FP32":
        contents.fp32_contents.extend(output.values)
    else:
        contents.bytes_contents.extend(str(value).encode() for value in output.values)


def describe_server(metadata: Mapping[str, Any]) -> pb.ServerMetadataResponse:
    """The server's metadata as a message."""
    return pb.ServerMetadataResponse(**metadata)


def describe_model(metadata: Mapping[str, Any]) -> pb.ModelMetadataResponse:
    """A model's metadata as a message, which has no room for `parameters`."""
    return pb.ModelMetadataResponse(
        **{name: value for name, value in metadata.items() if name != "parameters"}
    )
