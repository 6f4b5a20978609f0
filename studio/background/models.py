"""Work: what all rows that the runner works on have in common."""

import secrets

from django.db import models

from studio.people.models import User

MAX_MESSAGE_CHARS = 500


class State(models.TextChoices):
    """Of a piece of work."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_STATES = (State.WAITING, State.RUNNING)


def draw_mark() -> str:
    """A mark for the processes of a piece of work."""
    return secrets.token_hex(16)


class Work(models.Model):
    """A piece of work. See `studio.background.claims`.

    Attributes:
        claim: Names the runner that works on it; another one may have taken it over meanwhile.
        heartbeat: When that runner last said that it lives.
        message: Why it failed, or what came of it.
    """

    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    asked_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    claim = models.CharField(max_length=32, blank=True)
    heartbeat = models.DateTimeField(null=True)
    cancel_asked = models.BooleanField(default=False)
    message = models.CharField(max_length=MAX_MESSAGE_CHARS, blank=True)

    class Meta:
        abstract = True

    @property
    def is_open(self) -> bool:
        """Whether something may still come of it."""
        return self.state in OPEN_STATES


class RetriedWork(Work):
    """Work that is begun again where its runner was lost. See `studio.background.attempts`.

    Attributes:
        mark: Stands in the environment of all its processes, so that they can be found.
        attempts: How often a runner has begun it, or gone on with it.
    """

    mark = models.CharField(max_length=32, default=draw_mark)
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        abstract = True
