"""Pages: the versions of a data set, their differences, and their files."""

from collections.abc import Iterable
from typing import Any

from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from datasets.manifest import CSV_NAME
from studio.django_settings import STUDIO
from studio.images.access import Visit, in_dataset
from studio.images.models import Image, Version
from studio.images.store import FileStore
from studio.images.versions import VersionRefused, folder_of, make_version
from studio.images.versions import difference as difference_of
from studio.images.views.grid import balance_of
from studio.images.zip_stream import stream_folder
from studio.people import audit
from studio.people.models import Role

SHOWN = 200
"""Images of each kind of difference that a page shows."""


@require_GET
@in_dataset(Role.VIEWER)
def versions(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """The versions of a data set, the newest first."""
    return render(request, "images/versions.html", _versions(visit))


@require_POST
@in_dataset(Role.TRAINER)
def add_version(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Make a version."""
    try:
        made = make_version(visit.user, visit.dataset, request.POST.get("note", "")[:300], _store())
    except VersionRefused as error:
        return render(request, "images/versions.html", _versions(visit) | {"error": str(error)}, status=409)
    return redirect("version", visit.dataset.name, made.number)


@require_GET
@in_dataset(Role.VIEWER)
def version(request: HttpRequest, visit: Visit, number: int) -> HttpResponseBase:
    """A version."""
    found = _find(visit, number)
    others = visit.dataset.versions.exclude(pk=found.pk).order_by("-number")
    context = {"visit": visit, "version": found, "others": others, "folder": folder_of(found, _store())}
    return render(request, "images/version.html", context)


@require_GET
@in_dataset(Role.VIEWER)
def manifest(_: HttpRequest, visit: Visit, number: int) -> HttpResponseBase:
    """A version's manifest."""
    return manifest_of(_find(visit, number))


@require_GET
@in_dataset(Role.VIEWER)
def folder(_: HttpRequest, visit: Visit, number: int) -> HttpResponseBase:
    """A version's folder, as an archive."""
    return archive_of(visit, _find(visit, number))


@require_GET
@in_dataset(Role.VIEWER)
def difference(request: HttpRequest, visit: Visit, number: int, former: int) -> HttpResponseBase:
    """What has changed from a former version to this one."""
    new, old = _find(visit, number), _find(visit, former)
    found = difference_of(new, old, _store())
    images = _images(visit, [*found.added, *found.removed, *found.relabelled])
    kinds = [
        (
            "Added",
            [(images.get(digest), "", label) for digest, label in _some(found.added.items())],
            len(found.added),
        ),
        (
            "Removed",
            [(images.get(digest), label, "") for digest, label in _some(found.removed.items())],
            len(found.removed),
        ),
        (
            "Another label",
            [(images.get(digest), *labels) for digest, labels in _some(found.relabelled.items())],
            len(found.relabelled),
        ),
    ]
    context = {"visit": visit, "version": new, "former": old, "kinds": kinds, "shown": SHOWN}
    return render(request, "images/difference.html", context)


def manifest_of(version: Version) -> HttpResponseBase:
    """A version's manifest as a file."""
    file = (folder_of(version, _store()) / CSV_NAME).open("rb")
    return FileResponse(file, as_attachment=True, filename=f"{_name(version)}.csv", content_type="text/csv")


def archive_of(visit: Visit, version: Version) -> HttpResponseBase:
    """A version's folder as an archive; the audit log tells who took it."""
    audit.record(visit.user, "download version", version)
    pieces = stream_folder(folder_of(version, _store()), _name(version))
    response = StreamingHttpResponse(pieces, content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{_name(version)}.zip"'
    return response


def _store() -> FileStore:
    return FileStore(STUDIO.data)


def _find(visit: Visit, number: int) -> Version:
    return get_object_or_404(visit.dataset.versions, number=number)


def _name(version: Version) -> str:
    return f"{version.dataset.name}-{version.number}"


def _some(items: Iterable[Any]) -> list[Any]:
    return list(items)[:SHOWN]


def _images(visit: Visit, digests: list[str]) -> dict[str, Image]:
    """Those of them that a page may show, by SHA-256."""
    found = visit.dataset.images.filter(file__in=digests[: 3 * SHOWN])
    return {image.file_id: image for image in found}


def _versions(visit: Visit) -> dict[str, Any]:
    listed = visit.dataset.versions.select_related("made_by").order_by("-number")
    return {"visit": visit, "versions": listed, "balance": balance_of(visit.dataset)}
