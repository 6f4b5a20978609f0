"""Launching: a run of two processes is one run, and a lost process costs what came after its checkpoint."""

import csv
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from tests.harness.process import ROOT, until
from tests.training.recipes import write_recipe
from training.launch import EXIT_LOST
from training.place import RANK
from training.run import Run

CHECKPOINT_TIMEOUT_S = 240.0
LOSS_TIMEOUT_S = 60.0
TRAIN_TIMEOUT_S = 400.0
LONGER = ("{ size = 32, images = 16, batch = 8", "{ size = 32, images = 16000, batch = 8")


def command(images: Path, recipe: Path, run: Path) -> list[str]:
    options = ["--data", images, "--recipe", recipe, "--run", run, "--workers", 1, "--processes", 2]
    return [sys.executable, "-m", "training.train", *map(str, options)]


def process_of(launcher: int, rank: int) -> psutil.Process:
    return next(
        child for child in psutil.Process(launcher).children() if child.environ().get(RANK) == str(rank)
    )


def said_by(stderr: str) -> Sequence[str]:
    return [line for line in stderr.splitlines() if line.startswith("logo-train:")]


@pytest.mark.slow
def test_a_killed_worker_stops_all_and_the_same_command_goes_on(images: Path, tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    history = run.path / "history.csv"
    with subprocess.Popen(
        command(images, write_recipe(tmp_path, LONGER), run.path), cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as launcher:
        try:
            # Of the first chunk's results the history is the last.
            until(lambda: history.exists() or launcher.poll() is not None, CHECKPOINT_TIMEOUT_S)
            process_of(launcher.pid, 1).send_signal(signal.SIGKILL)
            _, stderr = launcher.communicate(timeout=LOSS_TIMEOUT_S)
        finally:
            launcher.kill()  # and with it what it has started
    assert launcher.returncode == EXIT_LOST
    assert said_by(stderr) == [
        "logo-train: rank 1 was lost: the run stops; the same command goes on from its last checkpoint"
    ]
    whole = subprocess.run(
        command(images, write_recipe(tmp_path), run.path),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        timeout=TRAIN_TIMEOUT_S,
        check=False,
    )
    assert whole.returncode == 0, whole.stderr
    with history.open(newline="") as file:
        assert [line["step"] for line in csv.DictReader(file)] == ["4", "6"]  # none twice, none never
    assert (run.artifact / "manifest.json").exists()
    assert run.log(1).exists()
    assert len(list(run.logs.iterdir())) == 2  # one file of curves for each time that it was started
