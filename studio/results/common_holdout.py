"""The common hold-out: the images that two runs both kept from training, as a set for `logo-evaluate`.

    manifest.csv  images/SHA256.png

They are the data set's own files, and not the pictures that a training makes of them in its model's size: so
two models of different sizes see what each of them would be given.
"""

import csv
import os
import shutil
from dataclasses import replace
from pathlib import Path

from datasets.manifest import CSV_NAME, Example, read_examples, write_examples
from studio.background.attempts import WorkFailed
from studio.images.versions import IMAGES
from training.holdout import ORIGINAL_SHA256
from training.run import Run


def held_out(run: Run) -> frozenset[str]:
    """The files that a run kept from training, by SHA-256; drawings are of none."""
    with (run.validation / CSV_NAME).open(newline="", encoding="utf-8") as file:
        return frozenset(row[ORIGINAL_SHA256] for row in csv.DictReader(file)) - {""}


def write_common_holdout(version: Path, runs: tuple[Run, Run], folder: Path) -> Path:
    """Write the images of a version that both runs held out. Returns the folder.

    Args:
        version: Its folder; the labels are those that it has.
        runs: Both.
        folder: To write; what an earlier attempt left is removed.

    Raises:
        WorkFailed: There are none.
    """
    both = held_out(runs[0]) & held_out(runs[1])
    examples = [example for example in read_examples(version) if example.sha256 in both]
    if not examples:
        raise WorkFailed("there is no image that both runs kept from training")
    shutil.rmtree(folder, ignore_errors=True)
    (folder / IMAGES).mkdir(parents=True)
    write_examples(folder / CSV_NAME, [_linked(example, folder) for example in examples])
    return folder


def _linked(example: Example, folder: Path) -> Example:
    path = folder / IMAGES / example.path.name
    os.link(example.path, path)
    return replace(example, path=path, metadata={**example.metadata, ORIGINAL_SHA256: example.sha256})
