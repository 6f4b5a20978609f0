"""Distillation: a model learns from a teacher's scores beside the labels.

After G. Hinton, O. Vinyals, J. Dean, "Distilling the Knowledge in a Neural Network"
(https://arxiv.org/abs/1503.02531). A teacher is an artifact, or several whose scores are averaged. They score
the pictures as they lie in the shards, once, before training.

The teacher's scores are softened and the model's are not. The model then learns the teacher's logits divided
by the temperature, and its calibration, which follows training, multiplies them again.
"""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from datasets.parallel import parallel_map
from datasets.progress import Progress
from logo_detection.artifact import Artifact, read_manifest
from logo_detection.classifier import Classifier, ModelSource, load_classifier
from training.errors import TrainingError
from training.recipe import Distillation
from training.shards import Shards, read_pixels, write_scores

TEACHERS = "teachers.json"  # in the directory of the shards, written last: who scored them
LEAST_SCORE = 1e-7  # a score of 0 has no logit


def mix_targets(labels: Any, scores: Any, distillation: Distillation) -> Any:
    """What a model's scores should be, float32[N, classes]: labels mixed with a teacher's softened scores."""
    logits = tf.math.log(tf.maximum(scores, LEAST_SCORE)) / distillation.temperature
    return (1 - distillation.weight) * labels + distillation.weight * tf.nn.softmax(logits)


def score_shards(shards: Shards, teachers: Sequence[Artifact], workers: int) -> None:
    """Write the teachers' mean scores beside the shards, unless the same teachers' are there.

    Args:
        shards: The training images.
        teachers: At least one.
        workers: Processes that score, each on one core.

    Raises:
        TrainingError: A teacher scores other labels or another size, or other teachers scored the shards.
    """
    for teacher in teachers:
        check_teacher(teacher, shards)
    identity = [_identity(teacher) for teacher in teachers]
    if (written := read_teachers(shards.directory)) is not None:
        if written != identity:
            raise TrainingError(f"{shards.directory} was scored by other teachers: choose another --run")
        return
    files = [file for label in shards.counts for file in shards.files(label)]
    sources = tuple(teacher.model_source() for teacher in teachers)
    score = partial(_score_file, sources=sources, size=shards.size)
    with Progress("teachers' scores", sum(shards.counts.values()), "images") as progress:
        for count in parallel_map(score, files, workers, batch_items=1):
            progress.advance(count)
    (shards.directory / TEACHERS).write_text(json.dumps(identity, indent=2) + "\n")


def check_teacher(teacher: Artifact, shards: Shards) -> None:
    """Raises TrainingError where a teacher cannot score the shards: other labels, or another size."""
    if teacher.labels != tuple(shards.counts):
        known = ", ".join(teacher.labels)
        raise TrainingError(f"{teacher.path}: a teacher of the labels {known}, which are not the recipe's")
    if (teacher.spec.height, teacher.spec.width) != (shards.size, shards.size):
        size = f"{teacher.spec.height} x {teacher.spec.width}"
        raise TrainingError(f"{teacher.path}: a teacher of {size} pixels, and the images have {shards.size}")


def read_teachers(directory: Path) -> list[dict[str, str]] | None:
    """Who scored the shards of a directory: name, version and the model's SHA-256; None where nobody did."""
    path = directory / TEACHERS
    if not path.exists():
        return None
    teachers: list[dict[str, str]] = json.loads(path.read_text())
    return teachers


def _identity(teacher: Artifact) -> dict[str, str]:
    files = read_manifest(teacher.path).files
    model = Path(teacher.model_source().path).name
    return {"name": teacher.name, "version": teacher.version, "sha256": files[model]}


def _score_file(file: str, sources: Sequence[ModelSource], size: int) -> int:
    """Score one file of shards; return how many images it has."""
    classifiers = [load_classifier(source) for source in sources]
    rows = [mean_scores(classifiers, pixels) for pixels in read_pixels(file, size)]
    write_scores(file, rows)
    return len(rows)


def mean_scores(classifiers: Sequence[Classifier], pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The mean of several classifiers' scores of an image, float32[classes]."""
    image = pixels.astype(np.float32)
    mean: NDArray[np.float32] = np.mean([classifier.score(image) for classifier in classifiers], axis=0)
    return mean
