"""One server with a port of gRPC for all tests that change nothing of it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.harness.grpc import GrpcServer, running_grpc_server

StartGrpc = Callable[..., AbstractContextManager[GrpcServer]]


@pytest.fixture(scope="package")
def grpc_server(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GrpcServer]:
    stderr = tmp_path_factory.mktemp("server") / "stderr"
    with running_grpc_server(stderr, MODEL_PATH=artifact, WORKERS=1) as running:
        yield running


@pytest.fixture
def start_grpc(artifact: Path, tmp_path: Path) -> StartGrpc:
    """Start a server with settings of the test's own."""

    def start(**settings: Any) -> AbstractContextManager[GrpcServer]:
        return running_grpc_server(tmp_path / "stderr", **{"MODEL_PATH": artifact, "WORKERS": 1, **settings})

    return start
