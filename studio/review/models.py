"""Review queues, their items, and the decisions of reviewers."""

import secrets

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from studio.background.models import Work
from studio.images.models import MAX_TEXT_CHARS, Dataset, File, LabelClass
from studio.people.models import User

MAX_FILENAME_CHARS = 1024
MAX_SOURCE_CHARS = 2048
MAX_VERSION_CHARS = 100
KEY_CHARS = 32
BANDS = 10
"""Of scores, from 0 to 1."""


def draw_seed() -> str:
    """A seed that nobody can guess who wants a file to be drawn, or not to be."""
    return secrets.token_hex(16)


class Answer(models.TextChoices):
    """What a reviewer says: whether the item shows what the queue is about."""

    YES = "yes"
    NO = "no"
    UNSURE = "unsure"


class Verdict(models.TextChoices):
    """What has become of an item; see `studio.review.verdicts`."""

    OPEN = "open"
    DISPUTED = "disputed"
    YES = "yes"
    NO = "no"
    UNSURE = "unsure"


DATA = (Verdict.YES, Verdict.NO)
"""The verdicts that are data."""


class Queue(models.Model):
    """Scored files that reviewers decide about.

    Neither threshold nor sampling rate ever change: else its figures would be of several thresholds at once.

    Attributes:
        positive: The class that its alarms say a file is of.
        threshold: A file of this score or a higher one is an alarm.
        sample_rate: The share of the other files that are drawn, and are items, too.
        seed: Decides which files are drawn, and the order of the items.
    """

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="review_queues")
    name = models.CharField(max_length=60)
    positive = models.ForeignKey(LabelClass, models.PROTECT, related_name="+")
    threshold = models.FloatField(validators=[MinValueValidator(0.0), MaxValueValidator(1.0)])
    sample_rate = models.FloatField(validators=[MinValueValidator(0.0), MaxValueValidator(1.0)])
    seed = models.CharField(max_length=32, default=draw_seed)
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["dataset", "name"], name="review_queue_name_once"),)

    def __str__(self) -> str:
        return self.name

    @property
    def is_blind(self) -> bool:
        """Whether a score would tell a reviewer that an item is no alarm; it is shown after the decision."""
        return self.sample_rate > 0


class Intake(Work):
    """Scored files that come into a queue: what comes, and how far it is.

    Attributes:
        kind: A table of `logo-batch`, or the pictures that were posted and wait at that time.
        path: Of the table.
        pictures: The folder in which the names of a table are looked up; empty: that of all imports.
        unscored: Rows that have an error, and no score.
        refused: Rows that are no scored files; the first of them, and files that the fence refuses, are
            `IntakeProblem`s.
    """

    class Kind(models.TextChoices):
        TABLE = "table"
        POSTED = "posted"

    queue = models.ForeignKey(Queue, models.CASCADE, related_name="intakes")
    kind = models.CharField(max_length=6, choices=Kind.choices)
    name = models.CharField(max_length=MAX_TEXT_CHARS)
    path = models.CharField(max_length=1000, blank=True)
    pictures = models.CharField(max_length=1000, blank=True)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    known = models.PositiveIntegerField(default=0)
    unscored = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)


class IntakeProblem(models.Model):
    """A row that did not come in, or a picture that nobody can see, and why."""

    of = models.ForeignKey(Intake, models.CASCADE, related_name="problems")
    name = models.CharField(max_length=MAX_TEXT_CHARS)
    reason = models.CharField(max_length=300)


class Item(models.Model):
    """A scored file that reviewers decide about.

    Attributes:
        key: Of the file, its source and its model, by the queue's seed: what comes twice is one item.
        source_url: Where it can be looked at; empty, or of an allowed host.
        is_alarm: Whether it has reached the queue's threshold; else it was drawn from the others.
        day: On which it was scored, in UTC.
        band: Of its score: 0 to BANDS - 1.
        rank: Its place in the order in which items are shown, which is random.
        upload: A token of `studio.images.uploads`, while its picture waits for the fence.
        file: Its picture, where the studio has it.
        heat_map_by: The model whose heat map of that picture the studio has; empty: none.
        is_ready: Whether there is something to look at.
        first_by: Who has decided about it first. It stands here, too, so that an index tells which open items
            somebody has not decided about.
        accepted_at: When it became an image of a data set.
    """

    queue = models.ForeignKey(Queue, models.CASCADE, related_name="items")
    key = models.CharField(max_length=KEY_CHARS)
    filename = models.CharField(max_length=MAX_FILENAME_CHARS)
    source_url = models.CharField(max_length=MAX_SOURCE_CHARS, blank=True)
    score = models.FloatField()
    model_version = models.CharField(max_length=MAX_VERSION_CHARS)
    scored_at = models.DateTimeField()
    day = models.DateField()
    band = models.PositiveSmallIntegerField()
    is_alarm = models.BooleanField()
    rank = models.BigIntegerField()
    upload = models.CharField(max_length=32, blank=True)
    file = models.ForeignKey(File, models.PROTECT, null=True, related_name="+")
    heat_map_by = models.CharField(max_length=200, blank=True)
    is_ready = models.BooleanField(default=False)
    brought_by = models.ForeignKey(Intake, models.SET_NULL, null=True, related_name="items")
    first_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    verdict = models.CharField(max_length=8, choices=Verdict.choices, default=Verdict.OPEN)
    accepted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["queue", "key"], name="review_item_once"),)
        indexes = (
            models.Index(
                fields=["queue", "verdict", "is_ready", "rank", "first_by", "key"], name="review_item_order"
            ),
            models.Index(fields=["queue", "is_alarm", "day", "verdict"], name="review_item_day"),
            models.Index(fields=["queue", "is_alarm", "band", "verdict"], name="review_item_band"),
        )

    def __str__(self) -> str:
        return self.filename


class PassedOver(models.Model):
    """A file below a queue's threshold that was not drawn: it counts, and is not shown."""

    queue = models.ForeignKey(Queue, models.CASCADE, related_name="passed_over")
    key = models.CharField(max_length=KEY_CHARS)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["queue", "key"], name="passed_over_once"),)


class Decision(models.Model):
    """What a reviewer said of an item."""

    item = models.ForeignKey(Item, models.CASCADE, related_name="decisions")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    answer = models.CharField(max_length=6, choices=Answer.choices)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["item", "by"], name="decision_once"),)
