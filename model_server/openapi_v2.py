"""The part of the OpenAPI document that describes V2.

What JSON Schema cannot say is left to the parser: that the tensors of a request have the same length, and
their data, too. The examples of answers are written by what writes the answers.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from logo_detection.artifact import AlarmThreshold
from logo_detection.errors import DeadlineExceeded, ImageCorrupt, ItemError, item_codes
from model_server.limits import Limits
from model_server.openapi_parts import (
    FAULT,
    IDENTIFIED,
    JSON,
    UNKNOWN_MODEL,
    Examples,
    answered,
    closed,
    get,
    json_content,
    of_model,
    ref,
    refusals,
    response,
)
from model_server.schema import InlineBytes, Item, ItemResult, Score, Timing, targets_of
from model_server.v2 import ID_MAX_CHARS, INPUTS, NAME, OUTPUTS, SCORES, describe_model, describe_server
from model_server.v2_rest import InferRequest, render_infer

BINARY: JSON = {"application/octet-stream": {}}
TEXTS = ("error_code", "error_message")
VERSION = "1.0.0"


def v2_paths(model_name: str, labels: Sequence[str], limits: Limits, image: str) -> JSON:
    """Its routes; `image` is the base64 of one for the examples."""
    model = describe_model(model_name, VERSION, "openvino", labels)
    metadata = answered("ModelMetadata", model) | UNKNOWN_MODEL
    return {
        "/v2": get("serverMetadata", "What is this server?", answered("ServerMetadata", describe_server())),
        "/v2/models/{model}": of_model(get("modelMetadata", "What is this model?", metadata)),
        "/v2/models/{model}/infer": of_model({"post": _infer(model_name, labels, limits, image)}),
    }


def v2_schemas(model_name: str, labels: Sequence[str], limits: Limits) -> JSON:
    """What its routes take and answer."""
    return {
        **_request_schemas(limits),
        **_answer_schemas(model_name, labels, limits),
        **_metadata_schemas(model_name),
    }


def _infer(model_name: str, labels: Sequence[str], limits: Limits, image: str) -> JSON:
    return {
        "operationId": "infer",
        "tags": ["predict"],
        "summary": "How likely is each file a logo? By the Open Inference Protocol.",
        "description": (
            "One element per file in every tensor, in the same order. In JSON the elements of `image` are "
            "base64, and all others plain text. With the binary tensor data extension, which "
            "`Inference-Header-Content-Length` announces, they are the files' own bytes. The route also "
            "stands under `/v2/models/{model}/versions/{version}`, as the metadata and the readiness do."
        ),
        "parameters": [
            ref("parameters", "RequestId"),
            ref("parameters", "CallersTimeout"),
            ref("parameters", "InferenceHeaderContentLength"),
        ],
        "requestBody": {
            "required": True,
            "description": f"At most {limits.body_max_bytes:,} bytes.",
            "content": json_content("InferRequest", _request_examples(labels, image)) | BINARY,
        },
        "responses": _responses(model_name, labels, limits),
    }


def _responses(model_name: str, labels: Sequence[str], limits: Limits) -> JSON:
    scores = tuple(0.0009 if label != targets_of(labels)[0] else 0.9991 for label in labels)
    scored = Score(0.9991, 0.0009, scores, "png", 8, 8)

    def example(*outcomes: Score | ItemError) -> Examples:
        return {"answer": _example(outcomes, model_name, labels)}

    found = response(
        "At least one file was scored.", "InferResponse", example(scored, ImageCorrupt()), IDENTIFIED
    )
    found["content"] |= BINARY
    return {
        "200": found,
        "422": response("No file was scored.", "InferUnscored", example(ImageCorrupt()), IDENTIFIED),
        "500": response(
            "Our fault: `InferUnscored` if every file is `internal`.", "InferFault", FAULT, IDENTIFIED
        ),
        "504": response(
            "No file was scored, all for want of time.",
            "InferUnscored",
            example(DeadlineExceeded()),
            IDENTIFIED,
        ),
        **refusals(limits, "inputs.image.shape: must be [N], N from 1 to 50"),
    }


def _example(outcomes: Sequence[Score | ItemError], model_name: str, labels: Sequence[str]) -> Any:
    items = [Item("", targets_of(labels)[0], InlineBytes(b"")) for _ in outcomes]
    results = [ItemResult(item, outcome, Timing()) for item, outcome in zip(items, outcomes, strict=True)]
    request = InferRequest(tuple(items), "7", (*OUTPUTS, SCORES), frozenset())
    model = {"model_name": model_name, "model_version": VERSION}
    _, body, _ = render_infer(results, request, labels, model)
    return orjson.loads(body)


def _request_examples(labels: Sequence[str], image: str) -> Examples:
    def tensor(name: str, *data: str) -> JSON:
        return {"name": name, "datatype": "BYTES", "shape": [len(data)], "data": list(data)}

    return {
        "one": {"inputs": [tensor("image", image)]},
        "two with names": {
            "id": "7",
            "inputs": [
                tensor("image", image, image),
                tensor("filename", "a.png", "b.png"),
                tensor("target", *targets_of(labels)[:1] * 2),
            ],
            "outputs": [{"name": "prediction"}, {"name": "error_code"}, {"name": SCORES}],
        },
    }


def _request_schemas(limits: Limits) -> JSON:
    most = limits.images_max_num
    return {
        "InferRequest": {
            "type": "object",
            "required": ["inputs"],
            "properties": {
                "id": {"type": ["string", "null"], "maxLength": ID_MAX_CHARS, "description": "Is echoed."},
                "parameters": _parameters({"binary_data_output": {"type": ["boolean", "null"]}}),
                "inputs": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": len(INPUTS),
                    "items": ref("schemas", "InferInput"),
                },
                "outputs": {
                    "type": ["array", "null"],
                    "maxItems": len(OUTPUTS) + 1,
                    "items": ref("schemas", "InferRequestedOutput"),
                },
            },
        },
        "InferInput": {
            "type": "object",
            "required": ["name", "datatype", "shape"],
            "description": "Either `image` or `url` has to be there; `filename` and `target` may.",
            "properties": {
                "name": {"type": "string", "enum": list(INPUTS), "pattern": f"^{NAME}$"},
                "datatype": {"type": "string", "const": "BYTES"},
                "shape": _lengths(1, {"minimum": 1, "maximum": most}),
                "parameters": _parameters({"binary_data_size": {"type": ["integer", "null"], "minimum": 0}}),
                "data": {
                    "type": ["array", "null"],
                    "minItems": 1,
                    "maxItems": most,
                    "items": {"type": "string"},
                },
            },
        },
        "InferRequestedOutput": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string", "enum": [*OUTPUTS, SCORES]},
                "parameters": _parameters({"binary_data": {"type": ["boolean", "null"]}}),
            },
        },
    }


def _parameters(properties: JSON) -> JSON:
    return {"type": ["object", "null"], "properties": properties}


def _lengths(dimensions: int, bounds: JSON) -> JSON:
    return {
        "type": "array",
        "minItems": dimensions,
        "maxItems": dimensions,
        "items": {"type": "integer", **bounds},
    }


def _answer_schemas(model_name: str, labels: Sequence[str], limits: Limits) -> JSON:
    head = {"model_name": {"const": model_name}, "model_version": {"type": "string"}}
    outputs = {"outputs": {"type": "array", "minItems": 1, "items": ref("schemas", "InferOutput")}}
    caller = {"id": {"type": "string", "description": "The caller's own, if there was one."}}
    tensors = [_output_schema(name, labels, limits) for name in (*OUTPUTS, SCORES)]
    return {
        "InferOutput": {"oneOf": tensors},
        "InferResponse": closed({**head, **outputs}, caller),
        "InferUnscored": closed({"error": {"type": "string"}, **head, **outputs}, caller),
        "InferFault": {"oneOf": [ref("schemas", "InferUnscored"), ref("schemas", "Refusal")]},
    }


def _output_schema(name: str, labels: Sequence[str], limits: Limits) -> JSON:
    """One output, in row-major order; its numbers are null for a file without a score."""
    number = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
    codes = {"type": "string", "enum": ["", *item_codes()]}
    element = {"error_code": codes, "error_message": {"type": "string"}}.get(name, number)
    width = len(labels) if name == SCORES else 1
    return closed(
        {
            "name": {"const": name},
            "datatype": {"const": "BYTES" if name in TEXTS else "FP32"},
            "shape": _lengths(2 if name == SCORES else 1, {"minimum": 1}),
            "data": {
                "type": "array",
                "minItems": width,
                "maxItems": width * limits.images_max_num,
                "items": element,
            },
        }
    )


def _metadata_schemas(model_name: str) -> JSON:
    text = {"type": "string"}
    tensor = closed(
        {
            "name": text,
            "datatype": {"enum": ["BYTES", "FP32"]},
            "shape": {"type": "array", "items": {"type": "integer"}},
        }
    )
    tensors = {"type": "array", "items": tensor}
    return {
        "ServerMetadata": closed(
            {"name": text, "version": text, "extensions": {"type": "array", "items": text}}
        ),
        "ModelMetadata": closed(
            {
                "name": {"const": model_name},
                "versions": {"type": "array", "items": text, "minItems": 1, "maxItems": 1},
                "platform": text,
                "inputs": tensors,
                "outputs": tensors,
                "parameters": closed(
                    {"labels": {"type": "array", "items": text}},
                    {"thresholds": {"type": "array", "items": AlarmThreshold.model_json_schema()}},
                ),
            }
        ),
    }
