"""Placeholders: a server that works without what they stand for, and says so where it does not."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from model_server.kserve.placeholders import UNUSED, PlaceholderUsedError, placeholders
from tests.harness.server import READY, running_server

TIMEOUT_S = 60
HEAVY = {"kubernetes", "requests", "pandas", "pyarrow", "rich", "pygments", "tensorflow", "keras", "openvino"}


def run(program: str) -> str:
    """What a fresh interpreter prints that runs this."""
    command = [sys.executable, "-W", "error", "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=TIMEOUT_S).stdout


def test_a_server_has_imported_nothing_that_it_does_not_need(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, sys\n"
        "atexit.register(lambda: print(*(name for name in sys.modules), file=sys.stderr, flush=True))\n"
    )
    path = tmp_path / "stderr"
    with running_server(path, MODEL_PATH=artifact, PYTHONPATH=tmp_path) as server:
        for route in (READY, "/v1/models", "/v2/health/ready", "/metrics", "/openapi.json"):
            assert httpx.get(server.url + route).status_code == 200
        assert server.predict([{"filename": "a", "target": "logo", "image": "!"}]).status_code == 422
    imported = set(path.read_text().splitlines()[-1].split())
    assert "kserve.protocol.dataplane" in imported
    assert not imported & HEAVY
    assert not imported & set(UNUSED)


def test_after_the_block_the_modules_themselves_are_imported() -> None:
    assert run(
        "from model_server.kserve.placeholders import placeholders\n"
        "with placeholders():\n"
        "    import pandas, kserve\n"
        "placeholder = pandas\n"
        "import pandas\n"
        "assert pandas is not placeholder\n"
        "print(pandas.DataFrame({'a': [1, 2]}).a.sum())\n"
        "from kserve.models import V1beta1InferenceService\n"
        "print(V1beta1InferenceService(kind='InferenceService').kind)\n"
    ).split() == ["3", "InferenceService"]


def test_what_was_imported_before_the_block_stays() -> None:
    assert run(
        "import json, pandas\n"
        "from model_server.kserve.placeholders import placeholders\n"
        "before = pandas\n"
        "with placeholders():\n"
        "    import pandas\n"
        "print(pandas is before)\n"
    ).split() == ["True"]


def test_a_placeholder_can_be_an_annotation_and_a_base_class() -> None:
    with placeholders():
        from kserve.api.nowhere import Client

    class Special(Client):  # type: ignore[misc]
        def same(self, other: Client) -> Client:
            return other

    assert issubclass(Special, Client)
    assert not isinstance("something else", Client)


@pytest.mark.parametrize("use", ["module.Client()", "module.Client.connect", "Special(1)"])
def test_to_use_a_placeholder_fails_with_its_name(use: str) -> None:
    with placeholders():
        import kserve.api.nowhere as module

    class Special(module.Client):  # type: ignore[misc]
        pass

    with pytest.raises(
        PlaceholderUsedError, match=r"is a placeholder \(model_server/kserve/placeholders.py\)"
    ):
        eval(use, {"module": module, "Special": Special})  # noqa: S307
