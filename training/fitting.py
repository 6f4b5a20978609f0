"""Fitting: the weights of a recipe's network, learnt from a run's arrays, chunk by chunk."""

import logging
import time
from typing import Any

import keras

from evaluation.report import Report
from logo_detection.image import ImageSpec
from training.batches import training_batches
from training.judge import judge
from training.materialise import Shard, read_shard
from training.model import build_backbone, build_classifier, load_pretrained
from training.recipe import Recipe
from training.run import Run
from training.schedule import Chunk, Pace, chunks_of

LOG = logging.getLogger(__name__)

CLIP_NORM = 1.0


def build(recipe: Recipe, size: int | None, weights: str | None = None) -> Any:
    """The network of a recipe, in Keras's current dtype policy."""
    backbone = build_backbone(size, recipe.network, recipe.skip_dropout)
    if weights is not None:
        load_pretrained(backbone, weights)
    return build_classifier(backbone, len(recipe.labels), recipe.dropout)


def compile_for(recipe: Recipe, model: Any) -> None:
    """AdamW, with an average of the weights beside them; no decay of biases and batch norms."""
    optimizer = keras.optimizers.AdamW(
        learning_rate=0.0,  # `Pace` sets it
        weight_decay=recipe.weight_decay,
        clipnorm=CLIP_NORM,
        use_ema=True,
        ema_momentum=recipe.ema,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=recipe.label_smoothing)
    model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=False)


def fit(recipe: Recipe, run: Run, weights: str | None = None) -> Any:
    """Train on the run's arrays, from its checkpoint if there is one; the averaged model in float32."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if recipe.mixed_precision else "float32")
    keras.utils.set_random_seed(recipe.seed)
    try:
        model, done = start(recipe, run, weights)
        train_chunks(recipe, model, run, done)
        model.optimizer.finalize_variable_values(model.trainable_variables)
        averaged = model.get_weights()
    finally:
        keras.config.set_dtype_policy(policy)
    final = build(recipe, ImageSpec().height)
    final.set_weights(averaged)
    return final


def start(recipe: Recipe, run: Run, weights: str | None) -> tuple[Any, int]:
    """The model to train, and how many chunks it has seen already."""
    progress = run.progress()
    if progress is not None:
        model = keras.models.load_model(run.path / progress.checkpoint)
        model.optimizer.ema_momentum = recipe.ema  # the recipe's word holds, should it have changed
        return model, progress.chunks
    model = build(recipe, None, weights)
    compile_for(recipe, model)
    return model, 0


def train_chunks(recipe: Recipe, model: Any, run: Run, done: int) -> None:
    """All chunks but the first `done`, with a checkpoint and a line of history after each."""
    shard, validation = read_shard(run.training), read_shard(run.validation)
    chunks = chunks_of(recipe.stages)
    for index, chunk in enumerate(chunks[done:], done):
        started = time.monotonic()
        batches = training_batches(shard, chunk.stage.size, chunk.stage.batch, recipe.seed, chunk.steps)
        pace = Pace(chunk, recipe.warm_up)
        history = model.fit(batches, shuffle=False, verbose=0, callbacks=[pace]).history
        seconds = time.monotonic() - started
        run.checkpoint(model, index + 1)
        line = summarise(chunk, history, judge_averaged(model, validation, chunk.stage.size), seconds)
        run.note(line)
        LOG.info("%s", " ".join(f"{name}={value:.4g}" for name, value in line.items()))


def judge_averaged(model: Any, validation: Shard, size: int) -> Report:
    """Metrics of the averaged weights, which change places with the trained ones while they predict."""

    def predict(images: Any) -> Any:
        return model.predict(images, verbose=0, callbacks=[keras.callbacks.SwapEMAWeights()])

    return judge(predict, validation, size)


def summarise(
    chunk: Chunk, history: dict[str, list[float]], report: Report, seconds: float
) -> dict[str, float]:
    """A line of history: how training went, and how validation would go now."""
    metrics = next(iter(report.by_recoding.values()))
    return {
        "size": chunk.stage.size,
        "step": chunk.steps.stop,
        "loss": history["loss"][-1],
        "accuracy": history["accuracy"][-1],
        "auc_roc": metrics.auc_roc,
        "logo_recall": metrics.logo_recall,
        "other_recall": metrics.other_recall,
        "flips": report.recoding_flips,
        "images_per_s": chunk.images / seconds,
    }
