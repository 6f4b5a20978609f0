"""Pages: the runs of a data set."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from studio.background.claims import WorkRefused
from studio.background.models import State
from studio.django_settings import STUDIO
from studio.images.access import Visit, in_dataset
from studio.images.views.grid import refused
from studio.images.zip_stream import stream_folder
from studio.people import audit
from studio.people.models import Role
from studio.runs.asking import TooManyRuns, ask_for_run, cancel_run, resume_run
from studio.runs.models import Run
from studio.runs.process import ARTIFACT, LOG
from studio.runs.progress import HEIGHT, WIDTH, read_progress
from studio.runs.recipes import Number, numbers_of, read_text, recipe_names
from training.errors import RecipeInvalid


class NumbersForm(forms.Form):
    """The numbers of a recipe, each within its bounds."""

    def __init__(self, recipe: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for number in numbers_of(read_text(recipe)):
            self.fields[number.place] = _field(number)


def _field(number: Number) -> forms.Field:
    low, high = number.bounds.low, number.bounds.high
    kind: Any = forms.IntegerField if number.bounds.is_integer else forms.FloatField
    field: forms.Field = kind(
        label=number.place,
        initial=number.value,
        min_value=low,
        max_value=high,
        help_text=f"{low:,} to {high:,}",
    )
    return field


@require_GET
@in_dataset(Role.VIEWER)
def runs(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """The runs of a data set, the newest first."""
    context = {
        "visit": visit,
        "runs": runs_of(visit).order_by("-pk")[:200],
        "versions": visit.dataset.versions.order_by("-number"),
        "recipes": recipe_names(),
    }
    return render(request, "runs/runs.html", context)


@require_GET
@in_dataset(Role.TRAINER)
def new_run(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """The numbers of a recipe, to be changed."""
    return _new(request, visit, request.GET.get("version", ""), request.GET.get("recipe", ""))


@require_POST
@in_dataset(Role.TRAINER)
def add_run(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Ask for a run."""
    number, recipe = request.POST.get("version", ""), request.POST.get("recipe", "")
    if recipe not in recipe_names():
        return _new(request, visit, number, recipe)
    form = NumbersForm(recipe, request.POST)
    if form.is_valid():
        version = get_object_or_404(visit.dataset.versions, number=_number(number))
        try:
            made = ask_for_run(visit.user, version, recipe, form.cleaned_data)
            return redirect("run", visit.dataset.name, made.pk)
        except (RecipeInvalid, TooManyRuns) as error:
            form.add_error(None, str(error))
    return _new(request, visit, number, recipe, form)


@require_GET
@in_dataset(Role.VIEWER)
def run(request: HttpRequest, visit: Visit, run_id: int) -> HttpResponseBase:
    """How far a run is; asked by htmx, the part of the page that changes."""
    found = get_object_or_404(runs_of(visit), pk=run_id)
    context = {
        "visit": visit,
        "run": found,
        "progress": read_progress(found, STUDIO.data),
        "may_resume": found.state in (State.FAILED, State.CANCELLED),
        "width": WIDTH,
        "height": HEIGHT,
    }
    is_part = request.headers.get("HX-Request") == "true"
    return render(request, "runs/progress.html" if is_part else "runs/run.html", context)


@require_GET
@in_dataset(Role.VIEWER)
def log(_: HttpRequest, visit: Visit, run_id: int) -> HttpResponseBase:
    """All that a run has said."""
    found = get_object_or_404(runs_of(visit), pk=run_id)
    return log_of(found)


@require_GET
@in_dataset(Role.VIEWER)
def artifact(_: HttpRequest, visit: Visit, run_id: int) -> HttpResponseBase:
    """The model, as an archive."""
    return artifact_of(visit, get_object_or_404(runs_of(visit), pk=run_id))


@require_POST
@in_dataset(Role.TRAINER)
def cancel(request: HttpRequest, visit: Visit, run_id: int) -> HttpResponseBase:
    """Cancel a run."""
    found = get_object_or_404(runs_of(visit), pk=run_id)
    try:
        cancel_run(visit.user, found)
    except WorkRefused as error:
        return refused(request, visit, str(error), 409)
    return redirect("run", visit.dataset.name, run_id)


@require_POST
@in_dataset(Role.TRAINER)
def resume(request: HttpRequest, visit: Visit, run_id: int) -> HttpResponseBase:
    """Have a run go on from its last checkpoint."""
    found = get_object_or_404(runs_of(visit), pk=run_id)
    try:
        resume_run(visit.user, found)
    except WorkRefused as error:
        return refused(request, visit, str(error), 409)
    return redirect("run", visit.dataset.name, run_id)


def log_of(run: Run) -> HttpResponseBase:
    """The log as a file; 404 before the run has begun."""
    path = run.folder(STUDIO.data) / LOG
    if not path.exists():
        raise Http404
    name = f"{run.version.dataset.name}-run-{run.pk}.txt"
    kind = "text/plain; charset=utf-8"
    return FileResponse(path.open("rb"), as_attachment=True, filename=name, content_type=kind)


def artifact_of(visit: Visit, run: Run) -> HttpResponseBase:
    """The model as an archive, 404 before the run is done; the audit log tells who took it."""
    folder = run.folder(STUDIO.data) / ARTIFACT
    if run.state != State.DONE or not folder.is_dir():
        raise Http404
    audit.record(visit.user, "download model", f"{run.version}: run {run.pk}")
    name = f"{run.version.dataset.name}-run-{run.pk}"
    response = StreamingHttpResponse(stream_folder(folder, name), content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{name}.zip"'
    return response


def runs_of(visit: Visit) -> QuerySet[Run]:
    """The runs of a data set."""
    return Run.objects.filter(version__dataset=visit.dataset).select_related("version__dataset", "asked_by")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise Http404
    return int(text)


def _new(
    request: HttpRequest, visit: Visit, number: str, recipe: str, form: NumbersForm | None = None
) -> HttpResponseBase:
    """The form; 400 where one is given, which has errors."""
    if recipe not in recipe_names():
        return refused(request, visit, f"recipe: there is no {recipe!r}")
    version = get_object_or_404(visit.dataset.versions, number=_number(number))
    shown = {"visit": visit, "version": version, "recipe": recipe, "form": form or NumbersForm(recipe)}
    return render(request, "runs/new.html", shown, status=400 if form else 200)
