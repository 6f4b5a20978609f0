"""The dashboard and the alerts: what they ask for is what a server tells.

Every expression is parsed, and held against the metrics of a real server. The rules' own tests are for
promtool, which is Debian's (`tests/install-tools.sh promtool`): `make soak` has them run.
"""

import json
import re
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import promql_parser as promql
import pytest
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.harness.process import ROOT
from tests.harness.server import running_server
from tests.harness.tools import required
from tests.images import one_colour

FILES = ROOT / "helm" / "logo-detection" / "files"
RUNBOOK = ROOT / "docs" / "operations.md"
TARGET_LABELS = {"namespace", "job", "instance"}
"""What Prometheus knows of whom it asks, and the server does not."""
OTHERS = {"ALERTS": {"alertname", "alertstate"}}
"""What Prometheus itself has."""

Labels = dict[str, set[str]]
"""Per metric, the names of its labels; per `metric{label}`, the label's values."""


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((FILES / "alerts.yaml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def dashboard() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FILES / "dashboard.json").read_text())
    return document


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def as_promql(expression: str) -> str:
    """A panel's expression with Grafana's variables filled in."""
    filled = expression.replace("$__rate_interval", "5m").replace('"$namespace"', '".*"')
    return filled.replace('"$job"', '".*"').replace('"$instance"', '".*"')


def expressions() -> list[tuple[str, str]]:
    """Each with the name of who asks."""
    asked = [(rule.get("alert") or rule["record"], rule["expr"]) for rule in rules()]
    asked += [(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]
    asked += [(note["name"], note["expr"]) for note in dashboard()["annotations"]["list"]]
    return [(who, as_promql(expression)) for who, expression in asked]


EXPRESSIONS = expressions()


def selectors(expression: promql.Expr) -> Iterator[promql.VectorSelector]:
    found: list[promql.VectorSelector] = []

    def visit(part: promql.Expr) -> None:
        if isinstance(part, promql.VectorSelector):
            found.append(part)
        elif isinstance(part, promql.MatrixSelector):
            found.append(part.vector_selector)

    promql.walk(expression, visit)
    yield from found


def groupings(expression: str) -> set[str]:
    """The labels that an expression aggregates by, or matches on."""
    lists = re.findall(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)", expression)
    return {name.strip() for names in lists for name in names.split(",") if name.strip()}


def names_in(families: list[Metric]) -> Labels:
    known: Labels = {}
    for family in families:
        for sample in family.samples:
            known.setdefault(sample.name, set()).update(sample.labels)
            for label, value in sample.labels.items():
                known.setdefault(f"{sample.name}{{{label}}}", set()).add(value)
    return known


@pytest.fixture(scope="module")
def served(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Labels:
    """The metrics and labels of a server that has answered requests of several kinds."""
    stderr = tmp_path_factory.mktemp("monitoring") / "stderr"
    with running_server(stderr, MODEL_PATH=artifact, WORKERS=1) as server:
        server.post(b"[")
        server.predict([{"filename": "a", "target": "logo", "url": "https://forbidden.example/a"}])
        image = b64encode(one_colour("red")).decode()
        server.predict([{"filename": "a", "target": "logo", "image": image}])
        families = [*text_string_to_metric_families(httpx.get(f"{server.url}/metrics").text)]
    known = names_in(families)
    for rule in rules():
        if "record" in rule:
            known[rule["record"]] = set(rule["record"].split(":")[0].split("_"))
    return known | OTHERS


@pytest.mark.soak
@pytest.mark.parametrize("name", ["alerts_test.yaml", "alerts_week_test.yaml"])
def test_the_alerts_own_tests_pass(name: str) -> None:
    command = [str(required("promtool")), "test", "rules", name]
    ran = subprocess.run(command, cwd=FILES, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "SUCCESS" in ran.stdout + ran.stderr


@pytest.mark.parametrize(("who", "expression"), EXPRESSIONS, ids=[who for who, _ in EXPRESSIONS])
def test_every_expression_asks_for_what_there_is(who: str, expression: str, served: Labels) -> None:
    asked = [*selectors(promql.parse(expression))]
    assert asked
    available = set(TARGET_LABELS)
    for selector in asked:
        name = selector.name or ""
        assert name in served, who
        available |= served[name]
        for matcher in selector.matchers.matchers:
            assert matcher.name in served[name] | TARGET_LABELS, f"{who}: {name} has no label {matcher.name}"
    assert groupings(expression) <= available, who


@pytest.mark.parametrize(("who", "expression"), EXPRESSIONS, ids=[who for who, _ in EXPRESSIONS])
def test_every_value_that_is_matched_exactly_is_one_that_there_is(
    who: str, expression: str, served: Labels
) -> None:
    for selector in selectors(promql.parse(expression)):
        for matcher in selector.matchers.matchers:
            values = served.get(f"{selector.name}{{{matcher.name}}}")
            if values is None:
                continue  # a label of Prometheus's own
            pattern = (
                matcher.value
                if matcher.op in (promql.MatchOp.Re, promql.MatchOp.NotRe)
                else re.escape(matcher.value)
            )
            choices = pattern.split("|") if re.fullmatch(r"[\w|]+", pattern) else [pattern]
            for choice in choices:
                matched = any(re.fullmatch(choice, value) for value in values)
                assert matched, f"{who}: no {selector.name} has {matcher.name} {choice}"


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: str(alert["alert"]))
def test_every_alert_says_what_it_means_and_where_to_read_on(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("critical", "warning", "info")
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert all(alert["annotations"].values())
    page, anchor = alert["annotations"]["runbook_url"].split("#")
    assert page.endswith("docs/operations.md")
    titles = re.findall(r"^#+ (\w+)$", RUNBOOK.read_text(), re.MULTILINE)
    assert alert["alert"] in titles
    assert anchor == alert["alert"].lower()


def test_every_alert_has_a_rule_test_that_it_passes_by_firing_and_one_by_silence() -> None:
    fires: set[str] = set()
    silent: set[str] = set()
    for path in FILES.glob("alerts_*test.yaml"):
        for test in yaml.safe_load(path.read_text())["tests"]:
            for check in test["alert_rule_test"]:
                (fires if check["exp_alerts"] else silent).add(check["alertname"])
    named = {alert["alert"] for alert in alerts()}
    assert (fires, silent) == (named, named)


def test_alerts_are_named_once() -> None:
    names = [alert["alert"] for alert in alerts()]
    assert len(names) == len(set(names)) > 12


def test_panels_are_numbered_once_and_do_not_overlap() -> None:
    everything = dashboard()["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    taken: set[tuple[int, int]] = set()
    for panel in everything:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {
            (column, line)
            for column in range(at["x"], at["x"] + at["w"])
            for line in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


def test_every_panel_asks_the_data_source_that_the_viewer_chooses() -> None:
    variables = {variable["name"]: variable for variable in dashboard()["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    for panel in panels():
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert {source["uid"] for source in sources} == {"${datasource}"}
        for target in panel["targets"]:
            assert set(re.findall(r"\$(\w+)", target["expr"])) <= variables.keys() | {"__rate_interval"}
            assert "$job" in target["expr"]
            assert "$instance" in target["expr"]


def test_what_operators_need_is_on_the_dashboard() -> None:
    """All of the service's own metrics; KServe's histograms say nothing that these do not."""
    shown = {
        selector.name
        for panel in panels()
        for target in panel["targets"]
        for selector in selectors(promql.parse(as_promql(target["expr"])))
    }
    documented = re.findall(r"^\| `(logo_[a-z_]+)` \|", RUNBOOK.read_text(), re.MULTILINE)
    assert documented
    for name in documented:
        assert shown & {name, f"{name}_bucket"}, f"{name} is on no panel"
