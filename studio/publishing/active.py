"""The active version: a symlink that `MODEL_PATH` names, and that a server reads when it starts.

    artifacts/VERSION/               an artifact, which never changes
    active -> artifacts/VERSION      replaced in one step

The link is what decides. The rows of `Activation` say how it came about, for the page and for going back.
"""

import secrets
from pathlib import Path

from django.db import transaction

from logo_detection.errors import LogoDetectionError
from studio.people import audit
from studio.people.models import User
from studio.publishing.models import Activation, ArtifactVersion

LINK = "active"


class ActivationRefused(LogoDetectionError):
    """A version cannot be made the active one. One line."""


def link_of(data: Path) -> Path:
    """What `MODEL_PATH` is to name."""
    return data.absolute() / LINK


def active_version(data: Path) -> ArtifactVersion | None:
    """The active version; None: there is none."""
    try:
        name = link_of(data).readlink().name
    except FileNotFoundError:
        return None
    return ArtifactVersion.objects.filter(version=name).first()


@transaction.atomic
def activate(by: User, version: ArtifactVersion, data: Path) -> bool:
    """Make a version the active one. Returns whether another was.

    Raises:
        ActivationRefused: Its files are deleted.
    """
    return _activate(by, version, data, is_rollback=False)


@transaction.atomic
def roll_back(by: User, data: Path) -> ArtifactVersion:
    """Make that version active again which the active one has replaced. Returns it.

    Raises:
        ActivationRefused: There is none.
    """
    lock_versions()
    former = former_version(data)
    if former is None:
        raise ActivationRefused("there is no version to go back to")
    _activate(by, former, data, is_rollback=True)
    return former


def former_version(data: Path) -> ArtifactVersion | None:
    """The one that the active one has replaced, and that is still there.

    Going back again goes further back, and not to the one from which somebody had come back.
    """
    active = active_version(data)
    if active is None:
        return None
    began = active.activations.filter(is_rollback=False).order_by("-pk").first()
    former = began.replaced if began else None
    return former if former is not None and former.deleted_at is None else None


def lock_versions() -> None:
    """Wait until nobody else activates or deletes, and keep others from it until the transaction ends."""
    list(ArtifactVersion.objects.select_for_update().order_by("pk").values_list("pk"))


def _activate(by: User, version: ArtifactVersion, data: Path, is_rollback: bool) -> bool:
    lock_versions()
    version.refresh_from_db()
    if version.deleted_at is not None:
        raise ActivationRefused(f"{version}: its files are deleted")
    before = active_version(data)
    if before == version:
        return False
    Activation.objects.create(version=version, replaced=before, is_rollback=is_rollback, by=by)
    action = "roll back" if is_rollback else "activate"
    audit.record(by, action, version, f"instead of {before}" if before else "")
    _point(link_of(data), version.folder(data))
    return True


def _point(link: Path, folder: Path) -> None:
    """Replace the link; whoever opens it meanwhile finds the one or the other folder."""
    unfinished = link.with_name(f".{LINK}-{secrets.token_hex(8)}")
    unfinished.symlink_to(folder.relative_to(link.parent))
    unfinished.replace(link)
