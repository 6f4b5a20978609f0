"""The bodies of V2 over REST: JSON, and after it the tensors that are sent as they are (`binary`).

    {"id": …, "parameters": {"binary_data_output": …},
     "inputs": [{"name": …, "shape": […], "datatype": …, "data": […]},
                {"name": …, "shape": […], "datatype": …, "parameters": {"binary_data_size": …}}],
     "outputs": [{"name": …, "parameters": {"binary_data": …}}]}

The header Inference-Header-Content-Length says how many bytes of JSON there are, where others follow: the
serialized tensors, in the order of the JSON (Triton's binary tensor data extension).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from model_server.answers import describe_unscored
from model_server.errors import RequestMalformed, status_of_items
from model_server.schema import Item, ItemResult, in_words, load_json
from model_server.v2 import (
    ID_MAX_CHARS,
    INPUTS,
    NAME,
    OUTPUTS,
    Input,
    Output,
    parse_items,
    parse_outputs,
    render_outputs,
    serialize,
)

JSON_LENGTH = "inference-header-content-length"
NUMBER = re.compile("[0-9]{1,12}")
DIMENSIONS_MAX = 8


@dataclass(frozen=True, slots=True)
class InferRequest:
    """A request of the right shape, and how it is to be answered.

    Attributes:
        items: 1 to IMAGES_MAX_NUM.
        id: The caller's own, which is echoed.
        outputs: The names of those that are asked for.
        binary: The names of those that are to be serialized.
    """

    items: tuple[Item, ...]
    id: str | None
    outputs: tuple[str, ...]
    binary: frozenset[str]


class _Raw(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


Name = Annotated[str, StringConstraints(pattern=f"^{NAME}$")]


class _InputParameters(_Raw):
    binary_data_size: Annotated[int, Field(ge=0)] | None = None
    shared_memory_region: None = None


class _Tensor(_Raw):
    name: Name
    datatype: str
    shape: Annotated[list[int], Field(max_length=DIMENSIONS_MAX)]
    parameters: _InputParameters | None = None
    data: list[Any] | None = None

    @property
    def size_bytes(self) -> int | None:
        """Of the serialized tensor, if it is one."""
        return None if self.parameters is None else self.parameters.binary_data_size


class _OutputParameters(_Raw):
    binary_data: bool | None = None
    classification: None = None
    shared_memory_region: None = None


class _Asked(_Raw):
    name: Name
    parameters: _OutputParameters | None = None


class _Parameters(_Raw):
    binary_data_output: bool | None = None


class _Request(_Raw):
    id: Annotated[str, StringConstraints(max_length=ID_MAX_CHARS)] | None = None
    parameters: _Parameters | None = None
    inputs: Annotated[list[_Tensor], Field(min_length=1, max_length=len(INPUTS))]
    outputs: Annotated[list[_Asked], Field(max_length=len(OUTPUTS) + 1)] | None = None


def parse_infer(
    body: bytes | bytearray, headers: Mapping[str, str], labels: Sequence[str], max_items: int
) -> InferRequest:
    """Turn a body into a request.

    Args:
        body: JSON, and the serialized tensors.
        headers: Of the request, in lower case.
        labels: The model's classes; each but `out_of_domain` may be a target.
        max_items: How many files a request may have.

    Raises:
        RequestMalformed: The message names the tensor.
    """
    size = _json_bytes(headers.get(JSON_LENGTH), len(body))
    request = _validate(load_json(body, max_items, size))
    items = parse_items(_inputs(request.inputs, memoryview(body)[size:]), labels, max_items)
    asked = request.outputs or []
    outputs = parse_outputs([each.name for each in asked])
    return InferRequest(items, request.id, outputs, _binary(request, outputs))


def render_infer(
    results: Sequence[ItemResult], request: InferRequest, labels: Sequence[str], model: Mapping[str, str]
) -> tuple[HTTPStatus, bytes, dict[str, str]]:
    """The status, the body and the headers of the answer.

    Where no file was scored it has every output, as JSON whatever was asked for: clients take the body of
    such a status for an error, and read it as JSON.

    Args:
        results: One per item, in their order.
        request: What was asked for.
        labels: The model's classes, in the order of its scores.
        model: What the answer says of the model: `model_name`, `model_version`.
    """
    status = status_of_items([result.code for result in results])
    head = {**model, **({} if request.id is None else {"id": request.id})}
    if status != HTTPStatus.OK:
        names = tuple(dict.fromkeys((*OUTPUTS, *request.outputs)))
        error = {"error": f"{describe_unscored(results)}; see outputs"}
        return status, *_write({**error, **head}, render_outputs(results, names, labels), frozenset())
    return status, *_write(head, render_outputs(results, request.outputs, labels), request.binary)


def _json_bytes(given: str | None, body_bytes: int) -> int:
    if given is None:
        return body_bytes
    if not NUMBER.fullmatch(given) or int(given) > body_bytes:
        raise RequestMalformed(
            f"Inference-Header-Content-Length: must be a number of bytes, from 0 to the body's {body_bytes:,}"
        )
    return int(given)


def _validate(document: Any) -> _Request:
    if not isinstance(document, dict):
        raise RequestMalformed("the body must be an object with inputs")
    try:
        return _Request.model_validate(document)
    except ValidationError as error:
        raise RequestMalformed(in_words(error, lambda location: _where(location, document))) from error


def _where(location: tuple[int | str, ...], document: Any) -> str:
    """Where an error is. A tensor with a plain name goes by it, any other by its number."""
    first, *rest = location
    where = str(first)
    if rest and isinstance(rest[0], int):
        raw = document[first][rest[0]]
        name = raw.get("name") if isinstance(raw, dict) else None
        is_plain = isinstance(name, str) and re.fullmatch(NAME, name)
        where += f".{name}" if is_plain else f"[{rest[0]}]"
        rest = rest[1:]
    return where + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest)


def _inputs(tensors: Sequence[_Tensor], serialized: memoryview) -> list[Input]:
    rest, inputs = serialized, []
    for tensor in tensors:
        size = tensor.size_bytes
        if (size is None) == (tensor.data is None):
            raise RequestMalformed(f"inputs.{tensor.name}: must have either data or binary_data_size")
        if size is not None and size > len(rest):
            where = f"inputs.{tensor.name}.parameters.binary_data_size"
            raise RequestMalformed(f"{where}: is {size:,}, and {len(rest):,} bytes are left")
        data = rest[:size] if tensor.data is None else tensor.data
        rest = rest[size or 0 :]
        inputs.append(Input(tensor.name, tensor.datatype, tensor.shape, data))
    if len(rest):
        names = ", ".join(tensor.name for tensor in tensors if tensor.size_bytes is not None) or "none"
        raise RequestMalformed(
            f"inputs: {len(rest):,} bytes follow those of the serialized tensors ({names})"
        )
    return inputs


def _binary(request: _Request, outputs: Sequence[str]) -> frozenset[str]:
    """What an output's own parameter says goes before what the request's says of all."""
    default = request.parameters is not None and bool(request.parameters.binary_data_output)
    own = {each.name: each.parameters.binary_data for each in request.outputs or [] if each.parameters}
    chosen = {name: own.get(name) for name in outputs}
    return frozenset(name for name, binary in chosen.items() if (default if binary is None else binary))


def _write(
    head: Mapping[str, Any], outputs: Sequence[Output], binary: frozenset[str]
) -> tuple[bytes, dict[str, str]]:
    described, tail = [], b""
    for output in outputs:
        description: dict[str, Any] = {
            "name": output.name,
            "datatype": output.datatype,
            "shape": output.shape,
        }
        if output.name in binary:
            serialized = serialize(output)
            tail += serialized
            described.append({**description, "parameters": {"binary_data_size": len(serialized)}})
        else:
            described.append({**description, "data": output.values})
    text = orjson.dumps({**head, "outputs": described})  # it writes null for NaN
    if not binary:
        return text, {"content-type": "application/json"}
    return text + tail, {"content-type": "application/octet-stream", JSON_LENGTH: str(len(text))}
