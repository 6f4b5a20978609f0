"""The judge: a model's scores on the validation images, while it is trained."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.evaluate import evaluate
from evaluation.report import Evaluation
from evaluation.scoring import Outcome, align
from training.augmentation import shrink
from training.holdout import Validation

BATCH = 256  # images

Scores = NDArray[np.float32]
Predict = Callable[[Any], Any]  # float32[N, size, size, 3] -> float32[N, classes]


def judge(predict: Predict, validation: Validation, labels: Sequence[str], size: int) -> Evaluation:
    """What a model is worth at an image size. Raises EvaluationError where the images cannot tell."""
    scores = score(predict, validation, size)
    outcomes = [
        Outcome(example, tuple(map(float, row)), None)
        for example, row in zip(validation.examples, scores, strict=True)
    ]
    return evaluate(align(outcomes, labels), labels)


def score(predict: Predict, validation: Validation, size: int) -> Scores:
    """The probabilities of every image, float32[N, classes]."""
    parts = []
    for start in range(0, len(validation.pixels), BATCH):
        images = np.asarray(validation.pixels[start : start + BATCH], np.float32)
        parts.append(np.asarray(predict(shrink(images, size)), np.float32))
    return np.concatenate(parts)
