"""Spark: the tasks of a barrier stage train one model, as local processes do and one alone."""

from pathlib import Path

import keras
import numpy as np
import pytest

from tests.training.recipes import write_recipe
from tests.training.test_fitting import STAGES
from tests.training.test_fold import ON_FOLD
from tests.training.test_replicas import CERTAIN, TWENTY_STEPS, difference
from training.launch import EXIT_LOST
from training.run import Run
from training.train import main

CLUSTER = (
    *("--launcher", "spark", "--master", "local-cluster[2,1,1024]", "--processes", "2"),
    *("--conf", "spark.executor.memory=512m", "--conf", "spark.driver.host=127.0.0.1"),
)


def train(images: Path, recipe: Path, run: Path, *options: str) -> int:
    common = ["--data", str(images), "--recipe", str(recipe), "--run", str(run), "--workers", "1"]
    return main([*common, *options])


def weights_of(run: Run) -> list[np.ndarray]:
    progress = run.progress()
    assert progress is not None
    return list(keras.models.load_model(run.path / progress.checkpoint, compile=False).get_weights())


@pytest.mark.slow
def test_tasks_of_spark_local_processes_and_one_alone_end_with_the_same_weights(
    images: Path, tmp_path: Path
) -> None:
    # On a fold, where nothing is exported, which would take longer than the twenty steps.
    recipe = write_recipe(tmp_path, (STAGES, TWENTY_STEPS), ON_FOLD, *CERTAIN)
    runs = {name: Run(tmp_path / name) for name in ("alone", "local", "spark")}
    assert train(images, recipe, runs["alone"].path) == 0
    for name, options in (("local", ("--processes", "2")), ("spark", CLUSTER)):
        borrowed = ("--images", str(runs["alone"].path))
        assert train(images, recipe, runs[name].path, *options, *borrowed) == 0
    alone, local, spark = (weights_of(run) for run in runs.values())
    assert difference(local, alone) < 1e-4
    assert difference(spark, alone) < 1e-4
    assert [line["step"] for line in runs["spark"].read_history()] == ["20"]
    assert all(runs["spark"].log(rank).exists() for rank in range(2))


@pytest.mark.slow
def test_spark_refuses_what_cannot_start_together(
    images: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    recipe, run = write_recipe(tmp_path), tmp_path / "run"
    dynamic = ("--conf", "spark.dynamicAllocation.enabled=true")
    assert train(images, recipe, run, *CLUSTER, *dynamic) == 2
    assert "which Spark cannot do with dynamic allocation" in capfd.readouterr().err
    hasty = ("--conf", "spark.scheduler.barrier.maxConcurrentTasksCheck.maxFailures=1")
    assert train(images, recipe, run, *CLUSTER, *hasty, "--processes", "4") == 2
    assert "requires more slots" in capfd.readouterr().err


@pytest.mark.slow
def test_a_training_that_cannot_begin_says_where_its_tasks_say_why(
    images: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(tmp_path, ("warm_up = 2", "warm_up = 0"))
    run = Run(tmp_path / "run")
    status = train(images, recipe, run.path, *CLUSTER)
    assert status not in (0, EXIT_LOST)
    assert f"rank 0 has ended with status 2: see {run.log(0)}" in capfd.readouterr().err
    assert "warm_up: 0 is not at least 1" in run.log(0).read_text()
