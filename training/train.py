"""`logo-train`: the command that trains.

A run that was killed goes on from its last checkpoint when it is started again.

Imports nothing heavy until it is to train: every process that makes images imports it again.
"""

import argparse
import logging
import os
import sys
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NoReturn

from logo_detection.commands import run_command
from training.errors import ProcessLost
from training.launch import EXIT_LOST, GOES_ON, launch
from training.place import MAX_PROCESSES, ONLY, RUN, place_of

DEFAULT_RECIPE = Path(__file__).parent / "recipes" / "efficientnetv2-b0.toml"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status."""
    options = _parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    return run_command(
        "logo-train", partial(train, options, sys.argv[1:] if arguments is None else arguments)
    )


def train(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Train in the place that a launcher has given, or start all processes. Returns the exit status."""
    place = place_of(os.environ)
    if place is None and options.processes > 1:
        return launch(options.processes, arguments, options.run)
    from training.pipeline import run_training

    stop = partial(stop_now, threading.Lock())
    try:
        run_training(options, place or ONLY, stop)
    except ProcessLost as error:
        stop(str(error))
    return 0


def stop_now(once: threading.Lock, lost: str) -> NoReturn:
    """Say in one line why a training of several processes ends, and end: TensorFlow may wait for the others.

    The lock is not released: the thread that watches the group and the main thread may both come here.
    """
    once.acquire()
    os.write(sys.stderr.fileno(), f"logo-train: {lost}: {GOES_ON}\n".encode())
    os._exit(EXIT_LOST)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="logo-train", description="Train a model and export its artifact.")
    add = parser.add_argument
    add("--data", type=Path, required=True, help="images: with a manifest, or a folder per class")
    add("--recipe", type=Path, default=DEFAULT_RECIPE)
    run = Path(os.environ.get(RUN, "runs/latest"))
    add("--run", type=Path, default=run, help="where the run is kept, and resumed from")
    add("--weights", help="begin with `imagenet`, a backbone's .weights.h5, or a whole .keras file")
    add(
        "--teacher",
        type=Path,
        action="append",
        default=[],
        help="an artifact to learn from; several are averaged",
    )
    add("--workers", type=int, default=os.cpu_count() or 1, help="processes that make and score images")
    add(
        "--processes",
        type=int,
        default=1,
        help="that train together on this machine, a part of each batch each",
    )
    add("--images", type=Path, metavar="RUN", help="use the images of that run, and make none")
    add("--prepare", action="store_true", help="make the images, and end")
    add("--export", type=Path, help="directory for the artifact; by default artifact/ in the run")
    options = parser.parse_args(arguments)
    if not 1 <= options.processes <= MAX_PROCESSES:
        parser.error(f"--processes: {options.processes} is not 1 to {MAX_PROCESSES}")
    if options.prepare and options.processes > 1:
        parser.error("--prepare is the work of one process")
    return options


if __name__ == "__main__":
    sys.exit(main())
