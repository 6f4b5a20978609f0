"""Validation: a model's metrics on the validation images, while it is trained."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.evaluate import evaluate_scores
from evaluation.outcomes import Outcome, align
from evaluation.report import Evaluation
from training.augmentation import shrink
from training.holdout import ValidationSet

BATCH = 256  # images
SAMPLE_PICTURES = 2_500  # validated on between chunks: one minute on two cores, at the size that serves

Predict = Callable[[Any], Any]  # float32[N, size, size, 3] -> float32[N, classes]


def validate(predict: Predict, validation: ValidationSet, labels: Sequence[str], size: int) -> Evaluation:
    """Metrics of a model at an image size. Raises EvaluationError where all images are of one class."""
    scores = predict_all(predict, validation, size)
    outcomes = [
        Outcome(example, tuple(map(float, row)), None)
        for example, row in zip(validation.examples, scores, strict=True)
    ]
    return evaluate_scores(align(outcomes, labels), labels)


def predict_all(predict: Predict, validation: ValidationSet, size: int) -> NDArray[np.float32]:
    """The probabilities of every image, float32[N, classes]."""
    parts = []
    for start in range(0, len(validation.pixels), BATCH):
        images = np.asarray(validation.pixels[start : start + BATCH], np.float32)
        parts.append(np.asarray(predict(shrink(images, size)), np.float32))
    return np.concatenate(parts)
