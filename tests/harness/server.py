"""A real server in processes of its own, on a free port: ours, or another that is measured beside it."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from tests.harness.process import ROOT, HarnessError, clean_environment, free_port

READY_TIMEOUT_S = 90.0
READY_POLL_S = 0.01
STOP_TIMEOUT_S = 20.0
PREDICT = "/v1/models/logo-detection:predict"
EXPLAIN = "/v1/models/logo-detection:explain"
READY = "/v1/models/logo-detection"
LIVE = "/v2/health/live"


@dataclass(frozen=True, slots=True)
class CpuSeconds:
    """User and system time so far, of the process that listens and of those below it."""

    parent: float
    workers: float

    def __sub__(self, other: "CpuSeconds") -> "CpuSeconds":
        return CpuSeconds(self.parent - other.parent, self.workers - other.workers)


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that is ready.

    Attributes:
        stderr_path: Where its output goes; None: nowhere.
        ready_s: Seconds from the start of the process to the first 200.
        grpc_port: Of gRPC, if it has one.
    """

    port: int
    process: subprocess.Popen[bytes]
    stderr_path: Path | None
    ready_s: float
    grpc_port: int | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> tuple[str, int]:
        """For a socket of one's own."""
        return "127.0.0.1", self.port

    def predict(self, body: Any, **options: Any) -> httpx.Response:
        """POST a JSON document to the model."""
        return httpx.post(self.url + PREDICT, json=body, timeout=30, **options)

    def explain(self, body: Any, **options: Any) -> httpx.Response:
        """POST a JSON document to the model, for explanations."""
        return httpx.post(self.url + EXPLAIN, json=body, timeout=60, **options)

    def post(self, content: bytes, **options: Any) -> httpx.Response:
        """POST raw bytes to the model."""
        return httpx.post(self.url + PREDICT, content=content, timeout=30, **options)

    def stderr(self) -> str:
        """What it wrote so far."""
        return _read(self.stderr_path)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        text = _get(self.port, "/metrics")[1].decode()
        assert name in text
        samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
        return sum(
            each.value for each in samples if each.name == name and labels.items() <= each.labels.items()
        )

    def cpu(self) -> CpuSeconds:
        """What its processes took so far."""
        process = psutil.Process(self.process.pid)
        return CpuSeconds(_cpu_s(process), sum(map(_cpu_s, process.children(recursive=True))))


@contextmanager
def running_server(
    stderr_path: Path | None,
    *,
    module: str = "model_server",
    may_write: bool = False,
    own_session: bool = True,
    until: str = READY,
    **settings: Any,
) -> Iterator[RunningServer]:
    """Start a server, wait until a route answers 200, and end it afterwards.

    Args:
        stderr_path: Where its output goes; None: nowhere.
        module: What `python -m` runs.
        may_write: Files, to disk.
        own_session: The kernel shares the cores out among sessions first; benchmarks want none.
        until: The route.
        settings: Environment variables.

    Raises:
        HarnessError: It ended, or was not ready in time.
    """
    port, began = free_port(), time.monotonic()
    try:
        with _output(stderr_path) as output:
            process = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=ROOT,
                env=clean_environment({"PORT": port, "WORKERS": 2, **settings}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=own_session,
                process_group=None if own_session else 0,
                preexec_fn=None if may_write else _forbid_writing_files,
            )
            try:
                _wait_until_answered(process, port, until)
                ready_s = time.monotonic() - began
                yield RunningServer(port, process, stderr_path, ready_s, settings.get("GRPC_PORT"))
            finally:
                _end(process)
    except _NotReadyError as error:  # by now all that it wrote is there
        raise HarnessError(f"{error}: {_read(stderr_path)}") from None


@contextmanager
def _output(path: Path | None) -> Iterator[int]:
    """A descriptor whose writer may not write files: a pipe to `tee`."""
    if path is None:
        yield subprocess.DEVNULL
        return
    read_end, write_end = os.pipe()
    tee = subprocess.Popen(["tee", str(path)], stdin=read_end, stdout=subprocess.DEVNULL)
    os.close(read_end)
    try:
        yield write_end
    finally:
        os.close(write_end)
        tee.wait(timeout=STOP_TIMEOUT_S)


def _forbid_writing_files() -> None:
    # The server promises to write nothing to disk: here the kernel holds it to that.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=STOP_TIMEOUT_S)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class _NotReadyError(Exception):
    pass


def _wait_until_answered(process: subprocess.Popen[bytes], port: int, path: str) -> None:
    give_up = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise _NotReadyError(f"the server ended with {process.returncode}")
        if is_ok(port, path):
            return
        time.sleep(READY_POLL_S)
    raise _NotReadyError(f"the server was not ready within {READY_TIMEOUT_S:g} s")


def is_ok(port: int, path: str) -> bool:
    """Whether GET on a path of a server on this machine gives 200."""
    try:
        return _get(port, path)[0] == 200
    except (OSError, HTTPException):
        return False


def _get(port: int, path: str) -> tuple[int, bytes]:
    """Status and body, without what a client of httpx costs to make: it is asked again and again."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _read(path: Path | None) -> str:
    return path.read_text() if path else ""
