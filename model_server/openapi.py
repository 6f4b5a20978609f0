"""The OpenAPI document: the service's description of itself, with the limits that it runs under.

docs/api.md says the same at more length. Objects of an answer are closed (they have no other fields),
those of a request are open, as the parser is.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from logo_detection.artifact import OUT_OF_DOMAIN
from logo_detection.errors import DeadlineExceeded, ImageCorrupt, ItemError, UrlNotAllowed
from model_server.answers import (
    ExplainResponse,
    FileLatency,
    HeatMap,
    Latency,
    PredictResponse,
    Refusal,
    Unscored,
)
from model_server.limits import Limits
from model_server.openapi_parts import (
    FAULT,
    IDENTIFIED,
    JSON,
    NOT_READY,
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
from model_server.openapi_v2 import v2_paths, v2_schemas
from model_server.routes import API_VERSION
from model_server.schema import FILENAME_MAX_CHARS, MARKS_MAX_PER_ITEM, targets_of

EXAMPLE_URL = "https://upload.wikimedia.org/wikipedia/commons/a/a9/Example.jpg"
EXAMPLE_PNG = (  # an orange disc on a blue field, 8x8
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAIAQMAAAD+wSzIAAAABlBMVEUAM5n/pQDuRqn2AAAAGElEQVR42mNgYJBgUmFyYmJg/sv8i4EB"
    "AA1fAoI/HEfOAAAAAElFTkSuQmCC"
)
REQUEST_LATENCY: Latency = {"preprocess (s)": 0.012, "predict (s)": 0.009, "total (s)": 0.022}
FILE_LATENCY: FileLatency = {
    "fetch (s)": 0.011,
    "queue (s)": 0.0004,
    "decode (s)": 0.001,
    "score (s)": 0.0086,
}


def describe_api(model_name: str, labels: Sequence[str], limits: Limits) -> JSON:
    """The OpenAPI 3.1 document of a server with this model under these limits."""
    targets = targets_of(labels)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Logo detection",
            "version": API_VERSION,
            "summary": "How likely is an uploaded file a logo?",
            "description": (
                "HEAD is answered like GET. A route that exists answers 405 to other methods, with `Allow`; "
                "every other route answers 404. Whole requests are refused in the shape of `Refusal`."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": "predict"}, {"name": "server"}],
        "paths": _paths(model_name, labels, limits),
        "components": {
            "schemas": {
                **_request_schemas("PredictRequest", "", limits),
                **_request_schemas("ExplainRequest", "Explain", limits.of_explanations()),
                **_item_schemas(targets, limits),
                **_answer_schemas(labels, limits),
                **_server_schemas(model_name),
                **v2_schemas(model_name, labels, limits),
            },
            "parameters": {
                "Model": _model_parameter(model_name),
                "RequestId": _REQUEST_ID_PARAMETER,
                "CallersTimeout": _CALLERS_TIMEOUT_PARAMETER,
                "InferenceHeaderContentLength": _JSON_LENGTH_PARAMETER,
            },
            "headers": _HEADERS,
        },
    }


def _paths(model_name: str, labels: Sequence[str], limits: Limits) -> JSON:
    live = answered("ServerLive", {"live": True})
    ready = answered("ModelReady", {"name": model_name, "ready": True}) | UNKNOWN_MODEL | NOT_READY
    all_ready = answered("ServerReady", {"ready": True}) | NOT_READY
    models = answered("Models", {"models": [model_name]})
    metrics = {"200": {"description": "Prometheus' text format.", "content": {"text/plain": {}}}}
    return {
        "/v1/models/{model}:predict": of_model({"post": _predict(labels, limits)}),
        "/v1/models/{model}:explain": of_model({"post": _explain(labels, limits.of_explanations())}),
        "/v1/models/{model}": of_model(get("modelReady", "Is the model ready?", ready)),
        "/v2/models/{model}/ready": of_model(get("modelReadyV2", "Is the model ready?", ready)),
        "/v2/health/ready": get("ready", "Is the server ready?", all_ready),
        "/v2/health/live": get("live", "Does the process answer?", live),
        "/": get("alive", "Does the process answer?", answered("Alive", {"status": "alive"})),
        "/v1/models": get("models", "The model of this server.", models),
        "/metrics": get("metrics", "Metrics for Prometheus.", metrics),
        "/openapi.json": get("openapi", "This document.", {"200": response("OpenAPI 3.1.", "Document")}),
        **v2_paths(model_name, labels, limits, EXAMPLE_PNG),
    }


def _predict(labels: Sequence[str], limits: Limits) -> JSON:
    target = targets_of(labels)[0]
    return {
        "operationId": "predict",
        "tags": ["predict"],
        "summary": "How likely is each file a logo?",
        "description": (
            "The body is read as JSON whatever the `Content-Type` says. One prediction per item, in input "
            "order; a file that cannot be scored costs itself alone. A field that is null is the same as one "
            "that is absent."
        ),
        **_asked("PredictRequest", _request_examples(target), limits),
        "responses": _responses("PredictResponse", _answer_examples(target, labels), target, limits),
    }


def _explain(labels: Sequence[str], limits: Limits) -> JSON:
    target = targets_of(labels)[0]
    return {
        "operationId": "explain",
        "tags": ["predict"],
        "summary": "How likely is each file a logo, and which places of it say so?",
        "description": (
            "As `predict`, with a heat map of each scored file, which is exact, and a picture of it. A model "
            "that does not end in a global average pooling and one dense layer refuses (400)."
        ),
        **_asked("ExplainRequest", _request_examples(target), limits),
        "responses": _responses("ExplainResponse", _explained_examples(target), target, limits),
    }


def _asked(schema: str, examples: Examples, limits: Limits) -> JSON:
    """The parameters and the body of a request to score files."""
    marks = limits.images_max_num * MARKS_MAX_PER_ITEM
    return {
        "parameters": [ref("parameters", "RequestId"), ref("parameters", "CallersTimeout")],
        "requestBody": {
            "required": True,
            "description": (
                f"At most {limits.body_max_bytes:,} bytes, and {marks:,} commas and opening brackets, those "
                "in texts counted."
            ),
            "content": json_content(schema, examples),
        },
    }


def _responses(schema: str, examples: Examples, target: str, limits: Limits) -> JSON:
    return {
        "200": response("At least one file was scored.", schema, examples, IDENTIFIED),
        "422": _unscored("No file was scored.", target, ImageCorrupt()),
        "500": response(
            "Our fault: `Unscored` if every file is `internal`.", "ServerFault", FAULT, IDENTIFIED
        ),
        "504": _unscored("No file was scored, all for want of time.", target, DeadlineExceeded()),
        **refusals(limits, "instances[3].filename: is missing"),
    }


def _request_schemas(name: str, prefix: str, limits: Limits) -> JSON:
    """A request of that name, and its parts, whose names have a prefix."""
    envelope, listed = f"{prefix}Envelope", f"{prefix}Items"
    items = {"type": "array", "minItems": 1, "maxItems": limits.images_max_num}
    flag = {"type": ["boolean", "null"], "default": False}
    debug = {**flag, "description": "Adds each file's format, size and latency."}
    all_scores = {**flag, "description": "Adds each file's score for every class of the model."}
    return {
        name: {"oneOf": [ref("schemas", envelope), ref("schemas", listed)]},
        envelope: {
            "type": "object",
            "required": ["instances"],
            "properties": {"instances": ref("schemas", listed), "debug": debug, "all_scores": all_scores},
        },
        listed: {**items, "items": ref("schemas", "Item")},
    }


def _item_schemas(targets: Sequence[str], limits: Limits) -> JSON:
    return {
        "Item": {
            "type": "object",
            "required": ["filename", "target"],
            "oneOf": [_given("url"), _given("image")],
            "properties": _item_fields(limits),
        },
        "Target": {"type": "string", "enum": list(targets), "description": "A class of the model."},
    }


def _given(field: str) -> JSON:
    return {"required": [field], "properties": {field: {"type": "string"}}}


def _item_fields(limits: Limits) -> JSON:
    image = (
        f"The file in standard base64, of at most {limits.image_max_bytes:,} bytes when decoded; line breaks "
        "are ignored. What is larger, or not base64, costs this item alone."
    )
    return {
        "filename": {
            "type": "string",
            "minLength": 1,
            "maxLength": FILENAME_MAX_CHARS,
            "description": "A label that is echoed; never a path, never a hint at the format.",
        },
        "target": ref("schemas", "Target"),
        "url": {"type": ["string", "null"], "description": "An https URL on an allowed host."},
        "image": {"type": ["string", "null"], "description": image},
    }


def _answer_schemas(labels: Sequence[str], limits: Limits) -> JSON:
    """Of the types in `answers`, by name; with the classes of this model and the limits of this server."""
    mode: JsonSchemaMode = "serialization"
    types = (PredictResponse, ExplainResponse, Unscored, Refusal)
    adapters = [(name, mode, TypeAdapter[Any](name)) for name in types]
    _, document = TypeAdapter.json_schemas(adapters, ref_template="#/components/schemas/{model}")
    schemas: JSON = document["$defs"]
    for schema in schemas.values():
        if schema["type"] == "object":
            schema["additionalProperties"] = False
            of_explanations = schema is schemas["ExplainResponse"]
            _narrow(schema["properties"], labels, limits.of_explanations() if of_explanations else limits)
    return schemas | {"ServerFault": {"oneOf": [ref("schemas", "Unscored"), ref("schemas", "Refusal")]}}


def _narrow(properties: JSON, labels: Sequence[str], limits: Limits) -> None:
    """Say of an answer's fields what is known of this server alone."""
    if "target" in properties:
        properties["target"] = ref("schemas", "Target")
    if "predictions" in properties:
        properties["predictions"] |= {"minItems": 1, "maxItems": limits.images_max_num}
    if "scores" in properties:
        properties["scores"] = closed(dict.fromkeys(labels, properties["prediction"]))


def _server_schemas(model_name: str) -> JSON:
    name, yes = {"type": "string", "const": model_name}, {"const": True}
    return {
        "ModelReady": closed({"name": name, "ready": yes}),
        "ServerReady": closed({"ready": yes}),
        "ServerLive": closed({"live": yes}),
        "Alive": closed({"status": {"const": "alive"}}),
        "Models": closed({"models": {"type": "array", "items": name, "minItems": 1, "maxItems": 1}}),
        "Document": {"type": "object", "required": ["openapi", "info", "paths"]},
    }


def _request_examples(target: str) -> Examples:
    url = {"filename": "Example.jpg", "url": EXAMPLE_URL, "target": target}
    image = {"filename": "disc.png", "image": EXAMPLE_PNG, "target": target}
    return {
        "mixed": {"instances": [url, image], "debug": False},
        "debug": {"instances": [image], "debug": True},
        "all scores": {"instances": [image], "all_scores": True},
        "bare list": [image],
    }


def _answer_examples(target: str, labels: Sequence[str]) -> Examples:
    rest = dict.fromkeys((label for label in labels if label not in (target, OUT_OF_DOMAIN)), 0.0)
    scores = {target: 0.9991, OUT_OF_DOMAIN: 0.0009, **rest}
    scored = {"filename": "disc.png", "target": target, "prediction": 0.9991, "out_of_domain": 0.0009}
    found = {"format": "png", "width": 8, "height": 8}
    failed = _failed("Example.jpg", target, UrlNotAllowed())
    return {
        "scored": {"predictions": [scored], "latency": REQUEST_LATENCY},
        "all scores": {"predictions": [{**scored, "scores": scores}], "latency": REQUEST_LATENCY},
        "one failed": {"predictions": [failed, scored], "latency": REQUEST_LATENCY},
        "debug": {
            "predictions": [{**scored, **found, "latency": FILE_LATENCY}],
            "latency": REQUEST_LATENCY,
        },
    }


def _explained_examples(target: str) -> Examples:
    scored = {"filename": "disc.png", "target": target, "prediction": 0.9991, "out_of_domain": 0.0009}
    heat_map: HeatMap = {"width": 2, "height": 2, "values": [[9.5, 7.25], [6.0, 5.25]]}
    explained = {**scored, "heat_map": heat_map, "overlay": EXAMPLE_PNG}
    return {"explained": {"predictions": [explained], "latency": REQUEST_LATENCY}}


def _failed(filename: str, target: str, error: ItemError) -> JSON:
    return {
        "filename": filename,
        "target": target,
        "error": {"code": error.code, "message": error.message},
    }


def _unscored(description: str, target: str, error: ItemError) -> JSON:
    example = {
        "error": f"no file could be scored ({error.code}); see predictions",
        "predictions": [_failed("disc.png", target, error)],
        "latency": REQUEST_LATENCY,
    }
    return response(description, "Unscored", {"unscored": example}, IDENTIFIED)


def _model_parameter(model_name: str) -> JSON:
    return {
        "name": "model",
        "in": "path",
        "required": True,
        "description": "This server has one model.",
        "schema": {"type": "string", "enum": [model_name]},
    }


_REQUEST_ID_PARAMETER = {
    "name": "X-Request-Id",
    "in": "header",
    "required": False,
    "description": "At most 128 letters, digits and `._:-` come back as they are; others are replaced.",
    "schema": {"type": "string"},
}
_CALLERS_TIMEOUT_PARAMETER = {
    "name": "x-envoy-expected-rq-timeout-ms",
    "in": "header",
    "required": False,
    "description": (
        "How long the caller's proxy waits, in milliseconds. Files that are not scored by then come back as "
        "`deadline_exceeded`. What is no whole number above 0 is ignored."
    ),
    "schema": {"type": "string"},
}
_JSON_LENGTH_PARAMETER = {
    "name": "Inference-Header-Content-Length",
    "in": "header",
    "required": False,
    "description": "How many bytes of JSON there are, where serialized tensors follow.",
    "schema": {"type": "integer", "minimum": 0},
}
_HEADERS = {
    "X-Request-Id": {
        "description": "The caller's own, if it is a plain one, else a new one; the log has it, too.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"},
    },
    "Retry-After": {
        "description": "When to come back, in seconds.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "Accept-Encoding": {
        "description": "What a body may be encoded as.",
        "required": True,
        "schema": {"type": "string", "const": "identity"},
    },
    "Allow": {
        "description": "The methods of this route.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[A-Z]+(, [A-Z]+)*$"},
    },
}
