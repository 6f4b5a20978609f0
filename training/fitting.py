"""Fitting: the weights of a recipe's network, learnt from a run's shards, chunk by chunk."""

import logging
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import openvino

from datasets.progress import Progress
from evaluation.report import Evaluation
from training.batches import training_batches
from training.errors import RecipeInvalid
from training.holdout import Validation
from training.model import build, freeze, layers_from
from training.pretrained import load_pretrained
from training.recipe import Recipe
from training.run import Run
from training.schedule import Chunk, chunks_of, learning_rate_of
from training.shards import Shards
from training.tensorboard import Board, Curves
from training.validation import judge

LOG = logging.getLogger(__name__)

CLIP_NORM = 1.0


class Steps(keras.callbacks.Callback):
    """Tells the progress of a chunk, in images."""

    def __init__(self, progress: Progress, batch: int) -> None:
        super().__init__()
        self._progress, self._batch = progress, batch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """One more batch."""
        self._progress.advance(self._batch)


def fit(recipe: Recipe, run: Run, shards: Shards, validation: Validation, weights: str | None = None) -> Any:
    """Train on the shards, from the run's checkpoint if there is one.

    Args:
        recipe: Says how.
        run: Keeps checkpoints, history and curves.
        shards: What is learnt from.
        validation: What every checkpoint is judged by.
        weights: What to begin with: see `training.pretrained`.

    Returns:
        The averaged model in float32, at the size at which it serves.

    Raises:
        RecipeInvalid: A stage trains from a layer that there is not, or the run was begun with other stages.
    """
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype_policy_of(recipe))
    keras.utils.set_random_seed(recipe.seed)
    try:
        model, done = start(recipe, run, weights)
        for stage in recipe.stages:
            layers_from(model, stage.trained_from)  # a misspelt layer is told now, not hours later
        with Board(run.logs) as board:
            for index, chunk in enumerate(chunks_of(recipe.stages)[done:], done):
                prepare(recipe, model, chunk)
                history, seconds = train(recipe, model, shards, chunk, board)
                run.checkpoint(model, index + 1)
                evaluation = judge_averaged(model, validation, recipe, chunk.stage.size)
                line = summarise(recipe, chunk, history, evaluation, seconds)
                run.note(line)
                board.show(curves_of(line), chunk.steps.stop)
                LOG.info("%s", " ".join(f"{name}={value:.4g}" for name, value in line.items()))
        model.optimizer.finalize_variable_values(model.trainable_variables)
        averaged = model.get_weights()
    finally:
        keras.config.set_dtype_policy(policy)
    final, _ = build(recipe, recipe.size)
    final.set_weights(averaged)
    return final


def dtype_policy_of(recipe: Recipe) -> str:
    """Keras's name for the recipe's precision: bfloat16 only where the processor has it.

    On a CPU without, TensorFlow emulates it: 1.4 images/s at 160 pixels were measured, against 14 in float32.
    """
    if not recipe.mixed_precision:
        return "float32"
    if "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return "mixed_bfloat16"
    LOG.warning("this CPU has no bfloat16: training in float32")
    return "float32"


def start(recipe: Recipe, run: Run, weights: str | None) -> tuple[Any, int]:
    """The model to train, and how many chunks it has seen already."""
    standing = run.standing()
    if standing is not None:
        return resume(recipe, run.path / standing.checkpoint, standing.chunks), standing.chunks
    model, backbone = build(recipe, None)
    if weights is not None:
        load_pretrained(model, backbone, recipe, weights)
    return model, 0


def resume(recipe: Recipe, checkpoint: Path, chunks: int) -> Any:
    """The model and the optimizer as they were after so many chunks.

    Frozen and compiled first, loaded then: Keras gives a composite layer that was frozen back with parts that
    learn, and leaves an optimizer empty, with a warning, whose variables are others than those in the file.

    Raises:
        RecipeInvalid: The recipe's stages so far are not those of the checkpoint.
    """
    model = keras.models.load_model(checkpoint, compile=False)
    last = chunks_of(recipe.stages)[:chunks][-1]
    freeze(model, last.stage.trained_from)
    compile_for(recipe, model, learning_rate_of(recipe.stages, last, recipe.warm_up))
    model.optimizer.build(model.trainable_variables)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Skipping variable loading")
        try:
            model.load_weights(checkpoint)
        except ValueError as error:  # Keras makes one of the warning
            raise RecipeInvalid(f"{checkpoint} was made by other stages than the recipe's") from error
    return model


def prepare(recipe: Recipe, model: Any, chunk: Chunk) -> None:
    """Make a model ready for a chunk: a new optimizer where one begins, and the recipe's word everywhere."""
    rate = learning_rate_of(recipe.stages, chunk, recipe.warm_up)
    if not chunk.starts_optimizer:
        model.optimizer.learning_rate = rate  # should the recipe have changed since the checkpoint
        model.optimizer.ema_momentum = recipe.ema
        return
    if model.compiled:
        model.optimizer.finalize_variable_values(model.trainable_variables)
    freeze(model, chunk.stage.trained_from)
    compile_for(recipe, model, rate)


def compile_for(recipe: Recipe, model: Any, rate: Any) -> None:
    """AdamW, with an average of the weights beside them; no decay of biases and batch norms."""
    optimizer = keras.optimizers.AdamW(
        learning_rate=rate,
        weight_decay=recipe.weight_decay,
        clipnorm=CLIP_NORM,
        use_ema=True,
        ema_momentum=recipe.ema,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)


def train(
    recipe: Recipe, model: Any, shards: Shards, chunk: Chunk, board: Board
) -> tuple[dict[str, list[float]], float]:
    """One chunk: Keras's history of it, and its seconds."""
    batches = training_batches(shards, recipe, chunk)
    started = time.monotonic()
    what = f"{chunk.stage.size} pixels, step {chunk.steps.start}"
    with Progress(what, chunk.images, "images") as progress:
        callbacks = [Steps(progress, chunk.stage.batch), Curves(board, chunk.steps.start)]
        class_weight = dict(enumerate(recipe.weights())) if recipe.class_weights else None
        fitted = model.fit(batches, shuffle=False, verbose=0, callbacks=callbacks, class_weight=class_weight)
    return fitted.history, time.monotonic() - started


def judge_averaged(model: Any, validation: Validation, recipe: Recipe, size: int) -> Evaluation:
    """Metrics of the averaged weights, which change places with the trained ones while they predict."""

    def predict(images: Any) -> Any:
        return model.predict(images, verbose=0, callbacks=[keras.callbacks.SwapEMAWeights()])

    return judge(predict, validation, recipe.labels, size)


def summarise(
    recipe: Recipe,
    chunk: Chunk,
    history: Mapping[str, list[float]],
    evaluation: Evaluation,
    seconds: float,
) -> dict[str, float]:
    """A line of history: how training went, and how validation would go now."""
    metrics = next(iter(evaluation.by_recoding.values()))
    recalls = {f"recall_{label}": metrics.classes[label].recall for label in recipe.labels}
    return {
        "size": chunk.stage.size,
        "step": chunk.steps.stop,
        "loss": history["loss"][-1],
        "accuracy": history["accuracy"][-1],
        "auc_roc": metrics.auc_roc,
        "auc_pr": metrics.auc_pr,
        "balanced_accuracy": metrics.balanced_accuracy,
        **recalls,
        "flips": evaluation.recoding_flips or 0.0,
        "images_per_s": chunk.images / seconds,
    }


def curves_of(line: Mapping[str, float]) -> dict[str, float]:
    """A line of history, by the names that TensorBoard sorts it under."""
    learnt = {"loss", "accuracy", "images_per_s"}
    shown = {name: value for name, value in line.items() if name not in ("size", "step")}
    return {f"{'chunk' if name in learnt else 'validation'}/{name}": shown[name] for name in shown}
