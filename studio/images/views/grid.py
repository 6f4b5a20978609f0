"""Pages: the grid, the queue, the single view, and what changes labels there."""

from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from studio.images import labelling
from studio.images.access import Visit, in_dataset
from studio.images.labelling import (
    LabellingRefused,
    NotTheirs,
    label_all,
    label_images,
    undo_as_visitor,
)
from studio.images.models import Dataset, Image, LabelClass
from studio.images.selection import (
    IMAGES_PER_PAGE,
    NO_LABEL,
    ORDERS,
    Selection,
    SelectionInvalid,
    chosen,
    read_page,
    read_selection,
)
from studio.people.models import Role

MAX_SOURCES = 200
"""That are offered to filter by."""
MAX_WHY_CHARS = 300
QUEUE = Selection(label=NO_LABEL, order="uncertain")


@require_GET
@in_dataset(Role.VIEWER)
def grid(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """A page of images."""
    try:
        selection = read_selection(request.GET.dict(), classes_of(visit.dataset))
    except SelectionInvalid as error:
        return refused(request, visit, str(error))
    return render(request, "images/grid.html", _grid(visit, selection))


@require_GET
@in_dataset(Role.LABELLER)
def queue(_: HttpRequest, visit: Visit) -> HttpResponseBase:
    """The images without a label, of which the model is least sure first."""
    return redirect(f"{address_of_grid(visit)}?{encoded(QUEUE)}")


@require_GET
@in_dataset(Role.VIEWER)
def single(request: HttpRequest, visit: Visit, image_id: int) -> HttpResponseBase:
    """One image, its history, and the way to those beside it in its selection."""
    image = get_object_or_404(visit.dataset.images.select_related("file", "label"), pk=image_id)
    labellings = image.labellings.select_related("change__by", "before", "after").order_by("-pk")[:100]
    scores = sorted(image.file.scores.items(), key=lambda item: -item[1])
    return render(
        request,
        "images/single.html",
        {
            "visit": visit,
            "image": image,
            "labellings": labellings,
            "scores": scores,
            "classes": visit.dataset.classes.all(),
            "twins": _twins(visit.dataset, image),
            "previous": visit.dataset.images.filter(pk__lt=image.pk).order_by("-pk").first(),
            "next": visit.dataset.images.filter(pk__gt=image.pk).order_by("pk").first(),
        },
    )


@require_POST
@in_dataset(Role.LABELLER)
def label(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Label some images; answers with their tiles."""
    keys = [int(key) for key in request.POST.getlist("image") if key.isascii() and key.isdigit()]
    if not 0 < len(keys) <= IMAGES_PER_PAGE:
        return refused(request, visit, f"image: 1 to {IMAGES_PER_PAGE} keys of images")
    try:
        wanted = _label_of(request.POST, visit.dataset)
    except SelectionInvalid as error:
        return refused(request, visit, str(error))
    label_images(visit.user, visit.dataset, keys, wanted, request.POST.get("why", "")[:MAX_WHY_CHARS])
    return _tiles(request, visit, keys)


@require_POST
@in_dataset(Role.LABELLER)
def undo_last(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Undo the last change of the user's own; answers with the tiles of its images."""
    try:
        change = labelling.undo_last(visit.user, visit.dataset)
    except LabellingRefused as error:
        return refused(request, visit, str(error), 409)
    if change is None:
        return HttpResponse(status=204)
    keys = list(change.labellings.order_by("pk").values_list("image_id", flat=True)[:IMAGES_PER_PAGE])
    return _tiles(request, visit, keys)


@require_POST
@in_dataset(Role.REVIEWER)
def label_selection(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Label all images of a selection; asks first, as long as `sure` does not say how many they are."""
    try:
        selection = read_selection(request.POST.dict(), classes_of(visit.dataset))
        wanted = _label_of(request.POST, visit.dataset, "new_label")
    except SelectionInvalid as error:
        return refused(request, visit, str(error))
    images = chosen(visit.dataset, selection)
    count, why = images.count(), request.POST.get("why", "")[:MAX_WHY_CHARS]
    if request.POST.get("sure") != str(count):
        name = wanted.name if wanted else NO_LABEL
        asked = {"visit": visit, "count": count, "label": name, "why": why, "fields": selection.as_fields()}
        return render(request, "images/sure.html", asked)
    label_all(visit.user, visit.dataset, images, wanted, why)
    return redirect("history", visit.dataset.name)


@require_GET
@in_dataset(Role.VIEWER)
def history(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """All changes of labels, the newest first."""
    changes = visit.dataset.changes.select_related("by", "undone_by").order_by("-pk")
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit():
        changes = changes.filter(pk__lt=int(before))
    shown = list(changes[:100])
    return render(
        request, "images/history.html", {"visit": visit, "changes": shown, "is_whole": len(shown) < 100}
    )


@require_POST
@in_dataset(Role.LABELLER)
def undo_change(request: HttpRequest, visit: Visit, change_id: int) -> HttpResponseBase:
    """Undo a change: one's own, or as a reviewer anybody's."""
    change = get_object_or_404(visit.dataset.changes, pk=change_id)
    try:
        undo_as_visitor(visit, change)
    except NotTheirs as error:
        return refused(request, visit, str(error), 403)
    except LabellingRefused as error:
        return refused(request, visit, str(error), 409)
    return redirect("history", visit.dataset.name)


def refused(request: HttpRequest, visit: Visit, reason: str, status: int = 400) -> HttpResponse:
    """A page that says in one line what was wrong."""
    return render(request, "images/refused.html", {"visit": visit, "reason": reason}, status=status)


def classes_of(dataset: Dataset) -> dict[str, LabelClass]:
    """A data set's classes by name."""
    return {each.name: each for each in dataset.classes.all()}


def address_of_grid(visit: Visit) -> str:
    """The grid's path."""
    return f"/datasets/{visit.dataset.name}/"


def encoded(selection: Selection) -> str:
    """A selection as the query of an address."""
    fields = QueryDict(mutable=True)
    fields.update(selection.as_fields())
    return fields.urlencode()


def _label_of(fields: QueryDict, dataset: Dataset, name: str = "label") -> LabelClass | None:
    """The class that a form names; None for NO_LABEL."""
    wanted, classes = fields.get(name, ""), classes_of(dataset)
    if wanted == NO_LABEL:
        return None
    if wanted not in classes:
        raise SelectionInvalid(f"{name}: {wanted!r} is no class of this data set")
    return classes[wanted]


def _grid(visit: Visit, selection: Selection) -> dict[str, Any]:
    page, dataset = read_page(visit.dataset, selection), visit.dataset
    sources = dataset.images.exclude(source="").order_by("source").values_list("source", flat=True)
    return {
        "visit": visit,
        "images": page.images,
        "following": encoded(page.following) if page.following else "",
        "selection": selection,
        "fields": selection.as_fields(),
        "classes": dataset.classes.all(),
        "orders": tuple(ORDERS),
        "no_label": NO_LABEL,
        "sources": sources.distinct()[:MAX_SOURCES],
        "balance": balance_of(dataset),
    }


def balance_of(dataset: Dataset) -> list[tuple[str, int]]:
    """How many images each class has, in the order of the keys; those without a label last."""
    counts = dict(dataset.images.order_by().values_list("label").annotate(Count("pk")))
    listed = [(each.name, counts.get(each.pk, 0)) for each in dataset.classes.all()]
    return [*listed, (NO_LABEL, counts.get(None, 0))]


def _tiles(request: HttpRequest, visit: Visit, keys: list[int]) -> HttpResponse:
    images = visit.dataset.images.filter(pk__in=keys).select_related("label").order_by("pk")
    context = {"visit": visit, "images": images, "balance": balance_of(visit.dataset), "out_of_band": True}
    return render(request, "images/tiles.html", context)


def _twins(dataset: Dataset, image: Image) -> list[Image]:
    """Its near duplicates."""
    pairs = dataset.near_duplicates
    keys = [*pairs.filter(left=image).values_list("right", flat=True)]
    keys += [*pairs.filter(right=image).values_list("left", flat=True)]
    return list(dataset.images.filter(pk__in=keys[:50]).select_related("label"))
