"""V2 by clients that others wrote: tritonclient, KServe's, and curl, as docs/api.md shows them."""

import base64
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import numpy as np
import pytest
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

from tests.harness.process import ROOT, Document, Subprocess, clean_environment
from tests.harness.requests import inline
from tests.harness.server import RunningServer
from tests.model_server.conftest import Files

MODEL = "logo-detection"
BINARY = pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
SECTION = (
    (ROOT / "docs" / "api.md").read_text().split("## The Open Inference Protocol (V2)")[1].split("\n## ")[0]
)
EXAMPLES = re.findall(r"```(sh|python)\n(.+?)```", SECTION, re.DOTALL)


def elements(files: list[bytes], *, binary: bool) -> Any:
    """The files as a client takes them: base64 is what goes into JSON."""
    return np.array(files if binary else [base64.b64encode(file) for file in files], dtype=object)


@pytest.fixture(scope="module")
def triton(server: RunningServer) -> Iterator[Subprocess]:
    with Subprocess("tests.harness.triton", server.url.removeprefix("http://")) as client:
        yield client


class TestTriton:
    def infer(self, triton: Subprocess, inputs: list[tuple[str, list[bytes]]], **options: Any) -> Document:
        encoded = [(name, [base64.b64encode(element).decode() for element in data]) for name, data in inputs]
        return triton.ask({"do": "infer", "binary": True, "inputs": encoded, **options})

    @BINARY
    def test_it_gets_scores_and_errors(self, triton: Subprocess, files: Files, binary: bool) -> None:
        inputs = [("image", [files.red, b"nothing"]), ("filename", [b"a", "ü".encode()])]
        answer = self.infer(triton, inputs, binary=binary, id="7")
        assert answer["id"] == "7"
        found = answer["outputs"]
        assert list(found) == ["prediction", "out_of_domain", "error_code", "error_message"]
        assert found["prediction"][0] > 0.9
        assert found["prediction"][1] is None
        assert found["error_code"] == ["", "image_unsupported"]

    @BINARY
    def test_it_gets_the_outputs_that_it_asks_for(
        self, triton: Subprocess, files: Files, binary: bool
    ) -> None:
        inputs = [("image", [files.red, b"nothing"])]
        names = ["scores", "error_message"]
        found = self.infer(triton, inputs, binary=binary, outputs=names)["outputs"]
        assert list(found) == names
        red, none = found["scores"]
        assert sum(red) == pytest.approx(1, abs=2e-4)
        assert none == [None, None]

    def test_it_learns_why_it_is_refused(self, triton: Subprocess, files: Files) -> None:
        image = ("image", [files.red])
        assert self.infer(triton, [("image", [b"nothing"])]) == {
            "error": "no file could be scored (image_unsupported); see outputs",
            "status": "422",
        }
        assert self.infer(triton, [image, image]) == {
            "error": "inputs.image: is there twice",
            "status": "400",
        }
        assert self.infer(triton, [image], version="2")["status"] == "404"
        assert self.infer(triton, [image], version="1")["outputs"]["error_code"] == [""]

    def test_it_reads_health_and_metadata(self, triton: Subprocess) -> None:
        described = triton.ask({"do": "describe", "version": "1"})
        ready = {name: value for name, value in described.items() if name not in ("server", "model")}
        assert ready.pop("other ready") is False
        assert set(ready.values()) == {True}
        assert described["server"]["extensions"] == ["binary_tensor_data"]
        assert [each["name"] for each in described["model"]["inputs"]] == [
            "image",
            "url",
            "filename",
            "target",
        ]


class TestKServe:
    def request(self, files: list[bytes], *, binary: bool, **fields: Any) -> InferRequest:
        image = InferInput("image", [len(files)], "BYTES")
        image.set_data_from_numpy(elements(files, binary=binary), binary_data=binary)
        return InferRequest(MODEL, [image], **fields)

    @pytest.fixture
    async def client(self) -> AsyncIterator[InferenceRESTClient]:
        async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
            yield client

    @BINARY
    async def test_it_gets_scores_and_errors(
        self, client: InferenceRESTClient, server: RunningServer, files: Files, binary: bool
    ) -> None:
        request = self.request([files.red, b"nothing"], binary=binary, request_id="7")
        response = await client.infer(server.url, request, model_name=MODEL)
        assert (response.id, response.model_name) == ("7", MODEL)
        red, none = response.get_output_by_name("prediction").as_numpy()
        assert red > 0.9
        assert np.isnan(none)
        assert response.get_output_by_name("error_code").data == ["", "image_unsupported"]

    @BINARY
    async def test_it_gets_serialized_outputs(
        self, client: InferenceRESTClient, server: RunningServer, files: Files, binary: bool
    ) -> None:
        asked = [RequestedOutput(name, {"binary_data": True}) for name in ("scores", "error_code")]
        request = self.request([files.red, b"nothing"], binary=binary, request_outputs=asked)
        response = await client.infer(server.url, request, model_name=MODEL)
        assert response.get_output_by_name("scores").as_numpy().shape == (2, 2)
        assert response.get_output_by_name("error_code").data == ["", "image_unsupported"]

    async def test_it_learns_why_it_is_refused(
        self, client: InferenceRESTClient, server: RunningServer
    ) -> None:
        request = self.request([b"nothing"], binary=True)
        with pytest.raises(httpx.HTTPStatusError, match="no file could be scored"):
            await client.infer(server.url, request, model_name=MODEL)

    async def test_it_reads_health(self, client: InferenceRESTClient, server: RunningServer) -> None:
        assert await client.is_server_live(server.url)
        assert await client.is_server_ready(server.url)
        assert await client.is_model_ready(server.url, MODEL)

    async def test_it_gets_scores_by_v1(self, server: RunningServer, files: Files) -> None:
        async with InferenceRESTClient(RESTConfig(protocol="v1")) as client:
            answer = await client.infer(server.url, {"instances": [inline(files.red)]}, model_name=MODEL)
        assert answer["predictions"][0]["prediction"] > 0.9


@pytest.mark.parametrize(("language", "text"), EXAMPLES, ids=["curl", "tritonclient", "kserve"])
def test_the_documented_lines_print_a_score(server: RunningServer, language: str, text: str) -> None:
    text = text.replace("localhost:8080", f"127.0.0.1:{server.port}")
    assert "localhost" not in text
    command = ["bash", "-o", "pipefail", "-ec", text] if language == "sh" else [sys.executable, "-c", text]
    environment = clean_environment({"PYTHONPATH": ":".join(sys.path)})
    ran = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, env=environment, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert re.search(r"\b0\.\d{2,}", ran.stdout), ran.stdout
