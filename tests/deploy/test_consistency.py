"""Code, Dockerfile, blubber.yaml, chart and pages say the same: settings, ports, paths, users, limits."""

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from model_server.settings import Settings, read_settings
from tests.deploy.test_image_files import BLUBBER, DOCKERFILE, stages
from tests.harness.process import ROOT
from tests.manifests import CHART, CI_VALUES, only, render

VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
FIELDS = Settings.model_fields

# What the chart decides by other values of its own.
NOT_AS_SETTINGS = {"PORT", "MODEL_NAME", "MODEL_PATH", "FETCH_HEADERS_FILE"}
# Where a pod does well to differ from a terminal.
OTHERWISE_IN_A_POD = {"LOG_FORMAT": "json", "DRAIN_DELAY_S": 5}


def docker(instruction: str) -> str:
    """The one instruction of that kind in the stage `production`."""
    (found,) = re.findall(rf"^{instruction} (.+)$", stages()["production"], re.M)
    return str(found)


def docker_environment() -> dict[str, str]:
    (block,) = re.findall(r"^ENV ((?:.*\\\n)*.*)$", stages()["production"], re.M)
    return dict(pair.split("=", 1) for pair in shlex.split(block.replace("\\\n", " ")))


def settings_of_pod(*values: Path, **settings: object) -> dict[str, str]:
    (container,) = only(render(*values, **settings), "InferenceService")["spec"]["predictor"]["containers"]
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
        assert value == OTHERWISE_IN_A_POD.get(name, FIELDS[name.lower()].default), name
    assert VALUES["model"]["name"] == FIELDS["model_name"].default


@pytest.mark.slow
@pytest.mark.parametrize("values", [CHART / "values.yaml", *CI_VALUES], ids=lambda path: path.stem)
def test_the_server_takes_what_a_pod_is_given(values: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings_of_pod(values).items():
        monkeypatch.setenv(name, value)
    assert read_settings().port == 8080


def test_every_setting_is_documented_with_its_default() -> None:
    for name in FIELDS:
        assert re.search(rf"^\| `{name.upper()}` \|", OPERATIONS, re.M), name


def test_one_port() -> None:
    port = str(FIELDS["port"].default)
    assert docker("EXPOSE") == port
    assert docker_environment()["PORT"] == BLUBBER["runs"]["environment"]["PORT"] == port
    for template in (CHART / "templates").rglob("*"):
        if template.is_file():
            named = set(re.findall(r"(?:containerPort|targetPort|port): (8\d{3})\b", template.read_text()))
            assert named <= {port, "8012", "8013"}, template.name  # and queue-proxy's
    assert f"port {port}" in (ROOT / "README.md").read_text()


def test_one_user() -> None:
    template = (CHART / "templates" / "_names.tpl").read_text()
    (user,), (group,) = re.findall(r"runAsUser: (\d+)", template), re.findall(r"runAsGroup: (\d+)", template)
    assert docker("USER") == f"{user}:{group}"
    assert (BLUBBER["runs"]["uid"], BLUBBER["runs"]["gid"]) == (int(user), int(group))
    assert re.search(
        rf"useradd --system --uid {user} --gid {group} .* {BLUBBER['runs']['as']}$", DOCKERFILE, re.M
    )


def test_one_place_for_code_packages_and_artifact() -> None:
    production = BLUBBER["variants"]["production"]
    assert docker("WORKDIR") == BLUBBER["lives"]["in"]
    assert docker_environment()["VIRTUAL_ENV"] == BLUBBER["runs"]["environment"]["VIRTUAL_ENV"]
    in_dockerfile = dict(re.findall(r"^COPY ([a-z]\S+) (\S+)$", stages()["production"], re.M))
    local = {one["source"]: one["destination"] for one in production["copies"] if one["from"] == "local"}
    assert in_dockerfile == local
    assert str(FIELDS["model_path"].default) in in_dockerfile.values()
    (venv,) = [one["destination"] for one in production["copies"] if one["from"] == "build"]
    assert venv == docker_environment()["VIRTUAL_ENV"]
    assert f"COPY --from=build-runtime {venv} {venv}" in DOCKERFILE


def test_one_command_one_environment_and_the_same_debian_packages() -> None:
    production = BLUBBER["variants"]["production"]
    init, dashes, *command = json.loads(docker("ENTRYPOINT"))
    python = f"{docker_environment()['VIRTUAL_ENV']}/bin/python"
    assert production["entrypoint"] == [init, dashes, python, *command[1:]]
    assert f"`{' '.join(command)}`" in OPERATIONS
    environment = {name: value for name, value in docker_environment().items() if name != "PATH"}
    assert environment == BLUBBER["runs"]["environment"]
    (installed,) = re.findall(r"no-install-recommends \\\n\s+(.+) \\$", DOCKERFILE, re.M)
    assert {*installed.split(), "wmf-certificates"} == set(production["apt"]["packages"])


def test_probes_ask_what_the_healthcheck_and_the_pages_name() -> None:
    probes = (CHART / "templates" / "_predictor.tpl").read_text()
    assert "path: /v2/health/live" in probes
    assert '"/v1/models/{{ .Values.model.name }}"' in probes
    assert "'/v2/health/ready'" in docker("HEALTHCHECK .*CMD")
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
    assert f'image.description="{project["description"]}"' in DOCKERFILE


def test_a_worker_per_core_of_the_pod() -> None:
    assert "WORKERS" not in VALUES["settings"]  # the cgroup says it
    cores = VALUES["resources"]["limits"]["cpu"]
    assert cores == VALUES["resources"]["requests"]["cpu"]
    assert cores.isdigit(), "a part of a core would be a worker that waits for itself"


def test_what_is_held_at_most_fits_into_the_pod() -> None:
    memory = int(re.fullmatch(r"(\d+)Gi", VALUES["resources"]["limits"]["memory"])[1]) * 2**30  # type: ignore[index]
    assert FIELDS["fetch_memory_max"].default < memory / 8
