"""Asking for imports, and cancelling them."""

from dataclasses import dataclass

from django.core.files.uploadedfile import TemporaryUploadedFile
from django.db import transaction

from studio.background.claims import ask_to_cancel
from studio.background.models import OPEN_STATES
from studio.images.candidates import ImportRefused
from studio.images.folders import find_below
from studio.images.models import Dataset, Import, LabelClass
from studio.images.uploads import Uploads
from studio.images.wiki import REQUEST, CategoryRequest
from studio.people import audit
from studio.people.models import User
from studio.settings import Settings

MAX_OPEN = 20
"""Imports of a data set that wait or run."""


@dataclass(frozen=True, slots=True)
class WantedImport:
    """What is to come in.

    Attributes:
        labels: A value of `Import.Labels`.
        files: Pictures, or one zip archive of pictures.
        folder: Instead of files, a folder or a manifest below the studio's folder for imports.
        category: Instead of both, a category of Wikimedia Commons.
        label: Of all images, where `labels` says that they have one.
    """

    labels: str
    files: tuple[TemporaryUploadedFile, ...] = ()
    folder: str = ""
    category: CategoryRequest | None = None
    label: LabelClass | None = None


def ask_for_import(by: User, dataset: Dataset, wanted: WantedImport, settings: Settings) -> Import:
    """Ask for an import, which the runner does. Uploaded files are kept until then.

    Raises:
        ImportRefused: It contradicts itself, its folder is not there, or too many imports wait.
    """
    sources = sum(map(bool, (wanted.files, wanted.folder, wanted.category)))
    if sources == 0:
        raise ImportRefused(_what_there_is(settings), "uploads")
    if sources > 1:
        raise ImportRefused("Choose files, a folder or a category: only one of these.", "uploads")
    if wanted.category and wanted.labels == Import.Labels.FOLDERS:
        raise ImportRefused("A category has no folders: choose one label for all, or none.", "labels")
    if wanted.labels == Import.Labels.ONE and wanted.label is None:
        raise ImportRefused("Choose the label that all get.", "label")
    if dataset.imports.filter(state__in=OPEN_STATES).count() >= MAX_OPEN:
        raise ImportRefused(f"{MAX_OPEN} imports wait already.")
    kind, name, path = _source(wanted, settings)
    with transaction.atomic():
        made = Import.objects.create(
            dataset=dataset,
            kind=kind,
            name=name,
            path=path,
            labels=wanted.labels,
            label=wanted.label if wanted.labels == Import.Labels.ONE else None,
            asked_by=by,
        )
        audit.record(by, "import", dataset, f"{kind}: {name}")
    return made


def cancel_import(by: User, job: Import, settings: Settings) -> bool:
    """Cancel an import; what it has brought in stays. Returns whether this has asked for it.

    Raises:
        WorkRefused: It has ended by itself.
    """
    if not ask_to_cancel(job):
        return False
    job.refresh_from_db()
    if not job.is_open and job.kind != Import.Kind.FOLDER:  # else the runner removes them
        _uploads(settings).drop(job.path)
    audit.record(by, "cancel import", job.dataset, job.name)
    return True


def _what_there_is(settings: Settings) -> str:
    """What may come in: files, and the other sources that are set up."""
    others = {"a folder": settings.import_folder, "a category": settings.contact}
    named = " or ".join(name for name, is_set_up in others.items() if is_set_up)
    return f"Choose files, or name {named}." if named else "Choose files."


def _source(wanted: WantedImport, settings: Settings) -> tuple[Import.Kind, str, str]:
    """The kind, the name and the place of what is to come in; uploads are kept first."""
    if wanted.folder:
        if settings.import_folder is None:
            raise ImportRefused("folders are not imported here: STUDIO_IMPORT_FOLDER is not set", "folder")
        return (
            Import.Kind.FOLDER,
            wanted.folder,
            str(find_below(settings.import_folder, wanted.folder, "folder")),
        )
    if wanted.category:
        if settings.contact is None:
            raise ImportRefused("categories are not imported here: STUDIO_CONTACT is not set", "category")
        wanted.category.labelled()  # it is refused here, and not when the runner has come to it
        token = _uploads(settings).keep_content(REQUEST, wanted.category.to_bytes())
        return Import.Kind.COMMONS, wanted.category.category, token
    names = [file.name or "" for file in wanted.files]
    archives = [name for name in names if name.lower().endswith(".zip")]
    if archives and len(names) > 1:
        raise ImportRefused("an archive comes alone", "uploads")
    token = _uploads(settings).keep(wanted.files)
    if archives:
        return Import.Kind.ZIP, names[0], token
    return Import.Kind.FILES, names[0] if len(names) == 1 else f"{len(names)} files", token


def _uploads(settings: Settings) -> Uploads:
    return Uploads(settings.data / "uploads")
