"""Sources: which images of which git repositories make a data set, as `training/sources.toml` lists them."""

import csv
import hashlib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from datasets.clones import TreeFile
from datasets.splits import brand_of_name
from logo_detection.artifact import OUT_OF_DOMAIN
from logo_detection.commands import hint
from logo_detection.errors import LogoDetectionError

_PlainName = Annotated[str, StringConstraints(pattern=r"\A[A-Za-z0-9][A-Za-z0-9_.-]*\z")]
_REPOSITORY = r"\A[A-Za-z0-9_][A-Za-z0-9_.-]*/[A-Za-z0-9_][A-Za-z0-9_.-]*\z"
_Text = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class SourcesInvalid(LogoDetectionError):
    """A list of sources, or of excluded images, is not valid. One line that names the file and the field."""


class Source(BaseModel):
    """Files of a repository at a commit that are of one label and category.

    In a pattern, `*` stands for any characters, `/` among them, as in `fnmatch`.

    Attributes:
        patterns: Paths of files to take: those that match one of them,
        exclude: and none of these.
        most: Of more files, so many are drawn by a hash of their paths; all, if it is not given.
        side: Pixels. A raster image with a longer side is scaled down to it; a vector drawing is kept.
        quality: Of the JPEG as which a scaled image is written if it is opaque; a PNG, if it is not given.
        replace: Text in the files' bytes, and what takes its place, in order: to take away a ground, say.
        group: A regular expression that captures in a path what belongs together. Without it a logo's group
            is its brand, and another file stands alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    repository: Annotated[str, StringConstraints(pattern=_REPOSITORY, max_length=140)]
    commit: Annotated[str, StringConstraints(pattern=r"\A[0-9a-f]{40}\z")]
    patterns: list[_Text] = Field(min_length=1)
    exclude: list[_Text] = []
    label: _PlainName
    category: _PlainName
    licence: _Text
    most: int | None = Field(default=None, ge=1)
    side: int | None = Field(default=None, ge=32, le=4096)
    quality: int | None = Field(default=None, ge=1, le=100)
    replace: dict[_Text, Annotated[str, StringConstraints(max_length=200)]] = {}
    group: re.Pattern[str] | None = None

    def group_of(self, path: str) -> str:
        """What a file belongs to, in all sources of its label or category; empty if it stands alone."""
        captured = self.group and self.group.search(path)
        name = "/".join(part or "" for part in captured.groups()) if captured else ""
        if self.label != OUT_OF_DOMAIN:
            return f"{self.label} {brand_of_name(name or PurePosixPath(path).stem)}"
        return f"{self.category} {name.lower()}" if name else ""


class _Sources(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    source: list[Source] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Images that are left out, and why: by SHA-256 of their file in the set, or by repository and path."""

    by_sha256: dict[str, str]
    by_path: dict[tuple[str, str], str]


def read_sources(path: Path) -> list[Source]:
    """Read a list of sources, in its order.

    Raises:
        SourcesInvalid: It cannot be read, or a field is missing, unknown or not valid; names it.
    """
    try:
        return _Sources.model_validate(tomllib.loads(path.read_text())).source
    except OSError as error:
        raise SourcesInvalid(f"{path}: cannot be read ({error.strerror})") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        known = [*Source.model_fields, *_Sources.model_fields]
        nearest = hint(str(first["loc"][-1]), known) if first["type"] == "extra_forbidden" else ""
        raise SourcesInvalid(f"{path}: {place}: {first['msg']}{nearest}") from error
    except ValueError as error:  # no TOML, or not UTF-8
        raise SourcesInvalid(f"{path}: {error}") from error


def read_exclusions(path: Path) -> Exclusions:
    """Read a CSV of `sha256,repository,path,reason`, where a row has a hash or a repository and a path.

    Raises:
        SourcesInvalid: It cannot be read, or a row does not say which image, or not why.
    """
    by_sha256: dict[str, str] = {}
    by_path: dict[tuple[str, str], str] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for number, row in enumerate(csv.DictReader(file, strict=True), 2):
                digest, repository, original, reason = (
                    row.get(name) or "" for name in ("sha256", "repository", "path", "reason")
                )
                if not reason or bool(digest) == bool(repository and original):
                    raise SourcesInvalid(
                        f"{path}, row {number}: needs a reason, and a sha256 or a repository and a path"
                    )
                if digest:
                    by_sha256[digest] = reason
                else:
                    by_path[repository, original] = reason
    except OSError as error:
        raise SourcesInvalid(f"{path}: cannot be read ({error.strerror})") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise SourcesInvalid(f"{path}: is not a CSV file ({error})") from error
    return Exclusions(by_sha256, by_path)


def select_files(source: Source, files: Iterable[TreeFile]) -> list[TreeFile]:
    """The files of a commit that a source takes, by path; of too many, the same draw every time."""
    matching = [file for file in files if _matches(file.path, source)]
    drawn = sorted(matching, key=lambda file: hashlib.sha256(file.path.encode()).digest())[: source.most]
    return sorted(drawn, key=lambda file: file.path)


def _matches(path: str, source: Source) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in source.patterns) and not any(
        fnmatchcase(path, pattern) for pattern in source.exclude
    )
