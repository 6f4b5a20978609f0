"""Artifact versions, which of them were active when, and what the gate asked for when."""

from pathlib import Path

from django.core.validators import RegexValidator
from django.db import models

from studio.people.models import User
from studio.runs.models import Run

MAX_VERSION_CHARS = 60

is_version = RegexValidator(
    r"\A[A-Za-z0-9][A-Za-z0-9._+-]*\Z",
    "letters, digits, dot, hyphen, plus and underscore; the first one no sign",
)
"""As folders have it."""


class ArtifactVersion(models.Model):
    """An artifact that was published. Its files never change, and may be deleted; its name is used once.

    Attributes:
        version: As its manifest has it.
        digest: SHA-256 of its `manifest.json`, which has the SHA-256 of each file.
        findings: What the gate looked at: lines of text.
    """

    version = models.CharField(max_length=MAX_VERSION_CHARS, unique=True, validators=[is_version])
    run = models.ForeignKey(Run, models.PROTECT, related_name="artifact_versions")
    digest = models.CharField(max_length=64)
    findings = models.JSONField(default=list)
    note = models.CharField(max_length=300, blank=True)
    published_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    published_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.version

    def folder(self, data: Path) -> Path:
        """Where it lies, as long as it is not deleted."""
        return data.absolute() / "artifacts" / self.version


class Activation(models.Model):
    """A version became the active one.

    Attributes:
        replaced: The one that was active before.
        is_rollback: It had been active before that one.
    """

    version = models.ForeignKey(ArtifactVersion, models.PROTECT, related_name="activations")
    replaced = models.ForeignKey(ArtifactVersion, models.PROTECT, null=True, related_name="+")
    is_rollback = models.BooleanField(default=False)
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)


class GateSetting(models.Model):
    """The gate's thresholds from a time on; the newest counts. `values` has what is not as by default."""

    values = models.JSONField(default=dict)
    why = models.CharField(max_length=300)
    set_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    set_at = models.DateTimeField(auto_now_add=True)
