"""Fixtures that more than one room's tests use."""

import signal
from pathlib import Path

import pytest

from tests.models import tiny_onnx, write_artifact


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small artifact, whose scores can be told: red is a logo, blue is none, grey is undecided."""
    directory = tmp_path_factory.mktemp("artifact")
    tiny_onnx(directory / "model.onnx")
    return write_artifact(directory)


def pytest_configure() -> None:
    """Heed interrupts: a shell's background jobs, and all that they start, are born deaf to SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
