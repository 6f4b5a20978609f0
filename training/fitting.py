"""Fitting: trains a recipe's network on a run's shards, chunk by chunk, in one process or in many."""

import logging
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import openvino
import tensorflow as tf

from datasets.progress import Progress
from evaluation.report import Evaluation
from training.batches import training_batches
from training.errors import RecipeInvalid
from training.holdout import ValidationSet
from training.loss import example_losses
from training.model import build, freeze, layers_from, logits_of
from training.pretrained import load_pretrained
from training.recipe import Recipe
from training.replicas import Replicas, alone, join_model, summed
from training.run import Run
from training.schedule import Chunk, chunks_of, learning_rate_of
from training.shards import Shards
from training.tensorboard import TensorBoardWriter, TrainingCurves
from training.validation import SAMPLE_PICTURES, validate

LOG = logging.getLogger(__name__)

CLIP_NORM = 1.0
IN_PLACE_OF_0 = 2**30
"""TensorFlow takes a global seed of 0 for none, and then cannot shuffle by a seed that differs by epoch."""

# (float32[N, size, size, 3], float32[N, classes]) -> float32[3] of all processes: see `means_of`
Step = Callable[[Any, Any], Any]


class ProgressCallback(keras.callbacks.Callback):
    """Advances the progress of a chunk, in images."""

    def __init__(self, progress: Progress, batch: int) -> None:
        super().__init__()
        self._progress, self._batch = progress, batch

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """One more batch."""
        self._progress.advance(self._batch)


def fit_model(
    recipe: Recipe,
    run: Run,
    shards: Shards,
    validation: ValidationSet | None,
    weights: str | None = None,
    replicas: Replicas | None = None,
) -> Any:
    """Train on the shards, from the run's checkpoint if there is one.

    Every process of the replicas calls this with the same arguments; the first one writes and validates.

    Args:
        recipe: Says how.
        run: Keeps checkpoints, history and curves.
        shards: The training images.
        validation: The images that every checkpoint is validated on, or on a sample of them; None in the
            processes beside the first.
        weights: Those to begin with: see `training.pretrained`.
        replicas: The processes that train; without, this one alone.

    Returns:
        The averaged model in float32, at the size at which it serves.

    Raises:
        RecipeInvalid: A stage names a layer that there is not, or the run was begun with other stages.
        TrainingError: A stage's batch cannot be divided among the processes, or these begin with different
            weights.
    """
    replicas = replicas or alone()
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype_policy_of(recipe))
    keras.utils.set_random_seed(recipe.fitting_seed or IN_PLACE_OF_0)
    try:
        model, done = start(recipe, run, weights)
        for stage in recipe.stages:
            layers_from(model, stage.trained_from)  # a misspelt name is found now, and not hours later
        join_model(model, replicas)
        train_chunks(recipe, run, model, shards, validation, done, replicas)
        averaged = model.get_weights()
    finally:
        keras.config.set_dtype_policy(policy)
    final, _ = build(recipe, recipe.size)
    final.set_weights(averaged)
    return final


def train_chunks(
    recipe: Recipe,
    run: Run,
    model: Any,
    shards: Shards,
    validation: ValidationSet | None,
    done: int,
    replicas: Replicas,
) -> None:
    """Train on all chunks but the first `done`; after each, keep a checkpoint and validate on a sample."""

    def predict(images: Any) -> Any:
        return model.predict(images, verbose=0)

    step = None
    chunks = chunks_of(recipe.stages)
    if done:
        LOG.info("%s: going on after part %d of %d", run.path, done, len(chunks))
    sample = validation.sample(SAMPLE_PICTURES) if validation is not None else None
    final = validation if recipe.fold is not None else sample  # of a fold it is all that is measured
    with TensorBoardWriter(run.logs if replicas.is_first else None) as tensorboard:
        for index, chunk in enumerate(chunks[done:], done):
            start_chunk(recipe, model, chunk)
            if step is None or chunk.starts_optimizer:
                step = training_step(recipe, model, replicas)
            batches = training_batches(shards, recipe, chunk, replicas.place)
            means, seconds = train_chunk(model, step, batches, chunk, tensorboard)
            shown = final if chunk is chunks[-1] else sample
            if shown is not None:
                evaluation = validate(predict, shown, recipe.labels, chunk.stage.size)
                line = summarise(recipe, chunk, means, evaluation, seconds)
                run.append_history(line)
                tensorboard.write(curves_of(line), chunk.steps.stop)
                run.checkpoint(model, index + 1)  # last: a chunk without it is trained, and told of, again
                LOG.info("%s", " ".join(f"{name}={value:.4g}" for name, value in line.items()))


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
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, jit_compile=False)


def training_step(recipe: Recipe, model: Any, replicas: Replicas) -> Step:
    """The function that trains a model on a batch, of which each process passes its own part.

    A model's variables belong to its process alone, and not to TensorFlow's strategy: the processes share the
    sums of their gradients, clip those, and take the same step.
    """
    logits_in_training = logits_of(model)
    class_weights = recipe.weights() if recipe.class_weights else [1.0] * len(recipe.labels)
    variables = model.trainable_variables

    def learn(images: Any, targets: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = logits_in_training(images)
            losses = example_losses(targets, logits, class_weights, recipe.label_smoothing)
            loss = tf.reduce_sum(losses)
        is_right = tf.argmax(logits, axis=1) == tf.argmax(targets, axis=1)
        sums = tf.stack(
            [tf.cast(tf.size(losses), tf.float32), loss, tf.reduce_sum(tf.cast(is_right, tf.float32))]
        )
        return summed([sums, *tape.gradient(loss, variables)])

    def step(images: Any, targets: Any) -> Any:
        sums, *gradients = replicas.strategy.run(learn, (images, targets))
        model.optimizer.apply([gradient / sums[0] for gradient in gradients], variables)
        return sums

    compiled: Step = tf.function(step)
    return compiled


def train_chunk(
    model: Any, step: Step, batches: Any, chunk: Chunk, tensorboard: TensorBoardWriter
) -> tuple[dict[str, float], float]:
    """Train on one chunk; return its mean loss and accuracy, and its seconds.

    At its end the average of the weights takes their place: it is what is kept, validated and trained on.
    """
    started = time.monotonic()
    what = f"{chunk.stage.size} pixels, step {chunk.steps.start}"
    with Progress(what, chunk.images, "images") as progress:
        callbacks = keras.callbacks.CallbackList(
            [ProgressCallback(progress, chunk.stage.batch), TrainingCurves(tensorboard, chunk.steps.start)],
            model=model,
        )
        sums = tf.zeros(3)
        for index, (images, targets) in enumerate(batches):
            callbacks.on_train_batch_begin(index)
            sums += step(images, targets)
            callbacks.on_train_batch_end(index, means_of(sums))
    model.optimizer.finalize_variable_values(model.trainable_variables)
    return {name: float(value) for name, value in means_of(sums).items()}, time.monotonic() - started


def means_of(sums: Any) -> dict[str, Any]:
    """Loss and accuracy, float32[], of the sums over some steps: images, their losses, how many are right.

    They stay tensors, so that nothing waits for an accelerator until somebody reads them.
    """
    return {"loss": sums[1] / sums[0], "accuracy": sums[2] / sums[0]}


def summarise(
    recipe: Recipe,
    chunk: Chunk,
    means: Mapping[str, float],
    evaluation: Evaluation,
    seconds: float,
) -> dict[str, float]:
    """A line of history: the metrics of training and of validation."""
    metrics = next(iter(evaluation.by_recoding.values()))
    recalls = {f"recall_{label}": metrics.classes[label].recall for label in recipe.labels}
    return {
        "size": chunk.stage.size,
        "step": chunk.steps.stop,
        "loss": means["loss"],
        "accuracy": means["accuracy"],
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
