"""Published models: the gate, versions, and which of them is active."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from release.gate import findings
from studio.api.base import ApiView, DatasetView
from studio.api.description import describes, describes_page
from studio.api.paging import answer_page
from studio.api.requests import EmptyRequest, GateRequest, PublishRequest
from studio.api.result_shapes import ActiveShape, GateOfRunShape, GateShape, ModelShape, OneModelShape
from studio.django_settings import STUDIO
from studio.people.models import Role
from studio.publishing.active import activate, active_version, former_version, roll_back
from studio.publishing.forms import GateForm
from studio.publishing.gate import DEFAULTS, current_thresholds, set_thresholds, shown_thresholds
from studio.publishing.models import ArtifactVersion, GateSetting
from studio.publishing.publication import (
    PublicationRefused,
    delete_version,
    proposed_version,
    publish_run,
    why_kept,
)
from studio.publishing.server import ask_served
from studio.publishing.views import SHOWN, archive_of, card_of, evaluated


class GateOfRun(DatasetView):
    """How a run stands before the gate, and what was published of it."""

    roles = {"GET": Role.VIEWER}

    @describes("read-gate-of-run", GateOfRunShape)
    def get(self, request: Request, dataset: str, run_id: int) -> Response:
        """Read it."""
        run, document = evaluated(self.visit, run_id)
        found = list(findings(document, current_thresholds())) if document else []
        shown = {
            "findings": found,
            "missed": sum(each.is_missed() for each in found),
            "proposed_version": proposed_version(run, STUDIO.data) if document else "",
            "published": _models().filter(run=run).order_by("-pk")[:SHOWN],
        }
        return Response(GateOfRunShape(shown).data)


class Publish(DatasetView):
    """Publishing a run's model, if the gate lets it through."""

    roles = {"POST": Role.TRAINER}
    requests = {"POST": PublishRequest}

    @describes("publish-run", ModelShape, status=201, request=PublishRequest)
    def post(self, request: Request, dataset: str, run_id: int) -> Response:
        """Publish it under a version of its own."""
        run, document = evaluated(self.visit, run_id)
        asked = self.read(request)
        if document is None:
            raise PublicationRefused("the run has no evaluation yet")
        made = publish_run(self.user, run, document, asked["version"], asked["note"], STUDIO.data)
        return Response(ModelShape(made).data, 201)


class Models(ApiView):
    """All published versions, the newest first."""

    roles = {"GET": Role.VIEWER}

    @describes_page("list-models", ModelShape)
    def get(self, request: Request) -> Response:
        """List them."""
        return answer_page(request, _models(), lambda row: ModelShape(row).data)


class OneModel(ApiView):
    """A published version: its card, and what the gate found."""

    roles = {"GET": Role.VIEWER}

    @describes("read-model", OneModelShape)
    def get(self, request: Request, model_id: int) -> Response:
        """Read it."""
        found = get_object_or_404(_models(), pk=model_id)
        context = {
            "card": card_of(found),
            "is_active": active_version(STUDIO.data) == found,
            "why_kept": why_kept(found, ask_served(STUDIO), STUDIO.data),
        }
        return Response(OneModelShape(found, context=context).data)


class ModelArchive(ApiView):
    """A published version's files, as a zip archive."""

    roles = {"GET": Role.VIEWER}

    @describes("read-model-archive", OpenApiTypes.BINARY, media_type="application/zip")
    def get(self, request: Request, model_id: int) -> HttpResponseBase:
        """Download it."""
        return archive_of(self.user, model_id)


class Active(ApiView):
    """Which version is active, which is served, and which one a roll-back would make active."""

    roles = {"GET": Role.VIEWER}

    @describes("read-active-model", ActiveShape)
    def get(self, request: Request) -> Response:
        """Read it."""
        return Response(_active())


class Activate(ApiView):
    """Making a version the active one."""

    roles = {"POST": Role.ADMINISTRATOR}
    requests = {"POST": EmptyRequest}

    @describes("activate-model", ActiveShape, request=EmptyRequest)
    def post(self, request: Request, model_id: int) -> Response:
        """Make it so; a server serves it from its next start on."""
        activate(self.user, get_object_or_404(ArtifactVersion, pk=model_id), STUDIO.data)
        return Response(_active())


class RollBack(ApiView):
    """Making the version active again that the active one has replaced."""

    roles = {"POST": Role.ADMINISTRATOR}
    requests = {"POST": EmptyRequest}

    @describes("roll-back", ActiveShape, request=EmptyRequest)
    def post(self, request: Request) -> Response:
        """Go back; again, and it goes further back."""
        roll_back(self.user, STUDIO.data)
        return Response(_active())


class DeleteModel(ApiView):
    """Deleting a version's files; what is known of it stays."""

    roles = {"POST": Role.ADMINISTRATOR}
    requests = {"POST": EmptyRequest}

    @describes("delete-model", ModelShape, request=EmptyRequest)
    def post(self, request: Request, model_id: int) -> Response:
        """Delete them, unless the version is or may be served."""
        found = get_object_or_404(_models(), pk=model_id)
        delete_version(self.user, found, ask_served(STUDIO), STUDIO.data)
        return Response(ModelShape(_models().get(pk=found.pk)).data)


class Gate(ApiView):
    """The gate's thresholds, and how they came about."""

    roles = {"GET": Role.VIEWER, "PUT": Role.ADMINISTRATOR}
    requests = {"PUT": GateRequest}

    @describes("read-gate", GateShape)
    def get(self, request: Request) -> Response:
        """Read them."""
        return Response(_gate())

    @describes("set-gate", GateShape, request=GateRequest)
    def put(self, request: Request) -> Response:
        """Set all of them."""
        asked = self.read(request)
        form = GateForm({**DEFAULTS, **asked["thresholds"], "why": asked["why"]})
        if not form.is_valid():
            raise ValidationError(form.errors)
        set_thresholds(self.user, form.thresholds(), form.cleaned_data["why"])
        return Response(_gate())


def _models() -> QuerySet[ArtifactVersion]:
    return ArtifactVersion.objects.select_related("run__version__dataset", "published_by")


def _active() -> Mapping[str, Any]:
    shown: Mapping[str, Any] = ActiveShape(
        {
            "active": active_version(STUDIO.data),
            "served": ask_served(STUDIO),
            "former": former_version(STUDIO.data),
        }
    ).data
    return shown


def _gate() -> Mapping[str, Any]:
    history = GateSetting.objects.select_related("set_by").order_by("-pk")[:SHOWN]
    shown: Mapping[str, Any] = GateShape({"thresholds": shown_thresholds(), "history": history}).data
    return shown
