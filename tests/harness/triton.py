"""`tritonclient` in a process of its own: its gevent disturbs the interpreter that pytest runs in.

with Subprocess("tests.harness.triton", "127.0.0.1:8080") as client:
    client.ask({"do": "infer", "inputs": {"image": [base64, …]}, "binary": True})
"""

import base64
import sys
from typing import Any

import numpy as np
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from tests.harness.process import Document, serve_commands

MODEL = "logo-detection"


class _Client:
    """What the process does; elements of BYTES tensors come and go as base64."""

    def __init__(self, address: str) -> None:
        self._client = InferenceServerClient(address)

    def infer(self, command: Document) -> Document:
        """The id and the outputs of an answer; or the error and the status of a refusal.

        Args:
            command: `inputs`, by name; `outputs`, a list of names or none; `binary`, whether all of them
                are serialized; `id` and `version`, which may be left out.
        """
        inputs = [self._input(name, data, command["binary"]) for name, data in command["inputs"]]
        names = command.get("outputs")
        outputs = names and [InferRequestedOutput(name, binary_data=command["binary"]) for name in names]
        try:
            result = self._client.infer(
                MODEL,
                inputs,
                outputs=outputs,
                request_id=command.get("id", ""),
                model_version=command.get("version", ""),
            )
        except InferenceServerException as error:
            return {"error": error.message(), "status": error.status()}
        response = result.get_response()
        found = {output["name"]: result.as_numpy(output["name"]) for output in response["outputs"]}
        return {"id": response.get("id"), "outputs": {name: _plain(array) for name, array in found.items()}}

    def describe(self, command: Document) -> Document:
        """What the client reads of health and metadata."""
        return {
            "live": self._client.is_server_live(),
            "ready": self._client.is_server_ready(),
            "model ready": self._client.is_model_ready(MODEL),
            "version ready": self._client.is_model_ready(MODEL, command["version"]),
            "other ready": self._client.is_model_ready("other"),
            "server": self._client.get_server_metadata(),
            "model": self._client.get_model_metadata(MODEL),
        }

    def _input(self, name: str, data: list[str], binary: bool) -> InferInput:
        tensor = InferInput(name, [len(data)], "BYTES")
        elements = np.array([base64.b64decode(text) for text in data], dtype=object)
        if name == "image" and not binary:
            elements = np.array([text.encode() for text in data], dtype=object)
        return tensor.set_data_from_numpy(elements, binary_data=binary)


def _plain(array: Any) -> Any:
    """An array as lists, with None for NaN and text for bytes."""
    if array.dtype == object:
        return [element.decode() if isinstance(element, bytes) else element for element in array]
    plain: Any = np.round(array.astype(float), 4).astype(object)
    plain[np.isnan(array)] = None
    return plain.tolist()


def main(address: str) -> None:
    client = _Client(address)
    serve_commands({"infer": client.infer, "describe": client.describe})


if __name__ == "__main__":
    main(*sys.argv[1:])
