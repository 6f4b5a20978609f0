"""`logo-train`: the command that trains.

A run that was killed goes on from its last checkpoint when it is started again.

Imports nothing heavy until it is to train: every process that makes images imports it again.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from logo_detection.commands import run_command

DEFAULT_RECIPE = Path(__file__).parent / "recipes" / "efficientnetv2-b0.toml"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status."""
    options = _parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    from training.pipeline import run_training

    return run_command("logo-train", partial(run_training, options))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="logo-train", description="Train a model and export its artifact.")
    add = parser.add_argument
    add("--data", type=Path, required=True, help="images: with a manifest, or a folder per class")
    add("--recipe", type=Path, default=DEFAULT_RECIPE)
    add("--run", type=Path, default=Path("runs/latest"), help="where the run is kept, and resumed from")
    add("--weights", help="begin with `imagenet`, a backbone's .weights.h5, or a whole .keras file")
    add(
        "--teacher",
        type=Path,
        action="append",
        default=[],
        help="an artifact to learn from; several are averaged",
    )
    add("--workers", type=int, default=os.cpu_count() or 1, help="processes that make and score images")
    add("--export", type=Path, help="directory for the artifact; by default artifact/ in the run")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
