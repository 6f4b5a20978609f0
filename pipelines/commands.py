"""Commands: those that the project has, each run to its end in a process of its own, within its time."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from logo_detection.cores import available_cores
from pipelines.errors import PipelineError

ROOT = Path(__file__).parents[1]

# TensorFlow counts the cores of the machine, and not those that a pod may use.
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")


def run_command(module: str, *arguments: object, timeout_s: float, folder: Path | None = None) -> None:
    """Run `python -m module` with what it says on this process's stdout and stderr.

    Args:
        module: That has the command.
        arguments: Of the command.
        timeout_s: Seconds after which it is killed, with all that it has started.
        folder: The command's current folder; this process's unless told otherwise.

    Raises:
        PipelineError: It failed, or took too long.
    """
    command = [sys.executable, "-m", module, *map(str, arguments)]
    with subprocess.Popen(  # noqa: S603
        command, cwd=folder, env=_environment(), start_new_session=True
    ) as process:
        try:
            status = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise PipelineError(f"{module} did not end within {timeout_s:g} s") from None
        finally:  # and where this process is interrupted
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if status != 0:
        raise PipelineError(f"{module} failed with exit status {status}; above is what it said")


def _environment() -> dict[str, str]:
    """This process's, with the project wherever the command runs: an image has it as folders only."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    cores = dict.fromkeys(THREADS, str(available_cores()))
    return {**cores, **os.environ, "PYTHONPATH": os.pathsep.join(paths)}
