"""Inline files: files of a JSON body, made to what files of a multipart body are."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import PurePosixPath

import pybase64
from django.core.files.uploadedfile import TemporaryUploadedFile
from rest_framework.exceptions import ValidationError

KIND = "application/octet-stream"


@contextmanager
def uploaded(files: Sequence[Mapping[str, str]]) -> Iterator[tuple[TemporaryUploadedFile, ...]]:
    """Files with `filename` and base64 `content`, for the length of a block; those that are moved away stay.

    Raises:
        ValidationError: One is no base64; names it.
    """
    with ExitStack() as stack:
        yield tuple(stack.enter_context(closing(_write(number, file))) for number, file in enumerate(files))


def decoded(text: str) -> bytes | None:
    """The bytes of base64 text; None: it is none."""
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        return None


def _write(number: int, file: Mapping[str, str]) -> TemporaryUploadedFile:
    content = decoded(file["content"])
    if content is None:
        raise ValidationError({"files": {number: {"content": ["It is no base64."]}}})
    written = TemporaryUploadedFile(
        PurePosixPath(file["filename"]).name or "unnamed", KIND, len(content), None
    )
    written.write(content)
    written.flush()
    return written
