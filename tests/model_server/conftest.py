"""A server with a small model: the mean colour decides, so that every answer can be told beforehand."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from tests.harness.origins import Origin, drip
from tests.harness.server import RunningServer, running_server
from tests.images import one_colour
from tests.models import tiny_onnx, write_artifact

Start = Callable[..., AbstractContextManager[RunningServer]]


@dataclass(frozen=True, slots=True)
class Files:
    """Small PNGs of one colour, 40x30."""

    red: bytes
    grey: bytes
    blue: bytes
    black: bytes


@pytest.fixture(scope="session")
def files() -> Files:
    return Files(one_colour("red"), one_colour("#808080"), one_colour("blue"), one_colour("black"))


@pytest.fixture(scope="session")
def nan_artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose scores are no numbers where the image is nearly black."""
    directory = tmp_path_factory.mktemp("nan")
    model = onnx.load(tiny_onnx(directory / "model.onnx"))
    graph = model.graph
    graph.node[-1].output[0] = "sound"
    constants = {"colours": np.array([1], np.int64), "nearly_black": np.array(0.1, np.float32)}
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    graph.node.extend(
        [
            helper.make_node("ReduceSum", ["colour", "colours"], ["lightness"], keepdims=1),
            helper.make_node("Sub", ["lightness", "nearly_black"], ["rest"]),
            helper.make_node("Sqrt", ["rest"], ["root"]),
            helper.make_node("Div", ["root", "root"], ["one"]),
            helper.make_node("Mul", ["sound", "one"], ["scores"]),
        ]
    )
    onnx.save(model, directory / "model.onnx")
    return write_artifact(directory)


@pytest.fixture
def start(artifact: Path, tmp_path: Path) -> Start:
    """Start a server with settings of the test's own."""

    def start_server(**settings: Any) -> AbstractContextManager[RunningServer]:
        return running_server(tmp_path / "stderr", **{"MODEL_PATH": artifact, "WORKERS": 1, **settings})

    return start_server


@pytest.fixture(scope="session")
def server(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all tests that change nothing of it."""
    stderr = tmp_path_factory.mktemp("server") / "stderr"
    with running_server(stderr, MODEL_PATH=artifact) as running:
        yield running


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin() as running:
        yield running


@pytest.fixture
def slow_origin() -> Iterator[Origin]:
    """Answers requests for /slow with a byte now and then, until it is let go."""
    with Origin() as running:
        running.serve("/slow", drip())
        yield running
