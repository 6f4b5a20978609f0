"""`logo-train`: the command that trains.

A run that was killed goes on from its last checkpoint when it is started again.

Imports nothing heavy until it is to train: every process that makes images imports it again.
"""

import argparse
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

from batch.options import add_spark_options
from logo_detection.commands import Parser, run_command
from training.errors import ProcessLost
from training.inputs import read_inputs
from training.launch import EXIT_LOST, GOES_ON, launch
from training.place import MAX_PROCESSES, ONLY, RUN, place_of

DEFAULT_RECIPE = Path(__file__).parent / "recipes" / "efficientnetv2-b0.toml"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status."""
    options = _parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    return run_command(
        "logo-train",
        partial(train, options, sys.argv[1:] if arguments is None else arguments),
        "the same command goes on from the last checkpoint; images that were not all made are made anew",
    )


def train(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    """Train in the place that a launcher has given, or launch all processes. Returns the exit status."""
    place = place_of(os.environ)
    if place is None and (options.launcher != "local" or options.processes > 1):
        return LAUNCHERS[options.launcher](options, arguments)
    here = place or ONLY
    # Alone, it is told within a second what is wrong; among others, once they can be told.
    inputs = read_inputs(options.data, options.recipe) if here == ONLY else None
    from training.pipeline import run_training

    stop = partial(stop_now, threading.Lock())
    try:
        run_training(options, inputs, here, stop)
    except ProcessLost as error:
        stop(str(error))
    return 0


def launch_here(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    """All processes on this machine."""
    return launch(options.processes, arguments, options.run)


def launch_on_spark(options: argparse.Namespace, _: Sequence[str]) -> int:
    """A task of Spark for each process. Raises LogoDetectionError."""
    from batch.spark import Session
    from training import spark

    session = Session(
        options.master,
        options.archive,
        options.java_home,
        tuple(options.conf),
        options.processes,
        "logo-train",
        options.verbose,
    )
    return spark.launch_on_spark(session, options.processes, absolute(options), options.run.resolve())


def render_for_kubernetes(options: argparse.Namespace, _: Sequence[str]) -> int:
    """Print the documents. Raises TrainingError."""
    from training import kubernetes

    make = {"kubernetes": kubernetes.job_documents, "trainjob": kubernetes.trainjob_documents}
    sys.stdout.write(kubernetes.render(make[options.launcher](kubernetes.pods_of(options))))
    return 0


LAUNCHERS: Mapping[str, Callable[[argparse.Namespace, Sequence[str]], int]] = MappingProxyType(
    {
        "local": launch_here,
        "spark": launch_on_spark,
        "kubernetes": render_for_kubernetes,
        "trainjob": render_for_kubernetes,
    }
)


def absolute(options: argparse.Namespace) -> list[str]:
    """The arguments for a process that begins in another folder."""
    paths: dict[str, Sequence[Path]] = {
        "--data": [options.data],
        "--recipe": [options.recipe],
        "--run": [options.run],
        "--teacher": options.teacher,
        "--images": [options.images] if options.images else [],
        "--export": [options.export] if options.export else [],
    }
    arguments = [part for name, all_of in paths.items() for path in all_of for part in (name, path.resolve())]
    if options.weights:
        is_file = Path(options.weights).exists()
        arguments += ["--weights", Path(options.weights).resolve() if is_file else options.weights]
    return [str(argument) for argument in (*arguments, "--workers", options.workers)]


def stop_now(once: threading.Lock, lost: str) -> NoReturn:
    """Say in one line why a training of several processes ends, and end: TensorFlow may wait for the others.

    The lock is not released: the thread that watches the group and the main thread may both come here.
    """
    once.acquire()
    os.write(sys.stderr.fileno(), f"logo-train: {lost}: {GOES_ON}\n".encode())
    os._exit(EXIT_LOST)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = Parser(prog="logo-train", description="Train a model and export its artifact.")
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
        help="that train together, a part of each batch each",
    )
    add("--launcher", choices=list(LAUNCHERS), default="local", help="what starts them: default %(default)s")
    add("--images", type=Path, metavar="RUN", help="use the images of that run, and make none")
    add("--prepare", action="store_true", help="make the images, and end")
    add("--export", type=Path, help="directory for the artifact; by default artifact/ in the run")
    _add_spark(parser.add_argument_group("--launcher spark: a task of a barrier stage for each process"))
    _add_kubernetes(
        parser.add_argument_group("--launcher kubernetes, or trainjob (Kubeflow's): a pod for each process")
    )
    options = parser.parse_args(arguments)
    if not 1 <= options.processes <= MAX_PROCESSES:
        parser.error(f"--processes: {options.processes} is not 1 to {MAX_PROCESSES}")
    if options.prepare and options.processes > 1:
        parser.error("--prepare is the work of one process")
    if options.launcher in ("kubernetes", "trainjob"):
        if not options.dry_run:
            parser.error("--dry-run is required: kubectl applies what it prints")
        if missing := [name for name in ("image", "claim") if not getattr(options, name)]:
            parser.error(f"--launcher {options.launcher} needs --{missing[0]}")
    return options


def _add_spark(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--archive", metavar="FILE", help="environment: logo-batch pack --train makes it")
    add_spark_options(group)


def _add_kubernetes(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--dry-run", action="store_true", help="print the documents, for kubectl apply")
    add("--name", default="logo-train", help="of the training (default %(default)s)")
    add("--image", help="as pipelines/Dockerfile builds it")
    add("--claim", help="a PersistentVolumeClaim that all pods can write to: data and run")
    add("--mount", default="/shared", help="where it is in the pods (default %(default)s)")
    add("--cpu", default="4", help="of a pod (default %(default)s)")
    add("--memory", default="8Gi", help="of a pod (default %(default)s)")


if __name__ == "__main__":
    sys.exit(main())
