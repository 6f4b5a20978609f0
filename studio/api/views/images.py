"""Images, their pictures, and their labels."""

from typing import Any

from django.db import transaction
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from studio.api.base import DatasetView, check_match, with_etag
from studio.api.description import IF_MATCH, describes, describes_page, page_of
from studio.api.errors import Conflict
from studio.api.paging import address, answer_page, read_query
from studio.api.requests import EmptyRequest, ImagesQuery, LabelRequest, LabelsRequest, SelectionLabelRequest
from studio.api.shapes import ChangeShape, ImageShape, OneImageShape, PairShape, UndoneShape
from studio.django_settings import STUDIO
from studio.images.access import Visit
from studio.images.labelling import label_all, label_images, undo_as_visitor, undo_last
from studio.images.models import Image, LabelClass
from studio.images.selection import NO_LABEL, Selection, SelectionInvalid, chosen, read_page, read_selection
from studio.images.store import FileStore
from studio.images.views.grid import classes_of
from studio.images.views.pictures import picture
from studio.people.models import Role


class Images(DatasetView):
    """The images of a data set, filtered and ordered as in the grid."""

    roles = {"GET": Role.VIEWER}

    @describes("list-images", page_of(ImageShape), query=ImagesQuery)
    def get(self, request: Request, dataset: str) -> Response:
        """List them."""
        wanted = read_query(request, ImagesQuery)
        page = read_page(self.visit.dataset, _selection(self.visit, wanted), wanted["size"])
        following = address(request, after=page.following.after) if page.following else None
        return Response({"results": [_shown(self.visit, image) for image in page.images], "next": following})


class OneImage(DatasetView):
    """An image: what is known of its file, and what became of its label."""

    roles = {"GET": Role.VIEWER}

    @describes("read-image", OneImageShape)
    def get(self, request: Request, dataset: str, image_id: int) -> Response:
        """Read it."""
        return Response(_read(self.visit, image_id))


class Thumbnail(DatasetView):
    """The picture for a grid."""

    roles = {"GET": Role.VIEWER}

    @describes("read-thumbnail", OpenApiTypes.BINARY, media_type="image/jpeg")
    def get(self, request: Request, dataset: str, image_id: int) -> HttpResponseBase:
        """Read it."""
        return picture(FileStore(STUDIO.data).thumbnail(_digest(self.visit, image_id)))


class Preview(DatasetView):
    """The picture for a single view."""

    roles = {"GET": Role.VIEWER}

    @describes("read-preview", OpenApiTypes.BINARY, media_type="image/jpeg")
    def get(self, request: Request, dataset: str, image_id: int) -> HttpResponseBase:
        """Read it."""
        return picture(FileStore(STUDIO.data).preview(_digest(self.visit, image_id)))


class Label(DatasetView):
    """The label of an image."""

    roles = {"PUT": Role.LABELLER}
    requests = {"PUT": LabelRequest}

    @describes("label-image", OneImageShape, request=LabelRequest, headers=(IF_MATCH,))
    def put(self, request: Request, dataset: str, image_id: int) -> Response:
        """Set it; with `If-Match`, only while nobody has changed it since it was read."""
        asked = self.read(request)
        wanted = _class(self.visit, "label", asked["label"])
        with transaction.atomic():
            # Whoever else labels this image waits here until it is done.
            get_object_or_404(self.visit.dataset.images.select_for_update(), pk=image_id)
            check_match(request, _read(self.visit, image_id))
            label_images(self.user, self.visit.dataset, [image_id], wanted, asked["why"])
            return with_etag(_read(self.visit, image_id))


class Labels(DatasetView):
    """Labels of some images at once; of other data sets' images nothing changes."""

    roles = {"POST": Role.LABELLER}
    requests = {"POST": LabelsRequest}

    @describes("label-images", UndoneShape, request=LabelsRequest)
    def post(self, request: Request, dataset: str) -> Response:
        """Set them."""
        asked = self.read(request)
        wanted = _class(self.visit, "label", asked["label"])
        change = label_images(self.user, self.visit.dataset, asked["images"], wanted, asked["why"])
        return Response({"change": change.pk if change else None})


class SelectionLabel(DatasetView):
    """The labels of all images of a selection."""

    roles = {"POST": Role.REVIEWER}
    requests = {"POST": SelectionLabelRequest}

    @describes("label-selection", UndoneShape, request=SelectionLabelRequest)
    def post(self, request: Request, dataset: str) -> Response:
        """Set them; `sure` says how many there are."""
        asked = self.read(request)
        wanted = _class(self.visit, "new_label", asked["new_label"])
        images = chosen(self.visit.dataset, _selection(self.visit, asked))
        if (count := images.count()) != asked["sure"]:
            raise Conflict(f"sure: there are {count} images")
        change = label_all(self.user, self.visit.dataset, images, wanted, asked["why"])
        return Response({"change": change.pk if change else None})


class Undo(DatasetView):
    """Undoing your own last change of labels."""

    roles = {"POST": Role.LABELLER}
    requests = {"POST": EmptyRequest}

    @describes("undo-last", UndoneShape, request=EmptyRequest)
    def post(self, request: Request, dataset: str) -> Response:
        """Undo it; null: there was nothing to undo."""
        change = undo_last(self.user, self.visit.dataset)
        return Response({"change": change.pk if change else None})


class Changes(DatasetView):
    """All changes of labels, the newest first."""

    roles = {"GET": Role.VIEWER}

    @describes_page("list-changes", ChangeShape)
    def get(self, request: Request, dataset: str) -> Response:
        """List them."""
        rows = self.visit.dataset.changes.select_related("by", "undone_by")
        return answer_page(request, rows, lambda row: ChangeShape(row).data)


class UndoChange(DatasetView):
    """Undoing a change: your own, or as a reviewer anybody's."""

    roles = {"POST": Role.LABELLER}
    requests = {"POST": EmptyRequest}

    @describes("undo-change", ChangeShape, request=EmptyRequest)
    def post(self, request: Request, dataset: str, change_id: int) -> Response:
        """Undo it; answers with the change that does."""
        change = get_object_or_404(self.visit.dataset.changes, pk=change_id)
        return Response(ChangeShape(undo_as_visitor(self.visit, change)).data)


class Duplicates(DatasetView):
    """Pairs of images that look the same, the newest first."""

    roles = {"GET": Role.VIEWER}

    @describes_page("list-duplicates", PairShape)
    def get(self, request: Request, dataset: str) -> Response:
        """List them."""
        rows = self.visit.dataset.near_duplicates.select_related(
            "left__label", "right__label", "left__dataset", "right__dataset"
        )
        return answer_page(request, rows, lambda row: PairShape(row).data)


def _shown(visit: Visit, image: Image) -> dict[str, Any]:
    image.dataset = visit.dataset  # which its shape would look up for every one of them
    values: dict[str, Any] = ImageShape(image).data
    return values


def _read(visit: Visit, image_id: int) -> dict[str, Any]:
    image = get_object_or_404(visit.dataset.images.select_related("file", "label", "dataset"), pk=image_id)
    values: dict[str, Any] = OneImageShape(image).data
    return values


def _digest(visit: Visit, image_id: int) -> str:
    return get_object_or_404(visit.dataset.images.only("file_id"), pk=image_id).file_id


def _selection(visit: Visit, wanted: dict[str, Any]) -> Selection:
    """The selection of fields that are known to have the right types."""
    fields = {name: str(value) for name, value in wanted.items()}
    return read_selection(fields, classes_of(visit.dataset))


def _class(visit: Visit, field: str, name: str) -> LabelClass | None:
    """The class of that name; None for NO_LABEL."""
    if name == NO_LABEL:
        return None
    classes = classes_of(visit.dataset)
    if name not in classes:
        raise SelectionInvalid(f"{field}: {name!r} is no class of this data set")
    return classes[name]
