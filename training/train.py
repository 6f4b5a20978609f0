"""Training: a recipe and a set of images become a run, and the run an artifact.

A run that was killed goes on where its last checkpoint stands, when it is started again.
"""

import argparse
import json
import logging
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluation.report import Report, render
from logo_detection.image import ImageSpec
from training.datasets import read_examples, sources_of, split
from training.export import export_run
from training.fitting import fit
from training.judge import judge
from training.materialise import is_whole, materialise, read_shard
from training.plan import training_tasks, validation_tasks
from training.recipe import Recipe, read_recipe
from training.run import Run

LOG = logging.getLogger(__name__)

DEFAULT_RECIPE = Path(__file__).parent / "recipes" / "efficientnetv2-b0.toml"


def prepare(recipe: Recipe, data: Path, run: Run, workers: int) -> None:
    """Materialise the arrays of a run, unless they are there, and note what they were made of."""
    parts = split(read_examples(data), recipe.hold_out)
    plans = {
        run.training: training_tasks(recipe, parts.training),
        run.validation: validation_tasks(recipe, parts.validation),
    }
    for directory, tasks in plans.items():
        if not is_whole(directory):
            materialise(tasks, ImageSpec(), directory, workers)
    sources = {"training": sources_of(parts.training), "validation": sources_of(parts.validation)}
    run.sources.write_text(json.dumps(sources, indent=2) + "\n")


def finish(model: Any, run: Run) -> Report:
    """Keep the model of a run, and its report: judged in float32, at the size at which it serves."""
    model.save(run.model, include_optimizer=False)
    report = judge(
        lambda images: model.predict(images, verbose=0), read_shard(run.validation), ImageSpec().height
    )
    run.report.write_text(json.dumps(report.as_dict(), indent=2) + "\n")
    return report


def main(arguments: Sequence[str] | None = None) -> None:
    """`logo-train`: materialise, train, judge, export."""
    options = parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    run, recipe = Run(options.run), read_recipe(options.recipe)
    run.path.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(options.recipe, run.recipe)
    prepare(recipe, options.data, run, options.workers)
    report = finish(fit(recipe, run, options.weights), run)
    LOG.info("validation, on sources never trained on:\n%s", render(report))
    if options.export is not None:
        export_run(run, options.export)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="logo-train", description="Train a model and export its artifact.")
    add = parser.add_argument
    add("--data", type=Path, required=True, help="images: with a manifest.csv, or a folder per class")
    add("--recipe", type=Path, default=DEFAULT_RECIPE)
    add("--run", type=Path, default=Path("runs/latest"), help="where the run is kept, and resumed from")
    add("--weights", help="begin with `imagenet` (from the Keras hub), or with a backbone's .weights.h5")
    add("--workers", type=int, default=os.cpu_count() or 1, help="processes that make the arrays")
    add("--export", type=Path, help="directory for the artifact")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
