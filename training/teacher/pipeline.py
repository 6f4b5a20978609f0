"""The pipeline of teachers: those of a recipe are fine-tuned, exported and evaluated, one after the other."""

import logging
from pathlib import Path

import torch

from datasets.manifest import read_examples
from evaluation.document import describe_data
from logo_detection.artifact import Calibration
from logo_detection.classifier import load_classifier
from release.model_card import Facts
from release.publication import publish
from training.errors import RecipeInvalid
from training.holdout import ValidationSet
from training.pipeline import begin, facts_of, prepare_images, publish_evaluated, temperature_of
from training.recipe import Recipe, TeacherRecipe
from training.run import Run
from training.shards import Shards
from training.teacher.export import check_parity, export_onnx
from training.teacher.fit import fit_teacher, predictor
from training.validation import predict_all

LOG = logging.getLogger(__name__)


def run_teachers(data: Path, recipe_path: Path, directory: Path, workers: int) -> None:
    """Prepare a run's images, and make an artifact of each teacher of its recipe.

    Raises:
        RecipeInvalid: The recipe has no teachers, or names what there is not.
        TrainingError: The run has begun with other data.
    """
    examples = read_examples(data)
    digest = describe_data(examples)["sha256"]
    run, recipe = begin(directory, recipe_path, digest, {example.label for example in examples})
    if recipe.distillation is None or not recipe.distillation.teachers:
        raise RecipeInvalid(f"{recipe_path}: distillation: teachers: there are none")
    shards, validation = prepare_images(recipe, examples, run, workers)
    for teacher in recipe.distillation.teachers:
        if run.teacher(teacher.network).evaluation.exists():
            LOG.info("%s is there already", teacher.network)
            continue
        make_teacher(recipe, teacher, run, shards, validation, workers)


def make_teacher(
    recipe: Recipe,
    teacher: TeacherRecipe,
    run: Run,
    shards: Shards,
    validation: ValidationSet,
    workers: int,
) -> None:
    """Fine-tune one teacher, and publish it as `teachers/NETWORK/artifact` of a run."""
    own = run.teacher(teacher.network)
    own.artifact.mkdir(parents=True, exist_ok=True)
    network = fit_teacher(recipe, teacher, own.path, shards, validation)
    cpu = torch.device("cpu")
    quick, exact = (
        predictor(network, cpu, recipe.mixed_precision),
        predictor(network, cpu, mixed_precision=False),
    )
    scores = predict_all(quick, validation, recipe.size)
    temperature = temperature_of(recipe, validation, scores).temperature
    export_onnx(network, temperature, recipe.spec, own.artifact)
    facts = teacher_facts(recipe, teacher, run, temperature)
    artifact = publish(facts, own.artifact)
    check_parity(exact, temperature, load_classifier(artifact.model_source()), validation)
    publish_evaluated(artifact, facts, own, validation, workers)


def teacher_facts(recipe: Recipe, teacher: TeacherRecipe, run: Run, temperature: float) -> Facts:
    """What the manifest of a teacher says."""
    calibration = Calibration(base_rate=recipe.base_rate(), temperature=temperature)
    return facts_of(recipe, run, calibration, {}, name=f"{recipe.name}-{teacher.network}")
