"""Commons: an import of files of the categories of a wiki, such as Wikimedia Commons, become a data set.

    logo-import --contact you@example.org --into data/mine
        --category "logo=Category:Logos of companies" --category "out_of_domain/map=Category:Maps"

An import that was cut off goes on where it stood when it is started again; what failed is tried again.
"""

import argparse
import asyncio
import hashlib
import json
import logging
import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from datasets.collection import Collection, FetchedFile, FileFailure, ListedFile, Listing
from datasets.mediawiki import (
    CATEGORY_NAMESPACE,
    FILE_NAMESPACE,
    PAGES_PER_QUERY,
    THUMBNAIL_WIDTHS,
    FileInfo,
    RetryPolicy,
    WikiClient,
    WikiError,
    is_transient,
    plain_line,
    policy_for,
)
from datasets.progress import Progress
from logo_detection.commands import INTERRUPTED, Parser
from logo_detection.decode.header import DecodeLimits, read_header
from logo_detection.decode.image import load_image
from logo_detection.decode.spec import ImageSpec
from logo_detection.errors import ItemError
from logo_detection.fetch.byte_budget import ByteBudget
from logo_detection.fetch.fetcher import Fetcher
from logo_detection.fetch.policy import FetchPolicy

COMMONS = "https://commons.wikimedia.org/w/api.php"
IMAGE_HOSTS = "upload.wikimedia.org"
WIDTH = 330  # pixels: the least of the wiki's steps that is more than the model's input
CONCURRENCY = 2  # images at once

MAX_CATEGORIES = 5_000  # looked through below one
MAX_LISTED = 200_000  # files of one, from which those that are wanted are drawn
MAX_LOST_IN_A_ROW = 10  # files that the wiki did not give, after which it is left alone

_WANTED = re.compile(r"([A-Za-z0-9][\w.-]*)(?:/([A-Za-z0-9][\w.-]*))?=(Category:[^|#<>\[\]{}\n]+)", re.ASCII)

LOG = logging.getLogger(__name__)

Identify = Callable[[bytes], str]
"""Says of which format a file is; raises ItemError where it is none that can be used."""


@dataclass(frozen=True, slots=True)
class LabelledCategory:
    """A category of a wiki, and what its files show."""

    label: str
    category: str
    title: str


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What to import: of each category, with its subcategories down to a depth, so many files at most.

    Attributes:
        wanted: The categories; of a file in two of one label, the first has it.
        depth: 0 is the category alone.
        limit: Files of each.
        seed: Draws the files, where there are more.
    """

    wanted: tuple[LabelledCategory, ...]
    depth: int
    limit: int
    seed: int = 0


async def list_files(wiki: WikiClient, request: ImportRequest) -> Listing:
    """The files to fetch; one that has two labels is none of them.

    Raises:
        WikiError: The wiki does not say, or a category has no file.
    """
    first: dict[int, ListedFile] = {}
    failures: dict[int, FileFailure] = {}
    own: list[list[ListedFile]] = []
    for wanted in request.wanted:
        found = await files_below(wiki, wanted, request.depth)
        if not found:
            raise WikiError(f"{wanted.title}: there is no file in it")
        for one in found:
            label = first.setdefault(one.page, one).label
            if label != one.label:
                reason = f"is in categories of two labels: {label} and {one.label}"
                failures[one.page] = FileFailure(one.page, one.title, one.label, reason)
        own.append([one for one in found if first[one.page] is one])
    kept = ([one for one in files if one.page not in failures] for files in own)
    drawn = [one for files in kept for one in sample_files(files, request)]
    return Listing(tuple(drawn), tuple(failures.values()))


def sample_files(files: Iterable[ListedFile], request: ImportRequest) -> list[ListedFile]:
    """A random sample of as many files as are wanted, the same every time.

    The first in the wiki's order would all begin with A, and be of few brands.
    """

    def random_key(one: ListedFile) -> bytes:
        return hashlib.sha256(f"{request.seed}/{one.page}".encode()).digest()

    return sorted(files, key=random_key)[: request.limit]


async def files_below(wiki: WikiClient, wanted: LabelledCategory, depth: int) -> list[ListedFile]:
    """Files of a category and of those below it, the nearest first; each category is looked through once.

    Those of a subcategory are a group: it shows one brand, one place or one event, more often than not.
    """
    seen = {wanted.title}
    waiting = deque([(wanted.title, 0)])
    files: dict[int, ListedFile] = {}
    while waiting and len(files) < MAX_LISTED:
        title, level = waiting.popleft()
        async for member in wiki.members(title):
            if member.ns == FILE_NAMESPACE and len(files) < MAX_LISTED:
                found = plain_line(member.title), wanted.label, wanted.category, plain_line(title)
                group = plain_line(title) if level else ""
                files.setdefault(member.pageid, ListedFile(member.pageid, *found, group))
            is_below = member.ns == CATEGORY_NAMESPACE and level < depth
            if is_below and member.title not in seen and len(seen) < MAX_CATEGORIES:
                seen.add(member.title)
                waiting.append((member.title, level + 1))
    if waiting or len(files) == MAX_LISTED or len(seen) == MAX_CATEGORIES:
        LOG.warning("%s is not looked through to its end: it has too much", wanted.title)
    return list(files.values())


class Importer:
    """Fetches listed files into a collection, and collects those that failed."""

    def __init__(self, wiki: WikiClient, collection: Collection, width: int, identify: Identify) -> None:
        self._wiki = wiki
        self._identify = identify
        self._collection = collection
        self._width = width
        self._lost_in_a_row = 0
        self.failures: list[FileFailure] = []

    async def fetch(self, files: Sequence[ListedFile]) -> None:
        """Fetch what is not there yet. Raises WikiError."""
        missing = [one for one in files if not self._collection.has(one.page, self._width)]
        with Progress("importing", len(files), "files") as progress:
            progress.advance(len(files) - len(missing))
            for start in range(0, len(missing), PAGES_PER_QUERY):
                batch = missing[start : start + PAGES_PER_QUERY]
                described = await self._wiki.describe([one.page for one in batch], self._width)
                await self._fetch_batch(batch, described, progress)

    async def _fetch_batch(
        self, batch: Iterable[ListedFile], described: dict[int, FileInfo], progress: Progress
    ) -> None:
        async def fetch_one(one: ListedFile) -> None:
            await self._fetch_one(one, described.get(one.page))
            progress.advance()

        try:
            async with asyncio.TaskGroup() as group:
                for one in batch:
                    group.create_task(fetch_one(one))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None

    async def _fetch_one(self, one: ListedFile, info: FileInfo | None) -> None:
        """Fetch a file, check that it can be used, and add it; an error costs this file alone."""
        if info is None:
            return self._fail(one, "is gone, or not a file")
        if not info.mime.startswith("image/") or info.thumburl is None:
            return self._fail(one, f"is no picture, but {plain_line(info.mime) or 'of no type'}")
        try:
            body = await self._wiki.file(info.thumburl)
            self._lost_in_a_row = 0
            kind = self._identify(body)
        except ItemError as error:
            self._fail(one, f"{error.code}: {error.message}")
            return self._count_lost(error)
        return self._collection.add_file(fetched(one, info, body, self._width, kind), body)

    def _fail(self, one: ListedFile, reason: str) -> None:
        self.failures.append(FileFailure(one.page, one.title, one.label, reason))

    def _count_lost(self, error: ItemError) -> None:
        self._lost_in_a_row = self._lost_in_a_row + 1 if is_transient(error) else 0
        if self._lost_in_a_row >= MAX_LOST_IN_A_ROW:
            raise WikiError(f"{self._lost_in_a_row} files in a row were not given: {error.message}")


def decoded_format(body: bytes) -> str:
    """The format of a picture that can be decoded, which is done here.

    Raises:
        ItemError: It cannot.
    """
    load_image(body, ImageSpec())
    return read_header(body, DecodeLimits()).format


def fetched(one: ListedFile, info: FileInfo, body: bytes, width: int, kind: str) -> FetchedFile:
    """What is to be remembered of a file. Its name says nothing that an uploader chose."""
    return FetchedFile(
        page=one.page,
        width=width,
        name=f"{one.page}-{width}.{kind}",
        sha256=hashlib.sha256(body).hexdigest(),
        licence=info.licence,
        author=info.author,
        mime=plain_line(info.mime),
        timestamp=plain_line(info.timestamp),
        description_url=plain_line(info.descriptionurl),
    )


async def import_files(
    request: ImportRequest,
    api: str,
    policy: FetchPolicy,
    into: Path,
    width: int = WIDTH,
    retry_policy: RetryPolicy = RetryPolicy(),  # noqa: B008
    identify: Identify = decoded_format,
) -> tuple[int, int]:
    """Fetch what is not there yet, and write the data set, of what there is.

    Args:
        request: What to import.
        api: URL of the wiki's `api.php`.
        policy: What may be fetched.
        into: Folder of the data set.
        width: Of the files, pixels.
        retry_policy: How often a request is tried.
        identify: Looks at each file; who looks at them later, behind a fence, gives one that does not decode.

    Returns:
        How many files it has, and how many it lacks.

    Raises:
        WikiError: The wiki does not answer; what was fetched until then is kept for the next time.
    """
    collection = Collection(into)
    asked = json.loads(json.dumps({"api": api, **asdict(request)}))
    async with Fetcher(policy, ByteBudget(policy.max_bytes * policy.concurrency)) as fetcher:
        wiki = WikiClient(fetcher, api, retry_policy, policy.concurrency)
        if (listing := collection.read_listing(asked)) is None:
            listing = await list_files(wiki, request)
            collection.write_listing(asked, listing)
        work = Importer(wiki, collection, width, identify)
        await work.fetch(listing.files)
    failures = [*listing.failures, *work.failures]
    return collection.write_results(listing.files, width, failures), len(failures)


def parse_category(text: str) -> LabelledCategory:
    """Parse `label=Category:Title` or `label/category=Category:Title`.

    Raises:
        ValueError: Not that; one line.
    """
    match = _WANTED.fullmatch(text)
    if match is None:
        raise ValueError(f"category: {text!r} is not label=Category:Title or label/category=Category:Title")
    label, category, title = match.groups()
    return LabelledCategory(label, category or label, title.replace("_", " ").strip())


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = Parser(
        prog="logo-import",
        description="Import categories of a wiki.",
        epilog="`logo-import git --help` tells of images from git repositories.",
    )
    add = parser.add_argument
    add(
        "--category",
        action="append",
        required=True,
        help="label=Category:Title, label/category=Category:Title",
    )
    add("--into", type=Path, required=True, help="directory of the data set")
    add("--contact", required=True, help="mail address or URL at which the wiki's people reach you")
    add("--depth", type=int, default=2, help="levels of subcategories; 0: none")
    add("--limit", type=int, default=2000, help="files of each category")
    add("--seed", type=int, default=0, help="draws the files, where there are more")
    add("--width", type=int, default=WIDTH, choices=THUMBNAIL_WIDTHS, help="of thumbnails, in pixels")
    add("--api", default=COMMONS)
    add("--image-hosts", default=IMAGE_HOSTS, help="hosts of thumbnails, if not the API's: host,host/prefix/")
    add("--origins", default="", help="host=http://address:port,..: where requests for a host go instead")
    add("--concurrency", type=int, default=CONCURRENCY, choices=range(1, 9), help="thumbnails at once")
    options = parser.parse_args(arguments)
    if options.depth < 0 or options.limit < 1:
        parser.error("--depth is at least 0, --limit at least 1")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """`logo-import`: 0 when the data set is written, whatever files it lacks; 1: it has none; 2: refused."""
    options = _parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        wanted = tuple(parse_category(text) for text in options.category)
        policy = policy_for(
            options.api, options.image_hosts, options.origins, options.contact, options.concurrency
        )
        request = ImportRequest(wanted, options.depth, options.limit, options.seed)
        has, lacks = asyncio.run(import_files(request, options.api, policy, options.into, options.width))
    except (ValueError, WikiError) as error:
        LOG.error("%s", error)
        return 2
    except OSError as error:
        LOG.error("%s: %s", error.filename or options.into, error.strerror)
        return 2
    except KeyboardInterrupt:
        LOG.error("interrupted: the same command goes on where it stood")
        return INTERRUPTED
    LOG.info("%s: %d files; %d failures, see failures.csv", options.into, has, lacks)
    return 0 if has else 1


if __name__ == "__main__":
    raise SystemExit(main())
