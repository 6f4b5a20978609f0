"""Fixtures that more than one room's tests use."""

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from logo_detection.artifact import AlarmThreshold
from tests.models import tiny_onnx, write_artifact

# Of clients of gRPC: it would go on in a child between fork and exec, whose files are closed.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small artifact, whose scores can be told: red is a logo, blue is none, grey is undecided."""
    directory = tmp_path_factory.mktemp("artifact")
    tiny_onnx(directory / "model.onnx")
    threshold = AlarmThreshold(
        target="logo", false_alarm_rate=0.01, threshold=0.9, recall=0.8, recall_low=0.7, recall_high=0.9
    )
    return write_artifact(directory, thresholds=(threshold,))


def pytest_collection_finish() -> None:
    """Exempt what imports made from collection, which then takes milliseconds after each test."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call() -> Iterator[None]:
    """Collect garbage after every test: a socket that it left open then fails it, and not a later one.

    What the end of a fixture leaves open fails the test after it.
    """
    yield
    gc.collect()


def pytest_configure() -> None:
    """Heed interrupts, and let a busy machine take its time over examples.

    A shell's background jobs, and all that they start, are born deaf to SIGINT.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("unhurried")
