"""Commands as a user types them: what they print, how they end, how long they take."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.harness.process import ROOT, clean_environment

TIMEOUT_S = 900.0
MODULES = {
    "logo-mine": "pipelines.mine",
    "logo-train": "training.train",
    "logo-batch": "batch.score",
    "logo-fit": "heads",
}


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    status: int
    out: str
    err: str
    seconds: float


def run(command: str, *arguments: object) -> Done:
    """Run a command to its end."""
    began = time.monotonic()
    with _start(command, *arguments) as process:
        out, err = process.communicate(timeout=TIMEOUT_S)
    return Done(process.returncode, out, err, time.monotonic() - began)


def interrupted(command: str, *arguments: object, when: Path) -> Done:
    """Run a command, and press Ctrl-C once a file is there: all its processes get the signal."""
    began = time.monotonic()
    with _start(command, *arguments) as process:
        while not when.exists() and process.poll() is None and time.monotonic() - began < TIMEOUT_S:
            time.sleep(0.05)
        assert process.poll() is None, process.communicate()
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT_S)
    return Done(process.returncode, out, err, time.monotonic() - began)


def _start(command: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", MODULES[command], *map(str, arguments)],
        cwd=ROOT,
        env=clean_environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_heed_interrupts,
    )


def _heed_interrupts() -> None:
    # Who runs in a shell's background, as tests may, has inherited that Ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
