"""`tritonclient.grpc` in a process of its own: its messages have the names of KServe's.

with Subprocess("tests.harness.triton_grpc", "127.0.0.1:8081") as client:
    client.ask({"do": "infer", "inputs": [["image", [base64, …]]]})
"""

import base64
import sys

import numpy as np
from tritonclient.grpc import InferenceServerClient, InferInput, InferRequestedOutput
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
            command: `inputs`, by name; `outputs`, a list of names or none; `id`, which may be left out.
        """
        names = command.get("outputs")
        try:
            result = self._client.infer(
                MODEL,
                [_input(name, data) for name, data in command["inputs"]],
                outputs=names and [InferRequestedOutput(name) for name in names],
                request_id=command.get("id", ""),
                client_timeout=30,
            )
        except InferenceServerException as error:
            return {"error": error.message(), "status": error.status()}
        response = result.get_response()
        found = {output.name: result.as_numpy(output.name) for output in response.outputs}
        return {
            "id": response.id,
            "outputs": {
                name: [_plain(value) for value in array.flatten().tolist()] for name, array in found.items()
            },
        }

    def describe(self, command: Document) -> Document:
        """What the client reads of health and metadata."""
        return {
            "live": self._client.is_server_live(),
            "ready": self._client.is_server_ready(),
            "model ready": self._client.is_model_ready(MODEL),
            "server": self._client.get_server_metadata(as_json=True),
            "model": self._client.get_model_metadata(MODEL, as_json=True),
        }


def _input(name: str, data: list[str]) -> InferInput:
    elements = np.array([base64.b64decode(text) for text in data], dtype=object)
    return InferInput(name, [len(data)], "BYTES").set_data_from_numpy(elements)


def _plain(value: float | bytes) -> float | str | None:
    if isinstance(value, bytes):
        return value.decode()
    return None if np.isnan(value) else round(value, 4)


def main(address: str) -> None:
    client = _Client(address)
    serve_commands({"infer": client.infer, "describe": client.describe})


if __name__ == "__main__":
    main(*sys.argv[1:])
