"""The judge: a model's scores on a validation shard, as a report."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.report import Report, make_report
from training.batches import shrink
from training.materialise import Shard
from training.presentation import RECODINGS

BATCH = 256

Predict = Callable[[Any], Any]  # float32[N, size, size, 3] -> float32[N, 2]


def judge(predict: Predict, shard: Shard, size: int) -> Report:
    """Metrics of a model at an image size, on rows that come in every recoding, one after the other."""
    scores = score(predict, shard, size)
    first, *_ = by_recoding = {
        name: np.array([row.recoding == name for row in shard.rows]) for name in RECODINGS
    }
    rows = [row for row, chosen in zip(shard.rows, by_recoding[first], strict=True) if chosen]
    return make_report(
        {name: scores[chosen] for name, chosen in by_recoding.items()},
        np.array([row.label == "logo" for row in rows]),
        [row.category for row in rows],
    )


def score(predict: Predict, shard: Shard, size: int) -> NDArray[np.float32]:
    """The probability of a logo for every row, float32[N]."""
    parts = []
    for start in range(0, len(shard.images), BATCH):
        images = np.asarray(shard.images[start : start + BATCH], np.float32)
        parts.append(np.asarray(predict(shrink(images, size)), np.float32)[:, 1])
    return np.concatenate(parts)
