"""The description of the API: valid, whole, and of nobody else's making; and what the docs say of it."""

import ast
import io
import json
import re
from contextlib import redirect_stderr

import pytest
from django.urls import get_resolver
from drf_spectacular.drainage import GENERATOR_STATS
from openapi_spec_validator import OpenAPIV31SpecValidator

from studio.api.scopes import CEILINGS
from studio.api.tokens import draw_token
from studio.people.models import User
from tests.harness.process import ROOT
from tests.studio.api.calls import Caller
from tests.studio.api.test_access import OPERATIONS, views

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs" / "studio-api.md").read_text()
TESTS = ROOT / "tests" / "studio"


def test_it_is_valid_and_has_every_operation(administrator: User) -> None:
    said = io.StringIO()
    with redirect_stderr(said), GENERATOR_STATS.silence():
        document = json.loads(Caller(administrator, "score").get("/api/schema/?format=json").content)
    assert not said.getvalue()
    OpenAPIV31SpecValidator(document).validate()
    found = {(path, method.upper()) for path, item in document["paths"].items() for method in item}
    assert len(found) == len(OPERATIONS) - 1  # it does not describe itself
    assert len(views(get_resolver())) == len(document["paths"]) + 2  # nor what is nowhere
    for path, item in document["paths"].items():
        for operation in item.values():
            assert operation["security"], path
            assert {"401", "403", "404", "429"} <= operation["responses"].keys(), path
    references = re.findall(r'"\$ref": "([^"]*)"', json.dumps(document))
    assert all(reference.startswith("#/components/") for reference in references)
    assert set(document["components"]["securitySchemes"]["oauth2"]["flows"]) == {
        "authorizationCode",
        "clientCredentials",
    }


def test_it_warns_of_nothing(administrator: User, capfd: pytest.CaptureFixture[str]) -> None:
    draw_token(administrator, "x", "read", 1)
    GENERATOR_STATS.reset()
    Caller(administrator).get("/api/schema/")
    assert not GENERATOR_STATS
    assert "Warning" not in capfd.readouterr().err


def test_the_page_has_every_scope_and_no_other() -> None:
    table = PAGE.split("| scope |")[1].split("\n\n")[0]
    found = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", table, re.M))
    assert found == {scope: ceiling.label for scope, ceiling in CEILINGS.items()}


def test_every_test_that_the_page_names_is_there() -> None:
    named = re.findall(r"`((?:\w+/)*test_\w+\.py)::(test_\w+)`", PAGE)
    assert len(named) > 25
    assert PAGE.count(".py::") == len(named)
    for file, name in named:
        tree = ast.parse((TESTS / file).read_text())
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, (
            file,
            name,
        )
    rows = re.findall(r"^\| (A\d\d) .*`test|^\| (A\d\d) .*py::", PAGE, re.M)
    assert [one or other for one, other in rows] == [f"A{number:02}" for number in range(1, 11)]


def test_every_address_that_the_journey_names_is_there() -> None:
    table = PAGE.split("## KerasUI's journey")[1]
    patterns = [re.sub(r"<\w+:\w+>", "ID", str(view)) for view in routes()]
    for path in re.findall(
        r"`(?:GET |POST |PUT )?((?:/api/|runs/|images/|imports/|labels/)[A-Za-z/]*)`", table
    ):
        whole = path if path.startswith("/api/") else f"/api/datasets/ID/{path}"
        assert whole in patterns, path


def routes() -> list[str]:
    """Of all addresses of the API."""
    found: list[str] = []

    def walk(resolver: object, before: str) -> None:
        for each in resolver.url_patterns:  # type: ignore[attr-defined]  # a resolver has them
            path = before + str(each.pattern)
            if hasattr(each, "url_patterns"):
                walk(each, path)
            else:
                found.append(path)

    walk(get_resolver(), "/")
    return found
