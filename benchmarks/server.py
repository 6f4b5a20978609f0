"""The servers under test, each in processes of its own on a free port: ours, and the baseline."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from benchmarks.companions import BenchmarkError
from benchmarks.requests import ORIGIN_HOST

READY_PATH = "/v1/models/logo-detection"
READY_TIMEOUT_S = 120.0
READY_POLL_S = 0.01
STOP_TIMEOUT_S = 20.0
PATIENCE_S = 60  # where others keep the machine busy, figures are bad, but there are some
KEPT = ("PATH", "HOME", "LANG")


@dataclass(frozen=True, slots=True)
class CpuSeconds:
    """User and system time so far, of the process that listens and of those below it."""

    parent: float
    workers: float

    def __sub__(self, other: "CpuSeconds") -> "CpuSeconds":
        return CpuSeconds(self.parent - other.parent, self.workers - other.workers)


class Server:
    """`python -m MODULE` with settings in its environment, for the length of a `with` block.

    Attributes:
        ready_s: Seconds from the start of the process to the first 200 of its model's route.
    """

    def __init__(self, module: str, settings: Mapping[str, object]) -> None:
        self.port = _free_port()
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        given = {name: str(value) for name, value in {"PORT": self.port, **settings}.items()}
        self._module = module
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            env={**kept, **given},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # one line a request; as cheap as a pipe that somebody reads
            process_group=0,  # not a session: the kernel shares cores out among those first
        )
        self.ready_s = 0.0

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> Self:
        try:
            self._wait_until_ready()
        except BaseException:
            self._stop()
            raise
        self.ready_s = time.monotonic() - self._began
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def cpu(self) -> CpuSeconds:
        process = psutil.Process(self.pid)
        children = process.children(recursive=True)
        return CpuSeconds(_cpu_s(process), sum(map(_cpu_s, children)))

    def _wait_until_ready(self) -> None:
        while time.monotonic() < self._began + READY_TIMEOUT_S:
            if self._process.poll() is not None:
                raise BenchmarkError(f"{self._module} ended with {self._process.returncode}")
            if self._is_ready():
                return
            time.sleep(READY_POLL_S)
        raise BenchmarkError(f"{self._module} was not ready within {READY_TIMEOUT_S:g} s")

    def _is_ready(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", READY_PATH)
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def _stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def service(artifact: Path, cores: int, origin_port: int | None = None) -> Server:
    """The project's server, as `make run` starts it, but patient, and allowed to fetch from an origin."""
    settings: dict[str, object] = {
        "MODEL_PATH": artifact,
        "WORKERS": cores,
        "REQUEST_TIMEOUT_S": PATIENCE_S,
        "DECODE_TIMEOUT_S": PATIENCE_S,
    }
    if origin_port is not None:
        settings["ALLOWED_HOSTS"] = ORIGIN_HOST
        settings["ORIGIN_OVERRIDES"] = f"{ORIGIN_HOST}=http://127.0.0.1:{origin_port}"
    return Server("model_server", settings)


def baseline(artifact: Path) -> Server:
    """What LiftWing's server does: see `benchmarks.baseline`. Its files are in memory; no disk slows it."""
    return Server("benchmarks.baseline", {"MODEL_PATH": artifact, "TMPDIR": "/dev/shm"})  # noqa: S108


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
