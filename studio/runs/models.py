"""Runs."""

import secrets
from pathlib import Path

from django.db import models

from studio.background.models import Work
from studio.images.models import Version


def draw_mark() -> str:
    """A mark for a run's processes."""
    return secrets.token_hex(16)


class Run(Work):
    """A training.

    Attributes:
        recipe: The name of one of `training/recipes`.
        changes: Its numbers that are changed, by place: see `studio.runs.recipes`.
        text: The recipe as it is trained by.
        mark: Stands in the environment of all processes of this run, so that they can be found.
        attempts: How often a runner has begun it, or gone on with it.
    """

    version = models.ForeignKey(Version, models.PROTECT, related_name="runs")
    recipe = models.CharField(max_length=100)
    changes = models.JSONField(default=dict)
    text = models.TextField()
    mark = models.CharField(max_length=32, default=draw_mark)
    attempts = models.PositiveIntegerField(default=0)

    def folder(self, data: Path) -> Path:
        """Where it is kept: a `training.run.Run`, the recipe that was asked for, and the log."""
        return data.absolute() / "runs" / str(self.pk)
