"""Publication: a run's artifact goes through the gate, and is kept under a version of its own."""

import hashlib
import secrets
import shutil
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from logo_detection.artifact import MANIFEST, load_artifact, read_manifest
from logo_detection.errors import LogoDetectionError
from release.gate import Finding, check_thresholds
from release.publication import publish_as
from studio.people import audit
from studio.people.models import User
from studio.publishing.active import active_version, lock_versions
from studio.publishing.gate import current_thresholds
from studio.publishing.models import ArtifactVersion
from studio.publishing.server import Served
from studio.runs.models import Run
from training.run import Run as RunFolder


class PublicationRefused(LogoDetectionError):
    """A run cannot be published so, or a version not be deleted. One line."""


class VersionTaken(PublicationRefused):
    """There is an artifact version of that name already."""


def proposed_version(run: Run, data: Path) -> str:
    """A version that says where it comes from: that of the recipe, and the run."""
    return f"{read_manifest(RunFolder(run.folder(data)).artifact).version}-run{run.pk}"


def publish_run(
    by: User, run: Run, document: Mapping[str, Any], version: str, note: str, data: Path
) -> ArtifactVersion:
    """Publish a run's artifact, if the gate lets it through.

    Args:
        by: Who does it.
        run: One that is done.
        document: Its evaluation, as `evaluation.document.read_document` reads it.
        version: Of the artifact; nobody has used it yet.
        note: As they say.
        data: The studio's folder.

    Raises:
        GateClosed: It misses a threshold; names each.
        VersionTaken: There is one of that name already.
        PublicationRefused: The evaluation is of another model.
        ArtifactError: The run's artifact is not what its manifest says.
    """
    source = RunFolder(run.folder(data)).artifact
    if read_manifest(source).files != document["model"]["files"]:
        raise PublicationRefused("the evaluation is of another model than the run's: evaluate the run again")
    found = check_thresholds(document, current_thresholds())
    unfinished = data.absolute() / "unfinished" / secrets.token_hex(16)
    try:
        load_artifact(source)
        shutil.copytree(source, unfinished)
        publish_as(version, unfinished)
        return _keep(by, run, unfinished, version, note, found, data)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


@transaction.atomic
def _keep(
    by: User, run: Run, folder: Path, version: str, note: str, found: Sequence[Finding], data: Path
) -> ArtifactVersion:
    lock_versions()
    if ArtifactVersion.objects.filter(version=version).exists():
        raise VersionTaken(f"version: there is a version {version} already")
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    made = ArtifactVersion.objects.create(
        version=version,
        run=run,
        digest=digest,
        findings=[str(each) for each in found],
        note=note,
        published_by=by,
    )
    audit.record(by, "publish", made, f"{run.version}: run {run.pk}, manifest {digest}")
    for path in folder.rglob("*"):
        path.chmod(0o550 if path.is_dir() else 0o440)
    place = made.folder(data)
    place.parent.mkdir(exist_ok=True)
    folder.rename(place)
    return made


def why_kept(version: ArtifactVersion, served: Served, data: Path) -> str:
    """Why a version may not be deleted, in one line; empty: it may.

    A server reads its model when it starts, and goes on serving it when another version is active. So what
    has been active may still be served wherever no server says otherwise.
    """
    if version.deleted_at is not None:
        return "it is deleted"
    if active_version(data) == version:
        return "it is the active version"
    if served.version == version.version:
        return "it is served"
    if version.activations.exists() and not served.version:
        return "it has been active, and no server says that it serves another version"
    return ""


@transaction.atomic
def delete_version(by: User, version: ArtifactVersion, served: Served, data: Path) -> None:
    """Delete the files of a version; what is known of it stays.

    Raises:
        PublicationRefused: It is active or served, or may be.
    """
    lock_versions()
    version.refresh_from_db()
    if reason := why_kept(version, served, data):
        raise PublicationRefused(f"{version} is not deleted: {reason}")
    ArtifactVersion.objects.filter(pk=version.pk).update(deleted_at=timezone.now())
    audit.record(by, "delete version", version)
    # Not before nobody can activate it any more.
    transaction.on_commit(partial(_remove, version.folder(data)))


def _remove(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            path.chmod(0o750)
    shutil.rmtree(folder)
