"""Fitting: trains a recipe's network on a run's shards, chunk by chunk."""

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
from training.holdout import ValidationSet
from training.model import build, freeze, layers_from
from training.pretrained import load_pretrained
from training.recipe import Recipe
from training.run import Run
from training.schedule import Chunk, chunks_of, learning_rate_of
from training.shards import Shards
from training.tensorboard import TensorBoardWriter, TrainingCurves
from training.validation import validate

LOG = logging.getLogger(__name__)

CLIP_NORM = 1.0


class ProgressCallback(keras.callbacks.Callback):
    """Advances the progress of a chunk, in images."""

    def __init__(self, progress: Progress, batch: int) -> None:
        super().__init__()
        self._progress, self._batch = progress, batch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """One more batch."""
        self._progress.advance(self._batch)


def fit_model(
    recipe: Recipe, run: Run, shards: Shards, validation: ValidationSet, weights: str | None = None
) -> Any:
    """Train on the shards, from the run's checkpoint if there is one.

    Args:
        recipe: Says how.
        run: Keeps checkpoints, history and curves.
        shards: The training images.
        validation: The images that every checkpoint is validated on.
        weights: Those to begin with: see `training.pretrained`.

    Returns:
        The averaged model in float32, at the size at which it serves.

    Raises:
        RecipeInvalid: A stage names a layer that there is not, or the run was begun with other stages.
    """
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype_policy_of(recipe))
    keras.utils.set_random_seed(recipe.seed)
    try:
        model, done = start(recipe, run, weights)
        for stage in recipe.stages:
            layers_from(model, stage.trained_from)  # a misspelt name is found now, and not hours later
        with TensorBoardWriter(run.logs) as tensorboard:
            for index, chunk in enumerate(chunks_of(recipe.stages)[done:], done):
                start_chunk(recipe, model, chunk)
                history, seconds = train_chunk(recipe, model, shards, chunk, tensorboard)
                run.checkpoint(model, index + 1)
                evaluation = validate_averaged(model, validation, recipe, chunk.stage.size)
                line = summarise(recipe, chunk, history, evaluation, seconds)
                run.append_history(line)
                tensorboard.write(curves_of(line), chunk.steps.stop)
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
    """The model to train, and how many chunks it was trained on already."""
    if (done := run.progress()) is not None:
        return resume(recipe, run.path / done.checkpoint, done.chunks), done.chunks
    model, backbone = build(recipe, None)
    if weights is not None:
        load_pretrained(model, backbone, recipe, weights)
    return model, 0


def resume(recipe: Recipe, checkpoint: Path, chunks: int) -> Any:
    """The model and the optimizer as they were after so many chunks.

    The model is frozen and compiled before its weights are loaded. Else Keras would let parts of a frozen
    composite layer train. It leaves an optimizer empty, with a warning, whose variables are not the file's.

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


def start_chunk(recipe: Recipe, model: Any, chunk: Chunk) -> None:
    """Prepare a model for a chunk: give it a new optimizer where one begins, else the recipe's numbers."""
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
    """Compile with AdamW and an average of the weights; biases and batch norms do not decay."""
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


def train_chunk(
    recipe: Recipe, model: Any, shards: Shards, chunk: Chunk, tensorboard: TensorBoardWriter
) -> tuple[dict[str, list[float]], float]:
    """Train on one chunk; return Keras's history of it, and its seconds."""
    batches = training_batches(shards, recipe, chunk)
    started = time.monotonic()
    what = f"{chunk.stage.size} pixels, step {chunk.steps.start}"
    with Progress(what, chunk.images, "images") as progress:
        callbacks = [
            ProgressCallback(progress, chunk.stage.batch),
            TrainingCurves(tensorboard, chunk.steps.start),
        ]
        class_weight = dict(enumerate(recipe.weights())) if recipe.class_weights else None
        fitted = model.fit(batches, shuffle=False, verbose=0, callbacks=callbacks, class_weight=class_weight)
    return fitted.history, time.monotonic() - started


def validate_averaged(model: Any, validation: ValidationSet, recipe: Recipe, size: int) -> Evaluation:
    """Metrics of the averaged weights, which replace the trained ones while they predict."""

    def predict(images: Any) -> Any:
        return model.predict(images, verbose=0, callbacks=[keras.callbacks.SwapEMAWeights()])

    return validate(predict, validation, recipe.labels, size)


def summarise(
    recipe: Recipe,
    chunk: Chunk,
    history: Mapping[str, list[float]],
    evaluation: Evaluation,
    seconds: float,
) -> dict[str, float]:
    """A line of history: the metrics of training and of validation."""
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
    of_training = {"loss", "accuracy", "images_per_s"}
    shown = {name: value for name, value in line.items() if name not in ("size", "step")}
    return {f"{'chunk' if name in of_training else 'validation'}/{name}": shown[name] for name in shown}
