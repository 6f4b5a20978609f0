"""The schedule: in what parts the stages of a recipe are trained, and at what rate."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import keras

from training.recipe import Stage

CHUNK_IMAGES = 16_000  # between two checkpoints: about five minutes on two cores


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a stage, between two checkpoints.

    Attributes:
        stage: What it is a part of.
        steps: Counted from the first of all stages.
        seen: Images of all steps before it.
        born: The step at which the optimizer begins: the first of all, or that at which other layers
            learn than before.
    """

    stage: Stage
    steps: range
    seen: int
    born: int

    @property
    def images(self) -> int:
        """How many are seen in it."""
        return len(self.steps) * self.stage.batch

    @property
    def is_new(self) -> bool:
        """Does an optimizer begin with it?"""
        return self.steps.start == self.born


def chunks_of(stages: Sequence[Stage], chunk_images: int = CHUNK_IMAGES) -> list[Chunk]:
    """All stages in parts of about `chunk_images`."""
    chunks, first, seen, born = [], 0, 0, 0
    for previous, stage in zip((stages[0], *stages), stages, strict=False):
        born = born if stage.trained_from == previous.trained_from else first
        total, length = steps_of(stage), max(1, chunk_images // stage.batch)
        for done in range(0, total, length):
            steps = range(first + done, first + min(total, done + length))
            chunks.append(Chunk(stage, steps, seen + done * stage.batch, born))
        first, seen = first + total, seen + total * stage.batch
    return chunks


def steps_of(stage: Stage) -> int:
    """How many batches a stage has; at least one."""
    return max(1, stage.images // stage.batch)


@keras.saving.register_keras_serializable(package="training")
class Pace(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of every step since the optimizer began.

    In each stage it falls from its first rate to its last as half a cosine; the first `warm_up` steps of all
    rise to it.
    """

    def __init__(self, stages: Sequence[Stage], warm_up: int) -> None:
        self._stages = [stage if isinstance(stage, Stage) else Stage(**stage) for stage in stages]
        self._warm_up = warm_up

    def __call__(self, step: Any) -> Any:
        """A rate, float32[]; after the last stage, its last."""
        step = keras.ops.cast(step, "float32")
        rate: Any = self._stages[-1].last_rate
        end = sum(map(steps_of, self._stages))
        for stage in reversed(self._stages):
            start = end - steps_of(stage)
            share = (step - start) / (end - start)
            fall = (1 + keras.ops.cos(math.pi * share)) / 2
            within = stage.last_rate + (stage.rate - stage.last_rate) * fall
            rate = keras.ops.where(step < end, within, rate)
            end = start
        return rate * keras.ops.minimum(1.0, (step + 1) / self._warm_up)

    def get_config(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"stages": [asdict(stage) for stage in self._stages], "warm_up": self._warm_up}


def pace_of(stages: Sequence[Stage], chunk: Chunk, warm_up: int) -> Pace:
    """The pace of the optimizer that a chunk is trained with: of the stages since it began."""
    first = 0
    for index, stage in enumerate(stages):
        if first == chunk.born:
            return Pace(stages[index:], warm_up)
        first += steps_of(stage)
    raise ValueError(f"no stage begins at step {chunk.born}")
