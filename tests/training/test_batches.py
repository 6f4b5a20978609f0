"""Batches: in the recipe's labels, and the same again after a restart."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from datasets.manifest import Example
from tests.training.recipes import tiny_recipe
from training.batches import training_batches
from training.errors import RecipeInvalid
from training.materialise import ImageTask, MaterialisedImage
from training.place import Place
from training.schedule import chunks_of
from training.shards import read_shards, write_shards


def made() -> Iterator[MaterialisedImage]:
    rng = np.random.default_rng(0)
    for number in range(20):
        label = ("out_of_domain", "logo")[number % 2]
        example = Example(Path(f"{number}.png"), label, "", "", "", "", "", "")
        pixels = rng.integers(0, 256, (32, 32, 3), np.uint8)
        yield MaterialisedImage(ImageTask(example, "drawn", 0, 1), {}, {"degraded": pixels})


def test_a_chunk_has_its_steps_and_half_of_every_batch_are_logos(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path)
    write_shards(tmp_path, made(), recipe.labels, 32)
    for chunk in chunks_of(recipe.stages):
        batches = list(training_batches(read_shards(tmp_path), recipe, chunk))
        assert len(batches) == len(chunk.steps)
        for images, labels in batches:
            assert images.shape == (8, chunk.stage.size, chunk.stage.size, 3)
            assert labels.numpy().sum(axis=0).tolist() == [4, 4]


def test_steps_are_the_same_whether_or_not_training_was_interrupted_before_them(tmp_path: Path) -> None:
    recipe = tiny_recipe(tmp_path)
    write_shards(tmp_path, made(), recipe.labels, 32)
    shards = read_shards(tmp_path)

    def images_of(chunk_images: int) -> np.ndarray:
        chunks = chunks_of(recipe.stages[:1], chunk_images)
        return np.stack([images for chunk in chunks for images, _ in training_batches(shards, recipe, chunk)])

    whole, in_parts = images_of(1000), images_of(16)
    assert whole.shape == (4, 8, 16, 16, 3)
    np.testing.assert_array_equal(whole, in_parts)


def test_shards_of_other_labels_are_refused(tmp_path: Path) -> None:
    write_shards(tmp_path, made(), ("logo", "out_of_domain"), 32)
    recipe = tiny_recipe(tmp_path)
    with pytest.raises(RecipeInvalid, match="logo, out_of_domain"):
        training_batches(read_shards(tmp_path), recipe, chunks_of(recipe.stages)[0])


@pytest.mark.parametrize("processes", [2, 4])
def test_the_parts_of_all_processes_are_the_batch_of_one(tmp_path: Path, processes: int) -> None:
    recipe = tiny_recipe(tmp_path)
    write_shards(tmp_path, made(), recipe.labels, 32)
    shards, chunk = read_shards(tmp_path), chunks_of(recipe.stages)[0]
    parts = [
        training_batches(shards, recipe, chunk, Place(rank, processes)).as_numpy_iterator()
        for rank in range(processes)
    ]
    whole = list(training_batches(shards, recipe, chunk).as_numpy_iterator())
    for (images, labels), *of_ranks in zip(whole, *parts, strict=True):
        np.testing.assert_array_equal(np.concatenate([part for part, _ in of_ranks]), images)
        np.testing.assert_array_equal(np.concatenate([part for _, part in of_ranks]), labels)
