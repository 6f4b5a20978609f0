"""Runs."""

from pathlib import Path

from django.db import models

from studio.background.models import RetriedWork
from studio.images.models import Version


class Run(RetriedWork):
    """A training.

    Attributes:
        recipe: The name of one of `training/recipes`.
        changes: Its numbers that are changed, by place: see `studio.runs.recipes`.
        text: The recipe as it is trained by.
    """

    version = models.ForeignKey(Version, models.PROTECT, related_name="runs")
    recipe = models.CharField(max_length=100)
    changes = models.JSONField(default=dict)
    text = models.TextField()

    def folder(self, data: Path) -> Path:
        """Where it is kept: a `training.run.Run`, the recipe that was asked for, and the log."""
        return data.absolute() / "runs" / str(self.pk)
