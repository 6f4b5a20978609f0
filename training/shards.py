"""Shards: the pictures that training reads, as TFRecord files.

    index.json                     written last: a directory without it was not finished
    LABEL/NUMBER.tfrecord          eight for each label
    LABEL/NUMBER.tfrecord.scores   a teacher's scores of the same pictures (`training.distillation`)

A record is a `tf.train.Example` of `image` (uint8[size, size, 3], raw), `label`, `category`, `source` and
`name`; a record of scores is float32[classes], raw, in the order of the labels.

A stream of them depends on a seed and on where it begins alone, so that training that was killed goes on with
the pictures that it would have seen.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from datasets.manifest import DatasetInvalid, Example
from datasets.replacement import replacing
from training.materialise import LeftOutImage, MaterialisedImage
from training.place import ONLY, Place

INDEX = "index.json"
SCORES_SUFFIX = ".scores"
FILES = 8  # for each label: how many are read at a time, which already mixes what lay together
SHUFFLED_IMAGES = 2048  # kept in memory, of all labels together: 300 MB of 224 x 224 pixels
PERIOD = 1000  # images after which the order of the labels begins anew


@dataclass(frozen=True, slots=True)
class Shards:
    """A directory of shards: how many images each label has, in the labels' order, of what size in pixels."""

    directory: Path
    size: int
    counts: Mapping[str, int]

    def files(self, label: str) -> list[str]:
        """A label's, in order."""
        return [str(path) for path in _files(self.directory, label)]


def _files(directory: Path, label: str) -> list[Path]:
    return [directory / label / f"{number}.tfrecord" for number in range(FILES)]


def write_shards(
    directory: Path,
    images: Iterable[MaterialisedImage | LeftOutImage],
    labels: Sequence[str],
    size: int,
    may_lack: Collection[str] = (),
) -> list[LeftOutImage]:
    """Write all pixels into shards; return the tasks that gave no image.

    Args:
        directory: Shards in it, of an earlier attempt, are overwritten.
        images: In an order that has nothing to do with labels and sources.
        labels: The model's, in its order.
        size: Pixels, of the images' height and width.
        may_lack: Labels that need no image.

    Raises:
        DatasetInvalid: A label is left without images.
    """
    (directory / INDEX).unlink(missing_ok=True)
    counts, left_out = dict.fromkeys(labels, 0), []
    with ExitStack() as stack:
        writers = {label: _open_writers(stack, directory, label) for label in labels}
        for item in images:
            if isinstance(item, LeftOutImage):
                left_out.append(item)
                continue
            label = item.task.label
            for pixels in item.pixels.values():
                writers[label][counts[label] % FILES].write(_record(item, pixels))
                counts[label] += 1
    if empty := [label for label, count in counts.items() if not count and label not in may_lack]:
        raise DatasetInvalid(f"no image of {', '.join(empty)} could be read")
    (directory / INDEX).write_text(json.dumps({"size": size, "counts": counts}) + "\n")
    return left_out


def _open_writers(stack: ExitStack, directory: Path, label: str) -> list[Any]:
    (directory / label).mkdir(parents=True, exist_ok=True)
    return [stack.enter_context(tf.io.TFRecordWriter(str(path))) for path in _files(directory, label)]


def _record(image: MaterialisedImage, pixels: NDArray[np.uint8]) -> bytes:
    picture = image.task.picture
    texts = {
        "label": image.task.label,
        "category": picture.category,
        "source": picture.source if isinstance(picture, Example) else "generated",
        "name": picture.path.name if isinstance(picture, Example) else image.task.name,
    }
    features = {"image": pixels.tobytes()} | {name: text.encode() for name, text in texts.items()}
    message = tf.train.Example(
        features=tf.train.Features(
            feature={
                name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
                for name, value in features.items()
            }
        )
    )
    return bytes(message.SerializeToString())


def shards_are_complete(directory: Path) -> bool:
    """Whether `write_shards` finished in a directory."""
    return (directory / INDEX).exists()


def read_shards(directory: Path) -> Shards:
    """Read the index of a directory that `write_shards` finished."""
    index = json.loads((directory / INDEX).read_text())
    return Shards(directory, index["size"], index["counts"])


def read_pixels(file: str, size: int) -> Iterator[NDArray[np.uint8]]:
    """The pictures of one file of shards in its order, uint8[size, size, 3] each."""
    for record in tf.data.TFRecordDataset(file).batch(1):
        yield _pixels(record, (1, size, size, 3))[0].numpy()


def write_scores(file: str, scores: Iterable[NDArray[np.float32]]) -> None:
    """Write a teacher's scores, float32[classes] each, of all pictures of a file of shards, in its order."""
    with (
        replacing(Path(file + SCORES_SUFFIX)) as unfinished,
        tf.io.TFRecordWriter(str(unfinished)) as writer,
    ):
        for row in scores:
            writer.write(row.astype("<f4").tobytes())


def read_batches(
    shards: Shards,
    shares: Sequence[float],
    seed: int,
    start: int,
    batch: int,
    scored: bool = False,
    place: Place = ONLY,
) -> Any:
    """The stream of images from its `start`-th on, as a tf.data.Dataset without end.

    Of (uint8[N, size, size, 3]; int64[N], the index of each image's label; float32[N, classes], a teacher's
    scores, or float32[N, 0] without). Of a label every image comes before any comes again. Every process
    reads all records, and parses and keeps those of its own part of each batch: what a batch holds does not
    depend on how many processes there are.

    Args:
        shards: Of the labels that `shares` are of.
        shares: How often each label comes; they add up to 1.
        seed: Of the order.
        start: Images.
        batch: Images.
        scored: Whether the teacher's scores are read, too.
        place: The process's, whose part of every batch is wanted; N is the batch divided by the processes.

    Raises:
        TrainingError: A batch cannot be divided among them.
    """
    rows, order = place.rows(batch), order_of(shares)
    rounds, rest = divmod(start, len(order))
    buffer = max(1, SHUFFLED_IMAGES // len(shares))
    streams = []
    for index, (label, count) in enumerate(shards.counts.items()):
        drawn = int(rounds * (order == index).sum() + (order[:rest] == index).sum())
        records = _records(shards.files(label), count, (seed, index), drawn, buffer, scored)
        streams.append(records.map(lambda record, scores, index=index: (record, np.int64(index), scores)))
    choices = tf.data.Dataset.from_tensor_slices(np.roll(order, -rest)).repeat()
    mixed = tf.data.Dataset.choose_from_datasets(streams, choices, stop_on_empty_dataset=True)
    part = rows.stop - rows.start
    shape, classes = (part, shards.size, shards.size, 3), len(shards.counts) if scored else 0
    return mixed.batch(batch, drop_remainder=True).map(
        lambda records, indices, scores: (
            _pixels(records[rows], shape),
            indices[rows],
            _scores(scores[rows], (part, classes)),
        )
    )


def order_of(shares: Sequence[float]) -> NDArray[np.int64]:
    """Indices of labels, int64[PERIOD]: each comes as often as its share, as evenly as can be."""
    wanted, given = np.array(shares), np.zeros(len(shares))
    order = np.empty(PERIOD, np.int64)
    for place in range(PERIOD):
        order[place] = np.argmax(wanted * (place + 1) - given)
        given[order[place]] += 1
    return order


def _records(
    files: Sequence[str], count: int, seed: tuple[int, int], drawn: int, buffer: int, scored: bool
) -> Any:
    """Serialised pictures of one label and their scores, epoch after epoch, without the first `drawn`."""
    first, rest = divmod(drawn, max(count, 1))  # of a label without images none is ever drawn
    mixed_seed = int(np.random.SeedSequence(seed).generate_state(1)[0])

    def open_file(file: Any) -> Any:
        scores = tf.data.TFRecordDataset(file + SCORES_SUFFIX) if scored else _without_scores()
        return tf.data.Dataset.zip(tf.data.TFRecordDataset(file), scores)

    def epoch(number: Any) -> Any:
        shuffled = tf.random.experimental.stateless_shuffle(files, seed=(mixed_seed, number))
        opened = tf.data.Dataset.from_tensor_slices(shuffled).interleave(
            open_file, cycle_length=FILES, num_parallel_calls=2, deterministic=True
        )
        return opened.shuffle(buffer, seed=mixed_seed + number, reshuffle_each_iteration=False)

    return tf.data.Dataset.range(first, np.iinfo(np.int64).max).flat_map(epoch).skip(rest)


def _pixels(records: Any, shape: tuple[int, int, int, int]) -> Any:
    parsed = tf.io.parse_example(records, {"image": tf.io.FixedLenFeature([], tf.string)})
    return tf.reshape(tf.io.decode_raw(parsed["image"], tf.uint8), shape)


def _without_scores() -> Any:
    return tf.data.Dataset.from_tensors(b"").repeat()


def _scores(raw: Any, shape: tuple[int, int]) -> Any:
    return tf.reshape(tf.io.decode_raw(raw, tf.float32, little_endian=True), shape)
