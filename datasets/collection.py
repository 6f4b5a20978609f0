"""A collection: the folder of an import.

    listing.json    which files there are to fetch, for which request; delete it to have the wiki asked again
    progress.jsonl  a line for every file that is there
    images/         the files, named after their page's number, never after its title
    manifest.csv    the data set, as `datasets.manifest` reads it
    failures.csv    files that it lacks, and why

Each is written whole or not at all, save a line of the journal, so that an import may be cut off anywhere.
"""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from datasets.manifest import CSV_NAME, Example, write_examples
from datasets.replacement import replacing


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file to fetch.

    Attributes:
        found_in: The category of the wiki that it is a member of.
        group: Its subcategory: files of a group are on one side of a split. Empty if the file stands alone.
    """

    page: int
    title: str
    label: str
    category: str
    found_in: str
    group: str


@dataclass(frozen=True, slots=True)
class FileFailure:
    """A file that is not in the data set, and why."""

    page: int
    title: str
    label: str
    reason: str


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A file that was fetched: its name below `images/`, its width in pixels, and the wiki's metadata."""

    page: int
    width: int
    name: str
    sha256: str
    licence: str
    author: str
    mime: str
    timestamp: str
    description_url: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The files to fetch for a request, and those that cannot be labelled."""

    files: tuple[ListedFile, ...]
    failures: tuple[FileFailure, ...]


class Collection:
    """An import's folder, which is made if it is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.images = path / "images"
        self._journal = path / "progress.jsonl"
        self.images.mkdir(parents=True, exist_ok=True)
        self._fetched = {one.page: one for one in self._read_journal()}
        _replace(self._journal, "".join(map(_line, self._fetched.values())))

    def has(self, page: int, width: int) -> bool:
        """Whether a page's file is there in a width."""
        return page in self._fetched and self._fetched[page].width == width

    def add_file(self, one: FetchedFile, body: bytes) -> None:
        """Write a file, and then the line that says so."""
        _replace(self.images / one.name, body)
        with self._journal.open("a", encoding="utf-8") as journal:
            journal.write(_line(one))
        self._fetched[one.page] = one

    def read_listing(self, asked: Any) -> Listing | None:
        """What was listed for the same request (as JSON has it), if that is known."""
        try:
            known = json.loads((self.path / "listing.json").read_bytes())
            if known["asked"] != asked:
                return None
            files, failures = known["files"], known["failures"]
            return Listing(
                tuple(ListedFile(**row) for row in files), tuple(FileFailure(**row) for row in failures)
            )
        except (FileNotFoundError, ValueError, LookupError, TypeError):  # none, or not one of this program's
            return None

    def write_listing(self, asked: Any, listing: Listing) -> None:
        """Write down what was listed."""
        _replace(self.path / "listing.json", json.dumps({"asked": asked, **asdict(listing)}))

    def write_results(self, files: Iterable[ListedFile], width: int, failures: Sequence[FileFailure]) -> int:
        """Write the manifest, of those files that are there, and the table of failures; how many they are."""
        examples = [self._example(one) for one in files if self.has(one.page, width)]
        write_examples(self.path / CSV_NAME, examples)
        with (self.path / "failures.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, list(FileFailure.__dataclass_fields__))
            table.writeheader()
            table.writerows(asdict(failure) for failure in failures)
        return len(examples)

    def _read_journal(self) -> Iterable[FetchedFile]:
        """Its lines, less those that were cut off or whose file is gone."""
        for line in self._journal.read_bytes().splitlines() if self._journal.exists() else ():
            try:
                one = FetchedFile(**json.loads(line))
            except (ValueError, TypeError):
                continue
            if (self.images / one.name).is_file():
                yield one

    def _example(self, listed: ListedFile) -> Example:
        one = self._fetched[listed.page]
        return Example(
            path=self.images / one.name,
            label=listed.label,
            category=listed.category,
            source=listed.found_in,
            original=listed.title,
            licence=one.licence,
            author=one.author,
            sha256=one.sha256,
            metadata={
                "group": listed.group,
                "page": str(one.page),
                "mime": one.mime,
                "timestamp": one.timestamp,
                "description_url": one.description_url,
            },
        )


def _line(one: FetchedFile) -> str:
    return json.dumps(asdict(one)) + "\n"


def _replace(path: Path, content: str | bytes) -> None:
    with replacing(path) as unfinished:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)
