"""The OpenAPI document, held against the standard, the code, docs/api.md, and a real server's answers."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from logo_detection import errors
from logo_detection.errors import ItemError
from model_server.errors import STATUS
from model_server.limits import Limits
from model_server.openapi import EXAMPLE_URL, describe_api
from model_server.routes import ROUTES
from tests.documented import EXPLAIN_PATH, PREDICT_PATH, Document, document_of
from tests.harness.origins import Origin, drip
from tests.harness.requests import by_url, inline
from tests.harness.server import RunningServer, running_server
from tests.harness.v2 import INFER, outputs
from tests.model_server.conftest import Files, Start
from tests.models import LABELS

API_PAGE = Path(__file__).parents[2] / "docs" / "api.md"
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
SCHEMATHESIS_CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLE_PATH = httpx.URL(EXAMPLE_URL).path
EXAMPLE_HOST = httpx.URL(EXAMPLE_URL).host


@pytest.fixture
def document() -> Document:
    return Document(describe_api("logo-detection", ("out_of_domain", "logo"), Limits(50, 4 << 20, 64 << 20)))


@pytest.fixture(scope="module")
def origin(files: Files) -> Iterator[Origin]:
    """Has the file of the examples, and /slow, which never ends."""
    with Origin() as running:
        running.serve(EXAMPLE_PATH, files.red)
        running.serve("/slow", drip())
        yield running


def offline(origin: Origin) -> dict[str, Any]:
    """Settings with which everything that may be fetched is here."""
    return {"ALLOWED_HOSTS": EXAMPLE_HOST, "ORIGIN_OVERRIDES": f"{EXAMPLE_HOST}={origin.url}"}


@pytest.fixture(scope="module")
def supplied(
    artifact: Path, origin: Origin, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server that can fetch the file of the examples, and reaches nothing else."""
    stderr = tmp_path_factory.mktemp("supplied") / "stderr"
    with running_server(stderr, MODEL_PATH=artifact, **offline(origin)) as running:
        yield running


@pytest.fixture(scope="module")
def cramped(
    artifact: Path, origin: Origin, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server under other limits than the usual ones."""
    stderr = tmp_path_factory.mktemp("cramped") / "stderr"
    settings = {"MODEL_PATH": artifact, "REQUEST_TIMEOUT_S": 2, "QUEUE_MAX_IMAGES": 3, **offline(origin)}
    limits: dict[str, Any] = {"IMAGES_MAX_NUM": 3, "IMAGE_MAX_SIZE": 5000, "BODY_MAX_SIZE": 20_000}
    with running_server(stderr, **settings, **limits) as running:
        yield running


def agrees(server: RunningServer, response: httpx.Response, status: int, path: str = PREDICT_PATH) -> None:
    assert response.status_code == status, response.text
    assert document_of(server).contradictions(response, path) == []


class TestDocument:
    def test_it_is_valid(self, document: Document) -> None:
        OpenAPIV31SpecValidator(document.json).validate()

    def test_every_example_fits_its_schema(self, document: Document) -> None:
        examples = list(document.examples())
        assert len(examples) > 20
        for where, schema, example in examples:
            assert document.errors(schema, example) == [], where

    def test_every_body_of_the_predict_route_has_an_example(self, document: Document) -> None:
        named = {where.split()[2] for where, _, _ in document.examples() if PREDICT_PATH in where}
        assert named == {"request", *document.json["paths"][PREDICT_PATH]["post"]["responses"]}

    def test_its_codes_are_those_of_the_code(self, document: Document) -> None:
        codes = [
            error.code
            for error in vars(errors).values()
            if isinstance(error, type)
            and issubclass(error, ItemError)
            and error is not ItemError
            and not issubclass(error, errors.LocalError)
        ]
        assert sorted(
            document.json["components"]["schemas"]["FileError"]["properties"]["code"]["enum"]
        ) == sorted(codes)

    def test_its_statuses_are_those_of_the_table_and_of_the_code(self, document: Document) -> None:
        table = API_PAGE.read_text().split("## Status\n")[1].split("\n## ")[0]
        documented = {int(status) for status in re.findall(r"^\| (\d{3}) \|", table, re.MULTILINE)}
        assert document.statuses() == documented
        assert documented == {200, 422, 504} | {int(status) for status in STATUS.values()}

    def test_its_routes_are_those_that_are_open(self, document: Document) -> None:
        paths = [(path.replace("{model}", "x"), method.upper()) for path, method, _ in document.operations()]
        for path, method in paths:
            (route,) = [route for route in ROUTES if route.path.fullmatch(path)]
            assert route.methods[0] == method
        for route in ROUTES:
            assert any(route.path.fullmatch(path) for path, _ in paths), route.path.pattern

    def test_it_loads_nothing_from_elsewhere(self, document: Document) -> None:
        references = re.findall(r"'\$ref': '([^']*)'", repr(document.json))
        assert references
        assert all(reference.startswith("#/components/") for reference in references)

    def test_other_models_and_limits_show(self) -> None:
        document = describe_api("cats", ("cat", "out_of_domain", "dog"), Limits(7, 1000, 5000))
        OpenAPIV31SpecValidator(document).validate()
        schemas = document["components"]["schemas"]
        assert schemas["Target"]["enum"] == ["cat", "dog"]
        assert (
            schemas["Items"]["maxItems"]
            == schemas["PredictResponse"]["properties"]["predictions"]["maxItems"]
            == 7
        )
        assert document["components"]["parameters"]["Model"]["schema"]["enum"] == ["cats"]
        predict = document["paths"][PREDICT_PATH]["post"]
        assert "5,000 bytes" in predict["requestBody"]["description"]
        assert "1,000 bytes" in schemas["Item"]["properties"]["image"]["description"]


class TestServed:
    def test_it_has_the_running_servers_limits(self, cramped: RunningServer, files: Files) -> None:
        document = document_of(cramped)
        assert document.json == describe_api("logo-detection", LABELS, Limits(3, 5000, 20_000))
        for count in (1, 3, 4):
            body = [inline(files.red)] * count
            fits = document.errors({"$ref": "#/components/schemas/PredictRequest"}, body) == []
            assert (cramped.predict(body).status_code == 200) == fits == (count < 4)

    def test_its_requests_are_answered(self, supplied: RunningServer) -> None:
        body = document_of(supplied).json["paths"][PREDICT_PATH]["post"]["requestBody"]
        examples = body["content"]["application/json"]["examples"]
        for name, example in examples.items():
            response = supplied.predict(example["value"])
            agrees(supplied, response, 200)
            assert all("prediction" in scored for scored in response.json()["predictions"]), name

    def test_its_requests_for_explanations_are_answered(self, supplied: RunningServer) -> None:
        body = document_of(supplied).json["paths"][EXPLAIN_PATH]["post"]["requestBody"]
        for example in body["content"]["application/json"]["examples"].values():
            response = supplied.explain(example["value"])
            agrees(supplied, response, 200, EXPLAIN_PATH)
            assert all("overlay" in explained for explained in response.json()["predictions"])

    def test_its_requests_of_v2_are_answered(self, supplied: RunningServer) -> None:
        body = document_of(supplied).json["paths"]["/v2/models/{model}/infer"]["post"]["requestBody"]
        for example in body["content"]["application/json"]["examples"].values():
            response = httpx.post(supplied.url + INFER, json=example["value"])
            agrees(supplied, response, 200, "/v2/models/{model}/infer")
            assert set(outputs(response).get("error_code", [])) == {""}

    def test_no_page_loads_scripts_from_elsewhere(self, server: RunningServer) -> None:
        for path in ("/docs", "/redoc", "/docs/oauth2-redirect"):
            assert httpx.get(server.url + path).status_code == 404, path


class TestAnswers:
    """One real answer for each status of the table, against the schema that the same server documents."""

    def test_scored(self, server: RunningServer, files: Files) -> None:
        for body in (
            [inline(files.red), inline(b"x")],
            {"instances": [inline(files.red)] * 2, "debug": True},
        ):
            agrees(server, server.predict(body), 200)

    def test_malformed(self, server: RunningServer) -> None:
        agrees(server, server.predict([{"filename": "a"}]), 400)
        agrees(server, server.post(b"\xff"), 400)

    def test_another_model(self, server: RunningServer, files: Files) -> None:
        response = httpx.post(f"{server.url}/v1/models/other:predict", json=[inline(files.red)])
        agrees(server, response, 404)
        agrees(server, httpx.get(f"{server.url}/v1/models/other"), 404, "/v1/models/{model}")

    def test_too_large(self, cramped: RunningServer) -> None:
        agrees(cramped, cramped.post(bytes(20_001)), 413)

    def test_compressed(self, server: RunningServer) -> None:
        agrees(server, server.post(b"[]", headers={"content-encoding": "gzip"}), 415)

    @pytest.mark.parametrize("nulls", [{}, {"url": None}, {"image": None}, {"url": None, "image": None}])
    def test_null(self, server: RunningServer, files: Files, nulls: dict[str, None]) -> None:
        request = {"$ref": "#/components/schemas/PredictRequest"}
        for item in ({**inline(files.red), **nulls}, {**nulls, **inline(files.red)}):
            for body in ([item], {"instances": [item], "debug": None}):
                fits = document_of(server).errors(request, body) == []
                agrees(server, server.predict(body), 200 if fits else 400)
                assert fits == (item["image"] is not None)

    def test_nothing_scored(self, server: RunningServer) -> None:
        agrees(server, server.predict({"instances": [inline(b"x")], "debug": True}), 422)

    def test_our_fault(self, start: Start, nan_artifact: Path, files: Files) -> None:
        with start(MODEL_PATH=nan_artifact) as server:
            agrees(server, server.predict([inline(files.black)]), 500)

    def test_explained(self, server: RunningServer, files: Files) -> None:
        for body, status in (([inline(files.red), inline(b"x")], 200), ([inline(b"x")], 422), ([], 400)):
            agrees(server, server.explain(body), status, EXPLAIN_PATH)

    def test_not_explainable(self, start: Start, nan_artifact: Path, files: Files) -> None:
        with start(MODEL_PATH=nan_artifact) as server:
            agrees(server, server.explain([inline(files.red)]), 400, EXPLAIN_PATH)

    def test_overloaded_and_out_of_time(self, cramped: RunningServer, origin: Origin, files: Files) -> None:
        waiting: list[httpx.Response] = []
        with origin.busy():
            slow = [by_url(f"https://{EXAMPLE_HOST}/slow")] * 3
            caller = Thread(target=lambda: waiting.append(cramped.predict(slow)))
            caller.start()
            origin.wait_for_request(timeout_s=5)
            agrees(cramped, cramped.predict([inline(files.red)]), 503)
            caller.join(timeout=20)
        agrees(cramped, waiting[0], 504)

    def test_health(self, server: RunningServer) -> None:
        for path, method, _ in document_of(server).operations():
            if method == "get":
                url = server.url + path.replace("{model}", "logo-detection")
                agrees(server, httpx.get(url), 200, path)


class TestSchemathesis:
    """Every operation with made-up requests: no status, type, body or header is undocumented."""

    @pytest.mark.parametrize(
        "examples",
        [pytest.param(10, marks=pytest.mark.brief), pytest.param(50, marks=pytest.mark.slow)],
    )
    def test_it_finds_nothing(self, supplied: RunningServer, tmp_path: Path, examples: int) -> None:
        options = (f"--max-examples={examples}",)
        found = run_schemathesis(f"{supplied.url}/openapi.json", *options, directory=tmp_path)
        assert found.returncode == 0, found.stdout + found.stderr
        assert "No issues found" in found.stdout

    def test_it_finds_a_status_that_the_document_lacks(self, supplied: RunningServer, tmp_path: Path) -> None:
        lacking = describe_api("logo-detection", LABELS, Limits(50, 4 << 20, 64 << 20))
        del lacking["paths"][PREDICT_PATH]["post"]["responses"]["422"]
        (tmp_path / "lacking.json").write_text(json.dumps(lacking))
        options = ("--include-operation-id=predict", "--phases=fuzzing", "--max-examples=10")
        found = run_schemathesis("lacking.json", f"--url={supplied.url}", *options, directory=tmp_path)
        assert found.returncode == 1, found.stdout + found.stderr
        assert "Received: 422" in found.stdout, found.stdout


def run_schemathesis(document: str, *options: str, directory: Path) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [
        SCHEMATHESIS,
        "--no-color",
        f"--config-file={SCHEMATHESIS_CONFIG}",
        "run",
        document,
        *options,
    ]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=500, check=False)
