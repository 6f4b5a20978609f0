"""The schedule: the chunks in which a recipe's stages are trained, and the learning rate of each step."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import keras

from training.recipe import Stage, steps_of

CHUNK_IMAGES = 16_000  # between two checkpoints: about five minutes on two cores


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a stage, between two checkpoints.

    Attributes:
        stage: What it is a part of.
        steps: Counted from the start of the first stage.
        seen: Images of all steps before it.
        optimizer_start: The step at which its optimizer began: 0, or that of the last stage before it that
            trains other layers than the stage before.
    """

    stage: Stage
    steps: range
    seen: int
    optimizer_start: int

    @property
    def images(self) -> int:
        """How many images it sees."""
        return len(self.steps) * self.stage.batch

    @property
    def starts_optimizer(self) -> bool:
        """Whether a new optimizer begins with it."""
        return self.steps.start == self.optimizer_start


def chunks_of(stages: Sequence[Stage], chunk_images: int = CHUNK_IMAGES) -> list[Chunk]:
    """Divide all stages into chunks of about `chunk_images`."""
    chunks, first, seen, optimizer_start = [], 0, 0, 0
    for previous, stage in zip((stages[0], *stages), stages, strict=False):
        if stage.trained_from != previous.trained_from:
            optimizer_start = first
        total, length = steps_of(stage), max(1, chunk_images // stage.batch)
        for done in range(0, total, length):
            steps = range(first + done, first + min(total, done + length))
            chunks.append(Chunk(stage, steps, seen + done * stage.batch, optimizer_start))
        first, seen = first + total, seen + total * stage.batch
    return chunks


@keras.saving.register_keras_serializable(package="training")
class LearningRate(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of every step since the optimizer began.

    In each stage it falls as half a cosine from the stage's first rate to its last. Over the first `warm_up`
    steps it rises linearly.
    """

    def __init__(self, stages: Sequence[Stage], warm_up: int) -> None:
        self._stages = [stage if isinstance(stage, Stage) else Stage(**stage) for stage in stages]
        self._warm_up = warm_up

    def __call__(self, step: Any) -> Any:
        """A rate, float32[]; after the last stage, that stage's last."""
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
        """The arguments, as a checkpoint keeps them."""
        return {"stages": [asdict(stage) for stage in self._stages], "warm_up": self._warm_up}


# Older checkpoints have it under this name.
keras.saving.get_custom_objects()["training>Pace"] = LearningRate


def learning_rate_of(stages: Sequence[Stage], chunk: Chunk, warm_up: int) -> LearningRate:
    """The learning rate of a chunk's optimizer: of the stages since that began."""
    first = 0
    for index, stage in enumerate(stages):
        if first == chunk.optimizer_start:
            return LearningRate(stages[index:], warm_up)
        first += steps_of(stage)
    raise ValueError(f"no stage begins at step {chunk.optimizer_start}")
