"""Posting: programs send one scored file after another into a queue."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import IntegrityError, transaction

from logo_detection.fetch.policy import AllowedHost
from studio.background.models import State
from studio.images.uploads import Uploads
from studio.people import audit
from studio.people.models import User
from studio.review.models import Intake, Item, PassedOver, Queue
from studio.review.scored_files import ScoredFile, ScoredFileInvalid, check, item_of, link_of, place
from studio.settings import Settings

MAX_WAITING = 1000
"""Pictures of a queue that were posted and that the fence has not looked at yet."""


class TooManyWaiting(ScoredFileInvalid):
    """So many pictures wait that no more are taken. The same post can be sent again later."""


@dataclass(frozen=True, slots=True)
class Post:
    """A scored file as a program sends it.

    Attributes:
        filename: Its name.
        score: The probability of the class that the queue is about, 0 to 1.
        model_version: Of the model that scored it.
        source_url: Where people can look at it; empty where there is a picture alone.
        picture: The bytes of it, as they came; None: the address alone. They are kept, and not decoded here.
        scored_at: With a time zone; None: now.
    """

    filename: str
    score: float
    model_version: str
    source_url: str = ""
    picture: bytes | None = None
    scored_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Poster:
    """What posting needs.

    Attributes:
        uploads: Where pictures wait for the runner.
        hosts: Those of addresses that pages link to.
        max_file_bytes: Of a picture.
    """

    uploads: Uploads
    hosts: tuple[AllowedHost, ...]
    max_file_bytes: int

    def post(self, by: User, queue: Queue, post: Post) -> Item | None:
        """Take a scored file in. To post the same again changes nothing.

        The item is shown to reviewers once there is something to look at: at once where an address came
        alone, else when the runner has had the fence look at the picture.

        Returns:
            The item; None where the file is below the queue's threshold and was not drawn: it is counted.

        Raises:
            ScoredFileInvalid: A field is not usable; names it.
            TooManyWaiting: Too many pictures wait for the runner.
        """
        file = self._checked(post)
        placement = place(queue, file)
        if not placement.is_shown:
            PassedOver.objects.get_or_create(queue=queue, key=placement.key)
            return None
        if (known := queue.items.filter(key=placement.key).first()) is not None:
            return known
        if post.picture is not None and queue.items.exclude(upload="").count() >= MAX_WAITING:
            raise TooManyWaiting(f"picture: {MAX_WAITING:,} wait already, send it again later")
        token = "" if post.picture is None else self.uploads.keep_content(post.filename, post.picture)
        item = item_of(queue, file, placement, link_of(file.source, self.hosts))
        item.upload, item.is_ready = token, not token
        try:
            with transaction.atomic():
                item.save()
                audit.record(by, "post item", queue, file.filename)
                if token:
                    _have_looked_at(by, queue)
        except IntegrityError:  # somebody has posted the same meanwhile
            self.uploads.drop(token)
            return queue.items.get(key=placement.key)
        return item

    def _checked(self, post: Post) -> ScoredFile:
        if post.picture is None and not post.source_url:
            raise ScoredFileInvalid("source_url: is missing, and so is picture")
        if post.source_url and not link_of(post.source_url, self.hosts):
            hosts = ", ".join(map(str, self.hosts))
            raise ScoredFileInvalid(f"source_url: is no https address of an allowed host: {hosts}")
        if post.picture is not None and not 0 < len(post.picture) <= self.max_file_bytes:
            raise ScoredFileInvalid(f"picture: has 1 to {self.max_file_bytes:,} bytes")
        file = ScoredFile(
            filename=post.filename,
            source=post.source_url or hashlib.sha256(post.picture or b"").hexdigest(),
            score=post.score,
            model_version=post.model_version,
            scored_at=post.scored_at or datetime.now(UTC),
        )
        check(file)
        return file


def poster_of(settings: Settings) -> Poster:
    """What the settings say."""
    return Poster(Uploads(settings.data / "uploads"), settings.allowed_hosts, settings.file_max_size)


def _have_looked_at(by: User, queue: Queue) -> None:
    """Ask for an intake of the pictures that wait, unless one waits that will find them."""
    waiting = queue.intakes.filter(kind=Intake.Kind.POSTED, state=State.WAITING)
    if not waiting.exists():
        Intake.objects.create(queue=queue, kind=Intake.Kind.POSTED, name="posted pictures", asked_by=by)
