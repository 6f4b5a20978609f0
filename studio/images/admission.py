"""Admission: files come into the store, and the fence looks at them.

    candidates -> store -> fence -> rows of File that nobody has saved yet

What the fence refuses is not kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from logo_detection.errors import ItemError
from studio.images.candidates import Candidate, RefusedFile
from studio.images.inspection import Inspected, Inspector, encode_jpeg
from studio.images.models import File
from studio.images.store import FileStore, StoredFile


@dataclass(frozen=True, slots=True)
class Admitted:
    """What became of some candidates.

    Attributes:
        rows: Each file once, with the first candidate that had its bytes; known ones are saved.
        refused: Those that do not come in, and why.
        again: How many had the bytes of another one among them.
        digests: The SHA-256 of each candidate that came in, by its place.
    """

    rows: tuple[tuple[Candidate, File], ...]
    refused: tuple[RefusedFile, ...]
    again: int
    digests: Mapping[int, str]


def admit(
    files: Sequence[Candidate], store: FileStore, max_file_bytes: int, inspector: Inspector
) -> Admitted:
    """Bring files into the store, and have the fence look at those that are new to it."""
    first: dict[str, tuple[Candidate, StoredFile]] = {}
    digests: dict[int, str] = {}
    refused: list[RefusedFile] = []
    again = 0
    for place, one in enumerate(files):
        try:
            with one.open() as source:
                file = store.add(source, max_file_bytes)
        except (ItemError, OSError) as error:
            refused.append(RefusedFile(one.name, _reason(error)))
            continue
        digests[place] = file.sha256
        again += file.sha256 in first
        first.setdefault(file.sha256, (one, file))
    known = File.objects.in_bulk(list(first))
    fresh = [file for _, file in first.values() if file.sha256 not in known]
    for file, seen in zip(fresh, inspector.look(_paths(fresh, store)), strict=True):
        if isinstance(seen, Inspected):
            known[file.sha256] = _show(file, seen, store, inspector.model)
        else:
            refused.append(RefusedFile(first.pop(file.sha256)[0].name, seen.message))
            digests = {place: digest for place, digest in digests.items() if digest != file.sha256}
            store.drop(file.sha256)
    rows = tuple((one, known[digest]) for digest, (one, _) in first.items())
    return Admitted(rows, tuple(refused), again, digests)


def _paths(files: Sequence[StoredFile], store: FileStore) -> list[Path]:
    return [store.file(file.sha256) for file in files]


def _show(file: StoredFile, seen: Inspected, store: FileStore, model: str) -> File:
    """The row of a file, whose pictures are written."""
    store.write(store.preview(file.sha256), encode_jpeg(seen.preview))
    store.write(store.thumbnail(file.sha256), encode_jpeg(seen.thumbnail))
    fingerprint = seen.fingerprint
    return File(
        sha256=file.sha256,
        bytes=file.bytes,
        format=seen.format,
        width=seen.width,
        height=seen.height,
        colours=fingerprint.colours.tobytes() if fingerprint else b"",
        stretch=fingerprint.stretch if fingerprint else 0.0,
        scores=seen.scores,
        scored_by=model,
    )


def _reason(error: ItemError | OSError) -> str:
    return error.message if isinstance(error, ItemError) else (error.strerror or "it cannot be read")
