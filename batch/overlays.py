"""The overlays: one picture per scored input, with its heat map over it, as files of a folder."""

import base64
import re
from pathlib import Path

from logo_detection.errors import ItemError, LogoDetectionError
from logo_detection.scoring import Result

MAX_NAME_CHARS = 80
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def write_overlay(folder: Path, number: int, result: Result) -> None:
    """Write the overlay of a result; one without an explanation has none.

    Args:
        folder: It exists.
        number: Of the input, from 1; it tells files of one name apart.
        result: Of a scoring with a contrast.

    Raises:
        LogoDetectionError: The file cannot be written.
    """
    if isinstance(result.outcome, ItemError) or result.outcome.explanation is None:
        return
    overlay = base64.b64decode(result.outcome.explanation.overlay)
    write_file(folder / overlay_name(number, result.name), overlay)


def overlay_name(number: int, name: str) -> str:
    """A file's name of plain characters, whatever an input is called: `0001-logo.svg.png`."""
    last = name.rstrip("/").rsplit("/", 1)[-1]
    return f"{number:04}-{_UNSAFE.sub('_', last)[-MAX_NAME_CHARS:]}.png"


def write_file(path: Path, data: bytes) -> None:
    """Write a file that the operator asked for. Raises LogoDetectionError where it cannot be written."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise LogoDetectionError(f"cannot write {path}: {error.strerror}") from error
