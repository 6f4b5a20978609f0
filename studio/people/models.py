"""Users and their roles, failed log-ins, and the audit log."""

from django.contrib.auth.models import AbstractUser
from django.db import models

MAX_NAME_CHARS = 150
MAX_DETAILS_CHARS = 1000


class Role(models.IntegerChoices):
    """What someone may do; every role may do all that those before it may.

    A viewer looks. A labeller labels images one by one, and undoes that. A reviewer changes many at once, and
    undoes what others did. A trainer makes data sets, imports, versions and runs, and publishes those that
    the gate lets through. An administrator says who may do what, what the gate asks for, and which model is
    active.
    """

    NONE = 0, "none"
    VIEWER = 1, "viewer"
    LABELLER = 2, "labeller"
    REVIEWER = 3, "reviewer"
    TRAINER = 4, "trainer"
    ADMINISTRATOR = 5, "administrator"


class User(AbstractUser):
    """Somebody who logs in. `role` holds for all data sets; a data set may give its members another one.

    Attributes:
        through: What acts for them in this request, such as a token by its name; empty: nothing does. It is
            not kept.
    """

    through: str = ""

    role = models.PositiveSmallIntegerField(choices=Role.choices, default=Role.NONE)


class LogInFailure(models.Model):
    """A log-in that failed."""

    name = models.CharField(max_length=MAX_NAME_CHARS)
    address = models.CharField(max_length=45)
    at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=["name", "at"]), models.Index(fields=["address", "at"]))


class AuditEntry(models.Model):
    """What somebody did. The database refuses to change or delete one.

    Nothing here refers to another row: what is told stays when a user or a data set goes.
    """

    at = models.DateTimeField(auto_now_add=True)
    who = models.CharField(max_length=MAX_NAME_CHARS)
    action = models.CharField(max_length=40)
    target = models.CharField(max_length=200)
    details = models.CharField(max_length=MAX_DETAILS_CHARS, blank=True)
