"""Dockerfile and blubber.yaml, parsed: what can be told of an image without building it."""

import json
import re
from typing import Any

import pytest
import yaml
from jsonschema_rs import Draft202012Validator

from tests.deploy.test_requirements import pins
from tests.dockerfiles import Dockerfile
from tests.harness.process import ROOT

DOCKERFILE = Dockerfile.read(ROOT / "Dockerfile")
BLUBBER_TEXT = (ROOT / "blubber.yaml").read_text()
BLUBBER: dict[str, Any] = yaml.safe_load(BLUBBER_TEXT)
FINAL_STAGES = ("production", "keras")


def closed(required: str = "", /, **properties: Any) -> dict[str, Any]:
    """The schema of an object with these keys and no others."""
    return {
        "type": "object",
        "properties": {name.replace("_", "-"): schema for name, schema in properties.items()},
        "required": required.split(),
        "additionalProperties": False,
    }


def mapping(schema: dict[str, Any], pattern: str = "") -> dict[str, Any]:
    """The schema of an object whose keys match."""
    return {"type": "object", "patternProperties": {pattern: schema}, "additionalProperties": False}


STRING, INTEGER, BOOLEAN = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
STRINGS = {"type": "array", "items": STRING}
COPY = closed("from source destination", **{"from": STRING}, source=STRING, destination=STRING)
# The part of Blubber's format that is used here. Its own schema lets typing errors through; this does not.
# https://gitlab.wikimedia.org/repos/releng/blubber, api/config.schema.json
VARIANT = {
    "base": STRING,
    "apt": closed(packages=STRINGS),
    "lives": closed(**{"in": STRING}),
    "runs": closed(
        **{"as": STRING}, uid=INTEGER, gid=INTEGER, insecurely=BOOLEAN, environment=mapping(STRING)
    ),
    "python": closed(version=STRING, requirements=STRINGS, no_deps=BOOLEAN),
    "copies": {"type": "array", "items": COPY},
    "entrypoint": STRINGS,
}
NAME = r"^[a-zA-Z][a-zA-Z0-9\-.]+[a-zA-Z0-9]$"
CONFIG = Draft202012Validator(
    closed("version variants", version={"const": "v4"}, variants=mapping(closed(**VARIANT), NAME), **VARIANT)
)


def test_blubber_yaml_has_no_key_that_blubber_does_not_know() -> None:
    assert [f"{error.instance_path}: {error.message}" for error in CONFIG.iter_errors(BLUBBER)] == []


@pytest.mark.parametrize(
    ("typing_error", "named"),
    [
        ({"pyton": {}}, "pyton"),
        ({"runs": {**BLUBBER["runs"], "uid": "900"}}, "900"),
        ({"variants": {"build": {"apt": {"package": []}}}}, "package"),
        ({"version": "v3"}, "v4"),
    ],
)
def test_a_typing_error_in_blubber_yaml_would_be_noticed(typing_error: dict[str, Any], named: str) -> None:
    (error,) = CONFIG.iter_errors({**BLUBBER, **typing_error})
    assert named in error.message


def test_blubber_yaml_keeps_blubbers_rules() -> None:
    first = BLUBBER_TEXT.splitlines()[0]
    assert re.fullmatch(
        r"# syntax=docker-registry\.wikimedia\.org/repos/releng/blubber/buildkit:v\d+\.\d+\.\d+", first
    )
    assert BLUBBER["variants"].keys() == {"build", "test", "production"}
    for variant in BLUBBER["variants"].values():
        targets = [copied["destination"] for copied in variant.get("copies", [])]
        assert len(set(targets)) == len(targets)
        for copied in variant.get("copies", []):
            assert copied["from"] in {"local", *BLUBBER["variants"]}
            if copied["from"] == "local":
                assert not copied["source"].startswith("/")
                assert (ROOT / copied["source"]).exists()
        for lock in variant.get("python", {}).get("requirements", []):
            assert (ROOT / lock).is_file()


def test_neither_runs_as_root_or_as_the_owner_of_its_code() -> None:
    assert BLUBBER["runs"]["insecurely"] is False
    assert BLUBBER["runs"]["as"] != "root"
    for stage in FINAL_STAGES:
        user, group = DOCKERFILE.stages[stage].only("USER").split(":")  # Kubernetes cannot look names up
        assert min(int(user), int(group)) > 0
        assert not [copied for copied in DOCKERFILE.stages[stage].all("COPY") if "--chown" in copied]


@pytest.mark.parametrize("stage", FINAL_STAGES)
def test_the_last_stage_installs_no_pip_and_no_compiler(stage: str) -> None:
    words = {word for command in DOCKERFILE.stages[stage].commands() for word in command}
    assert "apt-get" in words
    assert words & {"pip", "python3-pip", "python3-venv", "python3-dev", "build-essential", "gcc"} == set()
    assert [copied for copied in DOCKERFILE.stages[stage].all("COPY") if copied.startswith("--from=build-")]


def test_packages_are_installed_from_hashed_locks_alone() -> None:
    commands = [command for stage in DOCKERFILE.stages.values() for command in stage.commands()]
    installs = [command for command in commands if {"pip", "install"} <= set(command)]
    assert [[word for word in install if word.startswith("/locks/")] for install in installs] == [
        ["/locks/grpc.txt"],
        ["/locks/keras.txt", "/locks/grpc.txt"],
    ]
    assert all("--require-hashes" in install for install in installs)
    assert BLUBBER["variants"]["build"]["python"]["requirements"] == ["requirements/grpc.txt"]


def test_the_image_has_what_the_server_needs_and_grpc_and_no_tensorflow() -> None:
    runtime, grpc = (
        pins((ROOT / "requirements" / f"{name}.txt").read_text()) for name in ("runtime", "grpc")
    )
    assert runtime.items() <= grpc.items()
    assert grpc.keys() - runtime.keys() == {"grpcio-health-checking", "grpcio-reflection"}
    assert "tensorflow" not in "".join(grpc)


@pytest.mark.parametrize("stage", FINAL_STAGES)
def test_the_image_says_how_it_is_run_stopped_and_checked(stage: str) -> None:
    parsed = DOCKERFILE.stages[stage]
    assert parsed.only("STOPSIGNAL") == "SIGTERM"
    options, command = parsed.only("HEALTHCHECK").split(" CMD ")
    named = {option.split("=")[0] for option in options.split()}
    assert {"--interval", "--timeout", "--start-period"} <= named
    assert json.loads(command)[0] == "python"
    for name in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{name}" in parsed.labels


def test_the_base_image_can_be_chosen() -> None:
    first = DOCKERFILE.instructions[0]
    assert (first.name, first.value.split("=")[0]) == ("ARG", "BASE_IMAGE")
    assert first.value.endswith("debian:bookworm-slim")


def test_no_file_names_a_package_index() -> None:
    files = ["Dockerfile", "blubber.yaml", "Makefile", "deploy/build-image.sh", "deploy/buildah.env"]
    for name in files:
        text = (ROOT / name).read_text()
        assert not re.search(r"(?<!no-emit-)index-url|--registry|deb\.debian|pypi\.|npmjs", text), name
