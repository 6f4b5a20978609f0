"""Imports, and what comes of them."""

from collections.abc import Mapping
from typing import Any

from django.shortcuts import get_object_or_404
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from studio.api.base import DatasetView
from studio.api.description import describes, describes_page
from studio.api.inline_files import uploaded
from studio.api.paging import answer_page
from studio.api.requests import EmptyRequest, ImportRequest
from studio.api.shapes import ImportShape, ProblemShape
from studio.django_settings import STUDIO
from studio.images.asking import WantedImport, ask_for_import, cancel_import
from studio.images.views.grid import classes_of
from studio.images.wiki import CategoryRequest
from studio.people.models import Role


class Imports(DatasetView):
    """The imports of a data set, the newest first."""

    roles = {"GET": Role.VIEWER, "POST": Role.TRAINER}
    requests = {"POST": ImportRequest}
    body_max_size = STUDIO.upload_max_size

    @describes_page("list-imports", ImportShape)
    def get(self, request: Request, dataset: str) -> Response:
        """List them."""
        rows = self.visit.dataset.imports.select_related("asked_by")
        return answer_page(request, rows, lambda row: ImportShape(row).data)

    @describes("import", ImportShape, status=201, request=ImportRequest)
    def post(self, request: Request, dataset: str) -> Response:
        """Ask for one: `uploads` of a multipart body, `files` of JSON, a folder, or a category of Commons."""
        asked = self.read(request)
        label, classes = asked.get("label") or "", classes_of(self.visit.dataset)
        if label and label not in classes:
            raise ValidationError({"label": [f"{label!r} is no class of this data set"]})
        with uploaded(asked.get("files", [])) as inline:
            files = (*asked.get("uploads", []), *inline)
            wanted = WantedImport(
                asked["labels"], files, asked["folder"], _category(asked), classes.get(label)
            )
            made = ask_for_import(self.user, self.visit.dataset, wanted, STUDIO)
        return Response(ImportShape(made).data, 201)


def _category(asked: Mapping[str, Any]) -> CategoryRequest | None:
    if not asked["category"]:
        return None
    return CategoryRequest(asked["category"], asked["depth"], asked["most"])


class OneImport(DatasetView):
    """An import, and how far it is."""

    roles = {"GET": Role.VIEWER}

    @describes("read-import", ImportShape)
    def get(self, request: Request, dataset: str, import_id: int) -> Response:
        """Read it."""
        return Response(ImportShape(get_object_or_404(self.visit.dataset.imports, pk=import_id)).data)


class Problems(DatasetView):
    """The files that an import refused, the last first."""

    roles = {"GET": Role.VIEWER}

    @describes_page("list-problems", ProblemShape)
    def get(self, request: Request, dataset: str, import_id: int) -> Response:
        """List them."""
        found = get_object_or_404(self.visit.dataset.imports, pk=import_id)
        return answer_page(request, found.problems.all(), lambda row: ProblemShape(row).data)


class CancelImport(DatasetView):
    """Cancelling an import; what it has brought in stays."""

    roles = {"POST": Role.TRAINER}
    requests = {"POST": EmptyRequest}

    @describes("cancel-import", ImportShape, request=EmptyRequest)
    def post(self, request: Request, dataset: str, import_id: int) -> Response:
        """Cancel it; 409 where it has ended by itself."""
        found = get_object_or_404(self.visit.dataset.imports, pk=import_id)
        cancel_import(self.user, found, STUDIO)
        found.refresh_from_db()
        return Response(ImportShape(found).data)
