"""Scores, for those who want nothing else."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from logo_detection.errors import ItemError
from logo_detection.pool.messages import Scored, Task
from logo_detection.scoring import SCORE_DECIMALS
from studio.api.base import ApiView
from studio.api.description import describes
from studio.api.requests import ScoreRequest
from studio.api.shapes import ScoreShape
from studio.django_settings import STUDIO
from studio.people.models import Role
from studio.trying.scoring import scorer_of_process, task_of, too_large


class Score(ApiView):
    """What the model says of some pictures. Nothing of them is kept."""

    roles = {"POST": Role.NONE}
    least_scope = Role.NONE
    requests = {"POST": ScoreRequest}

    @describes("score", ScoreShape, request=ScoreRequest)
    def post(self, request: Request) -> Response:
        """Score 1 to 50 pictures: `uploads` of a multipart body, or base64 as `images` of JSON."""
        asked = self.read(request)
        named = [
            *((file.name or "", task_of(file, STUDIO.file_max_size)) for file in asked.get("uploads", [])),
            *((file["filename"], _task_of_text(file["image"])) for file in asked.get("images", [])),
        ]
        tasks = [task for _, task in named if task is not None]
        found = scorer_of_process().score(tasks, STUDIO.score_timeout_s)
        outcomes = iter(found.outcomes)
        predictions = [
            {
                "filename": name,
                **_shown(next(outcomes) if task else too_large(STUDIO.file_max_size), found.labels),
            }
            for name, task in named
        ]
        return Response({"model": found.model, "predictions": predictions})


def _task_of_text(text: str) -> Task | None:
    """The same of base64 text, which is decoded in the fence."""
    return Task(text, is_base64=True) if len(text) <= STUDIO.file_max_size else None


def _shown(outcome: Scored | ItemError, labels: tuple[str, ...]) -> dict[str, Any]:
    if isinstance(outcome, ItemError):
        return {"error": {"code": outcome.code, "message": outcome.message}}
    rounded = (round(score, SCORE_DECIMALS) for score in outcome.scores)
    return {"scores": dict(zip(labels, rounded, strict=True))}
