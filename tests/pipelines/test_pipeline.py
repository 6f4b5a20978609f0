"""The pipelines as Kubeflow gets them: compiled to YAML, read again."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import compiler, components

from pipelines.pipeline import RESOURCES, TIMEOUTS_S, for_search, from_categories, from_manifest
from release.gate import Thresholds

IMAGE = "registry.example/logo-detection-pipeline@sha256:" + "0" * 64
SOURCES = {"categories": from_categories, "manifest": from_manifest}
SHARED = {"train", "evaluate", "gate", "export", "score-sample", "check-parameters"}
OWN = {"categories": "import-categories", "manifest": "importer"}


@pytest.fixture(scope="module", params=list(SOURCES))
def source(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def path(source: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    written = tmp_path_factory.mktemp("compiled") / "pipeline.yaml"
    compiler.Compiler().compile(SOURCES[source](IMAGE), str(written))
    return written


@pytest.fixture(scope="module")
def compiled(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    return document


def tasks(compiled: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = compiled["root"]["dag"]["tasks"]
    return found


def containers(compiled: dict[str, Any]) -> dict[str, Any]:
    """By name of the step."""
    executors = compiled["deploymentSpec"]["executors"]
    return {
        name.removeprefix("exec-"): executor["container"]
        for name, executor in executors.items()
        if "container" in executor
    }


def test_kubeflow_reads_what_was_compiled(path: Path, source: str) -> None:
    loaded = components.load_component_from_file(str(path))
    assert loaded.name == f"logo-detection-from-{source}"
    assert {"thresholds", "recipe", "version", "weights", "sample"} < set(loaded.component_spec.inputs)
    assert set(loaded.component_spec.outputs) == {"release", "report", "scores"}


def test_it_is_the_same_every_time(source: str, compiled: dict[str, Any], tmp_path: Path) -> None:
    again = tmp_path / "again.yaml"
    compiler.Compiler().compile(SOURCES[source](IMAGE), str(again))
    assert yaml.safe_load(again.read_text()) == compiled


def test_the_steps_are_those_of_the_page(source: str, compiled: dict[str, Any]) -> None:
    assert set(tasks(compiled)) == SHARED | {OWN[source]}


def test_every_step_has_the_image_that_was_asked_for_and_its_limits(compiled: dict[str, Any]) -> None:
    for name, container in containers(compiled).items():
        assert container["image"] == IMAGE
        expected, resources = RESOURCES[name.replace("-", "_")], container["resources"]
        assert resources["resourceCpuLimit"] == resources["resourceCpuRequest"] == expected.cpu, name
        assert resources["resourceMemoryLimit"] == resources["resourceMemoryRequest"] == expected.memory, name


def test_every_step_that_runs_a_command_ends_in_its_time(compiled: dict[str, Any]) -> None:
    for name, task in tasks(compiled).items():
        if (timeout_s := TIMEOUTS_S.get(name.replace("-", "_"))) is not None:
            assert task["inputs"]["parameters"]["timeout_s"]["runtimeValue"]["constant"] == timeout_s


def test_what_may_fail_by_chance_is_tried_again_and_the_gate_is_not(compiled: dict[str, Any]) -> None:
    retries = {
        name: task.get("retryPolicy", {}).get("maxRetryCount", 0) for name, task in tasks(compiled).items()
    }
    assert {name for name, count in retries.items() if count} == set(retries) - {
        "importer", "check-parameters", "gate", "export",
    }  # fmt: skip


def test_what_depends_on_the_day_or_the_wiki_is_never_taken_from_the_cache(compiled: dict[str, Any]) -> None:
    cached = {name for name, task in tasks(compiled).items() if task["cachingOptions"].get("enableCache")}
    assert set(tasks(compiled)) - cached == {"check-parameters", "import-categories"} & set(tasks(compiled))


def test_nothing_is_released_or_scored_before_the_gate(compiled: dict[str, Any]) -> None:
    assert "gate" in tasks(compiled)["export"]["dependentTasks"]
    assert "export" in tasks(compiled)["score-sample"]["dependentTasks"]


def test_what_hours_would_be_spent_on_is_checked_first(compiled: dict[str, Any]) -> None:
    assert "check-parameters" in tasks(compiled)["train"]["dependentTasks"]
    if fetched := tasks(compiled).get("import-categories"):
        assert "check-parameters" in fetched["dependentTasks"]


def test_a_pod_installs_nothing_and_the_yaml_names_no_place_but_the_wiki(path: Path) -> None:
    text = path.read_text()
    assert "pip" not in re.findall(r"[a-z]+", text.lower())
    assert set(re.findall(r"https?://[^/'\"\s]+", text)) <= {"https://commons.wikimedia.org"}


def test_the_defaults_are_the_gates(compiled: dict[str, Any]) -> None:
    thresholds = compiled["root"]["inputDefinitions"]["parameters"]["thresholds"]["defaultValue"]
    assert Thresholds(**thresholds) == Thresholds()


def test_every_parameter_says_what_it_is(compiled: dict[str, Any]) -> None:
    for name, parameter in compiled["root"]["inputDefinitions"]["parameters"].items():
        assert parameter.get("description"), name


def test_a_search_is_one_step_on_images_that_are_there(tmp_path: Path) -> None:
    written = tmp_path / "search.yaml"
    compiler.Compiler().compile(for_search(IMAGE), str(written))
    compiled = yaml.safe_load(written.read_text())
    assert set(tasks(compiled)) == {"importer", "search"}
    (container,) = containers(compiled).values()
    assert container["image"] == IMAGE
    assert container["resources"]["resourceCpuLimit"] == RESOURCES["search"].cpu
    timeout = tasks(compiled)["search"]["inputs"]["parameters"]["timeout_s"]["runtimeValue"]["constant"]
    assert timeout == TIMEOUTS_S["search"]
    loaded = components.load_component_from_file(str(written))
    assert set(loaded.component_spec.outputs) == {"best", "report"}
    for name, parameter in compiled["root"]["inputDefinitions"]["parameters"].items():
        assert parameter.get("description"), name
