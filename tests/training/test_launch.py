"""Launching: a run of two processes is one run, and a lost process costs what came after its checkpoint."""

import csv
import random
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import h5py
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


STAGES = "stages = [\n    { size = 16, images = 32, batch = 8, rate = 1e-3, last_rate = 1e-4 },\n"
TEN = "stages = [\n" + 10 * "    { size = 16, images = 160, batch = 8, rate = 1e-3, last_rate = 1e-4 },\n"
KILLS = 3


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
            until(lambda: run.progress() is not None or launcher.poll() is not None, CHECKPOINT_TIMEOUT_S)
            process_of(launcher.pid, 1).send_signal(signal.SIGKILL)
            _, stderr = launcher.communicate(timeout=LOSS_TIMEOUT_S)
        finally:
            launcher.kill()  # and with it what it has started
    assert launcher.returncode == EXIT_LOST, stderr
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


@pytest.mark.soak
def test_workers_killed_at_any_step_cost_no_example_and_no_artifact(images: Path, tmp_path: Path) -> None:
    run, recipe = Run(tmp_path / "run"), write_recipe(tmp_path, (STAGES, TEN))
    seed = time.time_ns()
    rng = random.Random(seed)
    for kill in range(KILLS):
        with subprocess.Popen(
            command(images, recipe, run.path), cwd=ROOT, stderr=subprocess.PIPE, text=True
        ) as launcher:
            try:
                until(partial(has_chunks, run, kill + 1), CHECKPOINT_TIMEOUT_S)
                time.sleep(rng.uniform(0, 2))
                process_of(launcher.pid, rng.randrange(2)).send_signal(signal.SIGKILL)
                _, stderr = launcher.communicate(timeout=LOSS_TIMEOUT_S)
            finally:
                launcher.kill()
        assert launcher.returncode == EXIT_LOST, f"seed {seed}: {stderr}"
        assert len(said_by(stderr)) == 1, stderr
    whole = command(images, recipe, run.path)
    subprocess.run(whole, cwd=ROOT, timeout=TRAIN_TIMEOUT_S, check=True)
    assert [int(line["step"]) for line in run.read_history()] == [*range(20, 201, 20), 202]
    assert steps_of_the_optimizer(run) == 202
    assert (run.artifact / "manifest.json").exists()


def has_chunks(run: Run, count: int) -> bool:
    return (progress := run.progress()) is not None and progress.chunks >= count


def steps_of_the_optimizer(run: Run) -> int:
    """How many steps the last checkpoint's optimizer has taken, which is the number of batches it saw."""
    progress = run.progress()
    assert progress is not None
    with (
        zipfile.ZipFile(run.path / progress.checkpoint) as archive,
        archive.open("model.weights.h5") as data,
        h5py.File(data) as weights,
    ):
        return int(weights["optimizer/vars/0"][()])
