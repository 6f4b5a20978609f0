"""docs/training.md and the image say what the code does."""

import ast
import re
import tomllib
from dataclasses import asdict
from itertools import pairwise

import kfp.client
import pytest

from pipelines.pipeline import HOUR, RESOURCES, TIMEOUTS_S, from_categories, from_manifest
from release.gate import Thresholds
from tests.dockerfiles import Dockerfile
from tests.harness.process import ROOT

PAGE = (ROOT / "docs" / "training.md").read_text()
DOCKERFILE = Dockerfile.read(ROOT / "pipelines" / "Dockerfile")
IMAGE = DOCKERFILE.stages["pipeline"]
IGNORED = (ROOT / "pipelines" / "Dockerfile.dockerignore").read_text()


def rows(heading: str) -> list[list[str]]:
    """The table whose first row begins so, without its head."""
    table = PAGE.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def test_every_threshold_has_its_default_on_the_page() -> None:
    documented = {row[0].strip("`"): row[1] for row in rows("threshold")}
    defaults = {name: None if text == "none" else float(text) for name, text in documented.items()}
    assert defaults == asdict(Thresholds())


def test_every_parameter_is_on_the_page_with_its_pipeline_and_default() -> None:
    documented = {row[0].strip("`"): row[1:3] for row in rows("parameter")}
    of = {"categories": from_categories("image"), "manifest": from_manifest("image")}
    inputs = {name: pipeline.component_spec.inputs for name, pipeline in of.items()}
    assert set(documented) == set(inputs["categories"]) | set(inputs["manifest"])
    for name, (default, pipeline) in documented.items():
        having = [source for source, found in inputs.items() if name in found]
        assert having == (list(inputs) if pipeline == "both" else [pipeline]), name
        known = inputs[having[0]][name]
        assert known.optional == bool(default), name
        if isinstance(known.default, int):
            assert default == str(known.default)


def test_what_a_step_may_use_is_on_the_page() -> None:
    documented = {row[0].strip("`"): row[1:5] for row in rows("step | CPU")}
    assert documented == {
        name: [
            resources.cpu,
            resources.memory,
            str(resources.retries + 1),
            f"{TIMEOUTS_S[name] // HOUR} h" if name in TIMEOUTS_S else "",
        ]
        for name, resources in RESOURCES.items()
    }


def test_the_schedule_is_one_that_kubeflows_client_takes() -> None:
    code = ast.parse(PAGE.split("```python\n")[1].split("```")[0])
    (call,) = [
        node
        for node in ast.walk(code)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "client.create_recurring_run"
    ]
    known = kfp.client.Client.create_recurring_run.__code__.co_varnames
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    assert set(given) <= set(known)
    parameters = set(ast.literal_eval(given["params"]))
    assert parameters <= set(from_categories("image").component_spec.inputs)


def test_the_image_has_every_room_but_the_servers() -> None:
    rooms = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
    copied = {source for source, target in IMAGE.copies().items() if source == target and "/" not in source}
    assert copied == set(rooms) - {"model_server", "studio"}
    assert all(f"!{room}\n" in IGNORED for room in copied)


def test_the_image_runs_as_the_services_user_from_hashed_locks() -> None:
    assert IMAGE.only("USER") == Dockerfile.read(ROOT / "Dockerfile").stages["production"].only("USER")
    commands = [command for stage in DOCKERFILE.stages.values() for command in stage.commands()]
    (install,) = [command for command in commands if {"pip", "install"} <= set(command)]
    assert "--require-hashes" in install
    locks = [value for name, value in pairwise(install) if name == "--requirement"]
    assert locks == ["/locks/train.txt", "/locks/search.txt", "/locks/pipelines.txt"]
    words = {word for command in IMAGE.commands() for word in command}
    assert words & {"pip", "python3-pip", "python3-venv", "gcc"} == set()


@pytest.mark.parametrize("name", ["pipelines/Dockerfile", "docs/training.md"])
def test_no_file_names_a_package_index(name: str) -> None:
    assert not re.search(r"index-url|pypi\.|deb\.debian", (ROOT / name).read_text())
