"""Pages: what comes into a review queue."""

from typing import Any

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from studio.background.claims import WorkRefused, ask_to_cancel
from studio.background.models import OPEN_STATES
from studio.django_settings import STUDIO
from studio.images.candidates import ImportRefused
from studio.images.folders import find_below
from studio.images.views.grid import refused
from studio.people import audit
from studio.people.models import Role
from studio.review.access import QueueVisit, in_queue
from studio.review.models import Intake

MAX_OPEN = 20
"""Intakes of a queue that wait or run."""


class IntakeForm(forms.Form):
    """A table of `logo-batch`, and where its pictures are."""

    table = forms.CharField(
        max_length=500,
        help_text="What logo-batch wrote, a folder or a file below the studio's folder for imports.",
    )
    pictures = forms.CharField(
        required=False,
        max_length=500,
        help_text="The folder there in which the table's names are looked up; without one, all of it.",
    )


@require_GET
@in_queue(Role.VIEWER)
def intakes(request: HttpRequest, found: QueueVisit) -> HttpResponseBase:
    """What has come into a queue, the newest first."""
    return render(request, "review/intakes.html", _intakes(found, IntakeForm()))


@require_POST
@in_queue(Role.TRAINER)
def add_intake(request: HttpRequest, found: QueueVisit) -> HttpResponseBase:
    """Have a table taken in."""
    form = IntakeForm(request.POST)
    if form.is_valid():
        try:
            made = ask_for_intake(found, form.cleaned_data["table"], form.cleaned_data["pictures"])
            return redirect("review-intake", found.visit.dataset.name, found.queue.pk, made.pk)
        except ImportRefused as error:
            form.add_error(error.field, str(error))
    return render(request, "review/intakes.html", _intakes(found, form), status=400)


@require_GET
@in_queue(Role.VIEWER)
def intake(request: HttpRequest, found: QueueVisit, intake_id: int) -> HttpResponseBase:
    """How far an intake is; asked by htmx, the part of the page that changes."""
    one = get_object_or_404(found.queue.intakes, pk=intake_id)
    context = {
        "visit": found.visit,
        "queue": found.queue,
        "intake": one,
        "problems": one.problems.order_by("pk")[:1000],
    }
    is_part = request.headers.get("HX-Request") == "true"
    return render(request, "review/intake_progress.html" if is_part else "review/intake.html", context)


@require_POST
@in_queue(Role.TRAINER)
def cancel_intake(request: HttpRequest, found: QueueVisit, intake_id: int) -> HttpResponseBase:
    """Cancel an intake; what it has brought stays."""
    one = get_object_or_404(found.queue.intakes, pk=intake_id)
    try:
        cancel(found, one)
    except WorkRefused as error:
        return refused(request, found.visit, str(error), 409)
    return redirect("review-intake", found.visit.dataset.name, found.queue.pk, one.pk)


@transaction.atomic
def ask_for_intake(found: QueueVisit, table: str, pictures: str) -> Intake:
    """Ask for the intake of a table, which the runner does.

    Args:
        found: The queue.
        table: What `logo-batch` wrote, below the studio's folder for imports.
        pictures: The folder there in which the table's names are looked up; empty: all of it.

    Raises:
        ImportRefused: There is no such file or folder, or too many intakes wait.
    """
    if found.queue.intakes.filter(state__in=OPEN_STATES).count() >= MAX_OPEN:
        raise ImportRefused(f"{MAX_OPEN} wait already.")
    root = STUDIO.import_folder
    if root is None:
        raise ImportRefused("tables are not read here: STUDIO_IMPORT_FOLDER is not set")
    made = Intake.objects.create(
        queue=found.queue,
        kind=Intake.Kind.TABLE,
        name=table,
        path=str(find_below(root, table, "table")),
        pictures=str(find_below(root, pictures, "pictures")) if pictures else "",
        asked_by=found.visit.user,
    )
    audit.record(found.visit.user, "take table in", found.queue, table)
    return made


@transaction.atomic
def cancel(found: QueueVisit, job: Intake) -> None:
    """Cancel an intake.

    Raises:
        WorkRefused: It has ended by itself.
    """
    if ask_to_cancel(job):
        audit.record(found.visit.user, "cancel intake", found.queue, job.name)


def _intakes(found: QueueVisit, form: IntakeForm) -> dict[str, Any]:
    listed = found.queue.intakes.select_related("asked_by").order_by("-pk")[:100]
    return {"visit": found.visit, "queue": found.queue, "intakes": listed, "form": form}
