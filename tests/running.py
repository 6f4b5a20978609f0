"""A real server in a process of its own, on a free port, as tests use it."""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parents[1]
READY_TIMEOUT_S = 90.0
PREDICT = "/v1/models/logo-detection:predict"
READY = "/v1/models/logo-detection"
LIVE = "/v2/health/live"


@dataclass(frozen=True, slots=True)
class RunningServer:
    """The address of a server that is ready, its process, and where its stderr goes."""

    url: str
    process: subprocess.Popen[bytes]
    stderr_path: Path

    def predict(self, body: Any, **options: Any) -> httpx.Response:
        """POST a JSON document to the model."""
        return httpx.post(self.url + PREDICT, json=body, timeout=30, **options)

    def post(self, content: bytes, **options: Any) -> httpx.Response:
        """POST raw bytes to the model."""
        return httpx.post(self.url + PREDICT, content=content, timeout=30, **options)

    def stderr(self) -> str:
        """What it wrote so far."""
        return self.stderr_path.read_text()


def free_port() -> int:
    """A TCP port that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def clean_environment(settings: Mapping[str, object]) -> dict[str, str]:
    """This process's environment without settings of the server, and with the given ones."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, **{name: str(value) for name, value in settings.items()}}


def _forbid_writing_files() -> None:
    # The server promises to write nothing to disk: here the kernel holds it to that.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


@contextmanager
def running_server(
    stderr_path: Path, *, may_write: bool = False, until: str = READY, **settings: Any
) -> Iterator[RunningServer]:
    """Start `python -m model_server`, wait until a route answers 200, and end it afterwards."""
    port = free_port()
    read_end, write_end = os.pipe()  # a pipe: RLIMIT_FSIZE holds for files only
    tee = subprocess.Popen(["tee", str(stderr_path)], stdin=read_end, stdout=subprocess.DEVNULL)
    process = subprocess.Popen(
        [sys.executable, "-m", "model_server"],
        cwd=ROOT,
        env=clean_environment({"PORT": port, "WORKERS": 2, **settings}),
        stdin=subprocess.DEVNULL,
        stdout=write_end,
        stderr=write_end,
        start_new_session=True,
        preexec_fn=None if may_write else _forbid_writing_files,
    )
    os.close(read_end)
    os.close(write_end)
    server = RunningServer(f"http://127.0.0.1:{port}", process, stderr_path)
    try:
        wait_until_answered(server, until)
        yield server
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(timeout=20)
        finally:
            if process.poll() is None:
                process.kill()
            tee.wait(timeout=20)


def wait_until_answered(server: RunningServer, path: str) -> None:
    """Until GET on the path answers 200."""
    give_up = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < give_up:
        if server.process.poll() is not None:
            raise RuntimeError(f"the server ended with {server.process.returncode}: {server.stderr()}")
        try:
            if httpx.get(server.url + path, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise TimeoutError(f"the server was not ready within {READY_TIMEOUT_S} s: {server.stderr()}")
