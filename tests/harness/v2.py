"""Requests of the V2 protocol, as JSON and with serialized tensors, and what their answers say."""

import base64
import json
import math
import struct
from collections.abc import Sequence
from typing import Any

import httpx

INFER = "/v2/models/logo-detection/infer"
JSON_LENGTH = "Inference-Header-Content-Length"


def tensor(name: str, data: Sequence[str]) -> dict[str, Any]:
    """An input whose elements are in the JSON."""
    return {"name": name, "datatype": "BYTES", "shape": [len(data)], "data": list(data)}


def images(files: Sequence[bytes]) -> dict[str, Any]:
    """The files, as base64 in the JSON."""
    return tensor("image", [base64.b64encode(file).decode() for file in files])


def serialize(elements: Sequence[bytes]) -> bytes:
    """A BYTES tensor as the binary tensor data extension has it."""
    return b"".join(struct.pack("<I", len(element)) + element for element in elements)


def serialized(name: str, size_bytes: int, count: int) -> dict[str, Any]:
    """An input whose elements follow after the JSON."""
    parameters = {"binary_data_size": size_bytes}
    return {"name": name, "datatype": "BYTES", "shape": [count], "parameters": parameters}


def binary_request(files: Sequence[bytes], **fields: Any) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a request with serialized files that wants all outputs serialized."""
    data = serialize(files)
    document = {
        "inputs": [serialized("image", len(data), len(files))],
        "parameters": {"binary_data_output": True},
        **fields,
    }
    text = json.dumps(document).encode()
    return text + data, {JSON_LENGTH: str(len(text))}


def outputs(response: httpx.Response) -> dict[str, list[Any]]:
    """The elements of each output by name; None for a number that is none."""
    size = int(response.headers.get(JSON_LENGTH, len(response.content)))
    document, rest = json.loads(response.content[:size]), response.content[size:]
    found = {}
    for output in document["outputs"]:
        if "data" in output:
            found[output["name"]] = output["data"]
            continue
        end = output["parameters"]["binary_data_size"]
        found[output["name"]] = _read(output, rest[:end])
        rest = rest[end:]
    assert not rest
    return found


def _read(output: dict[str, Any], data: bytes) -> list[Any]:
    if output["datatype"] == "FP32":
        assert len(data) == 4 * math.prod(output["shape"])
        numbers = [value for (value,) in struct.iter_unpack("<f", data)]
        return [None if math.isnan(value) else round(value, 4) for value in numbers]
    elements = []
    while data:
        (size,) = struct.unpack_from("<I", data)
        elements.append(data[4 : 4 + size].decode())
        data = data[4 + size :]
    assert len(elements) == math.prod(output["shape"])
    return elements
