"""Candidates: what an import may bring into a data set, before anybody has looked into a file.

An import's kind decides which module lists its candidates: `uploads`, `archives` or `folders`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from logo_detection.errors import LogoDetectionError
from studio.images.store import Readable


class ImportRefused(LogoDetectionError):
    """Nothing of an import can come in. One line, for whoever asked for it.

    Attributes:
        field: Of what was asked for, which is wrong; None: not a single one is.
    """

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.field = field


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an image, as a manifest has it; see `datasets.manifest.Example`."""

    source: str = ""
    category: str = ""
    original: str = ""
    licence: str = ""
    author: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may come in.

    Attributes:
        name: What people call it.
        open: Gives its bytes, for the length of a block.
        label: As its folder or manifest says; empty: nothing says it.
        facts: What else is known.
    """

    name: str
    open: Callable[[], AbstractContextManager[Readable]]
    label: str = ""
    facts: Facts = Facts()


@contextmanager
def opened(path: Path) -> Iterator[Readable]:
    """The bytes of a file."""
    with path.open("rb") as file:
        yield file


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that does not come in, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Candidates:
    """The files of an import: those that may come in, and those that may not."""

    files: tuple[Candidate, ...]
    refused: tuple[RefusedFile, ...] = ()
