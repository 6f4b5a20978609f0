"""Code, Dockerfile, blubber.yaml, chart and pages say the same: settings, ports, paths, users, limits."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from model_server.settings import Settings, read_settings
from tests.deploy.test_image_files import BLUBBER, DOCKERFILE
from tests.harness.process import ROOT
from tests.manifests import CHART, CI_VALUES, only, render

VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
EVERY_VALUES = [CHART / "values.yaml", *CI_VALUES]
FIELDS = Settings.model_fields
PRODUCTION = DOCKERFILE.stages["production"]

# What the chart decides by other values of its own.
NOT_AS_SETTINGS = {"PORT", "GRPC_PORT", "MODEL_NAME", "MODEL_PATH", "FETCH_HEADERS_FILE"}
# Where a pod does well to differ from a terminal.
OTHERWISE_IN_A_POD = {"LOG_FORMAT": "json", "DRAIN_DELAY_S": 5}


def pod(*values: Path, **settings: object) -> dict[str, Any]:
    """The predictor of a release."""
    found: dict[str, Any] = only(render(*values, **settings), "InferenceService")["spec"]["predictor"]
    return found


def settings_of_pod(*values: Path, **settings: object) -> dict[str, str]:
    (container,) = pod(*values, **settings)["containers"]
    return {entry["name"]: entry["value"] for entry in container["env"]}


def test_the_chart_takes_every_setting_of_the_server_and_no_other() -> None:
    assert (
        set(SCHEMA["properties"]["settings"]["properties"])
        == {name.upper() for name in FIELDS} - NOT_AS_SETTINGS
    )


def test_the_charts_choices_are_the_codes() -> None:
    for name, kind in SCHEMA["properties"]["settings"]["properties"].items():
        if "enum" in kind:
            assert set(kind["enum"]) == set(get_args(FIELDS[name.lower()].annotation)), name


def test_the_charts_defaults_are_the_codes() -> None:
    for name, value in VALUES["settings"].items():
        assert value == OTHERWISE_IN_A_POD.get(name, getattr(read_settings(), name.lower())), name
    assert VALUES["model"]["name"] == FIELDS["model_name"].default


@pytest.mark.slow
@pytest.mark.parametrize("values", EVERY_VALUES, ids=lambda path: path.stem)
def test_the_server_takes_what_a_pod_is_given(values: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings_of_pod(values).items():
        monkeypatch.setenv(name, value)
    assert read_settings().port == 8080


def test_every_setting_is_documented_with_its_default() -> None:
    for name in FIELDS:
        assert re.search(rf"^\| `{name.upper()}` \|", OPERATIONS, re.M), name


def test_one_port() -> None:
    port = str(FIELDS["port"].default)
    assert PRODUCTION.only("EXPOSE") == port
    assert PRODUCTION.environment["PORT"] == BLUBBER["runs"]["environment"]["PORT"] == port
    assert f"port {port}" in (ROOT / "README.md").read_text()


def ports(node: Any) -> set[int]:
    """Every port that a document names, where there is a number."""
    if isinstance(node, list):
        return set().union(*map(ports, node))
    if not isinstance(node, dict):
        return set()
    own = {node[key] for key in ("containerPort", "targetPort", "port") if isinstance(node.get(key), int)}
    return own.union(*map(ports, node.values()))


@pytest.mark.slow
@pytest.mark.parametrize("values", EVERY_VALUES, ids=lambda path: path.stem)
def test_the_chart_has_the_services_port_and_user(values: Path) -> None:
    documents = render(values)
    named = {port for port in set().union(*map(ports, documents)) if 8000 <= port < 9000}
    assert FIELDS["port"].default in named
    assert named <= {FIELDS["port"].default, VALUES["grpc"]["port"], 8012, 8013}  # and queue-proxy's
    contexts = [one["securityContext"] for one in pod(values)["containers"]]
    users = {f"{context['runAsUser']}:{context['runAsGroup']}" for context in contexts}
    assert users == {PRODUCTION.only("USER")}


def test_one_user() -> None:
    user, group = PRODUCTION.only("USER").split(":")
    assert (BLUBBER["runs"]["uid"], BLUBBER["runs"]["gid"]) == (int(user), int(group))
    (made,) = [command for command in PRODUCTION.commands() if command[0] == "useradd"]
    assert made[-1] == BLUBBER["runs"]["as"]
    assert f"--uid {user} --gid {group}" in " ".join(made)


def test_one_place_for_code_packages_and_artifact() -> None:
    production = BLUBBER["variants"]["production"]
    assert PRODUCTION.only("WORKDIR") == BLUBBER["lives"]["in"]
    assert PRODUCTION.environment["VIRTUAL_ENV"] == BLUBBER["runs"]["environment"]["VIRTUAL_ENV"]
    in_dockerfile = PRODUCTION.copies()
    local = {one["source"]: one["destination"] for one in production["copies"] if one["from"] == "local"}
    assert in_dockerfile == local
    assert str(FIELDS["model_path"].default) in in_dockerfile.values()
    (venv,) = [one["destination"] for one in production["copies"] if one["from"] == "build"]
    assert venv == PRODUCTION.environment["VIRTUAL_ENV"]
    assert f"--from=build-runtime {venv} {venv}" in PRODUCTION.all("COPY")


def test_one_command_one_environment_and_the_same_debian_packages() -> None:
    production = BLUBBER["variants"]["production"]
    init, dashes, *command = json.loads(PRODUCTION.only("ENTRYPOINT"))
    python = f"{PRODUCTION.environment['VIRTUAL_ENV']}/bin/python"
    assert production["entrypoint"] == [init, dashes, python, *command[1:]]
    assert f"`{' '.join(command)}`" in OPERATIONS
    environment = {name: value for name, value in PRODUCTION.environment.items() if name != "PATH"}
    assert environment == BLUBBER["runs"]["environment"]
    (install,) = [command for command in PRODUCTION.commands() if command[:2] == ["apt-get", "install"]]
    installed = {word for word in install[2:] if not word.startswith("--")}
    assert installed | {"wmf-certificates"} == set(production["apt"]["packages"])


@pytest.mark.slow
@pytest.mark.parametrize("values", EVERY_VALUES, ids=lambda path: path.stem)
def test_probes_ask_what_the_pages_name(values: Path) -> None:
    (container,) = pod(values)["containers"]
    probes = [value for name, value in container.items() if name.endswith("Probe")]
    paths = [probe["httpGet"]["path"] for probe in probes if "httpGet" in probe]
    assert paths
    assert all(path in OPERATIONS for path in paths)


def test_the_healthcheck_asks_what_the_pages_name() -> None:
    assert "'/v2/health/ready'" in PRODUCTION.only("HEALTHCHECK")
    for route in ("/v2/health/live", "/v2/health/ready", "/v1/models/logo-detection"):
        assert route in OPERATIONS, route


def test_a_request_ends_before_whoever_waits_for_it() -> None:
    limit = SCHEMA["properties"]["timeoutSeconds"]["exclusiveMaximum"]
    assert limit == 15  # UploadWizard's
    assert "UploadWizard gives up at 15" in OPERATIONS
    assert FIELDS["request_timeout_s"].default < VALUES["timeoutSeconds"] < limit


def test_the_network_lets_through_every_host_that_may_be_fetched_from() -> None:
    hosts = {host.host for host in FIELDS["allowed_hosts"].default}
    assert {origin["name"] for origin in VALUES["networkPolicy"]["egress"]["imageOrigins"]} == hosts


def test_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["appVersion"] == project["version"]
    assert chart["name"] == project["name"]
    assert PRODUCTION.labels["org.opencontainers.image.description"] == project["description"]


def test_a_worker_per_core_of_the_pod() -> None:
    assert "WORKERS" not in VALUES["settings"]  # the cgroup says it
    cores = VALUES["resources"]["limits"]["cpu"]
    assert cores == VALUES["resources"]["requests"]["cpu"]
    assert cores.isdigit(), "a part of a core would be a worker that waits for itself"


def test_what_is_held_at_most_fits_into_the_pod() -> None:
    memory = int(re.fullmatch(r"(\d+)Gi", VALUES["resources"]["limits"]["memory"])[1]) * 2**30  # type: ignore[index]
    assert read_settings().fetch_memory_max < memory / 8
