"""README's commands, run as they stand there, and its answers."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.harness.process import ROOT, clean_environment
from tests.harness.server import running_server
from tests.harness.timing import within

README = (ROOT / "README.md").read_text()


def commands(containing: str) -> str:
    """The one indented block that holds a word."""
    blocks = re.findall(r"(?:^    .*\n)+", README, re.MULTILINE)
    (block,) = [found for found in blocks if containing in found]
    return str(block)


def answer_below(block: str) -> object:
    return json.loads(README.split(block)[1].split("```json\n")[1].split("```")[0])


def test_readmes_curl_is_answered_as_readme_says_within_a_second(tmp_path: Path) -> None:
    block = commands("curl")
    with running_server(tmp_path / "stderr") as server:
        command = block.replace("http://127.0.0.1:8080", server.url)
        assert command != block
        for stopwatch in within(1.0):
            with stopwatch:
                done = subprocess.run(
                    ["bash", "-c", command],
                    cwd=ROOT,
                    env=clean_environment({}),
                    capture_output=True,
                    timeout=30,
                    check=True,
                )
    answered, promised = json.loads(done.stdout), answer_below(block)
    assert isinstance(promised, dict)
    (prediction,), (expected,) = answered["predictions"], promised["predictions"]
    assert prediction == {
        **expected,
        "prediction": pytest.approx(expected["prediction"], abs=2e-4),
        "out_of_domain": pytest.approx(expected["out_of_domain"], abs=2e-4),
    }
    assert answered["latency"].keys() == promised["latency"].keys()


RESULTS = {
    "AUC-ROC": "auc_roc",
    "AUC-PR": "auc_pr",
    "balanced accuracy": "balanced_accuracy",
    "brands": "brand",
    "clubs": "club",
    "tokens": "token",
    "photos": "photo",
    "flags": "flag",
    "maps": "map",
    "charts": "chart",
    "diagrams": "diagram",
    "screenshots": "screenshot",
    "documents": "document",
    "coats of arms": "arms",
    "emoji": "emoji",
    "icons": "icon",
}
"""A row of README's results by its first word -> a figure of the manifest, or a category."""


def test_readmes_results_are_the_manifests() -> None:
    manifest = json.loads((ROOT / "model_artifacts/logo-detection/manifest.json").read_text())
    found = manifest["metrics"]["validation"]["by_recoding"]
    section = README.split("\n## Results\n")[1].split("\n## ")[0]
    table = section.split("| aimed at |\n")[1].split("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if re.match(r"\| \w", line)]
    assert len(rows) == len(RESULTS)
    assert f"The shipped model ({manifest['version']})" in section
    for title, *cells in rows:
        (name,) = [name for beginning, name in RESULTS.items() if title.startswith(beginning)]
        for cell, recoding in zip(cells, ("png", "jpeg"), strict=False):
            if cell.endswith(" %"):
                assert cell == f"{100 * found[recoding]['by_category'][name]['share']:.1f} %", title
            else:
                assert cell == f"{found[recoding][name]:.3f}", title


def test_readme_says_what_is_found_at_the_manifests_thresholds() -> None:
    manifest = json.loads((ROOT / "model_artifacts/logo-detection/manifest.json").read_text())
    for point in manifest["thresholds"]:
        found, low, high = (100 * point[name] for name in ("recall", "recall_low", "recall_high"))
        rate = f"{100 * point['false_alarm_rate']:g} %"
        cells = f"| {rate} | {point['threshold']:.4f} | {found:.1f} % ({low:.1f} to {high:.1f}) |"
        assert cells in README


def test_the_documents_that_readme_names_exist() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_the_list_of_decisions_has_every_page() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = re.findall(r"\]\(([^)]+)\)", (folder / "README.md").read_text())
    assert sorted([*listed, "README.md"]) == sorted(path.name for path in folder.glob("*.md"))


def test_a_link_to_a_section_leads_to_one() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for link, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text()):
            target = (page.parent / link) if link else page
            titles = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
            assert anchor in anchors, f"{page.name}: {link}#{anchor}"
