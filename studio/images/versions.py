"""Versions: what the labelled images of a data set were at one time, as a folder that training reads.

versions/DIGEST/manifest.csv       as `datasets.manifest` writes it; DIGEST is its SHA-256
versions/DIGEST/images/SHA256.png  links to the files of the store
"""

import csv
import hashlib
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction
from django.db.models import Max

from datasets.manifest import CSV_NAME, Example, write_examples
from logo_detection.decode.header import Format
from logo_detection.errors import LogoDetectionError
from studio.images.models import Dataset, Image, Version
from studio.images.store import FileStore
from studio.people import audit
from studio.people.models import User

IMAGES = "images"
SUFFIXES: Mapping[str, str] = {
    Format.JPEG: ".jpg",
    Format.PNG: ".png",
    Format.GIF: ".gif",
    Format.WEBP: ".webp",
    Format.BMP: ".bmp",
    Format.TIFF: ".tif",
    Format.SVG: ".svg",
}


class VersionRefused(LogoDetectionError):
    """There is nothing to make a version of. One line."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What a version has that a former one has not: labels by SHA-256, and of some both labels."""

    added: Mapping[str, str]
    removed: Mapping[str, str]
    relabelled: Mapping[str, tuple[str, str]]


def folder_of(version: Version, store: FileStore) -> Path:
    """Where a version lies; `make train DATA=` reads it."""
    return store.root / "versions" / version.digest


def make_version(by: User, dataset: Dataset, note: str, store: FileStore) -> Version:
    """Make a version of all images that have a label; if the last one is the same, that one.

    Raises:
        VersionRefused: No image has a label.
    """
    unfinished = store.root / "unfinished" / secrets.token_hex(16)
    (unfinished / IMAGES).mkdir(parents=True)
    try:
        with transaction.atomic():
            balance = _write_folder(dataset, unfinished, store)
            digest = _sha256(unfinished / CSV_NAME)
            last = dataset.versions.order_by("-number").first()
            if last is not None and last.digest == digest:
                return last
            version = Version.objects.create(
                dataset=dataset,
                number=(dataset.versions.aggregate(last=Max("number"))["last"] or 0) + 1,
                digest=digest,
                note=note,
                images=balance.total(),
                balance=dict(balance),
                made_by=by,
            )
            audit.record(by, "make version", version, digest)
            _publish(unfinished, folder_of(version, store))
            return version
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def difference(version: Version, former: Version, store: FileStore) -> Difference:
    """What has changed from a former version to this one."""
    new, old = (read_labels(each, store) for each in (version, former))
    return Difference(
        added={digest: label for digest, label in new.items() if digest not in old},
        removed={digest: label for digest, label in old.items() if digest not in new},
        relabelled={
            digest: (old[digest], label) for digest, label in new.items() if old.get(digest, label) != label
        },
    )


def read_labels(version: Version, store: FileStore) -> dict[str, str]:
    """The labels of a version by SHA-256."""
    with (folder_of(version, store) / CSV_NAME).open(newline="", encoding="utf-8") as file:
        return {row["sha256"]: row["label"] for row in csv.DictReader(file)}


def _write_folder(dataset: Dataset, folder: Path, store: FileStore) -> Counter[str]:
    """Links and manifest; returns how many images each label has."""
    balance: Counter[str] = Counter()

    def examples() -> Iterator[Example]:
        for image in _labelled(dataset):
            example = _example(image, folder, dataset)
            os.link(store.file(image.file_id), example.path)
            balance[example.label] += 1
            yield example

    write_examples(folder / CSV_NAME, examples())
    if not balance:
        raise VersionRefused("no image of this data set has a label")
    return balance


def _labelled(dataset: Dataset) -> Iterator[Image]:
    images = dataset.images.filter(label__isnull=False).select_related("label", "file")
    return images.defer("file__colours", "file__scores").order_by("pk").iterator(2000)


def _example(image: Image, folder: Path, dataset: Dataset) -> Example:
    assert image.label is not None  # noqa: S101  it was filtered by
    return Example(
        path=folder / IMAGES / (image.file_id + SUFFIXES[image.file.format]),
        label=image.label.name,
        category=image.category or image.label.name,
        source=image.source or dataset.name,
        original=image.original or image.name,
        licence=image.licence,
        author=image.author,
        sha256=image.file_id,
        metadata=image.metadata,
    )


def _publish(unfinished: Path, folder: Path) -> None:
    """Move a folder to its place, unless another data set has put the same one there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if not folder.exists():
        (unfinished / CSV_NAME).chmod(0o440)
        unfinished.rename(folder)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
