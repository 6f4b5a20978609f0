"""Versions, their differences, and their files."""

from itertools import islice

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from studio.api.base import DatasetView
from studio.api.description import describes, describes_page
from studio.api.paging import answer_page
from studio.api.requests import VersionRequest
from studio.api.shapes import DifferenceShape, VersionShape
from studio.django_settings import STUDIO
from studio.images.access import Visit
from studio.images.models import Version
from studio.images.store import FileStore
from studio.images.versions import difference, make_version
from studio.images.views.versions import archive_of, manifest_of
from studio.people.models import Role

MAX_DIFFERENT = 1000
"""Images of each kind of difference that are told."""


class Versions(DatasetView):
    """The versions of a data set, the newest first."""

    roles = {"GET": Role.VIEWER, "POST": Role.TRAINER}
    requests = {"POST": VersionRequest}

    @describes_page("list-versions", VersionShape)
    def get(self, request: Request, dataset: str) -> Response:
        """List them."""
        rows = self.visit.dataset.versions.select_related("made_by")
        return answer_page(request, rows, lambda row: VersionShape(row).data)

    @describes("make-version", VersionShape, status=201, request=VersionRequest)
    def post(self, request: Request, dataset: str) -> Response:
        """Make one of the images that have a label."""
        note = self.read(request)["note"]
        made = make_version(self.user, self.visit.dataset, note, FileStore(STUDIO.data))
        return Response(VersionShape(made).data, 201)


class OneVersion(DatasetView):
    """A version."""

    roles = {"GET": Role.VIEWER}

    @describes("read-version", VersionShape)
    def get(self, request: Request, dataset: str, number: int) -> Response:
        """Read it."""
        return Response(VersionShape(_find(self.visit, number)).data)


class Manifest(DatasetView):
    """A version's manifest."""

    roles = {"GET": Role.VIEWER}

    @describes("read-manifest", OpenApiTypes.BINARY, media_type="text/csv")
    def get(self, request: Request, dataset: str, number: int) -> HttpResponseBase:
        """Download it."""
        return manifest_of(_find(self.visit, number))


class Archive(DatasetView):
    """A version's folder, as a zip archive."""

    roles = {"GET": Role.VIEWER}

    @describes("read-archive", OpenApiTypes.BINARY, media_type="application/zip")
    def get(self, request: Request, dataset: str, number: int) -> HttpResponseBase:
        """Download it."""
        return archive_of(self.visit, _find(self.visit, number))


class Difference(DatasetView):
    """What has changed from a former version to another."""

    roles = {"GET": Role.VIEWER}

    @describes("read-difference", DifferenceShape)
    def get(self, request: Request, dataset: str, number: int, former: int) -> Response:
        """Read it."""
        found = difference(_find(self.visit, number), _find(self.visit, former), FileStore(STUDIO.data))
        added, removed = (islice(each.items(), MAX_DIFFERENT) for each in (found.added, found.removed))
        images = [
            *({"sha256": digest, "former": None, "label": label} for digest, label in added),
            *({"sha256": digest, "former": label, "label": None} for digest, label in removed),
            *(
                {"sha256": digest, "former": former_label, "label": label}
                for digest, (former_label, label) in islice(found.relabelled.items(), MAX_DIFFERENT)
            ),
        ]
        counts = {name: len(getattr(found, name)) for name in ("added", "removed", "relabelled")}
        return Response(DifferenceShape({**counts, "images": images}).data)


def _find(visit: Visit, number: int) -> Version:
    return get_object_or_404(visit.dataset.versions.select_related("made_by", "dataset"), number=number)
