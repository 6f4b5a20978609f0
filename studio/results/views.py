"""Pages: the results of a run, and two runs side by side."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from evaluation.document import read_document
from evaluation.evaluate import DOCUMENT, PAGE, PREDICTIONS
from evaluation.report import remarks
from studio.background.claims import WorkRefused
from studio.background.models import State
from studio.django_settings import STUDIO
from studio.images.access import Visit, in_dataset
from studio.images.views.grid import refused
from studio.people.models import Role
from studio.results.asking import ComparisonRefused, ask_for_comparison, cancel_evaluation, evaluate_again
from studio.results.figures import confusion_of, side_by_side, table_of
from studio.results.gallery import HEAT_MAPS, OTHER_HEAT_MAPS, PICTURES, Entry, read_gallery
from studio.results.jobs import OTHER, read_difference
from studio.results.models import Evaluation
from studio.runs.views import runs_of

MAX_AGE_S = 60 * 60
SUFFIXES: Mapping[str, str] = {PICTURES: ".jpg", HEAT_MAPS: ".png", OTHER_HEAT_MAPS: ".png"}
CAPTIONS: Mapping[str, str] = {
    PICTURES: "picture",
    HEAT_MAPS: "heat map",
    OTHER_HEAT_MAPS: "the other run's heat map",
}
KINDS: Mapping[str, str] = {".jpg": "image/jpeg", ".png": "image/png"}

REPORT_POLICY = (
    "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none';"
    " frame-ancestors 'none'; base-uri 'none'"
)
"""Of a page that is made of names from anywhere: it runs no script, and has an origin of its own, so that it
could do nothing here if it escaped one name too few. Its styles stand in it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry of a gallery on a page.

    Attributes:
        entry: What it is.
        image: The key of the data set's image, as long as it is there.
        pictures: Which there are of it: the name of each in its address, and what it is.
    """

    entry: Entry
    image: int | None
    pictures: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ShownGallery:
    """Some of the images that a model gets wrong, and how many there are in all."""

    total: int
    entries: tuple[Shown, ...]


@require_GET
@in_dataset(Role.VIEWER)
def results(request: HttpRequest, visit: Visit, run_id: int) -> HttpResponseBase:
    """How good a run's model is, and what it gets wrong."""
    run = get_object_or_404(runs_of(visit), pk=run_id)
    evaluation = run.evaluations.filter(beside__isnull=True).first()
    others = runs_of(visit).filter(state=State.DONE).exclude(pk=run.pk).order_by("-pk")[:100]
    comparisons = run.evaluations.filter(beside__isnull=False).order_by("-pk")[:100]
    context = {
        "visit": visit,
        "run": run,
        "evaluation": evaluation,
        "others": others,
        "comparisons": comparisons,
    }
    if evaluation is not None and evaluation.state == State.DONE:
        folder = evaluation.folder(STUDIO.data)
        document = read_document(folder / DOCUMENT)
        context |= {
            "table": table_of(document),
            "confusion": confusion_of(document),
            "remarks": remarks(document["evaluation"]),
            "gallery": shown_gallery(visit, folder),
        }
    return _answer(request, "results", context)


@require_POST
@in_dataset(Role.TRAINER)
def add_comparison(request: HttpRequest, visit: Visit, run_id: int) -> HttpResponseBase:
    """Ask for a run's evaluation beside another's."""
    run = get_object_or_404(runs_of(visit), pk=run_id)
    text = request.POST.get("other", "")
    wanted = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    other = runs_of(visit).filter(pk=wanted).first()
    try:
        if other is None:
            raise ComparisonRefused("other: is the number of a run of this data set")
        ask_for_comparison(visit.user, run, other)
    except ComparisonRefused as error:
        return refused(request, visit, str(error))
    return redirect("comparison", visit.dataset.name, run.pk, other.pk)


@require_GET
@in_dataset(Role.VIEWER)
def comparison(request: HttpRequest, visit: Visit, run_id: int, other_id: int) -> HttpResponseBase:
    """Two runs side by side: figures, and the images on which they differ."""
    evaluation = get_object_or_404(evaluations_of(visit), run=run_id, beside=other_id)
    context: dict[str, Any] = {"visit": visit, "run": evaluation.run, "evaluation": evaluation}
    if evaluation.state == State.DONE:
        folder = evaluation.folder(STUDIO.data)
        documents = [read_document(each / DOCUMENT) for each in (folder, folder / OTHER)]
        context |= {
            "table": side_by_side(*documents),
            "difference": read_difference(folder),
            "gallery": shown_gallery(visit, folder),
        }
    return _answer(request, "comparison", context)


@require_GET
@in_dataset(Role.VIEWER)
def report(_: HttpRequest, visit: Visit, evaluation_id: int) -> HttpResponseBase:
    """The page that `logo-evaluate` wrote, which can do nothing in the studio."""
    response = file_of(visit, evaluation_id, PAGE, "text/html; charset=utf-8")
    response["Content-Security-Policy"] = REPORT_POLICY
    return response


@require_GET
@in_dataset(Role.VIEWER)
def predictions(_: HttpRequest, visit: Visit, evaluation_id: int) -> HttpResponseBase:
    """The scores of each image."""
    return predictions_of(visit, evaluation_id)


@require_POST
@in_dataset(Role.TRAINER)
def again(request: HttpRequest, visit: Visit, evaluation_id: int) -> HttpResponseBase:
    """Begin an evaluation again that has failed, or was cancelled."""
    evaluation = get_object_or_404(evaluations_of(visit), pk=evaluation_id)
    try:
        evaluate_again(visit.user, evaluation)
    except WorkRefused as error:
        return refused(request, visit, str(error), 409)
    return _back(visit, evaluation)


@require_POST
@in_dataset(Role.TRAINER)
def cancel(request: HttpRequest, visit: Visit, evaluation_id: int) -> HttpResponseBase:
    """Cancel an evaluation."""
    evaluation = get_object_or_404(evaluations_of(visit), pk=evaluation_id)
    try:
        cancel_evaluation(visit.user, evaluation)
    except WorkRefused as error:
        return refused(request, visit, str(error), 409)
    return _back(visit, evaluation)


@require_GET
@in_dataset(Role.VIEWER)
def picture(_: HttpRequest, visit: Visit, evaluation_id: int, kind: str, number: int) -> HttpResponseBase:
    """A picture of a gallery, or a heat map over it."""
    return picture_of(visit, evaluation_id, kind, number)


def _back(visit: Visit, evaluation: Evaluation) -> HttpResponseBase:
    if evaluation.beside_id is not None:
        return redirect("comparison", visit.dataset.name, evaluation.run_id, evaluation.beside_id)
    return redirect("results", visit.dataset.name, evaluation.run_id)


def evaluations_of(visit: Visit) -> QuerySet[Evaluation]:
    """The evaluations of a data set's runs."""
    found = Evaluation.objects.filter(run__version__dataset=visit.dataset)
    return found.select_related("run__version__dataset", "beside__version__dataset", "asked_by")


def _answer(request: HttpRequest, page: str, context: dict[str, Any]) -> HttpResponseBase:
    """The page; asked by htmx, the part of it that changes."""
    part = "_part" if request.headers.get("HX-Request") == "true" else ""
    return render(request, f"results/{page}{part}.html", context)


def picture_of(visit: Visit, evaluation_id: int, kind: str, number: int) -> HttpResponseBase:
    """A picture of a gallery, or a heat map over it; 404 where there is none."""
    if kind not in SUFFIXES:
        raise Http404
    suffix = SUFFIXES[kind]
    response = file_of(visit, evaluation_id, f"{kind}/{number}{suffix}", KINDS[suffix])
    response["Cache-Control"] = f"private, max-age={MAX_AGE_S}"
    return response


def predictions_of(visit: Visit, evaluation_id: int) -> HttpResponseBase:
    """The scores of each image, as a table; 404 as long as there are none."""
    response = file_of(visit, evaluation_id, PREDICTIONS, "text/csv; charset=utf-8")
    name = f"{visit.dataset.name}-evaluation-{evaluation_id}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def file_of(visit: Visit, evaluation_id: int, name: str, kind: str) -> HttpResponseBase:
    """A file of an evaluation; 404 where there is none."""
    path: Path = get_object_or_404(evaluations_of(visit), pk=evaluation_id).folder(STUDIO.data) / name
    try:
        return FileResponse(path.open("rb"), content_type=kind)
    except FileNotFoundError:
        raise Http404 from None


def shown_gallery(visit: Visit, folder: Path) -> ShownGallery:
    """The gallery, with the keys of those images that the data set still has."""
    gallery = read_gallery(folder)
    digests = [entry.sha256 for entry in gallery.entries if entry.sha256]
    keys = dict(visit.dataset.images.filter(file__in=digests).values_list("file_id", "pk"))
    entries = (
        Shown(entry, keys.get(entry.sha256), tuple(_pictures(folder, entry))) for entry in gallery.entries
    )
    return ShownGallery(gallery.total, tuple(entries))


def _pictures(folder: Path, entry: Entry) -> Iterator[tuple[str, str]]:
    for kind, caption in CAPTIONS.items():
        if (folder / kind / f"{entry.number}{SUFFIXES[kind]}").exists():
            yield kind, caption
