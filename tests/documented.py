"""Documented: a server's OpenAPI document, and whether an answer is what it says."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
from jsonschema_rs import Draft202012Validator

from tests.harness.server import RunningServer

PREDICT_PATH = "/v1/models/{model}:predict"
EXPLAIN_PATH = "/v1/models/{model}:explain"


@dataclass(frozen=True)
class Document:
    """An OpenAPI 3.1 document, whose schemas are JSON Schema of 2020-12."""

    json: dict[str, Any]
    _validators: dict[str, Draft202012Validator] = field(default_factory=dict, repr=False)

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Path, method, operation."""
        for path, item in self.json["paths"].items():
            for method in item.keys() - {"parameters"}:
                yield path, method, item[method]

    def statuses(self) -> set[int]:
        """All that any operation may answer."""
        return {int(status) for _, _, operation in self.operations() for status in operation["responses"]}

    def examples(self) -> Iterator[tuple[str, dict[str, Any], Any]]:
        """Of every body that has some: where it is, its schema, and one example."""
        for path, method, operation in self.operations():
            bodies = {"request": operation.get("requestBody", {}), **operation["responses"]}
            for name, body in bodies.items():
                for content in body.get("content", {}).values():
                    for title, example in content.get("examples", {}).items():
                        yield f"{method} {path} {name} {title}", content["schema"], example["value"]

    def errors(self, schema: dict[str, Any], value: Any) -> list[str]:
        """What of a value does not fit a schema of the document."""
        key = repr(schema)
        if key not in self._validators:
            whole = {**schema, "components": self.json["components"]}
            self._validators[key] = Draft202012Validator(whole)
        return [error.message for error in self._validators[key].iter_errors(value)]

    def contradictions(self, response: httpx.Response, path: str = PREDICT_PATH) -> list[str]:
        """What of an answer is not as documented: status, type, body, headers."""
        operation = self.json["paths"][path][response.request.method.lower()]
        documented = operation["responses"].get(str(response.status_code))
        if documented is None:
            return [f"status {response.status_code}"]
        kind = response.headers.get("content-type", "").split(";")[0]
        content = documented["content"].get(kind)
        if content is None:
            return [f"content type {kind}"]
        body = self.errors(content["schema"], response.json()) if "schema" in content else []
        return body + list(self._wrong_headers(documented, response))

    def _wrong_headers(self, documented: dict[str, Any], response: httpx.Response) -> Iterator[str]:
        for name in documented.get("headers", {}):
            schema = self.json["components"]["headers"][name]["schema"]
            given = response.headers.get(name)
            value = int(given) if given and schema["type"] == "integer" else given
            yield from (f"{name}: {error}" for error in self.errors(schema, value))


@cache
def document_of(server: RunningServer) -> Document:
    """What a server says of itself."""
    return Document(httpx.get(f"{server.url}/openapi.json", timeout=10).raise_for_status().json())
