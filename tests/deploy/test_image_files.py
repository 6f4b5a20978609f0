"""Dockerfile and blubber.yaml as text: what can be told of an image without building it."""

import re
from typing import Any

import pytest
import yaml

from tests.harness.process import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()
BLUBBER_TEXT = (ROOT / "blubber.yaml").read_text()
BLUBBER: dict[str, Any] = yaml.safe_load(BLUBBER_TEXT)

# The part of Blubber's format that is used here. Its own schema lets typing errors through; this does not.
# https://gitlab.wikimedia.org/repos/releng/blubber, api/config.schema.json
VARIANT = {
    "base": str,
    "apt": {"packages": [str]},
    "lives": {"in": str},
    "runs": {"as": str, "uid": int, "gid": int, "insecurely": bool, "environment": {"*": str}},
    "python": {"version": str, "requirements": [str], "no-deps": bool},
    "copies": [{"from": str, "source": str, "destination": str}],
    "entrypoint": [str],
}
CONFIG = {"version": str, "variants": {"*": VARIANT}, **VARIANT}


def assert_shaped(value: Any, shape: Any, path: str = "") -> None:
    if isinstance(shape, type):
        assert type(value) is shape, path
    elif isinstance(shape, list):
        assert isinstance(value, list), path
        for index, child in enumerate(value):
            assert_shaped(child, shape[0], f"{path}/{index}")
    else:
        assert isinstance(value, dict), path
        for key, child in value.items():
            assert key in shape or "*" in shape, f"{path}/{key}"
            assert_shaped(child, shape.get(key, shape.get("*")), f"{path}/{key}")


def stages() -> dict[str, str]:
    """Each stage of the Dockerfile by name: its lines, those of the stages that it builds on included."""
    found: dict[str, str] = {}
    for parent, name, body in re.findall(
        r"^FROM (\S+) AS (\S+)\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.M | re.S
    ):
        found[name] = found.get(parent, "") + re.sub(r"^#.*\n", "", body, flags=re.M)
    return found


def test_blubber_yaml_has_no_key_that_blubber_does_not_know() -> None:
    assert_shaped(BLUBBER, CONFIG)


def test_a_typing_error_in_blubber_yaml_would_be_noticed() -> None:
    with pytest.raises(AssertionError, match="pyton"):
        assert_shaped({**BLUBBER, "pyton": {}}, CONFIG)


def test_blubber_yaml_keeps_blubbers_rules() -> None:
    first = BLUBBER_TEXT.splitlines()[0]
    assert re.fullmatch(
        r"# syntax=docker-registry\.wikimedia\.org/repos/releng/blubber/buildkit:v\d+\.\d+\.\d+", first
    )
    assert BLUBBER["version"] == "v4"
    assert BLUBBER["variants"].keys() == {"build", "test", "production"}
    for name, variant in BLUBBER["variants"].items():
        assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9\-.]+[a-zA-Z0-9]", name)
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
    for stage in ("production", "keras"):
        (user,) = re.findall(r"^USER (.+)$", stages()[stage], re.M)
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), "a number: Kubernetes cannot look names up"
        assert "--chown" not in stages()[stage]


@pytest.mark.parametrize("stage", ["production", "keras"])
def test_the_last_stage_has_no_pip_and_no_compiler(stage: str) -> None:
    text = stages()[stage]
    assert not re.search(r"\bpip\b|build-essential|gcc|python3-dev|python3-venv", text)
    assert "COPY --from=build-" in text


def test_packages_are_installed_from_hashed_locks_alone() -> None:
    installs = re.findall(r"pip --python \S+ install(?:.|\\\n)*?--requirement (\S+)", DOCKERFILE)
    assert installs == ["/locks/runtime.txt", "/locks/keras.txt"]
    assert DOCKERFILE.count("--require-hashes") == len(installs)
    assert "tensorflow" not in (ROOT / "requirements" / "runtime.txt").read_text()


@pytest.mark.parametrize("stage", ["production", "keras"])
def test_the_image_says_how_it_is_run_stopped_and_judged(stage: str) -> None:
    text = stages()[stage]
    assert re.findall(r"^STOPSIGNAL (\S+)", text, re.M) == ["SIGTERM"]
    assert len(re.findall(r"^HEALTHCHECK .*--timeout=\S+ .*CMD \[", text, re.M)) == 1
    labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", text))
    assert {"title", "description", "licenses", "version", "revision"} <= labels


def test_the_base_image_can_be_chosen() -> None:
    assert re.search(r"^ARG BASE_IMAGE=\S*debian:bookworm-slim$", DOCKERFILE, re.M)


def test_no_file_names_a_package_index() -> None:
    files = ["Dockerfile", "blubber.yaml", "Makefile", "deploy/build-image.sh", "deploy/buildah.env"]
    for name in files:
        text = (ROOT / name).read_text()
        assert not re.search(r"(?<!no-emit-)index-url|--registry|deb\.debian|pypi\.|npmjs", text), name
