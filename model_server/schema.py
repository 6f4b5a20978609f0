"""The schema of a V1 request: JSON in, a typed request out; and the types of what becomes of each item.

Parsing refuses what has the wrong shape, once, and names the item and the field. What is wrong
with a file's content is not known here; it costs that file alone, later.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import orjson
from pydantic import BaseModel, ConfigDict, Strict, StringConstraints, TypeAdapter, ValidationError
from yarl import URL

from logo_detection.artifact import OUT_OF_DOMAIN
from logo_detection.errors import ItemError, UrlNotAllowed
from logo_detection.fetch.url import parse_url
from logo_detection.pool.messages import Explanation
from model_server.errors import RequestMalformed

FILENAME_MAX_CHARS = 1024
TARGET_MAX_CHARS = 256
MARKS_MAX_PER_ITEM = 2000
"""Commas and opening brackets: an item needs 4, and may have a filename and a target of nothing else."""
ERRORS_SHOWN = 10
UTF8_BOM = b"\xef\xbb\xbf"  # Windows tools write it


@dataclass(frozen=True, slots=True)
class Url:
    """Where the origin has the file; or the error that it costs its item where the text was no plain URL."""

    parsed: URL | UrlNotAllowed


@dataclass(frozen=True, slots=True)
class Inline:
    """The file itself, as the base64 text that came."""

    base64: str


@dataclass(frozen=True, slots=True)
class InlineBytes:
    """The file itself, as its bytes; a part of the request's body, which is not copied."""

    data: bytes | memoryview


Source = Url | Inline | InlineBytes


@dataclass(frozen=True, slots=True)
class Item:
    """One file to score. The filename is the caller's label for it, and nothing else."""

    filename: str
    target: str
    source: Source


@dataclass(frozen=True, slots=True)
class PredictRequest:
    """A request of the right shape: 1 to IMAGES_MAX_NUM items, every target a class of the model."""

    items: tuple[Item, ...]
    debug: bool = False
    all_scores: bool = False


@dataclass(frozen=True, slots=True)
class Timing:
    """Where one item's time went, in seconds; 0 for a stage it did not reach.

    Attributes:
        fetched_bytes: Of the file, where it was fetched whole.
        attempts: Requests that were sent for it, redirects and thumbnails among them.
    """

    fetch_s: float = 0.0
    queue_s: float = 0.0
    decode_s: float = 0.0
    score_s: float = 0.0
    fetched_bytes: int = 0
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Score:
    """The probabilities of one file, and what the file turned out to be.

    Attributes:
        classes: Of every class of the model, in label order; `target` and `out_of_domain` are two of them.
        explanation: Of the target, told apart from `out_of_domain`, if it was asked for.
    """

    target: float
    out_of_domain: float
    classes: tuple[float, ...]
    format: str
    width: int
    height: int
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What became of one item: its score, or the error that it cost."""

    item: Item
    outcome: Score | ItemError
    timing: Timing

    @property
    def code(self) -> str | None:
        """The error's code, or None."""
        return self.outcome.code if isinstance(self.outcome, ItemError) else None


class _RawItem(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    filename: Annotated[str, StringConstraints(min_length=1, max_length=FILENAME_MAX_CHARS)]
    target: Annotated[str, StringConstraints(max_length=TARGET_MAX_CHARS)]
    url: str | None = None
    image: str | None = None


_ITEMS = TypeAdapter(list[_RawItem])
_FLAG = TypeAdapter(Annotated[bool, Strict()])

NOT_PLAIN = "must be 1 to 64 letters, digits, dots, hyphens or underscores"
"""What is wrong with a tensor's name."""

_WORDS = {
    "missing": "is missing",
    "string_type": "must be a string",
    "bool_type": "must be true or false",
    "model_type": "must be an object",
    "list_type": "must be a list",
    "int_type": "must be an integer",
    "greater_than_equal": "must not be less than {ge}",
    "none_required": "is not supported",
    "string_pattern_mismatch": NOT_PLAIN,
    "too_short": "must not be empty",
    "too_long": "has too many elements (at most {max_length})",
    "string_too_short": "must not be empty",
    "string_too_long": "is too long (at most {max_length} characters)",
}


def parse_request(body: bytes | bytearray, labels: Sequence[str], max_items: int) -> PredictRequest:
    """Turn a body into a request: `{"instances": […], "debug": …, "all_scores": …}` or the bare list.

    Args:
        body: JSON, whatever the Content-Type said.
        labels: The model's classes; each but `out_of_domain` may be a target.
        max_items: How many items a request may have.

    Raises:
        RequestMalformed: The message names what is wrong, by index and field, up to ten times.
    """
    document = load_json(body, max_items)
    envelope = {"instances": document} if isinstance(document, list) else document
    instances = _instances(envelope)
    debug, all_scores = (_flag(envelope, name) for name in ("debug", "all_scores"))
    if not 1 <= len(instances) <= max_items:
        raise RequestMalformed(f"instances: must have 1 to {max_items} items, not {len(instances)}")
    try:
        raw_items = _ITEMS.validate_python(instances)
    except ValidationError as error:
        raise RequestMalformed(in_words(error, _where)) from error
    targets = targets_of(labels)
    problems = [problem for index, raw in enumerate(raw_items) for problem in _problems(index, raw, targets)]
    if problems:
        raise RequestMalformed("; ".join(problems[:ERRORS_SHOWN]))
    return PredictRequest(tuple(_item(raw) for raw in raw_items), debug, all_scores)


def targets_of(labels: Sequence[str]) -> list[str]:
    """The classes that may be a target: each but `out_of_domain`."""
    return [label for label in labels if label != OUT_OF_DOMAIN]


def load_json(body: bytes | bytearray, max_items: int, size_bytes: int | None = None) -> Any:
    """The JSON document of a body.

    Args:
        body: The document, and maybe something else behind it.
        max_items: How many items it may be about.
        size_bytes: Of the document; None: it is the whole body.

    Raises:
        RequestMalformed: It is no JSON, or has more values than so many items need.
    """
    end = len(body) if size_bytes is None else size_bytes
    _check_marks(body, end, max_items * MARKS_MAX_PER_ITEM)
    if not end:
        raise RequestMalformed("the body is empty; JSON is expected")
    begin = len(UTF8_BOM) if body.startswith(UTF8_BOM, 0, end) else 0
    try:
        return orjson.loads(
            memoryview(body)[begin:end]
        )  # refuses NaN, lone surrogates, bad UTF-8 and more than 1,024 levels
    except orjson.JSONDecodeError as error:
        raise RequestMalformed(f"the body is not JSON: line {error.lineno}, column {error.colno}") from error


def _check_marks(body: bytes | bytearray, end: int, most: int) -> None:
    """Refuse a body of too many values before they are made: `[],` may become 30 times its size in memory.

    Every value but the outermost comes after a comma or an opening bracket. Those in texts are counted, too.
    """
    if end > most and sum(body.count(mark, 0, end) for mark in (b",", b"[", b"{")) > most:
        raise RequestMalformed(f"the body has more than {most:,} commas and opening brackets")


def _instances(document: Any) -> list[Any]:
    if not isinstance(document, dict):
        raise RequestMalformed("the body must be an object with instances, or the list of them")
    instances = document.get("instances")  # null is the same as absent
    if instances is None:
        raise RequestMalformed("instances: is missing")
    if not isinstance(instances, list):
        raise RequestMalformed("instances: must be a list")
    return instances


def _flag(document: dict[str, Any], name: str) -> bool:
    value = document.get(name)
    try:
        return value is not None and _FLAG.validate_python(value)
    except ValidationError as error:
        raise RequestMalformed(f"{name}: must be true or false") from error


def in_words(error: ValidationError, where: Callable[[tuple[int | str, ...]], str]) -> str:
    """What is wrong, up to ten times; `where` names the place of pydantic's location."""
    return "; ".join(
        f"{where(found['loc'])}: {_WORDS.get(found['type'], 'is not valid').format(**found.get('ctx', {}))}"
        for found in error.errors(include_url=False, include_input=False)[:ERRORS_SHOWN]
    )


def _where(location: tuple[int | str, ...]) -> str:
    index, *fields = location
    return ".".join([f"instances[{index}]", *map(str, fields)])


def _problems(index: int, raw: _RawItem, targets: Sequence[str]) -> list[str]:
    where = f"instances[{index}]"
    problems = []
    given = [source for source in (raw.url, raw.image) if source is not None]
    if not given:
        problems.append(f"{where}: url or image is missing")
    if len(given) == 2:
        problems.append(f"{where}: url and image exclude each other")
    if raw.target not in targets:
        problems.append(f"{where}.target: must be one of: {', '.join(targets)}")
    return problems


def _item(raw: _RawItem) -> Item:
    source = read_url(raw.url) if raw.url is not None else Inline(raw.image or "")
    return Item(raw.filename, raw.target, source)


def read_url(text: str) -> Url:
    """The source of a file that is elsewhere; a text that is no plain URL costs its item, later."""
    try:
        return Url(parse_url(text))
    except UrlNotAllowed as error:
        return Url(error.with_traceback(None))
