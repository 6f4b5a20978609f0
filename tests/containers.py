"""A container of the built image, run as a kubelet would have it run, by runc as there.

Its own user without capabilities, a root file system that is mounted read-only, the cores and the memory
that the chart grants. Only the network is the host's, so that no plug-in is needed.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.harness.process import ROOT, free_port
from tests.harness.server import READY

BUILD_TIMEOUT_S = 3600
READY_TIMEOUT_S = 180
BUILDAH = 'source deploy/buildah.env && exec buildah "$@"'
PRIVATE = [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")]
DEVICES = {
    "destination": "/dev",
    "type": "tmpfs",
    "source": "tmpfs",
    "options": ["nosuid", "mode=755", "size=64k"],
}
SHARED = {
    "destination": "/dev/shm",  # noqa: S108
    "type": "tmpfs",
    "source": "shm",
    "options": ["nosuid", "nodev", "noexec"],
}


@dataclass(frozen=True, slots=True)
class Image:
    """An image's files, mounted at `root`, and its configuration as Docker writes it."""

    root: Path
    config: dict[str, Any]

    @property
    def size_bytes(self) -> int:
        """What its files take, uncompressed."""
        done = subprocess.run(["du", "-s", "--block-size=1", self.root], capture_output=True, check=True)
        return int(done.stdout.split()[0])

    @property
    def environment(self) -> dict[str, str]:
        """What it sets."""
        return dict(entry.split("=", 1) for entry in self.config["Env"])


@dataclass(frozen=True, slots=True)
class Container:
    """A running container, and how to reach it."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    pid: int
    started_after_s: float
    log: Path

    def execute(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside, as the container's own user."""
        settings = [part for name, value in environment.items() for part in ("--env", f"{name}={value}")]
        return subprocess.run(
            [*_runc(), "exec", *settings, self.name, *command], capture_output=True, text=True, timeout=60
        )

    def status(self) -> dict[str, str]:
        """What the kernel says of its first process."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def signal(self, name: str) -> None:
        """Send its first process a signal."""
        subprocess.run([*_runc(), "kill", self.name, name], check=True, timeout=30)


def _runc() -> list[str]:
    return ["runc", "--root", str(ROOT / "build" / "image" / "runc")]


def _buildah(*arguments: str) -> str:
    done = subprocess.run(
        ["bash", "-c", BUILDAH, "buildah", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextmanager
def built_image(target: str) -> Iterator[Image]:
    """Build a stage of the Dockerfile, and mount the image."""
    subprocess.run(["deploy/build-image.sh", target], cwd=ROOT, check=True, timeout=BUILD_TIMEOUT_S)
    working = _buildah("from", "--pull-never", f"localhost/logo-detection:{target}")
    try:
        document = json.loads(_buildah("inspect", working))
        yield Image(Path(_buildah("mount", working)), document["Docker"]["config"])
    finally:
        _buildah("rm", working)


def run_in_image(image: str, *command: str, user: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
    """Build an image of `deploy/build-image.sh`, and run a command in it, without a container's limits."""
    subprocess.run(["deploy/build-image.sh", image], cwd=ROOT, check=True, timeout=BUILD_TIMEOUT_S)
    working = _buildah("from", "--pull-never", f"localhost/logo-detection:{image}")
    try:
        run = ["run", "--isolation", "chroot", "--user", user, working, "--", *command]
        return subprocess.run(
            ["bash", "-c", BUILDAH, "buildah", *run],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
    finally:
        _buildah("rm", working)


@contextmanager
def running_container(
    image: Image,
    directory: Path,
    *,
    cores: int,
    memory_bytes: int,
    mounts: Mapping[Path, str] | None = None,
    tmp_bytes: int = 0,
    wait: bool = True,
    **settings: object,
) -> Iterator[Container]:
    """Run the image's own command.

    Args:
        image: What to run.
        directory: Where its configuration and its log lie; made here, and removed.
        cores: CPU limit.
        memory_bytes: Memory limit.
        mounts: Host paths, and where they are shown, read-only.
        tmp_bytes: Size of a writable /tmp; 0: none.
        wait: Until its model is ready.
        settings: The server's.
    """
    port = free_port()
    name = f"logo-detection-{os.getpid()}-{port}"
    environment = {**image.environment, "PORT": port, **settings}
    bundle = _bundle(image, environment, cores, memory_bytes, mounts or {})
    bundle["linux"]["cgroupsPath"] = f"/{name}"
    if tmp_bytes:
        options = ["nosuid", "nodev", "mode=1777", f"size={tmp_bytes}"]
        tmp = {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": options}  # noqa: S108
        bundle["mounts"].append(tmp)
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps(bundle))
    log = directory / "log"
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_runc(), "run", "--bundle", directory, name],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        pid = _wait(process, url if wait else None, name, log)
        yield Container(name, url, process, pid, time.monotonic() - began, log)
    finally:
        subprocess.run([*_runc(), "delete", "--force", name], capture_output=True, timeout=60)
        process.wait(timeout=60)
        shutil.rmtree(directory, ignore_errors=True)


def _bundle(
    image: Image,
    environment: Mapping[str, object],
    cores: int,
    memory_bytes: int,
    mounts: Mapping[Path, str],
) -> dict[str, Any]:
    """The runtime's configuration. https://github.com/opencontainers/runtime-spec/blob/main/config.md."""
    user, group = map(int, image.config["User"].split(":"))
    shown = [
        {"destination": inside, "type": "bind", "source": str(outside), "options": ["rbind", "ro"]}
        for outside, inside in mounts.items()
    ]
    return {
        "ociVersion": "1.0.2",
        "root": {"path": str(image.root), "readonly": True},
        "process": {
            "user": {"uid": user, "gid": group},
            "cwd": image.config["WorkingDir"],
            "args": image.config["Entrypoint"],
            "env": [f"{name}={value}" for name, value in environment.items()],
            "capabilities": {},
            "noNewPrivileges": True,
        },
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}, DEVICES, SHARED, *shown],
        "linux": {
            "namespaces": PRIVATE,
            "resources": {
                "cpu": {"quota": cores * 100_000, "period": 100_000},
                "memory": {"limit": memory_bytes},
            },
        },
    }


def _wait(process: subprocess.Popen[bytes], url: str | None, name: str, log: Path) -> int:
    """Until it runs and, given a URL, its model is ready. Returns the id of its first process."""
    give_up = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < give_up:
        assert process.poll() is None, log.read_text()
        done = subprocess.run([*_runc(), "state", name], capture_output=True, timeout=30)
        running = done.returncode == 0 and json.loads(done.stdout)["status"] == "running"
        if running and (url is None or _answers(url + READY)):
            pid: int = json.loads(done.stdout)["pid"]
            return pid
        time.sleep(0.05)
    raise TimeoutError(f"not ready within {READY_TIMEOUT_S} s: {log.read_text()}")


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False
