"""Folders on the studio's own machine, below the one that the settings name: with a manifest, or without."""

from functools import partial
from pathlib import Path

from datasets.manifest import IMAGE_SUFFIXES, DatasetInvalid, Example, read_examples
from studio.images.candidates import Candidate, Candidates, Facts, ImportRefused, opened


def find_below(root: Path, text: str, field: str) -> Path:
    """The file or folder that a path below the root names; links that lead out of it are refused.

    Args:
        root: The studio's folder for imports.
        text: The path.
        field: Of what was asked for, in which it stands.

    Raises:
        ImportRefused: It is not there, or not below the root.
    """
    try:
        found = (root / text.strip().lstrip("/")).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        raise ImportRefused(f"there is no {text!r} in the folder for imports", field) from None
    if not found.is_relative_to(root.resolve()):
        raise ImportRefused(f"there is no {text!r} in the folder for imports", field)
    return found


def list_labelled(path: Path, root: Path) -> Candidates:
    """The images of a set as `datasets.manifest` reads it: with a manifest, or a folder per class.

    Raises:
        ImportRefused: There is no such set.
    """
    try:
        examples = read_examples(path)
    except DatasetInvalid as error:
        raise ImportRefused(str(error)) from error
    return Candidates(tuple(_candidate(example) for example in examples if _is_below(example.path, root)))


def list_unlabelled(path: Path, root: Path) -> Candidates:
    """All images below a folder, less what is hidden."""
    relative = (one.relative_to(path) for one in sorted(path.rglob("*")))
    names = [
        name
        for name in relative
        if name.suffix.lower() in IMAGE_SUFFIXES
        and not any(part.startswith(".") for part in name.parts)
        and (path / name).is_file()
        and _is_below(path / name, root)
    ]
    if not names:
        raise ImportRefused(f"there is no image in {path.name}")
    source = path.name
    return Candidates(
        tuple(
            Candidate(
                name.as_posix(),
                partial(opened, path / name),
                facts=Facts(source=source, original=name.as_posix()),
            )
            for name in names
        )
    )


def _is_below(path: Path, root: Path) -> bool:
    return path.resolve().is_relative_to(root.resolve())


def _candidate(example: Example) -> Candidate:
    facts = Facts(
        source=example.source,
        category=example.category,
        original=example.original,
        licence=example.licence,
        author=example.author,
        metadata=example.metadata,
    )
    return Candidate(example.original, partial(opened, example.path), example.label, facts)
