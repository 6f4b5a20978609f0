"""Repositories: images of git repositories become a data set that anyone can build again.

    logo-import git --sources training/sources.toml --clones clones --into data

The set is a folder of `LABEL/CATEGORY/HASH.FORMAT` with

    manifest.csv    as `datasets.manifest` reads it: source, path there, licence and SHA-256 of each image
    failures.csv    files that it lacks, and why

It appears whole or not at all. The same sources give the same bytes.
"""

import argparse
import csv
import hashlib
import io
import logging
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image

from datasets.clones import (
    CloneError,
    TreeFile,
    blob_sizes,
    fetch_blobs,
    find_clone,
    list_files,
    make_clone,
    read_blobs,
)
from datasets.manifest import CSV_NAME, Example, write_examples
from datasets.parallel import parallel_map
from datasets.progress import Progress
from datasets.sources import Exclusions, Source, read_exclusions, read_sources, select_files
from datasets.visibility import is_empty, vanishes_on_white
from logo_detection.commands import Parser, run_command
from logo_detection.cores import available_cores
from logo_detection.decode.header import DecodeLimits, Format, Header, read_header
from logo_detection.decode.image import open_picture
from logo_detection.errors import ItemError, LogoDetectionError

ORIGIN = "https://github.com"
INTERRUPTED = "the same command begins anew, with the clones that are there"
FAILURES_NAME = "failures.csv"

MAX_FILE_BYTES = 16 * 2**20  # of one image
CHUNK_FILES = 16  # read by one git command, and held in memory together
CHUNKS_AT_A_TIME = 2  # sent to a process
CHECKED_SIDE = 128  # pixels: the longer side at which a file is looked at
HASH_DIGITS = 20  # hexadecimal, of a file's name
SHORT_COMMIT = 12

LFS_POINTER = b"version https://git-lfs.github.com/"

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RepositoryFailure:
    """A file that is not in the data set, and why."""

    repository: str
    path: str
    label: str
    category: str
    reason: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some files of a source, which are in its clone and of a size that is admitted."""

    source: Source
    clone: Path
    files: tuple[TreeFile, ...]


Results: TypeAlias = list[Example | RepositoryFailure]
ChunkMap: TypeAlias = Callable[[Callable[[Chunk], Results], Sequence[Chunk]], Iterable[Results]]


class SetUnwritable(LogoDetectionError):
    """The data set cannot be written, or is there already. One line that names the file."""


class ImageRefused(Exception):
    """A file that does not become an image of the set. One line."""


def import_repositories(
    sources: Sequence[Source],
    exclusions: Exclusions,
    clones: Path,
    origin: str,
    into: Path,
    map_chunks: ChunkMap,
) -> tuple[int, int]:
    """Write the data set of some sources to a folder that there is not yet.

    Args:
        sources: What to take.
        exclusions: What not to take of it.
        clones: Folder of clones; those that it lacks are made.
        origin: Where from: `ORIGIN/OWNER/NAME` is a repository's address.
        into: The folder.
        map_chunks: Applies a function to chunks, in their order; `parallel_map` does so.

    Returns:
        How many images it has, and how many files it lacks.

    Raises:
        CloneError: A repository cannot be had at its commit.
        WorkerLost: A process was killed over an image.
        SetUnwritable: `into` is there, and not empty.
    """
    if into.exists() and any(into.iterdir()):
        raise SetUnwritable(f"{into}: is there already, and not empty")
    chunks, failures = plan_chunks(sources, exclusions, clones, origin)
    into.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into.parent, prefix=f".{into.name}-") as unfinished:
        directory = Path(unfinished) / "set"
        examples, refused = _import_all(chunks, exclusions, directory, map_chunks)
        kept, dropped = drop_repeated(examples)
        for path in {example.path for example in examples} - {example.path for example in kept}:
            path.unlink()
        failures += [*refused, *dropped]
        write_examples(directory / CSV_NAME, kept)
        _write_failures(directory / FAILURES_NAME, failures)
        directory.replace(into)
    return len(kept), len(failures)


def plan_chunks(
    sources: Sequence[Source], exclusions: Exclusions, clones: Path, origin: str
) -> tuple[list[Chunk], list[RepositoryFailure]]:
    """The files to read, in the order of the sources, and those that are not to be had. Raises CloneError."""
    chunks: list[Chunk] = []
    failures: list[RepositoryFailure] = []
    with Progress("reading repositories", len(sources), "sources") as progress:
        for source in sources:
            clone = find_clone(clones, source.repository)
            if clone is None:
                LOG.info("%s: is fetched", source.repository)
                clone = make_clone(clones, source.repository, source.commit, origin)
            files = select_files(source, list_files(clone, source.commit))
            if not files:
                raise CloneError(f"{source.repository}: no file matches {', '.join(source.patterns)}")
            wanted, left_out = _obtainable(files, source, clone, exclusions)
            failures += left_out
            chunks += [
                Chunk(source, clone, tuple(wanted[start : start + CHUNK_FILES]))
                for start in range(0, len(wanted), CHUNK_FILES)
            ]
            progress.advance()
    return chunks, failures


def _obtainable(
    files: Sequence[TreeFile], source: Source, clone: Path, exclusions: Exclusions
) -> tuple[list[TreeFile], list[RepositoryFailure]]:
    """The files that can be read, and the rest."""
    reasons: dict[str, str] = {}
    for file in files:
        if reason := exclusions.by_path.get((source.repository, file.path)):
            reasons[file.path] = f"excluded: {reason}"
    absent = fetch_blobs(clone, source.commit, (file.blob for file in files if file.path not in reasons))
    reasons |= {file.path: "is absent from the clone" for file in files if file.blob in absent}
    there = [file for file in files if file.path not in reasons]
    for file, size_bytes in zip(there, blob_sizes(clone, [file.blob for file in there]), strict=True):
        if size_bytes > MAX_FILE_BYTES:
            reasons[file.path] = f"has more than {MAX_FILE_BYTES:,} bytes"
    return (
        [file for file in files if file.path not in reasons],
        [_failure(source, path, reason) for path, reason in reasons.items()],
    )


def _import_all(
    chunks: Sequence[Chunk], exclusions: Exclusions, directory: Path, map_chunks: ChunkMap
) -> tuple[list[Example], list[RepositoryFailure]]:
    """All images of the chunks, in their order, and the files that gave none."""
    for label, category in {(chunk.source.label, chunk.source.category) for chunk in chunks}:
        (directory / label / category).mkdir(parents=True)
    examples: list[Example] = []
    refused: list[RepositoryFailure] = []
    import_one = partial(import_chunk, exclusions=exclusions, directory=directory)
    with Progress("importing", sum(len(chunk.files) for chunk in chunks), "files") as progress:
        for results in map_chunks(import_one, chunks):
            for result in results:
                (examples if isinstance(result, Example) else refused).append(result)  # type: ignore[arg-type]
            progress.advance(len(results))
    return examples, refused


def import_chunk(chunk: Chunk, exclusions: Exclusions, directory: Path) -> Results:
    """Write the images of a chunk below a directory, which has a folder for its label and category."""
    contents = read_blobs(chunk.clone, [file.blob for file in chunk.files])
    results: Results = []
    for file, content in zip(chunk.files, contents, strict=True):
        try:
            data, kind = prepare_image(content, chunk.source)
            digest = hashlib.sha256(data).hexdigest()
            if reason := exclusions.by_sha256.get(digest):
                raise ImageRefused(f"excluded: {reason}")
            results.append(_write_example(data, kind, digest, file.path, chunk.source, directory))
        except ImageRefused as error:
            results.append(_failure(chunk.source, file.path, str(error)))
        except ItemError as error:
            results.append(_failure(chunk.source, file.path, f"{error.code}: {error.message}"))
    return results


def prepare_image(content: bytes, source: Source) -> tuple[bytes, Format]:
    """A file as it is kept in the set, and its format: edited and scaled as its source says, else as it came.

    Raises:
        ItemError: The server would not admit it.
        ImageRefused: It cannot be seen on white, or is a pointer to a file elsewhere.
    """
    if content.startswith(LFS_POINTER):
        raise ImageRefused("is a pointer of Git LFS")
    for text, other in source.replace.items():
        content = content.replace(text.encode(), other.encode())
    header = read_header(content, DecodeLimits())
    data = _scaled(content, header, source)
    picture = open_picture(data, CHECKED_SIDE, CHECKED_SIDE)
    if is_empty(picture):
        raise ImageRefused("shows nothing on white")
    if vanishes_on_white(picture):
        raise ImageRefused("vanishes on white in part")
    return data, read_header(data, DecodeLimits()).format


def _scaled(content: bytes, header: Header, source: Source) -> bytes:
    side = source.side
    if header.format is Format.SVG or side is None or max(header.width, header.height) <= side:
        return content
    picture = open_picture(content, side, side)
    out = io.BytesIO()
    if source.quality is None or _is_transparent(picture):
        picture.save(out, "PNG")
    else:
        picture.convert("RGB").save(out, "JPEG", quality=source.quality)
    return out.getvalue()


def _is_transparent(picture: Image.Image) -> bool:
    return picture.mode == "RGBA" and bool(np.asarray(picture.getchannel("A")).min() < 255)


def _write_example(
    data: bytes, kind: Format, digest: str, original: str, source: Source, directory: Path
) -> Example:
    path = directory / source.label / source.category / f"{digest[:HASH_DIGITS]}.{kind}"
    path.write_bytes(data)
    group = source.group_of(original)
    return Example(
        path=path,
        label=source.label,
        category=source.category,
        source=f"{source.repository}@{source.commit[:SHORT_COMMIT]}",
        original=original,
        licence=source.licence,
        author="",
        sha256=digest,
        metadata={"group": group},
    )


def drop_repeated(examples: Iterable[Example]) -> tuple[list[Example], list[RepositoryFailure]]:
    """The first of each picture, and the rest; a picture that has two labels is dropped altogether."""
    labels: dict[str, set[str]] = defaultdict(set)
    everything = list(examples)
    for example in everything:
        labels[example.sha256].add(example.label)
    first: dict[str, Example] = {}
    failures: list[RepositoryFailure] = []
    for example in everything:
        if len(labels[example.sha256]) > 1:
            failures.append(_dropped(example, f"has two labels: {', '.join(sorted(labels[example.sha256]))}"))
        elif (known := first.setdefault(example.sha256, example)) is not example:
            failures.append(_dropped(example, f"is the same as {known.original} of {known.repository}"))
    return [one for one in everything if first.get(one.sha256) is one], failures


def _dropped(example: Example, reason: str) -> RepositoryFailure:
    return RepositoryFailure(example.repository, example.original, example.label, example.category, reason)


def _failure(source: Source, path: str, reason: str) -> RepositoryFailure:
    return RepositoryFailure(source.repository, path, source.label, source.category, reason)


def _write_failures(path: Path, failures: Iterable[RepositoryFailure]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(RepositoryFailure.__dataclass_fields__))
        table.writeheader()
        table.writerows(asdict(failure) for failure in failures)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = Parser(prog="logo-import git", description="Import images of git repositories.")
    add = parser.add_argument
    add("--sources", type=Path, required=True, help="TOML: repositories, commits and patterns of files")
    add("--excluded", type=Path, help="CSV of images to leave out: sha256,repository,path,reason")
    add("--clones", type=Path, required=True, help="folder of clones; those that it lacks are made")
    add("--into", type=Path, required=True, help="directory of the data set, which there is not yet")
    add("--origin", default=ORIGIN, help="where clones are made from: ORIGIN/OWNER/NAME")
    add("--workers", type=int, default=available_cores(), help="processes that decode images")
    options = parser.parse_args(arguments)
    if options.workers < 1:
        parser.error("--workers is at least 1")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """`logo-import git`: 0 when the data set is written, whatever files it lacks; 2: it is not."""
    options = _parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    return run_command(
        "logo-import git",
        partial(_import, options),
        "the same command begins anew, with the clones that are there",
    )


def _import(options: argparse.Namespace) -> None:
    exclusions = read_exclusions(options.excluded) if options.excluded else Exclusions({}, {})
    map_chunks = partial(parallel_map, workers=options.workers, batch_items=CHUNKS_AT_A_TIME)
    try:
        has, lacks = import_repositories(
            read_sources(options.sources),
            exclusions,
            options.clones,
            options.origin,
            options.into,
            map_chunks,
        )
    except OSError as error:
        raise SetUnwritable(f"{error.filename or options.into}: {error.strerror}") from error
    LOG.info("%s: %d images; %d files were left out, see %s", options.into, has, lacks, FAILURES_NAME)
