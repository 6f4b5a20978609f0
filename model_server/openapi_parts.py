"""Parts of the OpenAPI document that the descriptions of both protocols are made of."""

from collections.abc import Mapping
from typing import Any

from model_server.limits import Limits

JSON = dict[str, Any]
Examples = Mapping[str, Any]

IDENTIFIED = "X-Request-Id"


def of_model(operations: JSON) -> JSON:
    """Operations on a path that names the model."""
    return {"parameters": [ref("parameters", "Model")], **operations}


def get(name: str, summary: str, responses: JSON) -> JSON:
    """An operation that only reads."""
    return {
        "get": {"operationId": name, "tags": ["server"], "summary": summary, "responses": dict(responses)}
    }


def answered(schema: str, example: Any) -> JSON:
    """The responses of an operation that has one answer."""
    return {"200": response("Yes.", schema, {"answer": example})}


def refused(description: str, message: str, *headers: str) -> JSON:
    """A response in the shape of `Refusal`, with an example of its message and the headers it has."""
    return response(description, "Refusal", {"refusal": {"error": message}}, *headers)


def response(description: str, schema: str, examples: Examples | None = None, *headers: str) -> JSON:
    """A response with JSON of a schema, and the headers that it has."""
    response: JSON = {"description": description, "content": json_content(schema, examples or {})}
    if headers:
        response["headers"] = {name: ref("headers", name) for name in headers}
    return response


def json_content(schema: str, examples: Examples) -> JSON:
    """A body of JSON."""
    content: JSON = {"schema": ref("schemas", schema)}
    if examples:
        content["examples"] = {name.replace(" ", "_"): {"value": value} for name, value in examples.items()}
    return {"application/json": content}


def closed(required: JSON, optional: JSON | None = None) -> JSON:
    """The schema of an object that has no other fields."""
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


def ref(kind: str, name: str) -> JSON:
    """A component of the document."""
    return {"$ref": f"#/components/{kind}/{name}"}


def refusals(limits: Limits, malformed: str) -> JSON:
    """How a request to score files may be refused whole; `malformed` is an example of a message."""
    return {
        "400": refused(
            "Not JSON, or not of this shape (the place is named), or not whole in time.",
            malformed,
            IDENTIFIED,
        ),
        "404": refused("No such model, or no such route.", NO_MODEL, IDENTIFIED),
        "405": refused(
            "Another method than POST.", "method not allowed; this route takes POST", IDENTIFIED, "Allow"
        ),
        "413": refused("A larger body; the connection is closed.", limits.describe_body_limit(), IDENTIFIED),
        "415": refused(
            "A compressed body (`Content-Encoding` other than `identity`).",
            "Content-Encoding: a compressed body is not read; send it as it is",
            IDENTIFIED,
            "Accept-Encoding",
        ),
        "503": refused(
            "Overloaded, not warm yet, without workers, or going down.",
            "too many images are being scored; try again shortly",
            IDENTIFIED,
            "Retry-After",
        ),
    }


NO_MODEL = "Model with name other does not exist."
UNKNOWN_MODEL = {"404": refused("No such model.", NO_MODEL)}
NOT_READY = {
    "503": refused(
        "Not warm yet, without workers, or going down.",
        "the model is warming up; try again shortly",
        "Retry-After",
    )
}
FAULT = {"refusal": {"error": "internal error"}}
