"""logo-search: finds a recipe's numbers by many trainings, validated on folds of the training images.

    logo-search --data data --recipe training/recipes/quick.toml --to runs/search --trials 30

What follows `--` is for every `logo-train`. Started again with the same options, it goes on where it was.
Exit status 0: there is a result, also where nothing was gained; 2: it cannot go on as things stand.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import optuna

from batch.options import add_spark_options, positive, positive_seconds, value
from logo_detection.commands import GOES_ON, Parser, run_command
from logo_detection.cores import available_cores
from search.pipeline import run_search
from search.trials import MEASURES


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status."""
    options = _parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return run_command("logo-search", partial(run_search, options), GOES_ON)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        prog="logo-search",
        description="Find a recipe's numbers by many trainings. What follows -- is for every logo-train.",
        epilog="Exit status: 0 if there is a result, 2 if it cannot go on as things stand.",
    )
    _add_what(parser)
    _add_where(parser)
    options = parser.parse_args(arguments)
    if options.folds < 3:
        parser.error(f"--folds: {options.folds} is not 3 or more")
    if options.seed < 0:
        parser.error(f"--seed: {options.seed} is not 0 or more")
    if options.seeds == 1 or options.seeds < 0:
        parser.error(f"--seeds: {options.seeds} is neither 0 nor 2 or more")
    return options


def _add_what(parser: argparse.ArgumentParser) -> None:
    option = parser.add_argument
    option("training", metavar="OPTION", nargs="*", help="of logo-train, after --: --weights, --teacher")
    option("--data", type=Path, required=True, help="images: with a manifest, or a folder per class")
    option("--recipe", type=Path, required=True, help="the first trial")
    option("--space", type=Path, help="what may change (default: the recipe's name with .search.toml)")
    option("--to", type=Path, default=Path("runs/search"), help="where all is kept, and gone on from")
    option("--trials", type=value(positive), default=30, help="default %(default)s")
    option("--measure", choices=MEASURES, default=MEASURES[0], help="of the validation (default %(default)s)")
    option("--folds", type=value(positive), default=5, help="of the training images (default %(default)s)")
    option("--seed", type=int, default=0, help="of what is tried, and of fitting (default %(default)s)")
    option("--seeds", type=int, default=5, help="runs of the first recipe and of the best, to compare them")
    option(
        "--timeout-s", type=value(positive_seconds), default=86400.0, help="of a run (default %(default)s)"
    )
    option("--no-pruning", dest="prune", action="store_false", help="let every trial go to its end")


def _add_where(parser: argparse.ArgumentParser) -> None:
    option = parser.add_argument
    option("--storage", metavar="URL", help="Optuna's, of any database (default: SQLite in --to)")
    option("--study", metavar="NAME", default="logo-search", help="in the storage (default %(default)s)")
    option("--at-once", metavar="N", type=value(positive), default=1, help="runs (default %(default)s)")
    option("--workers", type=value(positive), default=available_cores(), help="cores of this machine")
    option("--launcher", choices=["local", "spark"], default="local", help="where runs are started")
    group = parser.add_argument_group("Spark: a task for each run")
    group.add_argument("--archive", metavar="FILE", help="the executors' environment, as logo-batch packs it")
    add_spark_options(group)


if __name__ == "__main__":
    sys.exit(main())
