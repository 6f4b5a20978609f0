"""Shards: balanced, shuffled, every image before any comes again, and the same from any place on."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from datasets.manifest import DatasetInvalid, Example
from training.materialise import ImageTask, LeftOutImage, MaterialisedImage
from training.shards import (
    FILES,
    PERIOD,
    Shards,
    order_of,
    read_batches,
    read_shards,
    shards_are_complete,
    write_shards,
)

COUNTS = {"out_of_domain": 40, "logo": 15, "map": 9}
SIDE = 8


def task(label: str, number: int) -> ImageTask:
    example = Example(Path(f"{label}-{number}.png"), label, "kind", "source", "", "", "", f"{label}{number}")
    return ImageTask(example, "drawn", 0, 1)


def made() -> Iterator[MaterialisedImage]:
    """Images that say by their colour which they are: red is the label, green the number."""
    for index, (label, count) in enumerate(COUNTS.items()):
        for number in range(count):
            pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
            pixels[..., 0], pixels[..., 1] = index, number
            yield MaterialisedImage(task(label, number), {}, {"degraded": pixels})


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Shards:
    directory = tmp_path_factory.mktemp("shards")
    assert write_shards(directory, made(), tuple(COUNTS), SIDE) == []
    return read_shards(directory)


def seen(
    shards: Shards, images: int, start: int = 0, seed: int = 1, shares: tuple[float, ...] = (1 / 3,) * 3
) -> list[tuple[int, int]]:
    """The first images of a stream from a place on: (label, number)."""
    batches = islice(read_batches(shards, shares, seed, start, 4), images // 4)
    found = []
    for pixels, labels, _ in batches:
        assert pixels.shape == (4, SIDE, SIDE, 3)
        assert pixels.dtype == np.uint8
        np.testing.assert_array_equal(pixels[:, 0, 0, 0], labels)
        found += [(int(red), int(green)) for red, green, _ in pixels.numpy()[:, 0, 0]]
    return found


def test_a_label_has_eight_files_and_a_record_says_what_it_shows(shards: Shards) -> None:
    assert shards.counts == COUNTS
    files = shards.files("logo")
    assert len(files) == FILES
    records = [record.numpy() for record in tf.data.TFRecordDataset(files)]
    assert len(records) == 15
    features = tf.train.Example.FromString(records[0]).features.feature
    texts = {name: features[name].bytes_list.value[0] for name in ("label", "category", "source", "name")}
    assert texts == {"label": b"logo", "category": b"kind", "source": b"source", "name": b"logo-0.png"}
    assert len(features["image"].bytes_list.value[0]) == SIDE * SIDE * 3


def test_labels_come_equally_often_in_every_batch(shards: Shards) -> None:
    stream = seen(shards, 300)
    for start in range(0, 300, 30):
        assert Counter(label for label, _ in stream[start : start + 30]) == {0: 10, 1: 10, 2: 10}


def test_labels_come_as_often_as_their_shares(shards: Shards) -> None:
    stream = seen(shards, 400, shares=(0.5, 0.4, 0.1))
    assert Counter(label for label, _ in stream) == {0: 200, 1: 160, 2: 40}


def test_every_image_is_seen_before_any_is_seen_again(shards: Shards) -> None:
    stream = seen(shards, 360)  # 120 of each label
    for index, count in enumerate(COUNTS.values()):
        numbers = [number for label, number in stream if label == index]
        for start in range(0, 120 // count * count, count):
            assert sorted(numbers[start : start + count]) == list(range(count))


def test_the_order_follows_from_the_seed_and_differs_from_round_to_round(shards: Shards) -> None:
    stream = seen(shards, 120)
    assert stream == seen(shards, 120)
    assert stream != seen(shards, 120, seed=2)
    logos = [number for label, number in stream if label == 1]
    assert logos[:15] != logos[15:30]
    assert logos[:15] != sorted(logos[:15])


@pytest.mark.parametrize("start", [4, 32, 120, PERIOD + 20])
def test_a_stream_goes_on_where_it_was_left(shards: Shards, start: int) -> None:
    assert seen(shards, start + 60)[start:] == seen(shards, 60, start=start)


def test_an_order_is_even() -> None:
    order = order_of((0.7, 0.2, 0.1))
    assert Counter(order.tolist()) == {0: 700, 1: 200, 2: 100}
    for start in range(0, PERIOD, 10):
        assert Counter(order[start : start + 10].tolist())[0] in (6, 7, 8)


def test_what_is_left_out_is_told_and_a_label_without_images_refused(tmp_path: Path) -> None:
    nothing = LeftOutImage(task("logo", 1), "broken")
    first, *_ = made()
    with pytest.raises(DatasetInvalid, match="no image of logo"):
        write_shards(tmp_path, [first, nothing], ("out_of_domain", "logo"), SIDE)
    assert not shards_are_complete(tmp_path)
    assert write_shards(tmp_path, [first, nothing], ("out_of_domain",), SIDE) == [nothing]
    assert shards_are_complete(tmp_path)


def test_shards_that_were_not_finished_are_written_over(tmp_path: Path) -> None:
    def killed() -> Iterator[MaterialisedImage]:
        yield from islice(made(), 30)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shards(tmp_path, killed(), tuple(COUNTS), SIDE)
    assert not shards_are_complete(tmp_path)
    write_shards(tmp_path, made(), tuple(COUNTS), SIDE)
    assert shards_are_complete(tmp_path)
    records = tf.data.TFRecordDataset(read_shards(tmp_path).files("out_of_domain"))
    assert sum(1 for _ in records) == COUNTS["out_of_domain"]
