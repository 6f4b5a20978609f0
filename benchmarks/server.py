"""The servers under test, each in processes of its own on a free port: ours, and the baseline."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from benchmarks.requests import ORIGIN_HOST
from tests.harness.process import free_port
from tests.harness.server import RunningServer, running_server

TIME_BUDGET_S = 60  # where others keep the machine busy, figures are bad, but there are some


def service(
    artifact: Path, cores: int, origin_port: int | None = None
) -> AbstractContextManager[RunningServer]:
    """The project's server, as `make run` starts it, but patient, with gRPC, and an origin to fetch from."""
    settings: dict[str, Any] = {
        "MODEL_PATH": artifact,
        "WORKERS": cores,
        "REQUEST_TIMEOUT_S": TIME_BUDGET_S,
        "DECODE_TIMEOUT_S": TIME_BUDGET_S,
        "GRPC_PORT": free_port(),
    }
    if origin_port is not None:
        settings["ALLOWED_HOSTS"] = ORIGIN_HOST
        settings["ORIGIN_OVERRIDES"] = f"{ORIGIN_HOST}=http://127.0.0.1:{origin_port}"
    return running_server(None, own_session=False, **settings)


def baseline(artifact: Path) -> AbstractContextManager[RunningServer]:
    """What LiftWing's server does: see `benchmarks.baseline`. Its files are in memory; no disk slows it."""
    settings: dict[str, Any] = {"MODEL_PATH": artifact, "TMPDIR": "/dev/shm"}  # noqa: S108
    return running_server(None, module="benchmarks.baseline", may_write=True, own_session=False, **settings)
