"""A process that trains together with others: `python -m tests.training.replica DIRECTORY`.

It fits the runs in a directory one after the other, each by the recipe and on the shards there, and writes
what became of them in this rank. TensorFlow starts once for all.
"""

import os
import sys
from pathlib import Path

import numpy as np

from training import replicas as replicas_module
from training.errors import TrainingError
from training.fitting import fit_model
from training.group import joined
from training.place import place_of
from training.recipe import read_recipe
from training.replicas import Replicas, replicas_of
from training.run import Run
from training.shards import read_shards

SYNCHRONISED, UNSYNCHRONISED, OTHER_WEIGHTS = "synchronised", "unsynchronised", "other_weights"


def main(directory: Path) -> None:
    place = place_of(os.environ)
    assert place is not None
    with joined(place, lambda lost: os._exit(3)) as group:
        replicas = replicas_of(group)
        fit(directory, SYNCHRONISED, replicas)
        replicas_module.synchronise_norms = lambda model, processes: None
        fit(directory, UNSYNCHRONISED, replicas)
        fit(directory, OTHER_WEIGHTS, replicas, f"{place.rank}.toml")


def fit(directory: Path, name: str, replicas: Replicas, recipe: str = "tiny.toml") -> None:
    """Write the weights of a fit, or the error that it ends with."""
    rank, run = replicas.place.rank, Run(directory / name)
    run.path.mkdir(exist_ok=True)
    shards, validation = read_shards(directory / "training"), None
    try:
        model = fit_model(read_recipe(directory / recipe), run, shards, validation, None, replicas)
    except TrainingError as error:
        (run.path / f"{rank}.txt").write_text(str(error))
    else:
        np.savez(run.path / f"{rank}.npz", *model.get_weights())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
