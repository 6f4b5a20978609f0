"""Wiki: categories of Wikimedia Commons, whose files come into a data set.

An import keeps what it has fetched until it is done, and goes on from there when it is begun again. Nothing
is decoded here: thumbnails are looked at behind the fence, as all files of an import are.
"""

import asyncio
import csv
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from datasets.commons import CONCURRENCY, WIDTH, ImportRequest, LabelledCategory, import_files, parse_category
from datasets.mediawiki import RetryPolicy, policy_for
from studio.images.candidates import Candidates, ImportRefused, RefusedFile
from studio.images.folders import list_labelled
from studio.images.uploads import ARCHIVE

MAX_DEPTH = 5
MAX_FILES = 5000
CHECK_S = 0.5
"""Between two looks whether an import is to end."""
REQUEST, COLLECTION = ARCHIVE, "collection"
_ANY_LABEL = "none"


@dataclass(frozen=True, slots=True)
class Wiki:
    """A wiki that may be asked.

    Attributes:
        api: URL of its `api.php`.
        image_hosts: Hosts of its thumbnails, with commas.
        contact: Mail address or URL at which its people reach whoever runs the studio.
        retry_policy: How often a request is tried.
    """

    api: str
    image_hosts: str
    contact: str
    retry_policy: RetryPolicy = field(default_factory=RetryPolicy)


@dataclass(frozen=True, slots=True)
class CategoryRequest:
    """Files of a category, with its subcategories down to a depth, at most so many."""

    category: str
    depth: int
    files: int

    def labelled(self) -> LabelledCategory:
        """As the importer has it; the label is of no meaning here.

        Raises:
            ImportRefused: It is no category's title.
        """
        try:
            return parse_category(f"{_ANY_LABEL}={self.category}")
        except ValueError:
            raise ImportRefused("category: is Category: and the title of one", "category") from None

    def to_bytes(self) -> bytes:
        """As `read_request` reads it."""
        return json.dumps(asdict(self)).encode()


def list_category(folder: Path, wiki: Wiki, go_on: Callable[[], None]) -> Candidates:
    """Fetch the files that the request in a folder asks for, as far as they are not there yet.

    Args:
        folder: Of the import, with its request.
        wiki: Where to ask.
        go_on: Called twice a second; raises what ends the import.

    Raises:
        ImportRefused: There is no request, or no file.
        WikiError: The wiki does not answer; what was fetched until then is kept.
    """
    asked = read_request(folder)
    wanted = ImportRequest((asked.labelled(),), asked.depth, asked.files)
    into = folder / COLLECTION
    asyncio.run(_fetch(wanted, wiki, into, go_on))
    found = list_labelled(into, into)
    return Candidates(found.files, tuple(_failures(into)))


def read_request(folder: Path) -> CategoryRequest:
    """The request in a folder.

    Raises:
        ImportRefused: There is none.
    """
    try:
        return CategoryRequest(**json.loads((folder / REQUEST).read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise ImportRefused("what was asked for is not there") from error


async def _fetch(request: ImportRequest, wiki: Wiki, into: Path, go_on: Callable[[], None]) -> None:
    policy = policy_for(wiki.api, wiki.image_hosts, "", wiki.contact, CONCURRENCY)
    fetching = asyncio.create_task(
        import_files(request, wiki.api, policy, into, WIDTH, retry_policy=wiki.retry_policy, identify=_unseen)
    )
    try:
        while not fetching.done():
            await asyncio.wait({fetching}, timeout=CHECK_S)
            go_on()
    finally:
        fetching.cancel()
        await asyncio.wait({fetching})
    fetching.result()


def _unseen(_: bytes) -> str:
    """The ending of a file's name that nobody has looked into."""
    return "file"


def _failures(into: Path) -> list[RefusedFile]:
    with (into / "failures.csv").open(newline="", encoding="utf-8") as file:
        return [RefusedFile(row["title"], row["reason"]) for row in csv.DictReader(file)]
