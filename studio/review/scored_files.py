"""Scored files: what comes into a queue, checked, and which of it is shown to reviewers."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from logo_detection.errors import LogoDetectionError, UrlNotAllowed
from logo_detection.fetch.policy import AllowedHost
from logo_detection.fetch.url import parse_url
from studio.review.models import BANDS, KEY_CHARS, MAX_FILENAME_CHARS, MAX_VERSION_CHARS, Item, Queue

_DRAW_CHARS = 13
"""Hexadecimal digits of a drawn number: the 52 bits that a float keeps."""
_RANK_CHARS = 15


class ScoredFileInvalid(LogoDetectionError):
    """A scored file is not one. One line that names the field."""


@dataclass(frozen=True, slots=True)
class ScoredFile:
    """A file that a model has scored.

    Attributes:
        filename: A name, and no path.
        source: Where it came from: an address, or a path of the machine that scored it.
        score: The probability of the class that the queue is about, 0 to 1.
        model_version: Of the model.
        scored_at: With a time zone.
    """

    filename: str
    source: str
    score: float
    model_version: str
    scored_at: datetime


@dataclass(frozen=True, slots=True)
class Placement:
    """What a queue does with a scored file; see `studio.review.models.Item`.

    Attributes:
        is_shown: Whether it becomes an item: it is an alarm, or was drawn.
    """

    key: str
    is_alarm: bool
    is_shown: bool
    rank: int


def check(file: ScoredFile) -> None:
    """Raise ScoredFileInvalid unless a queue can take a file."""
    _check_text("filename", file.filename, MAX_FILENAME_CHARS)
    _check_text("model_version", file.model_version, MAX_VERSION_CHARS)
    if not (math.isfinite(file.score) and 0 <= file.score <= 1):
        raise ScoredFileInvalid("score: is a number from 0 to 1")
    if file.scored_at.tzinfo is None:
        raise ScoredFileInvalid("scored_at: has no time zone")


def place(queue: Queue, file: ScoredFile) -> Placement:
    """What a queue does with a file: the same every time, and by chance as far as anybody can tell."""
    text = "\0".join((queue.seed, file.model_version, file.source, file.filename))
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    drawn = int(digest[KEY_CHARS : KEY_CHARS + _DRAW_CHARS], 16) / 16**_DRAW_CHARS
    is_alarm = file.score >= queue.threshold
    is_shown = is_alarm or drawn < queue.sample_rate
    return Placement(digest[:KEY_CHARS], is_alarm, is_shown, int(digest[-_RANK_CHARS:], 16))


def item_of(queue: Queue, file: ScoredFile, placement: Placement, link: str) -> Item:
    """The item that a file becomes, which nobody has saved yet."""
    return Item(
        queue=queue,
        key=placement.key,
        filename=file.filename,
        source_url=link,
        score=file.score,
        model_version=file.model_version,
        scored_at=file.scored_at,
        day=file.scored_at.astimezone(UTC).date(),
        band=min(BANDS - 1, int(BANDS * file.score)),
        is_alarm=placement.is_alarm,
        rank=placement.rank,
    )


def link_of(source: str, hosts: Sequence[AllowedHost]) -> str:
    """A source as pages may link to it: an https address of an allowed host, or else nothing."""
    try:
        url = parse_url(source)
    except UrlNotAllowed:
        return ""
    is_plain = url.scheme == "https" and url.port == 443
    return source if is_plain and any(host.covers(url) for host in hosts) else ""


def _check_text(name: str, text: str, most: int) -> None:
    if not text or len(text) > most or "\0" in text:
        raise ScoredFileInvalid(f"{name}: has 1 to {most:,} characters, none of them a null")
