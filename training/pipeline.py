"""The course of a training: a recipe and a set of images become a run, and the run an artifact."""

import argparse
import json
import logging
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from datasets.manifest import Example, read_examples
from datasets.splits import Split, sources_of
from evaluation.calibration import apply_temperature, fit_temperature, prior_weights
from evaluation.document import describe_data, make_document
from evaluation.evaluate import judge
from evaluation.metrics import measure
from evaluation.report import render
from logo_detection.artifact import Artifact, Calibration
from release.export import export, git_commit
from release.folding import fold_temperature
from release.model_card import Facts
from release.publication import publish
from training import holdout, shards
from training.errors import RecipeInvalid, TrainingError
from training.fitting import fit
from training.holdout import Validation, read_validation, split_data, write_holdout
from training.materialise import make_all
from training.plan import training_tasks
from training.recipe import Recipe, read_recipe
from training.run import Run
from training.shards import Shards, read_shards, write_shards
from training.validation import score

LOG = logging.getLogger(__name__)

MAY_CHANGE = frozenset(
    ("stages", "warm_up", "weight_decay", "label_smoothing", "dropout", "ema", "mixed_precision", "limits")
)
"""What of a recipe may be another when a run goes on: it decides neither the images nor what they teach."""

PARITY_STEP = 50  # every 50th validation image is scored by both runtimes before an artifact is published


def train(options: argparse.Namespace) -> None:
    """Prepare, fit, calibrate, export, evaluate: as `training.train` says it on its command line."""
    examples = read_examples(options.data)
    run, recipe = begin(options.run, options.recipe, describe_data(examples)["sha256"])
    learnt, validation = prepare(recipe, examples, run, options.workers)
    model = fit(recipe, run, learnt, validation, options.weights)
    facts = facts_of(recipe, run, *calibrate(recipe, model, run, validation))
    artifact = export(model, facts, options.export or run.artifact, parity_images(validation))
    evaluate(artifact, facts, run, validation, options.workers)


def begin(directory: Path, recipe: Path, data: str) -> tuple[Run, Recipe]:
    """The run, with its recipe in it, and the digest of its data.

    Raises:
        RecipeInvalid: The recipe is none; or not the run's, save what may change as it goes on.
        TrainingError: The run has begun with other data.
    """
    run, read = Run(directory), read_recipe(recipe)
    if run.sources.exists():
        check_same_run(run, read, data)
    else:
        run.path.mkdir(parents=True, exist_ok=True)
        run.data.write_text(json.dumps({"sha256": data}) + "\n")
    if recipe.resolve() != run.recipe.resolve():
        shutil.copyfile(recipe, run.recipe)
    return run, read


def check_same_run(run: Run, recipe: Recipe, data: str) -> None:
    """Raises RecipeInvalid or TrainingError where a run has begun with another recipe, or other data.

    A run that was begun before its data were noted may go on.
    """
    before = read_recipe(run.recipe)
    names = [field.name for field in fields(Recipe) if field.name not in MAY_CHANGE]
    if other := [name for name in names if getattr(before, name) != getattr(recipe, name)]:
        raise RecipeInvalid(f"{run.path} has begun with another {', '.join(other)}: choose another --run")
    if run.data.exists() and json.loads(run.data.read_text())["sha256"] != data:
        raise TrainingError(f"{run.path} has begun with other data: choose another --run")


def prepare(recipe: Recipe, examples: Sequence[Example], run: Run, workers: int) -> tuple[Shards, Validation]:
    """What is learnt from and what is judged by; made from the examples, unless the run has it already."""
    if not (shards.is_whole(run.training) and holdout.is_whole(run.validation)):
        make(recipe, split_data(recipe, examples, workers), run, workers)
    learnt = read_shards(run.training)
    validation = read_validation(run.validation, recipe.spec, workers)
    LOG.info("%s to learn from; %d files to judge by", dict(learnt.counts), len(validation.examples))
    if missing := run.read_left_out():
        LOG.warning("%d pictures were left out: see %s", len(missing), run.left_out)
    return learnt, validation


def make(recipe: Recipe, parts: Split, run: Run, workers: int) -> None:
    """Write the parts of a run that are not there, and note what they were made of."""
    sources = {"training": sources_of(parts.training), "validation": sources_of(parts.validation)}
    run.sources.write_text(json.dumps(sources, indent=2) + "\n")
    if not shards.is_whole(run.training):
        made = make_all(training_tasks(recipe, parts.training), recipe.spec, workers, "training")
        run.note_left_out("training", write_shards(run.training, made, recipe.labels, recipe.size))
    if not holdout.is_whole(run.validation):
        left_out = write_holdout(recipe, parts.validation, run.validation, workers)
        run.note_left_out("validation", left_out)


def calibrate(
    recipe: Recipe, model: Any, run: Run, validation: Validation
) -> tuple[Calibration, dict[str, float]]:
    """Keep a model as it was learnt, and make its probabilities hold at the recipe's priors.

    Returns:
        What the probabilities now mean; and the calibration error before and after, classes weighed equally.
    """
    model.save(run.model, include_optimizer=False)
    scores = score(lambda images: model.predict(images, verbose=0), validation, recipe.size)
    truth = validation.truth(recipe.labels)
    temperature = fit_temperature(scores, truth, prior_weights(truth, recipe.priors()))
    fold_temperature(model, temperature)
    categories = [example.category for example in validation.examples]
    before, after = (
        measure(probabilities, truth, recipe.labels, categories).balanced_calibration_error
        for probabilities in (scores, apply_temperature(scores, temperature))
    )
    LOG.info("temperature %.3f: calibration error %.4f before, %.4f after", temperature, before, after)
    calibration = Calibration(base_rate=recipe.base_rate(), temperature=temperature)
    return calibration, {"ece_before": before, "ece_after": after}


def facts_of(recipe: Recipe, run: Run, calibration: Calibration, errors: Mapping[str, float]) -> Facts:
    """What is known of a run's model before it is judged; `errors` are those of its calibration."""
    return Facts(
        name=recipe.name,
        version=recipe.version,
        labels=recipe.labels,
        spec=recipe.spec,
        calibration=calibration,
        training={
            "commit": git_commit(),
            "recipe": tomllib.loads(run.recipe.read_text()),
            "sources": json.loads(run.sources.read_text()),
        },
        metrics={"calibration": dict(errors)},
    )


def parity_images(validation: Validation) -> list[Any]:
    """Some of the validation images, float32[height, width, 3] each."""
    return list(validation.pixels[::PARITY_STEP].astype(np.float32))


def evaluate(artifact: Artifact, facts: Facts, run: Run, validation: Validation, workers: int) -> None:
    """Judge an artifact as `logo-evaluate` does, and publish it with what came out."""
    evaluation = judge(artifact.path, validation.examples, workers)
    metrics = {**facts.metrics, "validation": evaluation.as_dict()}
    artifact = publish(replace(facts, metrics=metrics), artifact.path)
    document = make_document(artifact, validation.examples, evaluation)
    run.evaluation.write_text(json.dumps(document, indent=2) + "\n")
    LOG.info("validation, on sources never trained on:\n%s", render(evaluation))
