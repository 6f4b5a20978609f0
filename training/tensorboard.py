"""TensorBoard: the curves of a training.

tensorboard --logdir RUN/logs
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

STEPS = 20  # between two points of a curve


class TensorBoardWriter:
    """Writes an event file; a run that is resumed gets another beside it. A context.

    Without a directory it writes nothing: one of several processes writes for all.
    """

    def __init__(self, directory: Path | None) -> None:
        summary = tf.summary
        self._writer = (
            summary.create_file_writer(str(directory)) if directory else summary.create_noop_writer()
        )

    def __enter__(self) -> "TensorBoardWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def write(self, values: Mapping[str, float], step: int) -> None:
        """Add a point to the curve of each name, and flush."""
        with self._writer.as_default():
            for name, value in values.items():
                tf.summary.scalar(name, float(value), step)
        self._writer.flush()


class TrainingCurves(keras.callbacks.Callback):
    """Writes loss, accuracy and learning rate of a chunk whose first step is `first`."""

    def __init__(self, writer: TensorBoardWriter, first: int) -> None:
        super().__init__()
        self._writer, self._first = writer, first

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """The rate of this step; after it, the optimizer gives that of the next."""
        if batch % STEPS == 0:
            rate = float(self.model.optimizer.learning_rate)
            self._writer.write({"training/rate": rate}, self._first + batch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Means since the chunk began, every STEPS steps."""
        if batch % STEPS == 0 and logs:
            values = {f"training/{name}": float(value) for name, value in logs.items()}
            self._writer.write(values, self._first + batch)
