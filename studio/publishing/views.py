"""Pages: the gate, artifact versions, and which of them is active."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from evaluation.document import read_document
from evaluation.evaluate import DOCUMENT
from logo_detection.errors import LogoDetectionError
from release.errors import GateClosed
from release.gate import findings
from release.model_card import NAME as CARD
from studio.background.models import State
from studio.django_settings import STUDIO
from studio.images.access import Visit, in_dataset, role_in
from studio.images.views.grid import refused
from studio.images.zip_stream import stream_folder
from studio.people import audit
from studio.people.access import requires, user_of
from studio.people.models import Role, User
from studio.publishing.active import (
    ActivationRefused,
    activate,
    active_version,
    former_version,
    link_of,
    roll_back,
)
from studio.publishing.forms import GateForm, PublishForm
from studio.publishing.gate import current_thresholds, set_thresholds, shown_thresholds
from studio.publishing.models import Activation, ArtifactVersion, GateSetting
from studio.publishing.publication import (
    PublicationRefused,
    VersionTaken,
    delete_version,
    proposed_version,
    publish_run,
    why_kept,
)
from studio.publishing.server import ask_served
from studio.results.models import Evaluation
from studio.runs.models import Run
from studio.runs.views import runs_of

SHOWN = 200


@require_GET
@in_dataset(Role.VIEWER)
def gate_of_run(request: HttpRequest, visit: Visit, run_id: int) -> HttpResponseBase:
    """How a run stands before the gate."""
    run, document = evaluated(visit, run_id)
    form = PublishForm(initial={"version": proposed_version(run, STUDIO.data)}) if document else None
    return _gate_of_run(request, visit, run, document, form)


@require_POST
@in_dataset(Role.TRAINER)
def publish(request: HttpRequest, visit: Visit, run_id: int) -> HttpResponseBase:
    """Publish a run, if the gate lets it through."""
    run, document = evaluated(visit, run_id)
    if document is None:
        return refused(request, visit, "the run has no evaluation yet", 409)
    form = PublishForm(request.POST)
    if not form.is_valid():
        return _gate_of_run(request, visit, run, document, form, 400)
    version, note = form.cleaned_data["version"], form.cleaned_data["note"]
    try:
        made = publish_run(visit.user, run, document, version, note, STUDIO.data)
    except VersionTaken as error:
        form.add_error("version", str(error))
        return _gate_of_run(request, visit, run, document, form, 409)
    except GateClosed:
        return _gate_of_run(request, visit, run, document, form, 409)
    except LogoDetectionError as error:
        form.add_error(None, str(error))
        return _gate_of_run(request, visit, run, document, form, 409)
    if user_of(request).role >= Role.VIEWER:
        return redirect("model", made.pk)
    return redirect("publish", visit.dataset.name, run.pk)


@require_GET
@requires(Role.VIEWER)
def models(request: HttpRequest) -> HttpResponseBase:
    """All versions, which is active, and which is served."""
    return _models(request)


@require_GET
@requires(Role.VIEWER)
def model(request: HttpRequest, model_id: int) -> HttpResponseBase:
    """A version: its card, and what the gate found."""
    found = get_object_or_404(ArtifactVersion.objects.select_related("run__version__dataset"), pk=model_id)
    served = ask_served(STUDIO)
    context = {
        "model": found,
        "dataset": found.run.version.dataset,
        "card": card_of(found),
        "is_active": active_version(STUDIO.data) == found,
        "served": served,
        "why_kept": why_kept(found, served, STUDIO.data),
        "may_see_run": role_in(user_of(request), found.run.version.dataset) >= Role.VIEWER,
        "may_administer": user_of(request).role >= Role.ADMINISTRATOR,
    }
    return render(request, "publishing/model.html", context)


@require_GET
@requires(Role.VIEWER)
def archive(request: HttpRequest, model_id: int) -> HttpResponseBase:
    """A version's files."""
    return archive_of(user_of(request), model_id)


@require_POST
@requires(Role.ADMINISTRATOR)
def make_active(request: HttpRequest, model_id: int) -> HttpResponseBase:
    """Make a version the active one."""
    try:
        activate(user_of(request), get_object_or_404(ArtifactVersion, pk=model_id), STUDIO.data)
    except ActivationRefused as error:
        return _models(request, str(error))
    return redirect("models")


@require_POST
@requires(Role.ADMINISTRATOR)
def go_back(request: HttpRequest) -> HttpResponseBase:
    """Make the version active again that the active one has replaced."""
    try:
        roll_back(user_of(request), STUDIO.data)
    except ActivationRefused as error:
        return _models(request, str(error))
    return redirect("models")


@require_POST
@requires(Role.ADMINISTRATOR)
def delete(request: HttpRequest, model_id: int) -> HttpResponseBase:
    """Delete a version's files."""
    found = get_object_or_404(ArtifactVersion, pk=model_id)
    try:
        delete_version(user_of(request), found, ask_served(STUDIO), STUDIO.data)
    except PublicationRefused as error:
        return _models(request, str(error))
    return redirect("models")


@require_GET
@requires(Role.VIEWER)
def gate(request: HttpRequest) -> HttpResponseBase:
    """The gate's thresholds, and how they came about."""
    return _gate(request, GateForm(initial=asdict(current_thresholds())))


@require_POST
@requires(Role.ADMINISTRATOR)
def set_gate(request: HttpRequest) -> HttpResponseBase:
    """Set the thresholds."""
    form = GateForm(request.POST)
    if not form.is_valid():
        return _gate(request, form, 400)
    set_thresholds(user_of(request), form.thresholds(), form.cleaned_data["why"])
    return redirect("gate")


def archive_of(user: User, model_id: int) -> HttpResponseBase:
    """A version's files, 404 where they are deleted; the audit log tells who took them."""
    found = get_object_or_404(ArtifactVersion, pk=model_id, deleted_at=None)
    audit.record(user, "download artifact", found)
    pieces = stream_folder(found.folder(STUDIO.data), found.version)
    response = StreamingHttpResponse(pieces, content_type="application/zip")
    response["Content-Disposition"] = f'attachment; filename="{found.version}.zip"'
    return response


def card_of(model: ArtifactVersion) -> str:
    """A version's model card; empty where its files are deleted."""
    return (model.folder(STUDIO.data) / CARD).read_text() if model.deleted_at is None else ""


def evaluated(visit: Visit, run_id: int) -> tuple[Run, Mapping[str, Any] | None]:
    """A run, and what was found of its model; None as long as nothing is."""
    run = get_object_or_404(runs_of(visit), pk=run_id)
    found = Evaluation.objects.filter(run=run, beside__isnull=True, state=State.DONE).first()
    return run, read_document(found.folder(STUDIO.data) / DOCUMENT) if found else None


def _gate_of_run(
    request: HttpRequest,
    visit: Visit,
    run: Run,
    document: Mapping[str, Any] | None,
    form: forms.Form | None,
    status: int = 200,
) -> HttpResponse:
    found = list(findings(document, current_thresholds())) if document else []
    context = {
        "visit": visit,
        "run": run,
        "findings": found,
        "missed": sum(each.is_missed() for each in found),
        "form": form,
        "published": run.artifact_versions.order_by("-pk"),
    }
    return render(request, "publishing/run.html", context, status=status)


def _models(request: HttpRequest, error: str = "") -> HttpResponse:
    active, served = active_version(STUDIO.data), ask_served(STUDIO)
    context = {
        "models": ArtifactVersion.objects.select_related("run__version__dataset").order_by("-pk")[:SHOWN],
        "active": active,
        "served": served,
        "is_behind": active is not None and bool(served.version) and served.version != active.version,
        "former": former_version(STUDIO.data),
        "history": Activation.objects.select_related("version", "replaced", "by").order_by("-pk")[:SHOWN],
        "link": link_of(STUDIO.data),
        "thresholds": shown_thresholds(),
        "may_administer": user_of(request).role >= Role.ADMINISTRATOR,
        "error": error,
    }
    return render(request, "publishing/models.html", context, status=409 if error else 200)


def _gate(request: HttpRequest, form: GateForm, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "thresholds": shown_thresholds(),
        "history": GateSetting.objects.select_related("set_by").order_by("-pk")[:SHOWN],
        "may_administer": user_of(request).role >= Role.ADMINISTRATOR,
    }
    return render(request, "publishing/gate.html", context, status=status)
