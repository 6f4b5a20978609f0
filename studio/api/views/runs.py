"""Recipes, and the runs of a data set."""

from typing import Any

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from studio.api.base import ApiView, DatasetView
from studio.api.description import describes, describes_page
from studio.api.paging import answer_page
from studio.api.requests import EmptyRequest, RunRequest
from studio.api.shapes import OneRunShape, RecipeShape, RunShape
from studio.django_settings import STUDIO
from studio.images.access import Visit
from studio.people.models import Role
from studio.runs.asking import ask_for_run, cancel_run, resume_run
from studio.runs.models import Run
from studio.runs.progress import read_progress
from studio.runs.recipes import numbers_of, read_text, recipe_names
from studio.runs.views import artifact_of, log_of, runs_of


class Recipes(ApiView):
    """The recipes, and the numbers of each that a run may change."""

    roles = {"GET": Role.NONE}

    @describes("list-recipes", RecipeShape(many=True))
    def get(self, request: Request) -> Response:
        """List them."""
        found = [{"name": name, "numbers": numbers_of(read_text(name))} for name in recipe_names()]
        return Response(RecipeShape(found, many=True).data)


class Runs(DatasetView):
    """The runs of a data set, the newest first."""

    roles = {"GET": Role.VIEWER, "POST": Role.TRAINER}
    requests = {"POST": RunRequest}

    @describes_page("list-runs", RunShape)
    def get(self, request: Request, dataset: str) -> Response:
        """List them."""
        return answer_page(request, runs_of(self.visit), lambda row: RunShape(row).data)

    @describes("start-run", OneRunShape, status=201, request=RunRequest)
    def post(self, request: Request, dataset: str) -> Response:
        """Ask for one; it is trained when those before it are done."""
        asked = self.read(request)
        version = get_object_or_404(self.visit.dataset.versions, number=asked["version"])
        made = ask_for_run(self.user, version, asked["recipe"], asked["numbers"])
        return Response(_shown(made), 201)


class OneRun(DatasetView):
    """A run, and how far it is."""

    roles = {"GET": Role.VIEWER}

    @describes("read-run", OneRunShape)
    def get(self, request: Request, dataset: str, run_id: int) -> Response:
        """Read it."""
        return Response(_shown(_find(self.visit, run_id)))


class Log(DatasetView):
    """All that a run has said."""

    roles = {"GET": Role.VIEWER}

    @describes("read-log", OpenApiTypes.BINARY, media_type="text/plain")
    def get(self, request: Request, dataset: str, run_id: int) -> HttpResponseBase:
        """Download it."""
        return log_of(_find(self.visit, run_id))


class Artifact(DatasetView):
    """The model of a run that is done, as a zip archive."""

    roles = {"GET": Role.VIEWER}

    @describes("read-artifact", OpenApiTypes.BINARY, media_type="application/zip")
    def get(self, request: Request, dataset: str, run_id: int) -> HttpResponseBase:
        """Download it."""
        return artifact_of(self.visit, _find(self.visit, run_id))


class CancelRun(DatasetView):
    """Cancelling a run; its checkpoints stay."""

    roles = {"POST": Role.TRAINER}
    requests = {"POST": EmptyRequest}

    @describes("cancel-run", OneRunShape, request=EmptyRequest)
    def post(self, request: Request, dataset: str, run_id: int) -> Response:
        """Cancel it; 409 where it has ended by itself."""
        found = _find(self.visit, run_id)
        cancel_run(self.user, found)
        found.refresh_from_db()
        return Response(_shown(found))


class ResumeRun(DatasetView):
    """Having a run that failed or was cancelled go on from its last checkpoint."""

    roles = {"POST": Role.TRAINER}
    requests = {"POST": EmptyRequest}

    @describes("resume-run", OneRunShape, request=EmptyRequest)
    def post(self, request: Request, dataset: str, run_id: int) -> Response:
        """Resume it; 409 where it is done, or about to end."""
        found = _find(self.visit, run_id)
        resume_run(self.user, found)
        found.refresh_from_db()
        return Response(_shown(found))


def _find(visit: Visit, run_id: int) -> Run:
    return get_object_or_404(runs_of(visit), pk=run_id)


def _shown(run: Run) -> dict[str, Any]:
    progress = read_progress(run, STUDIO.data)
    return {**RunShape(run).data, "progress": OneRunShape().fields["progress"].to_representation(progress)}
