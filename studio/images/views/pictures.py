"""Pictures: JPEGs of our own making, of files that somebody sent; those themselves are shown to nobody."""

from pathlib import Path

from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_GET

from studio.django_settings import STUDIO
from studio.images.access import Visit, in_dataset
from studio.images.store import FileStore
from studio.people.models import Role

MAX_AGE_S = 7 * 24 * 60 * 60


@require_GET
@in_dataset(Role.VIEWER)
def thumbnail(_: HttpRequest, visit: Visit, image_id: int) -> HttpResponseBase:
    """The picture for the grid."""
    return picture(FileStore(STUDIO.data).thumbnail(_digest(visit, image_id)))


@require_GET
@in_dataset(Role.VIEWER)
def preview(_: HttpRequest, visit: Visit, image_id: int) -> HttpResponseBase:
    """The picture for the single view."""
    return picture(FileStore(STUDIO.data).preview(_digest(visit, image_id)))


def _digest(visit: Visit, image_id: int) -> str:
    return get_object_or_404(visit.dataset.images.only("file_id"), pk=image_id).file_id


def picture(path: Path) -> HttpResponseBase:
    """A JPEG of our own; 404 where there is none."""
    try:
        response = FileResponse(path.open("rb"), content_type="image/jpeg")
    except FileNotFoundError:
        raise Http404 from None
    response["Cache-Control"] = f"private, max-age={MAX_AGE_S}, immutable"
    return response
