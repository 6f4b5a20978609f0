"""The board: how training goes, as TensorBoard shows it.

tensorboard --logdir RUN/logs
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

STEPS = 20  # between two points of a curve


class Board:
    """An event file of a run, open until it is closed. A run that goes on adds another beside it."""

    def __init__(self, directory: Path) -> None:
        self._writer = tf.summary.create_file_writer(str(directory))

    def __enter__(self) -> "Board":
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def show(self, values: Mapping[str, float], step: int) -> None:
        """A point on the curve of each name, seen at once."""
        with self._writer.as_default():
            for name, value in values.items():
                tf.summary.scalar(name, float(value), step)
        self._writer.flush()


class Curves(keras.callbacks.Callback):
    """Draws loss, accuracy and learning rate of a chunk that begins at a step."""

    def __init__(self, board: Board, first: int) -> None:
        super().__init__()
        self._board, self._first = board, first

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """The rate of this step; when it is over, the optimizer tells that of the next."""
        if batch % STEPS == 0:
            rate = float(self.model.optimizer.learning_rate)
            self._board.show({"training/rate": rate}, self._first + batch)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Means since the chunk began, now and then."""
        if batch % STEPS == 0 and logs:
            values = {f"training/{name}": float(value) for name, value in logs.items()}
            self._board.show(values, self._first + batch)
