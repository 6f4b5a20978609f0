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


def test_the_documents_that_readme_names_exist() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
