"""The V2 contract over REST, line by line, against a real server process with a small model."""

import base64
import json
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logo_detection.errors import DeadlineExceeded, ImageCorrupt, InternalError, ItemError
from model_server.errors import RequestMalformed
from model_server.schema import Inline, Item, ItemResult, Timing
from model_server.v2_rest import InferRequest, parse_infer, render_infer
from tests.documented import document_of
from tests.harness.footprint import footprint, forget_peak, peak_bytes
from tests.harness.origins import Origin, drip
from tests.harness.requests import inline
from tests.harness.server import RunningServer, running_server
from tests.harness.v2 import (
    INFER,
    JSON_LENGTH,
    binary_request,
    images,
    outputs,
    serialize,
    serialized,
    tensor,
)
from tests.model_server.conftest import Files
from tests.models import LABELS

INFER_PATH = "/v2/models/{model}/infer"
RED_URL, SLOW_URL = "https://origin.test/red.png", "https://origin.test/slow"


@pytest.fixture(scope="module")
def origin(files: Files) -> Iterator[Origin]:
    with Origin() as running:
        running.serve("/red.png", files.red)
        running.serve("/slow", drip())
        yield running


@pytest.fixture(scope="module")
def fetching(
    artifact: Path, origin: Origin, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server that can fetch what the origin has, and is full with three files."""
    hosts: dict[str, Any] = {"ALLOWED_HOSTS": "origin.test", "ORIGIN_OVERRIDES": f"origin.test={origin.url}"}
    limits: dict[str, Any] = {"IMAGES_MAX_NUM": 3, "QUEUE_MAX_IMAGES": 3, "REQUEST_TIMEOUT_S": 2}
    stderr = tmp_path_factory.mktemp("fetching") / "stderr"
    with running_server(stderr, MODEL_PATH=artifact, **hosts, **limits) as running:
        yield running


def infer(server: RunningServer, document: Any, **options: Any) -> httpx.Response:
    return send(server, json.dumps(document).encode(), **options)


def send(server: RunningServer, body: bytes, **options: Any) -> httpx.Response:
    """POST a body; whatever comes is as the server's own document says."""
    response = httpx.post(server.url + INFER, content=body, timeout=30, **options)
    assert document_of(server).contradictions(response, INFER_PATH) == []
    return response


class TestAnswer:
    def test_an_answer_has_exactly_these_fields(self, server: RunningServer, files: Files) -> None:
        response = infer(server, {"inputs": [images([files.red, b"nothing"])]})
        assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
        document = response.json()
        assert document.keys() == {"model_name", "model_version", "outputs"}
        assert (document["model_name"], document["model_version"]) == ("logo-detection", "1")
        shapes = [(each["name"], each["datatype"], each["shape"]) for each in document["outputs"]]
        assert shapes == [
            ("prediction", "FP32", [2]),
            ("out_of_domain", "FP32", [2]),
            ("error_code", "BYTES", [2]),
            ("error_message", "BYTES", [2]),
        ]
        found = outputs(response)
        assert found["prediction"][0] > 0.9
        assert found["prediction"][1] is None
        assert found["error_code"] == ["", "image_unsupported"]
        assert found["error_message"][0] == ""
        assert "JPEG" in found["error_message"][1]

    def test_the_id_is_echoed(self, server: RunningServer, files: Files) -> None:
        for request_id in ("7", "", "ü" * 1024):
            document = infer(server, {"id": request_id, "inputs": [images([files.red])]}).json()
            assert document["id"] == request_id
        assert "id" not in infer(server, {"id": None, "inputs": [images([files.red])]}).json()

    def test_the_outputs_asked_for_come_in_their_order(self, server: RunningServer, files: Files) -> None:
        asked = [{"name": "scores"}, {"name": "prediction"}]
        response = infer(server, {"inputs": [images([files.red, files.blue])], "outputs": asked})
        found = outputs(response)
        assert list(found) == ["scores", "prediction"]
        assert found["scores"][1::2] == found["prediction"]
        assert response.json()["outputs"][0]["shape"] == [2, 2]

    def test_serialized_outputs_have_the_values_of_the_json(
        self, server: RunningServer, files: Files
    ) -> None:
        names = ["prediction", "out_of_domain", "error_code", "error_message", "scores"]
        request = {"inputs": [images([files.red, b"nothing", files.blue])]}
        plain = infer(server, {**request, "outputs": [{"name": name} for name in names]})
        binary = infer(
            server,
            {
                **request,
                "parameters": {"binary_data_output": True},
                "outputs": [{"name": name} for name in names],
            },
        )
        mixed = infer(
            server,
            {
                **request,
                "parameters": {"binary_data_output": True},
                "outputs": [
                    {"name": name, "parameters": {"binary_data": at % 2 == 0}}
                    for at, name in enumerate(names)
                ],
            },
        )
        assert outputs(plain) == outputs(binary) == outputs(mixed)
        assert binary.headers["content-type"] == mixed.headers["content-type"] == "application/octet-stream"
        assert int(binary.headers[JSON_LENGTH]) < len(binary.content)

    def test_serialized_files_are_scored_like_those_in_the_json(
        self, server: RunningServer, files: Files
    ) -> None:
        contents = [files.red, b"nothing", files.grey, b""]
        names = serialize([b"a", b"b", b"c", "ü".encode()])
        data = serialize(contents)
        document = {"inputs": [serialized("image", len(data), 4), serialized("filename", len(names), 4)]}
        text = json.dumps(document).encode()
        response = send(server, text + data + names, headers={JSON_LENGTH: str(len(text))})
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/json"
        assert outputs(response) == outputs(infer(server, {"inputs": [images(contents)]}))

    def test_where_no_file_was_scored_v1s_status_comes_with_an_error_and_all_outputs(
        self, server: RunningServer
    ) -> None:
        body, headers = binary_request([b"nothing", b""], outputs=[{"name": "prediction"}], id="7")
        response = send(server, body, headers=headers)
        assert (response.status_code, response.headers["content-type"]) == (422, "application/json")
        document = response.json()
        assert document["error"] == "no file could be scored (image_corrupt, image_unsupported); see outputs"
        assert document["id"] == "7"
        found = outputs(response)
        assert list(found) == ["prediction", "out_of_domain", "error_code", "error_message"]
        assert found["prediction"] == found["out_of_domain"] == [None, None]
        assert found["error_code"] == ["image_unsupported", "image_corrupt"]

    @pytest.mark.parametrize(
        ("error", "status"), [(InternalError(), 500), (DeadlineExceeded(), 504), (ImageCorrupt(), 422)]
    )
    def test_its_status_is_v1s(self, error: ItemError, status: int) -> None:
        item = Item("", "logo", Inline(""))
        request = InferRequest((item,), None, ("scores",), frozenset({"scores"}))
        found, body, headers = render_infer([ItemResult(item, error, Timing())], request, LABELS, {})
        assert (found, headers) == (HTTPStatus(status), {"content-type": "application/json"})
        codes, scores = (json.loads(body)["outputs"][at] for at in (2, 4))
        assert (codes["data"], scores["data"]) == ([error.code], [None, None])

    def test_urls_are_fetched(self, fetching: RunningServer) -> None:
        urls = tensor("url", [RED_URL, "https://elsewhere.test/", "nonsense"])
        found = outputs(infer(fetching, {"inputs": [urls]}))
        assert found["prediction"][0] > 0.9
        assert found["error_code"] == ["", "url_not_allowed", "url_not_allowed"]

    def test_a_serialized_file_may_be_as_large_as_an_inline_one(
        self, server: RunningServer, files: Files
    ) -> None:
        contents = [files.red.ljust(4 * 2**20, b"\0"), files.red.ljust(4 * 2**20 + 1, b"\0")]
        body, headers = binary_request(contents)
        found = outputs(send(server, body, headers=headers))
        assert found["error_code"] == ["", "image_too_large"]
        assert found == outputs(infer(server, {"inputs": [images(contents)]}))

    def test_the_json_may_have_any_content_type(self, server: RunningServer, files: Files) -> None:
        for content_type in ("application/json; charset=utf-8", "application/x-www-form-urlencoded", ""):
            response = infer(
                server, {"inputs": [images([files.red])]}, headers={"content-type": content_type}
            )
            assert response.status_code == 200


def one(**changes: Any) -> dict[str, Any]:
    return {**tensor("image", ["AAAA"]), **changes}


MALFORMED: list[tuple[Any, str]] = [
    ([], "the body must be an object with inputs"),
    ({}, "inputs: is missing"),
    ({"inputs": None}, "inputs: must be a list"),
    ({"inputs": {}}, "inputs: must be a list"),
    ({"inputs": []}, "inputs: must not be empty"),
    ({"inputs": [5]}, "inputs[0]: must be an object"),
    ({"inputs": [one()] * 5}, "inputs: has too many elements (at most 4)"),
    ({"inputs": [one(name=None)]}, "inputs[0].name: must be a string"),
    ({"inputs": [one(name="a b")]}, "inputs[0].name: must be 1 to 64 letters"),
    ({"inputs": [one(name="image\n")]}, "inputs[0].name: must be 1 to 64 letters"),
    ({"inputs": [one(name="x" * 65)]}, "inputs[0].name: must be 1 to 64 letters"),
    ({"inputs": [one(name="IMAGE")]}, "inputs.IMAGE: must be one of: image, url, filename, target"),
    ({"inputs": [one(datatype=None)]}, "inputs.image.datatype: must be a string"),
    ({"inputs": [one(datatype="UINT8", data=[0])]}, "inputs.image.datatype: must be BYTES"),
    ({"inputs": [one(shape=1)]}, "inputs.image.shape: must be a list"),
    ({"inputs": [one(shape=[1.0])]}, "inputs.image.shape[0]: must be an integer"),
    ({"inputs": [one(shape=[True])]}, "inputs.image.shape[0]: must be an integer"),
    ({"inputs": [one(shape=["1"])]}, "inputs.image.shape[0]: must be an integer"),
    ({"inputs": [one(shape=[-1])]}, "inputs.image.shape: must be [N], N from 1 to 50"),
    ({"inputs": [one(shape=[2**63])]}, "inputs.image.shape: must be [N], N from 1 to 50"),
    ({"inputs": [one(shape=[2**70])]}, "inputs.image.shape[0]: must be an integer"),
    ({"inputs": [one(shape=[51], data=[""] * 51)]}, "inputs.image.shape: must be [N], N from 1 to 50"),
    ({"inputs": [one(shape=[1] * 9)]}, "inputs.image.shape: has too many elements (at most 8)"),
    ({"inputs": [one(shape=[2])]}, "inputs.image.shape: must be [1], as there are so many elements"),
    ({"inputs": [one(data=None)]}, "inputs.image: must have either data or binary_data_size"),
    ({"inputs": [one(data="AAAA")]}, "inputs.image.data: must be a list"),
    ({"inputs": [one(data=[["AAAA"]])]}, "inputs.image[0]: must be a string"),
    ({"inputs": [one(data=[5])]}, "inputs.image[0]: must be a string"),
    ({"inputs": [one(parameters=[])]}, "inputs.image.parameters: must be an object"),
    (
        {"inputs": [one(parameters={"binary_data_size": 0})]},
        "inputs.image: must have either data or binary_data_size",
    ),
    (
        {"inputs": [one(data=None, parameters={"binary_data_size": -1})]},
        "inputs.image.parameters.binary_data_size: must not be less than 0",
    ),
    (
        {"inputs": [one(data=None, parameters={"binary_data_size": 1})]},
        "inputs.image.parameters.binary_data_size: is 1, and 0 bytes are left",
    ),
    (
        {"inputs": [one(data=None, parameters={"shared_memory_region": "a"})]},
        "inputs.image.parameters.shared_memory_region: is not supported",
    ),
    ({"inputs": [tensor("filename", ["a"])]}, "inputs: image or url is missing"),
    ({"inputs": [one(), tensor("url", ["a"])]}, "inputs: image and url exclude each other"),
    ({"inputs": [one(), one()]}, "inputs.image: is there twice"),
    (
        {"inputs": [one(), tensor("filename", ["a", "b"])]},
        "inputs.filename.shape: must be [1], as that of image",
    ),
    ({"inputs": [one(), tensor("target", ["cat"])]}, "inputs.target[0]: must be one of: logo"),
    ({"inputs": [one()], "id": 7}, "id: must be a string"),
    ({"inputs": [one()], "id": "x" * 1025}, "id: is too long (at most 1024 characters)"),
    ({"inputs": [one()], "parameters": 5}, "parameters: must be an object"),
    (
        {"inputs": [one()], "parameters": {"binary_data_output": 1}},
        "parameters.binary_data_output: must be true or false",
    ),
    ({"inputs": [one()], "outputs": {}}, "outputs: must be a list"),
    ({"inputs": [one()], "outputs": [{}]}, "outputs[0].name: is missing"),
    ({"inputs": [one()], "outputs": [{"name": "label"}]}, "outputs.label: must be one of: prediction"),
    ({"inputs": [one()], "outputs": [{"name": "scores"}] * 2}, "outputs.scores: is there twice"),
    (
        {"inputs": [one()], "outputs": [{"name": "scores", "parameters": {"binary_data": "yes"}}]},
        "outputs.scores.parameters.binary_data: must be true or false",
    ),
    (
        {"inputs": [one()], "outputs": [{"name": "scores", "parameters": {"classification": 2}}]},
        "outputs.scores.parameters.classification: is not supported",
    ),
]


class TestMalformed:
    @pytest.mark.parametrize(("document", "message"), MALFORMED, ids=[message for _, message in MALFORMED])
    def test_a_malformed_document_is_refused_and_says_why(self, document: Any, message: str) -> None:
        with pytest.raises(RequestMalformed) as refusal:
            parse_infer(json.dumps(document).encode(), {}, LABELS, 50)
        assert message in str(refusal.value)

    def test_a_server_refuses_it_with_400_and_nothing_but_the_message(self, server: RunningServer) -> None:
        response = infer(server, {"inputs": [one(shape=[2])]})
        assert response.status_code == 400
        assert response.json() == {"error": "inputs.image.shape: must be [1], as there are so many elements"}
        assert send(server, b"{").status_code == 400

    @pytest.mark.parametrize("length", ["", "-1", "+1", " 5", "1e3", "x", "99999", "9" * 5000, "५"])
    def test_an_impossible_length_of_the_json_is_refused(self, length: str) -> None:
        body, _ = binary_request([b"x"])
        with pytest.raises(
            RequestMalformed, match="Inference-Header-Content-Length: must be a number of bytes"
        ):
            parse_infer(body, {JSON_LENGTH.lower(): length}, LABELS, 50)

    @pytest.mark.parametrize(
        ("declared", "data", "message"),
        [
            (8, serialize([b"a"]), "binary_data_size: is 8, and 5 bytes are left"),
            (4, b"\1\0\0\0", "inputs.image[0]: is cut short"),
            (5, serialize([b"a"]) + b"xy", "inputs: 2 bytes follow those of the serialized tensors (image)"),
            (5, b"\xff\xff\xff\x7fa", "inputs.image[0]: is cut short"),
            (0, b"", "inputs.image[0]: is cut short"),
            (2**64 - 1, b"", "binary_data_size: is 18,446,744,073,709,551,615, and 0 bytes are left"),
        ],
    )
    def test_serialized_sizes_that_disagree_are_refused(
        self, declared: int, data: bytes, message: str
    ) -> None:
        text = json.dumps({"inputs": [serialized("image", declared, 1)]}).encode()
        with pytest.raises(RequestMalformed) as refusal:
            parse_infer(text + data, {JSON_LENGTH.lower(): str(len(text))}, LABELS, 50)
        assert message in str(refusal.value)

    def test_a_serialized_tensor_of_countless_elements_makes_none_of_them(
        self, server: RunningServer
    ) -> None:
        data = bytes(24 * 2**20)
        text = json.dumps({"inputs": [serialized("image", len(data), 50)]}).encode()
        body, headers = text + data, {JSON_LENGTH: str(len(text))}
        before = footprint(server.process.pid).rss
        forget_peak(server.process.pid)
        response = send(server, body, headers=headers)
        assert response.status_code == 400
        assert response.json()["error"].startswith("inputs.image.shape: says 50 elements, and ")
        assert peak_bytes(server.process.pid) - before < 3 * len(body)


@given(st.binary(max_size=200), st.none() | st.integers(0, 250).map(str))
@settings(max_examples=200)
def test_any_bytes_are_refused(body: bytes, length: str | None) -> None:
    with pytest.raises(RequestMalformed):
        parse_infer(body, {} if length is None else {JSON_LENGTH.lower(): length}, LABELS, 50)


class TestRoutes:
    def test_the_metadata_of_the_server_and_of_the_model(self, server: RunningServer) -> None:
        about = httpx.get(f"{server.url}/v2").json()
        assert about["extensions"] == ["binary_tensor_data"]
        model = httpx.get(f"{server.url}/v2/models/logo-detection").json()
        assert (model["name"], model["versions"], model["platform"]) == ("logo-detection", ["1"], "openvino")
        assert model["parameters"]["labels"] == list(LABELS)
        assert [each["threshold"] for each in model["parameters"]["thresholds"]] == [0.9]
        assert {each["name"]: each["shape"] for each in model["outputs"]}["scores"] == [-1, 2]

    def test_the_version_that_is_served_may_be_named_and_no_other(
        self, server: RunningServer, files: Files
    ) -> None:
        body = json.dumps({"inputs": [images([files.red])]})
        for version, status in (("1", 200), ("2", 404)):
            url = f"{server.url}/v2/models/logo-detection/versions/{version}"
            assert httpx.get(url).status_code == status
            assert httpx.get(f"{url}/ready").status_code == status
            assert httpx.post(f"{url}/infer", content=body).status_code == status
        assert httpx.get(url).json() == {"error": "Model with name logo-detection has no version 2."}

    def test_another_model_is_not_there(self, server: RunningServer) -> None:
        url = f"{server.url}/v2/models/other"
        for response in (httpx.get(url), httpx.get(f"{url}/ready"), httpx.post(f"{url}/infer", json={})):
            assert response.status_code == 404
            assert response.json() == {"error": "Model with name other does not exist."}


class TestSameServer:
    def test_v2_counts_in_the_same_metrics_and_log_as_v1(self, server: RunningServer, files: Files) -> None:
        before = server.metric("logo_items_total", outcome="scored", source="inline")
        body, headers = binary_request([files.red, files.red])
        response = send(server, body, headers={**headers, "x-request-id": "counted"})
        assert response.headers["x-request-id"] == "counted"
        assert server.metric("logo_items_total", outcome="scored", source="inline") == before + 2
        (line,) = [line for line in server.stderr().splitlines() if "request_id=counted" in line]
        assert "items=scored:2" in line

    def test_a_full_queue_refuses_v2_as_it_refuses_v1(
        self, fetching: RunningServer, origin: Origin, files: Files
    ) -> None:
        waiting: list[httpx.Response] = []
        slow = {"inputs": [tensor("url", [SLOW_URL] * 3)]}
        with origin.busy():
            caller = Thread(target=lambda: waiting.append(infer(fetching, slow)))
            caller.start()
            origin.wait_for_request(timeout_s=5)
            refused = infer(fetching, {"inputs": [images([files.red])]})
            caller.join(timeout=20)
        assert (refused.status_code, refused.headers["x-envoy-ratelimited"]) == (503, "true")
        assert int(refused.headers["retry-after"]) > 0
        assert waiting[0].status_code == 504

    def test_bytes_of_a_damaged_image_and_credentials_are_in_no_answer_and_no_log(
        self, server: RunningServer
    ) -> None:
        secret = b"\x89PNG\r\n\x1a\nCANARY" * 9
        headers = {"authorization": "Bearer CANARY", "cookie": "a=CANARY"}
        body, length = binary_request([secret])
        encoded = base64.b64encode(secret).decode()
        answers = [
            send(server, body, headers={**headers, **length}),
            send(server, body, headers=headers),
            send(server, body[:-3], headers={**headers, **length}),
            infer(server, {"inputs": [tensor("image", [encoded])]}, headers=headers),
            infer(server, {"inputs": [one(name=encoded)]}, headers=headers),
            infer(server, {"inputs": [one(), tensor("target", [encoded])]}, headers=headers),
            infer(server, {"inputs": [one(datatype=encoded)]}, headers=headers),
        ]
        assert [answer.status_code for answer in answers] == [422, 400, 400, 422, 400, 400, 400]
        told = "".join(answer.text for answer in answers) + server.stderr()
        assert "CANARY" not in told
        assert encoded[:12] not in told

    def test_v1_ignores_the_header_of_the_binary_extension(self, server: RunningServer, files: Files) -> None:
        assert server.predict([inline(files.red)], headers={JSON_LENGTH: "3"}).status_code == 200
