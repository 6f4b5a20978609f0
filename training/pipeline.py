"""The training pipeline: a recipe and a set of images become a run, and the run an artifact."""

import argparse
import json
import logging
import shutil
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from datasets.manifest import Example
from datasets.splits import Split, sources_of
from evaluation.document import describe_data, make_document
from evaluation.evaluate import evaluate_artifact
from evaluation.outcomes import group_numbers
from evaluation.report import render_markdown
from evaluation.temperature import TemperatureChoice, choose_temperature
from logo_detection.artifact import MANIFEST, Artifact, Calibration, load_artifact
from release.export import export_artifact, git_commit
from release.folding import fold_temperature
from release.model_card import Facts
from release.publication import publish
from training.distillation import read_teachers, score_shards
from training.errors import RecipeInvalid, TrainingError
from training.fitting import fit_model
from training.group import FINISH_TIMEOUT_S, Lost, joined
from training.holdout import (
    ValidationSet,
    holdout_is_complete,
    read_validation,
    split_data,
    write_holdout,
)
from training.inputs import Inputs, read_inputs
from training.materialise import materialise_all
from training.place import Place
from training.plan import training_tasks
from training.recipe import Recipe, read_recipe, with_labels
from training.replicas import Replicas, losses_named, replicas_of
from training.run import Run
from training.shards import Shards, read_shards, shards_are_complete, write_shards
from training.validation import predict_all

LOG = logging.getLogger(__name__)

MAY_CHANGE = frozenset(
    (
        "stages",
        "warm_up",
        "weight_decay",
        "label_smoothing",
        "dropout",
        "ema",
        "mixed_precision",
        "limits",
        "distillation",
    )
)
"""Fields of a recipe that may change when a run is resumed: they decide neither images nor labels."""

NOT_OF_IMAGES = MAY_CHANGE | {
    "name",
    "version",
    "backbone",
    "network",
    "skip_dropout",
    "class_weights",
    "class_shares",
    "fit_seed",
}
"""Fields in which two runs may differ that share their images."""

PREPARED = "prepared"  # what the processes of a run tell each other before they fit
PARITY_STEP = 50  # every 50th validation image is scored by both runtimes before an artifact is published


def run_training(options: argparse.Namespace, inputs: Inputs | None, place: Place, on_lost: Lost) -> None:
    """Prepare images, fit, calibrate, export, evaluate and publish, with the options of `training.train`.

    Of several processes, the first does all this, and the others fit with it. It reads the inputs, where
    there are none yet, once it has met the others, which then hear of it where that fails.

    Raises:
        LogoDetectionError: What the data, the recipe or the run contradict.
    """
    with joined(place, on_lost) as group:
        replicas = replicas_of(group)
        with losses_named(group):
            if replicas.is_first:
                make_artifact(options, inputs or read_inputs(options.data, options.recipe), replicas)
            else:
                fit_along(options, replicas)


def make_artifact(options: argparse.Namespace, inputs: Inputs, replicas: Replicas) -> None:
    """Go the whole way, from images to a published artifact; with a fold, or `--prepare`, not so far.

    Raises:
        TrainingError: A stage's batch cannot be divided among the processes, or the run whose images are to
            be used has none, or others.
    """
    examples = inputs.examples
    digest = describe_data(examples)["sha256"]
    run, recipe = begin(options.run, options.recipe, digest, inputs.recipe.trained_labels)
    for stage in recipe.stages:
        replicas.place.rows(stage.batch)  # refused before the images are made, which takes long
    if options.images:
        share_images(run, recipe, Run(options.images))
    teachers = teachers_of(recipe, run, options.teacher)
    train_shards, validation = prepare_images(recipe, examples, run, options.workers)
    if teachers:
        score_shards(train_shards, [load_artifact(path) for path in teachers], options.workers)
    if options.prepare:
        return
    replicas.group.gather(PREPARED, FINISH_TIMEOUT_S)
    model = fit_model(recipe, run, train_shards, validation, options.weights, replicas)
    if recipe.fold is not None:
        LOG.info("validated on fold %d of %d: there is no artifact", recipe.fold.number, recipe.fold.of)
        return
    facts = facts_of(recipe, run, *calibrate(recipe, model, run, validation))
    artifact = export_artifact(model, facts, options.export or run.artifact, parity_images(validation))
    publish_evaluated(artifact, facts, run, validation, options.workers)


def fit_along(options: argparse.Namespace, replicas: Replicas) -> None:
    """Fit with the first process, once that has prepared the run's images."""
    replicas.group.gather(PREPARED, FINISH_TIMEOUT_S)
    run = Run(options.run)
    recipe, shards = read_recipe(run.recipe), read_shards(run.training)
    fit_model(recipe, run, shards, None, options.weights, replicas)


def begin(directory: Path, recipe: Path, data: str, labels: Iterable[str] = ()) -> tuple[Run, Recipe]:
    """Begin a run, or resume it: its directory gets the recipe and the digest of the data.

    The run's recipe names the labels, which are the data's where the given one names none.

    Raises:
        RecipeInvalid: The recipe is invalid, or differs from the run's in more than `MAY_CHANGE`.
        TrainingError: The run has begun with other data.
    """
    run, read = Run(directory), read_recipe(recipe, labels)
    if run.sources.exists():
        check_same_run(run, read, data)
    else:
        run.path.mkdir(parents=True, exist_ok=True)
        run.data.write_text(json.dumps({"sha256": data}) + "\n")
    if recipe.resolve() != run.recipe.resolve():
        run.recipe.write_text(with_labels(recipe.read_text(), read.trained_labels))
    return run, read


def teachers_of(recipe: Recipe, run: Run, named: Sequence[Path]) -> list[Path]:
    """The artifacts that a recipe's model learns from: those that are named, or else those of the run.

    Raises:
        TrainingError: The recipe wants a teacher and there is none, or the other way round.
    """
    if recipe.distillation is None:
        if named:
            raise TrainingError(
                f"recipe {recipe.name} has no [distillation], so --teacher would teach nothing"
            )
        return []
    teachers = list(named) or [
        run.teacher(teacher.network).artifact for teacher in recipe.distillation.teachers
    ]
    if missing := [path for path in teachers if not (path / MANIFEST).is_file()]:
        raise TrainingError(
            f"{missing[0]} is no artifact: run `make teacher` first, or name one by --teacher"
        )
    if not teachers:
        raise TrainingError(f"recipe {recipe.name} has a [distillation]: name an artifact by --teacher")
    return teachers


def check_same_run(run: Run, recipe: Recipe, data: str) -> None:
    """Raises RecipeInvalid or TrainingError where a run has begun with another recipe, or other data.

    Runs of earlier versions have no digest of their data, and are resumed.
    """
    if other := other_fields(read_recipe(run.recipe), recipe, MAY_CHANGE):
        raise RecipeInvalid(f"{run.path} has begun with another {other}: choose another --run")
    if run.data.exists() and json.loads(run.data.read_text())["sha256"] != data:
        raise TrainingError(f"{run.path} has begun with other data: choose another --run")


def other_fields(before: Recipe, recipe: Recipe, may_differ: Collection[str]) -> str:
    """The names of the fields in which two recipes differ and may not."""
    names = [field.name for field in fields(Recipe) if field.name not in may_differ]
    return ", ".join(name for name in names if getattr(before, name) != getattr(recipe, name))


def share_images(run: Run, recipe: Recipe, prepared: Run) -> None:
    """Let a run use the images of another, which it refers to by links.

    Raises:
        TrainingError: The other has not finished them, or its recipe or its data make others.
    """
    if not (shards_are_complete(prepared.training) and holdout_is_complete(prepared.validation)):
        raise TrainingError(f"--images: {prepared.path} has no images: run `logo-train --prepare` first")
    if other := other_fields(read_recipe(prepared.recipe), recipe, NOT_OF_IMAGES):
        raise RecipeInvalid(f"--images: those of {prepared.path} were made by another {other}")
    if prepared.data.read_text() != run.data.read_text():
        raise TrainingError(f"--images: those of {prepared.path} were made of other data")
    for here, there in ((run.training, prepared.training), (run.validation, prepared.validation)):
        if not here.exists():
            here.symlink_to(there.resolve())
    for here, there in ((run.sources, prepared.sources), (run.left_out, prepared.left_out)):
        if there.exists():
            shutil.copyfile(there, here)


def prepare_images(
    recipe: Recipe, examples: Sequence[Example], run: Run, workers: int
) -> tuple[Shards, ValidationSet]:
    """The training and validation images of a run; they are written first, unless it has them."""
    if not (shards_are_complete(run.training) and holdout_is_complete(run.validation)):
        write_missing(recipe, split_data(recipe, examples, workers), run, workers)
    train_shards = read_shards(run.training)
    validation = read_validation(run.validation, recipe.spec, workers)
    LOG.info("training images: %s; validation files: %d", dict(train_shards.counts), len(validation.examples))
    if missing := run.read_left_out():
        LOG.warning("%d pictures were left out: see %s", len(missing), run.left_out)
    return train_shards, validation


def write_missing(recipe: Recipe, parts: Split, run: Run, workers: int) -> None:
    """Write the images of a run that are not there, and the sources of all."""
    sources = {"training": sources_of(parts.training), "validation": sources_of(parts.validation)}
    run.sources.write_text(json.dumps(sources, indent=2) + "\n")
    if not shards_are_complete(run.training):
        images = materialise_all(training_tasks(recipe, parts.training), recipe.spec, workers, "training")
        unseen = recipe.unseen_labels
        left_out = write_shards(run.training, images, recipe.labels, recipe.size, may_lack=unseen)
        run.write_left_out("training", left_out)
    if not holdout_is_complete(run.validation):
        left_out = write_holdout(recipe, parts.validation, run.validation, workers)
        run.write_left_out("validation", left_out)


def calibrate(
    recipe: Recipe, model: Any, run: Run, validation: ValidationSet
) -> tuple[Calibration, dict[str, float]]:
    """Save a model as it was trained, and make its probabilities hold at the recipe's priors.

    Returns:
        The calibration; and its error before and after, with the classes weighed equally, on images that the
        temperature was not fitted on.
    """
    model.save(run.model, include_optimizer=False)
    scores = predict_all(lambda images: model.predict(images, verbose=0), validation, recipe.size)
    chosen = temperature_of(recipe, validation, scores)
    fold_temperature(model, chosen.temperature)
    LOG.info(
        "temperature %.3f: calibration error %.4f without, %.4f with one, on images it was not fitted on",
        chosen.temperature,
        chosen.error_before,
        chosen.error_after,
    )
    return Calibration(base_rate=recipe.base_rate(), temperature=chosen.temperature), chosen.as_dict()


def temperature_of(recipe: Recipe, validation: ValidationSet, scores: Any) -> TemperatureChoice:
    """The temperature for the scores float[N, classes] of a recipe's validation images."""
    truth, groups = validation.truth(recipe.labels), group_numbers(validation.examples)
    return choose_temperature(scores, truth, recipe.labels, recipe.priors(), groups)


def facts_of(
    recipe: Recipe, run: Run, calibration: Calibration, errors: Mapping[str, float], name: str = ""
) -> Facts:
    """The facts of a run's model but for its validation metrics; `errors` are those of its calibration."""
    return Facts(
        name=name or recipe.name,
        version=recipe.version,
        labels=recipe.labels,
        spec=recipe.spec,
        calibration=calibration,
        training={
            "commit": git_commit(),
            "recipe": tomllib.loads(run.recipe.read_text()),
            "sources": json.loads(run.sources.read_text()),
            "teachers": read_teachers(run.training) or [],
        },
        metrics={"calibration": dict(errors)},
    )


def parity_images(validation: ValidationSet) -> list[Any]:
    """Some of the validation images, float32[height, width, 3] each."""
    return list(validation.pixels[::PARITY_STEP].astype(np.float32))


def publish_evaluated(
    artifact: Artifact, facts: Facts, run: Run, validation: ValidationSet, workers: int
) -> None:
    """Evaluate an artifact as `logo-evaluate` does, and publish it with the metrics."""
    evaluation = evaluate_artifact(artifact.path, validation.examples, workers)
    metrics = {**facts.metrics, "validation": evaluation.as_dict()}
    artifact = publish(replace(facts, metrics=metrics), artifact.path)
    document = make_document(artifact, validation.examples, evaluation)
    run.evaluation.write_text(json.dumps(document, indent=2) + "\n")
    LOG.info("validation, on sources never trained on:\n%s", render_markdown(evaluation))
