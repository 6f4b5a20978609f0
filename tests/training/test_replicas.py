"""Replicas: two processes end with one process's weights, and without what makes them one they do not."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.harness.process import ROOT, free_port
from tests.training.recipes import write_recipe
from tests.training.replica import OTHER_WEIGHTS, SYNCHRONISED, UNSYNCHRONISED
from tests.training.test_fitting import STAGES, pictures
from tests.training.test_group import TIMEOUT_S, in_each_rank
from training.errors import ProcessLost
from training.fitting import fit_model
from training.group import Group
from training.model import build
from training.place import COORDINATOR, ONLY, PROCESSES, RANK
from training.recipe import read_recipe
from training.replicas import losses_named, vary_dropout
from training.run import Run
from training.shards import read_shards, write_shards

PROCESSES_TIMEOUT_S = 300
TWENTY_STEPS = "stages = [{ size = 16, images = 160, batch = 8, rate = 1e-3, last_rate = 1e-4 }]"
CERTAIN = (("skip_dropout = 0.1", "skip_dropout = 0.0"), ("\ndropout = 0.1", "\ndropout = 0.0"))

Weights = list[np.ndarray]


def weights_of(path: Path) -> Weights:
    with np.load(path) as arrays:
        return [arrays[name] for name in arrays.files]


def difference(ours: Weights, theirs: Weights) -> float:
    return max(float(np.abs(one - other).max()) for one, other in zip(ours, theirs, strict=True))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where two processes have fitted three runs."""
    directory = tmp_path_factory.mktemp("replicas")
    recipe = read_recipe(write_recipe(directory, (STAGES, TWENTY_STEPS), *CERTAIN))
    for rank in range(2):
        text = (directory / "tiny.toml").read_text()
        (directory / f"{rank}.toml").write_text(text.replace("seed = 1", f"seed = {rank}"))
    write_shards(directory / "training", pictures(recipe), recipe.labels, 32)
    place = {PROCESSES: "2", COORDINATOR: f"127.0.0.1:{free_port()}", "TF_NUM_INTRAOP_THREADS": "1"}
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.training.replica", str(directory)],
            cwd=ROOT,
            env={**os.environ, **place, RANK: str(rank)},
        )
        for rank in range(2)
    ]
    try:
        assert [process.wait(PROCESSES_TIMEOUT_S) for process in started] == [0, 0]
        yield directory
    finally:
        for process in started:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_two_processes_end_with_one_process_s_weights(directory: Path, tmp_path: Path) -> None:
    recipe, shards = read_recipe(directory / "tiny.toml"), read_shards(directory / "training")
    alone = fit_model(recipe, Run(tmp_path), shards, None).get_weights()
    first, second = (weights_of(directory / SYNCHRONISED / f"{rank}.npz") for rank in range(2))
    assert difference(first, second) == 0
    assert difference(first, alone) < 1e-4
    unsynchronised = weights_of(directory / UNSYNCHRONISED / "0.npz")
    assert difference(unsynchronised, alone) > 1e-2


@pytest.mark.slow
def test_processes_that_begin_with_other_weights_stop(directory: Path) -> None:
    for rank in range(2):
        said = (directory / OTHER_WEIGHTS / f"{rank}.txt").read_text()
        assert said.startswith("ranks [1] begin with other weights than rank 0")


def test_a_sum_that_fails_names_the_process_that_was_lost() -> None:
    def run(group: Group) -> None:
        if group.place.rank == 1:
            raise RuntimeError("killed")
        with losses_named(group):
            raise tf.errors.UnavailableError(None, None, "Collective ops is aborted")

    first, _ = in_each_rank(2, run, lambda lost: None)
    with pytest.raises(ProcessLost, match="rank 1 was lost"):
        first.result(TIMEOUT_S)


def test_an_error_of_tensorflow_s_in_one_process_is_that_error() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError), losses_named(Group(ONLY, "", {})):
        raise tf.errors.InvalidArgumentError(None, None, "shapes")


def test_each_rank_drops_out_other_features(tmp_path: Path) -> None:
    recipe = read_recipe(write_recipe(tmp_path))

    def dropped(rank: int) -> np.ndarray:
        model, _ = build(recipe, 16)
        layer = model.get_layer("dropout")
        vary_dropout(model, rank)
        return np.stack([np.asarray(layer(np.ones((8, 12), np.float32), training=True)) for _ in range(2)])

    assert not np.array_equal(dropped(0), dropped(1))
