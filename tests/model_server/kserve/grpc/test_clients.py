"""gRPC by clients that others wrote: tritonclient, KServe's, and what docs/api.md shows."""

import base64
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from kserve import InferenceGRPCClient, InferInput, InferRequest
from kserve.protocol.infer_type import RequestedOutput

from tests.harness.grpc import GrpcServer
from tests.harness.process import ROOT, Document, Subprocess, clean_environment
from tests.model_server.conftest import Files

MODEL = "logo-detection"
SECTION = (ROOT / "docs" / "api.md").read_text().split("\n## gRPC\n")[1].split("\n## ")[0]
EXAMPLES = re.findall(r"```(sh|python)\n(.+?)```", SECTION, re.DOTALL)


@pytest.fixture(scope="module")
def triton(grpc_server: GrpcServer) -> Iterator[Subprocess]:
    with Subprocess("tests.harness.triton_grpc", f"127.0.0.1:{grpc_server.port}") as client:
        yield client


class TestTriton:
    def infer(self, triton: Subprocess, files: list[bytes], **options: Any) -> Document:
        inputs = [["image", [base64.b64encode(file).decode() for file in files]]]
        return triton.ask({"do": "infer", "inputs": inputs, **options})

    def test_it_gets_scores_and_errors(self, triton: Subprocess, files: Files) -> None:
        answer = self.infer(triton, [files.red, b"nothing"], id="7")
        assert answer["id"] == "7"
        found = answer["outputs"]
        assert list(found) == ["prediction", "out_of_domain", "error_code", "error_message"]
        assert found["prediction"][0] > 0.9
        assert found["prediction"][1] is None
        assert found["error_code"] == ["", "image_unsupported"]

    def test_it_gets_the_outputs_that_it_asks_for(self, triton: Subprocess, files: Files) -> None:
        found = self.infer(triton, [files.red], outputs=["scores"])["outputs"]
        assert sum(found["scores"]) == pytest.approx(1, abs=2e-4)

    def test_it_learns_why_it_is_refused(self, triton: Subprocess, files: Files) -> None:
        assert self.infer(triton, [files.red], outputs=["mask"])["status"] == "StatusCode.INVALID_ARGUMENT"

    def test_it_reads_health_and_metadata(self, triton: Subprocess) -> None:
        described = triton.ask({"do": "describe"})
        assert [described[name] for name in ("live", "ready", "model ready")] == [True] * 3
        assert described["server"]["name"] == "logo-detection-server"
        assert [each["name"] for each in described["model"]["inputs"]] == [
            "image",
            "url",
            "filename",
            "target",
        ]


class TestKServe:
    @pytest.fixture
    async def client(self, grpc_server: GrpcServer) -> AsyncIterator[InferenceGRPCClient]:
        async with InferenceGRPCClient(f"127.0.0.1:{grpc_server.port}", timeout=30) as client:
            yield client

    def request(self, elements: list[bytes], *, raw: bool, **fields: Any) -> InferRequest:
        image = InferInput("image", [len(elements)], "BYTES", None if raw else elements)
        if raw:
            image.set_data_from_numpy(np.array(elements, dtype=object), binary_data=True)
        return InferRequest(MODEL, [image], **fields)

    @pytest.mark.parametrize("raw", [True, False], ids=["raw", "contents"])
    async def test_it_gets_scores_and_errors(
        self, client: InferenceGRPCClient, files: Files, raw: bool
    ) -> None:
        response = await client.infer(self.request([files.red, b"nothing"], raw=raw, request_id="7"))
        assert (response.id, response.model_name) == ("7", MODEL)
        red, none = response.get_output_by_name("prediction").as_numpy()
        assert red > 0.9
        assert np.isnan(none)
        assert list(response.get_output_by_name("error_code").as_numpy()) == [b"", b"image_unsupported"]

    async def test_it_learns_why_it_is_refused(self, client: InferenceGRPCClient, files: Files) -> None:
        request = self.request([files.red], raw=True, request_outputs=[RequestedOutput("mask")])
        with pytest.raises(grpc.aio.AioRpcError, match=r"outputs.mask: must be one of") as refused:
            await client.infer(request)
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT

    async def test_it_reads_health(self, client: InferenceGRPCClient) -> None:
        assert await client.is_server_live()
        assert await client.is_server_ready()
        assert await client.is_model_ready(MODEL)


@pytest.mark.parametrize(("language", "text"), EXAMPLES, ids=["tritonclient", "grpcurl"])
def test_the_documented_lines_print_a_score(
    grpc_server: GrpcServer, tmp_path: Path, language: str, text: str
) -> None:
    grpcurl = tmp_path / "grpcurl"
    grpcurl.write_text(f'#!/bin/sh\nexec {sys.executable} -m tests.harness.grpcurl "$@"\n')
    grpcurl.chmod(0o755)
    text = text.replace("localhost:8081", f"127.0.0.1:{grpc_server.port}")
    assert "localhost" not in text
    command = ["bash", "-o", "pipefail", "-ec", text] if language == "sh" else [sys.executable, "-c", text]
    environment = clean_environment({"PYTHONPATH": ":".join(sys.path)})
    environment["PATH"] = f"{tmp_path}:{environment['PATH']}"
    ran = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, env=environment, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert re.search(r"\b0\.\d{2,}", ran.stdout), ran.stdout
