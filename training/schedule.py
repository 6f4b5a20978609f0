"""The schedule: in what parts the stages of a recipe are trained, and at what rate."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from training.recipe import Stage

CHUNK_IMAGES = 16_000  # between two checkpoints: about five minutes on two cores
LAST_RATE = 0.01  # of the peak, at the end of the cosine


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a stage, between two checkpoints; `steps` are counted from the first of all stages."""

    stage: Stage
    steps: range

    @property
    def images(self) -> int:
        """How many are seen in it."""
        return len(self.steps) * self.stage.batch


def chunks_of(stages: Sequence[Stage], chunk_images: int = CHUNK_IMAGES) -> list[Chunk]:
    """All stages in parts of about `chunk_images`."""
    chunks, step = [], 0
    for stage in stages:
        end = step + max(1, stage.images // stage.batch)
        while step < end:
            stop = min(end, step + max(1, chunk_images // stage.batch))
            chunks.append(Chunk(stage, range(step, stop)))
            step = stop
    return chunks


def rate_at(step: int, chunks: Sequence[Chunk], warm_up: float) -> float:
    """The learning rate of a step: its stage's peak, under one warm-up and one cosine over all images."""
    seen = sum(
        min(len(chunk.steps), max(0, step - chunk.steps.start)) * chunk.stage.batch for chunk in chunks
    )
    share = seen / sum(chunk.images for chunk in chunks)
    rise = min(1.0, (share + 1e-4) / warm_up)
    fall = LAST_RATE + (1 - LAST_RATE) * (1 + math.cos(math.pi * share)) / 2
    peak = next(chunk.stage.rate for chunk in chunks if step in chunk.steps)
    return peak * rise * fall


class Pace(keras.callbacks.Callback):
    """Sets the learning rate of each step of a chunk."""

    def __init__(self, chunk: Chunk, chunks: Sequence[Chunk], warm_up: float) -> None:
        super().__init__()
        self._chunk, self._chunks, self._warm_up = chunk, chunks, warm_up

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """See `rate_at`."""
        self.model.optimizer.learning_rate = rate_at(self._chunk.steps[batch], self._chunks, self._warm_up)
