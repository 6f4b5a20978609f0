"""Evaluations of runs."""

from pathlib import Path

from django.db import models

from studio.background.models import RetriedWork
from studio.runs.models import Run


class Evaluation(RetriedWork):
    """A run's model judged on the images that the run held out; or beside another's, on what both held out.

    Attributes:
        beside: The other run; None: the model is judged alone.
    """

    run = models.ForeignKey(Run, models.PROTECT, related_name="evaluations")
    beside = models.ForeignKey(Run, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["run"], condition=models.Q(beside__isnull=True), name="evaluated_once"
            ),
            models.UniqueConstraint(fields=["run", "beside"], name="compared_once"),
        )

    def __str__(self) -> str:
        beside = f" beside run {self.beside_id}" if self.beside_id else ""
        return f"{self.run.version}: run {self.run_id}{beside}"

    def folder(self, data: Path) -> Path:
        """Where its results are kept: see `studio.results.jobs`."""
        return data.absolute() / "results" / str(self.pk)
