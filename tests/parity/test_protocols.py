"""The same files by V1, by V2 in JSON and with serialized tensors, and by gRPC: the same scores and codes."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests import images
from tests.harness.grpc import GrpcServer, infer_request, read_outputs, running_grpc_server
from tests.harness.requests import inline, predictions
from tests.harness.server import RunningServer
from tests.harness.v2 import INFER, binary_request, outputs
from tests.harness.v2 import images as image_tensor
from tests.parity.test_parity import GOLDEN
from tests.raster_kinds import every_raster

FILES = 60
REQUESTS = 2  # of 30 files, and of damaged ones in their midst
NAMES = ["prediction", "out_of_domain", "error_code", "error_message", "scores"]

Answer = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GrpcServer]:
    with running_grpc_server(tmp_path_factory.mktemp("server") / "stderr") as running:
        yield running


def sound_files() -> list[bytes]:
    golden = [path.read_bytes() for path in sorted(GOLDEN.iterdir()) if path.suffix != ".json"]
    rasters = [raster.data for _, raster in sorted(every_raster().items())]
    found = [*golden, *images.every_kind().values(), *rasters]
    return found[:FILES]


@pytest.fixture(scope="module")
def requests() -> list[list[bytes]]:
    """The files of each request: 30 sound ones, and two that are damaged, among them."""
    files = sound_files()
    assert len(set(files)) == FILES
    damaged = [files[0][: len(files[0]) // 3], b"", b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n" + bytes(40)]
    half = FILES // REQUESTS
    batches = [files[at * half : (at + 1) * half] for at in range(REQUESTS)]
    for batch, bad in zip(batches, (damaged[:2], damaged[2:]), strict=True):
        batch[11:11], batch[23:23] = bad[:1], bad[1:]
    return batches


def by_v1(server: RunningServer, files: list[bytes]) -> Answer:
    response = server.predict({"instances": [inline(file) for file in files], "all_scores": True})
    assert response.status_code == 200
    found = []
    for each in predictions(response):
        error = each.get("error", {"code": "", "message": ""})
        scores = list(each.get("scores", {"": None, " ": None}).values())
        found.append(
            (each.get("prediction"), each.get("out_of_domain"), error["code"], error["message"], *scores)
        )
    return found


def by_v2(server: RunningServer, body: bytes, headers: dict[str, str]) -> Answer:
    response = httpx.post(server.url + INFER, content=body, headers=headers, timeout=30)
    assert response.status_code == 200, response.text
    return by_file(outputs(response))


def by_grpc(server: GrpcServer, files: list[bytes], *, raw: bool) -> Answer:
    return by_file(read_outputs(server.infer(infer_request(files, raw=raw, outputs=NAMES))))


def by_file(columns: dict[str, list[Any]]) -> Answer:
    scores = columns.pop("scores")
    return list(zip(*columns.values(), scores[::2], scores[1::2], strict=True))


def test_the_protocols_give_the_same_scores_and_codes_in_order(
    server: GrpcServer, requests: list[list[bytes]]
) -> None:
    codes: list[str] = []
    for files in requests:
        expected = by_v1(server.http, files)
        asked = {"outputs": [{"name": name} for name in NAMES]}
        document = httpx.Request(
            "POST", server.http.url, json={"inputs": [image_tensor(files)], **asked}
        ).content
        assert by_v2(server.http, document, {}) == expected
        assert by_v2(server.http, *binary_request(files, **asked)) == expected
        assert by_grpc(server, files, raw=True) == expected
        assert by_grpc(server, files, raw=False) == expected
        codes += [code for _, _, code, *_ in expected]
    assert codes.count("") == FILES
    assert len(codes) == FILES + 4
