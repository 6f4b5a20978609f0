"""The schedule: in what parts the stages of a recipe are trained, and at what rate."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from training.recipe import Stage

CHUNK_IMAGES = 16_000  # between two checkpoints: about five minutes on two cores


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a stage, between two checkpoints: its steps, counted from the first of all stages.

    `done` of the stage's steps come before it.
    """

    stage: Stage
    steps: range
    done: int

    @property
    def images(self) -> int:
        """How many are seen in it."""
        return len(self.steps) * self.stage.batch


def chunks_of(stages: Sequence[Stage], chunk_images: int = CHUNK_IMAGES) -> list[Chunk]:
    """All stages in parts of about `chunk_images`."""
    chunks, first = [], 0
    for stage in stages:
        total, length = steps_of(stage), max(1, chunk_images // stage.batch)
        for done in range(0, total, length):
            steps = range(first + done, first + min(total, done + length))
            chunks.append(Chunk(stage, steps, done))
        first += total
    return chunks


def steps_of(stage: Stage) -> int:
    """How many batches a stage has; at least one."""
    return max(1, stage.images // stage.batch)


def rate_at(index: int, chunk: Chunk, warm_up: int) -> float:
    """The learning rate of the `index`-th step of a chunk.

    In each stage it falls from its first rate to its last as half a cosine; the first `warm_up` steps of all
    rise to it.
    """
    stage, step = chunk.stage, chunk.steps[index]
    share = (chunk.done + index) / steps_of(stage)
    fall = stage.last_rate + (stage.rate - stage.last_rate) * (1 + math.cos(math.pi * share)) / 2
    return fall * min(1.0, (step + 1) / warm_up)


class Pace(keras.callbacks.Callback):
    """Sets the learning rate of each step of a chunk."""

    def __init__(self, chunk: Chunk, warm_up: int) -> None:
        super().__init__()
        self._chunk, self._warm_up = chunk, warm_up

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """See `rate_at`."""
        self.model.optimizer.learning_rate = rate_at(batch, self._chunk, self._warm_up)
