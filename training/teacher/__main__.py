"""`python -m training.teacher`: fine-tune a recipe's teachers, in the run of the model that learns from them.

    make teacher DATA=data ARGS="--run runs/mine"
    make train DATA=data ARGS="--run runs/mine"

A run that was killed goes on from its last checkpoint when it is started again.
"""

import logging
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from logo_detection.commands import GOES_ON, Parser, run_command
from training.train import DEFAULT_RECIPE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns its exit status."""
    parser = Parser(prog="training.teacher", description="Fine-tune the teachers of a recipe.")
    add = parser.add_argument
    add("--data", type=Path, required=True, help="images: with a manifest, or a folder per class")
    add("--recipe", type=Path, default=DEFAULT_RECIPE)
    add("--run", type=Path, default=Path("runs/latest"), help="where the run is kept, and resumed from")
    add("--workers", type=int, default=os.cpu_count() or 1, help="processes that make and score images")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    from training.teacher.pipeline import run_teachers

    work = partial(run_teachers, options.data, options.recipe, options.run, options.workers)
    return run_command("training.teacher", work, GOES_ON)


if __name__ == "__main__":
    sys.exit(main())
