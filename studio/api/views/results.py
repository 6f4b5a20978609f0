"""Results of runs, and comparisons of two."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response

from evaluation.document import read_document
from evaluation.evaluate import DOCUMENT
from evaluation.report import remarks
from studio.api.base import DatasetView
from studio.api.description import describes, describes_page
from studio.api.paging import answer_page
from studio.api.requests import ComparisonRequest, EmptyRequest
from studio.api.result_shapes import ComparisonShape, EvaluationShape, ResultsShape
from studio.background.models import State
from studio.django_settings import STUDIO
from studio.images.access import Visit
from studio.people.models import Role
from studio.results.asking import ComparisonRefused, ask_for_comparison, cancel_evaluation, evaluate_again
from studio.results.figures import confusion_of, side_by_side, table_of
from studio.results.jobs import OTHER, read_difference
from studio.results.models import Evaluation
from studio.results.views import evaluations_of, file_of, picture_of, predictions_of, shown_gallery
from studio.runs.views import runs_of


class Results(DatasetView):
    """How good a run's model is, and what it gets wrong."""

    roles = {"GET": Role.VIEWER}

    @describes("read-results", ResultsShape)
    def get(self, request: Request, dataset: str, run_id: int) -> Response:
        """Read them."""
        run = get_object_or_404(runs_of(self.visit), pk=run_id)
        evaluation = evaluations_of(self.visit).filter(run=run, beside__isnull=True).first()
        values: dict[str, Any] = dict.fromkeys(("figures", "confusion", "remarks", "wrong"))
        if evaluation is not None and evaluation.state == State.DONE:
            folder = evaluation.folder(STUDIO.data)
            document = read_document(folder / DOCUMENT)
            values = {
                "figures": table_of(document),
                "confusion": confusion_of(document),
                "remarks": remarks(document["evaluation"]),
                "wrong": shown_gallery(self.visit, folder),
            }
        shape = ResultsShape({"evaluation": evaluation, **values}, context=_named(self.visit, evaluation))
        return Response(shape.data)


class Comparisons(DatasetView):
    """The comparisons of a run with others, the newest first."""

    roles = {"GET": Role.VIEWER, "POST": Role.TRAINER}
    requests = {"POST": ComparisonRequest}

    @describes_page("list-comparisons", EvaluationShape)
    def get(self, request: Request, dataset: str, run_id: int) -> Response:
        """List them."""
        run = get_object_or_404(runs_of(self.visit), pk=run_id)
        rows = evaluations_of(self.visit).filter(run=run, beside__isnull=False)
        return answer_page(request, rows, lambda row: EvaluationShape(row).data)

    @describes("compare-runs", ComparisonShape, status=201, request=ComparisonRequest)
    def post(self, request: Request, dataset: str, run_id: int) -> Response:
        """Ask for one, unless it is there."""
        run = get_object_or_404(runs_of(self.visit), pk=run_id)
        other = runs_of(self.visit).filter(pk=self.read(request)["other"]).first()
        if other is None:
            raise ComparisonRefused("other: is the number of a run of this data set")
        return Response(_compared(self.visit, ask_for_comparison(self.user, run, other)), 201)


class Comparison(DatasetView):
    """Two runs side by side, on the images that both held out: figures, and those on which they differ."""

    roles = {"GET": Role.VIEWER}

    @describes("read-comparison", ComparisonShape)
    def get(self, request: Request, dataset: str, run_id: int, other_id: int) -> Response:
        """Read it."""
        found = get_object_or_404(evaluations_of(self.visit), run=run_id, beside=other_id)
        return Response(_compared(self.visit, found))


class Document(DatasetView):
    """All numbers of an evaluation: the `evaluation.json` of `logo-evaluate`."""

    roles = {"GET": Role.VIEWER}

    @describes("read-evaluation-document", OpenApiTypes.BINARY, media_type="application/json")
    def get(self, request: Request, dataset: str, evaluation_id: int) -> HttpResponseBase:
        """Download it."""
        return file_of(self.visit, evaluation_id, DOCUMENT, "application/json")


class Predictions(DatasetView):
    """The scores that an evaluation gave each image."""

    roles = {"GET": Role.VIEWER}

    @describes("read-predictions", OpenApiTypes.BINARY, media_type="text/csv")
    def get(self, request: Request, dataset: str, evaluation_id: int) -> HttpResponseBase:
        """Download them."""
        return predictions_of(self.visit, evaluation_id)


class Picture(DatasetView):
    """A picture of an evaluation's gallery, or a heat map over it."""

    roles = {"GET": Role.VIEWER}

    @describes("read-evaluation-picture", OpenApiTypes.BINARY, media_type="image/*")
    def get(
        self, request: Request, dataset: str, evaluation_id: int, kind: str, number: int
    ) -> HttpResponseBase:
        """Read it."""
        return picture_of(self.visit, evaluation_id, kind, number)


class EvaluateAgain(DatasetView):
    """Beginning an evaluation again that has failed, or was cancelled."""

    roles = {"POST": Role.TRAINER}
    requests = {"POST": EmptyRequest}

    @describes("evaluate-again", EvaluationShape, request=EmptyRequest)
    def post(self, request: Request, dataset: str, evaluation_id: int) -> Response:
        """Begin it again; 409 where it is done, or about to end."""
        found = get_object_or_404(evaluations_of(self.visit), pk=evaluation_id)
        evaluate_again(self.user, found)
        found.refresh_from_db()
        return Response(EvaluationShape(found).data)


class CancelEvaluation(DatasetView):
    """Cancelling an evaluation."""

    roles = {"POST": Role.TRAINER}
    requests = {"POST": EmptyRequest}

    @describes("cancel-evaluation", EvaluationShape, request=EmptyRequest)
    def post(self, request: Request, dataset: str, evaluation_id: int) -> Response:
        """Cancel it; 409 where it has ended by itself."""
        found = get_object_or_404(evaluations_of(self.visit), pk=evaluation_id)
        cancel_evaluation(self.user, found)
        found.refresh_from_db()
        return Response(EvaluationShape(found).data)


def _compared(visit: Visit, evaluation: Evaluation) -> Mapping[str, Any]:
    values: dict[str, Any] = dict.fromkeys(("figures", "difference", "differing"))
    if evaluation.state == State.DONE:
        folder: Path = evaluation.folder(STUDIO.data)
        values = {
            "figures": side_by_side(*(read_document(each / DOCUMENT) for each in (folder, folder / OTHER))),
            "difference": read_difference(folder),
            "differing": shown_gallery(visit, folder),
        }
    shape = ComparisonShape({"evaluation": evaluation, **values}, context=_named(visit, evaluation))
    shown: Mapping[str, Any] = shape.data
    return shown


def _named(visit: Visit, evaluation: Evaluation | None) -> dict[str, object]:
    """What addresses of pictures name."""
    return {"dataset": visit.dataset.name, "evaluation": evaluation.pk if evaluation else None}
