"""Batches: the images and labels of each step; every label as often as the recipe says."""

from typing import Any

import tensorflow as tf

from training.augmentation import augment
from training.distillation import mix_targets
from training.errors import RecipeInvalid
from training.place import ONLY, Place
from training.recipe import Recipe
from training.schedule import Chunk
from training.shards import Shards, read_batches

PREFETCHED = 2  # batches


def training_batches(shards: Shards, recipe: Recipe, chunk: Chunk, place: Place = ONLY) -> Any:
    """A process's part of the batches of a chunk's steps, as a tf.data.Dataset.

    Of (float32[N, size, size, 3] in 0..255, float32[N, classes] in label order: what the scores should be,
    with a teacher's share where the recipe has one). They depend on the seed of fitting and the step; all
    parts together are the batch that one process would have.

    Raises:
        RecipeInvalid: The shards are of other labels.
        TrainingError: A batch cannot be divided among the processes.
    """
    if tuple(shards.counts) != recipe.labels:
        known = ", ".join(shards.counts)
        raise RecipeInvalid(f"{shards.directory} was made for the labels {known}, which are not the recipe's")
    stage, classes = chunk.stage, len(recipe.labels)
    distillation = recipe.distillation
    scored = distillation is not None
    images = read_batches(
        shards, recipe.shares(), recipe.fitting_seed, chunk.seen, stage.batch, scored, place
    )
    steps = tf.data.Dataset.range(chunk.steps.start, chunk.steps.stop)

    def prepare(batch: Any, step: Any) -> Any:
        pixels, indices, scores = batch
        targets = tf.one_hot(indices, classes)
        if distillation is not None:
            targets = mix_targets(targets, scores, distillation)
        return augment(pixels, stage.size, (recipe.fitting_seed, step), place), targets

    prepared = tf.data.Dataset.zip(images, steps).map(prepare, num_parallel_calls=2, deterministic=True)
    return prepared.apply(tf.data.experimental.assert_cardinality(len(chunk.steps))).prefetch(PREFETCHED)
