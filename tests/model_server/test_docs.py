"""What the documents list is what the code has."""

import re
from itertools import takewhile
from pathlib import Path

import httpx
import yaml
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from logo_detection.errors import item_codes
from model_server.errors import STATUS
from model_server.metrics import STATUSES
from model_server.settings import Settings
from tests.harness.process import ROOT
from tests.harness.server import RunningServer

DOCS = Path(__file__).parents[2] / "docs"
CELL = r"[^|\n]*"


def section(page: str, title: str) -> str:
    """From a title to the next one of its level, or of a higher one."""
    parts = re.split(r"^(##+) (.+)\n", (DOCS / page).read_text(), flags=re.MULTILINE)
    sections = list(zip(parts[1::3], parts[2::3], parts[3::3], strict=True))
    (start,) = [index for index, (_, name, _) in enumerate(sections) if name == title]
    level = len(sections[start][0])
    below = takewhile(lambda found: len(found[0]) > level, sections[start + 1 :])
    return sections[start][2] + "".join(f"{mark} {name}\n{text}" for mark, name, text in below)


def rows(text: str) -> list[list[str]]:
    """The cells of each row whose first cell is a name, without the backticks around names."""
    lines = re.findall(rf"^\| `[^`|]+` \|(?:{CELL}\|)+$", text, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def names(text: str) -> list[str]:
    return sorted(row[0].strip("`") for row in rows(text))


def families(server: RunningServer) -> list[Metric]:
    text = httpx.get(f"{server.url}/metrics").text
    return [family for family in text_string_to_metric_families(text) if family.name.startswith("logo_")]


def exposed_name(family: Metric) -> str:
    return family.name + {"counter": "_total"}.get(family.type, "")


def is_own(family: Metric) -> bool:
    return not family.name.endswith("_created")


def test_every_error_code_is_documented() -> None:
    assert names(section("api.md", "Error codes of a file")) == sorted(item_codes())
    assert len(item_codes()) == 11


def test_every_error_code_has_something_to_do() -> None:
    table = rows(section("operations.md", "Error codes of a file"))
    assert sorted(code.strip("`") for code, _ in table) == sorted(item_codes())
    assert all(action for _, action in table)


def test_every_setting_says_when_to_change_it() -> None:
    table = rows(section("operations.md", "Settings"))
    assert [row[0].strip("`") for row in table] == [name.upper() for name in Settings.model_fields]
    for name, default, _, meaning, change in table:
        assert default, name
        assert meaning, name
        assert change, name


def test_a_setting_that_is_a_number_has_a_unit() -> None:
    for name, default, unit, *_ in rows(section("operations.md", "Settings")):
        assert bool(unit) == (default.isdigit() or name == "`WORKERS`") or name == "`PORT`", name


def test_every_status_has_something_to_do() -> None:
    text = section("operations.md", "HTTP statuses").split("\n### ")[0]
    first_cells = re.findall(rf"^\| ([\d, ]+) \|{CELL}\|{CELL}\|$", text, re.MULTILINE)
    documented = [int(status) for cell in first_cells for status in cell.split(", ")]
    assert sorted(documented) == STATUSES


def test_every_refusal_is_documented_with_its_status() -> None:
    documented = {row[0].strip("`"): int(row[1]) for row in rows(section("operations.md", "Refusals"))}
    assert documented == {error.reason(): int(status) for error, status in STATUS.items()}


def test_every_metric_is_documented_with_its_type_and_labels(server: RunningServer) -> None:
    server.post(b"[")
    documented = {
        name.strip("`"): (kind, set(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels, _ in rows(section("operations.md", "Metrics"))
    }
    exposed = {
        exposed_name(family): (
            family.type,
            {label for sample in family.samples for label in sample.labels} - {"le"},
        )
        for family in families(server)
        if is_own(family)
    }
    assert documented == exposed


def test_every_series_of_a_counter_is_there_before_it_is_counted(server: RunningServer) -> None:
    """Prometheus cannot tell that a series rose which begins with 1."""
    labels = {
        tuple(sample.labels.values())
        for family in families(server)
        for sample in family.samples
        if sample.name in ("logo_items_total", "logo_refusals_total", "logo_requests_total")
    }
    assert {(code, source) for code in item_codes() for source in ("url", "inline")} <= labels
    assert {(error.reason(),) for error in STATUS} <= labels
    assert {(str(status),) for status in STATUSES} <= labels


def test_every_alert_has_its_section_and_every_section_its_alert() -> None:
    rules = yaml.safe_load((ROOT / "helm/logo-detection/files/alerts.yaml").read_text())["groups"]
    severities = {
        rule["alert"]: rule["labels"]["severity"].capitalize()
        for group in rules
        for rule in group["rules"]
        if "alert" in rule
    }
    sections = re.findall(r"^### (\w+)\n\n(\w+): ", section("operations.md", "Alerts"), re.MULTILINE)
    assert dict(sections) == severities
    for name in severities:
        text = section("operations.md", name)
        assert "*Why*" in text, name
        assert re.search(r"\*[Dd]o\*", text), name


def test_every_link_inside_the_runbook_leads_somewhere() -> None:
    text = (DOCS / "operations.md").read_text()
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([\w-]+)\)", text)) <= anchors


def test_every_field_of_the_log_is_documented(server: RunningServer) -> None:
    trace = {"traceparent": f"00-{1:032x}-{1:016x}-01"}
    server.predict([{"filename": "a", "target": "logo", "image": "eA=="}], headers=trace)
    server.post(b"[")
    lines = [line for line in server.stderr().splitlines() if " model_server.requests " in line]
    logged = {name for line in lines for name in re.findall(r" ([a-z_]+)=", line)}
    first_cells = re.findall(r"^\| (`.+?) \|", section("operations.md", "Log"), re.MULTILINE)
    assert logged | {"slowest"} == {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}
