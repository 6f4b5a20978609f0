"""Review queues: what comes in, what reviewers decide, and what a data set takes of it."""

from typing import Any

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from studio.api.base import DatasetView
from studio.api.description import describes, describes_page
from studio.api.inline_files import decoded
from studio.api.paging import answer_page
from studio.api.requests import (
    AcceptRequest,
    DecisionRequest,
    EmptyRequest,
    IntakeRequest,
    PostRequest,
    PostsRequest,
    QueueRequest,
)
from studio.api.review_shapes import (
    AcceptedShape,
    DecisionShape,
    IntakeProblemShape,
    IntakeShape,
    ItemShape,
    NextShape,
    OneQueueShape,
    PostedFilesShape,
    PostedShape,
    QueueShape,
    UndoneDecisionShape,
)
from studio.django_settings import STUDIO
from studio.images.views.grid import classes_of
from studio.people.models import Role
from studio.review.accepting import accept, waiting_items
from studio.review.access import QueueVisit
from studio.review.deciding import decide, last_decision, next_item, open_disputes, undo_last
from studio.review.models import Answer, Item
from studio.review.posting import Post, TooManyWaiting, poster_of
from studio.review.results import read_results
from studio.review.scored_files import ScoredFileInvalid
from studio.review.views.deciding import heat_map_for, picture_of
from studio.review.views.intakes import ask_for_intake, cancel
from studio.review.views.queues import QueueForm, make_queue, targets_of


class Queues(DatasetView):
    """The review queues of a data set, the newest first."""

    roles = {"GET": Role.VIEWER, "POST": Role.TRAINER}
    requests = {"POST": QueueRequest}

    @describes_page("list-review-queues", QueueShape)
    def get(self, request: Request, dataset: str) -> Response:
        """List them."""
        rows = self.visit.dataset.review_queues.select_related("positive", "made_by")
        return answer_page(request, rows, lambda row: QueueShape(row).data)

    @describes("make-review-queue", QueueShape, status=201, request=QueueRequest)
    def post(self, request: Request, dataset: str) -> Response:
        """Make one."""
        asked = self.read(request)
        positive = classes_of(self.visit.dataset).get(asked["positive"])
        form = QueueForm(self.visit.dataset, {**asked, "positive": positive.pk if positive else ""})
        if not form.is_valid():
            raise ValidationError(form.errors)
        return Response(QueueShape(make_queue(self.visit, form)).data, 201)


class QueueView(DatasetView):
    """An address in a review queue."""

    found: QueueVisit

    def role_of(self, request: Request, **named: Any) -> Role:
        """The role of who calls in the data set, which has to have the queue."""
        role = super().role_of(request, **named)
        queues = self.visit.dataset.review_queues.select_related("positive", "made_by")
        self.found = QueueVisit(self.visit, get_object_or_404(queues, pk=named["queue_id"]))
        return role

    def shown_item(self, item: Item) -> dict[str, Any]:
        """An item, as who calls may see it."""
        values: dict[str, Any] = ItemShape(item, context=self.named()).data
        return values

    def named(self) -> dict[str, object]:
        """Who calls, and what addresses of pictures name."""
        return {"reviewer": self.user, "dataset": self.visit.dataset.name}


class OneQueue(QueueView):
    """A review queue: precision of its alarms, and recall, as far as decisions tell."""

    roles = {"GET": Role.VIEWER}

    @describes("read-review-queue", OneQueueShape)
    def get(self, request: Request, dataset: str, queue_id: int) -> Response:
        """Read it."""
        queue = self.found.queue
        context = {"results": read_results(queue), "waiting": waiting_items(queue).count()}
        return Response(OneQueueShape(queue, context=context).data)


class Items(QueueView):
    """Posting a scored file. To post the same again changes nothing."""

    roles = {"POST": Role.TRAINER}
    requests = {"POST": PostRequest}

    @describes("post-scored-file", PostedShape, status=201, request=PostRequest)
    def post(self, request: Request, dataset: str, queue_id: int) -> Response:
        """Post one; reviewers see it once there is something to look at."""
        asked = self.read(request)
        upload = asked.pop("upload", None)
        post = _post_of(asked, None if upload is None else upload.read())
        item = poster_of(STUDIO).post(self.user, self.found.queue, post)
        return Response({"item": item.pk if item else None}, 201)


class ManyItems(QueueView):
    """Posting scored files, each for itself: one that is refused costs no other."""

    roles = {"POST": Role.TRAINER}
    requests = {"POST": PostsRequest}

    @describes("post-scored-files", PostedFilesShape, request=PostsRequest)
    def post(self, request: Request, dataset: str, queue_id: int) -> Response:
        """Post 1 to 50; answers in their order."""
        return Response({"results": [self._posted(file) for file in self.read(request)["files"]]})

    def _posted(self, asked: dict[str, Any]) -> dict[str, Any]:
        try:
            item = poster_of(STUDIO).post(self.user, self.found.queue, _post_of(asked, None))
        except TooManyWaiting as error:
            return {"error": {"code": "too_many_waiting", "message": str(error)}}
        except ScoredFileInvalid as error:
            return {"error": {"code": "scored_file_invalid", "message": str(error)}}
        return {"item": item.pk if item else None}


class Next(QueueView):
    """The item that you may decide about next; the same until you have."""

    roles = {"GET": Role.REVIEWER}

    @describes("read-next-item", NextShape)
    def get(self, request: Request, dataset: str, queue_id: int) -> Response:
        """Read it."""
        queue = self.found.queue
        told = {
            "item": next_item(queue, self.user),
            "last": last_decision(self.user, queue),
            "disputes": open_disputes(queue, self.user).count(),
        }
        return Response(NextShape(told, context=self.named()).data)


class Disputes(QueueView):
    """Disputes between others, which you may decide, without what they said."""

    roles = {"GET": Role.REVIEWER}

    @describes_page("list-disputes", ItemShape)
    def get(self, request: Request, dataset: str, queue_id: int) -> Response:
        """List them."""
        rows = open_disputes(self.found.queue, self.user).select_related("queue")
        return answer_page(request, rows, self.shown_item)


class OneItem(QueueView):
    """An item, as you may see it now."""

    roles = {"GET": Role.REVIEWER}

    @describes("read-item", ItemShape)
    def get(self, request: Request, dataset: str, queue_id: int, item_id: int) -> Response:
        """Read it."""
        return Response(self.shown_item(self.found.item(item_id)))


class ItemPicture(QueueView):
    """An item's picture."""

    roles = {"GET": Role.REVIEWER}

    @describes("read-item-picture", OpenApiTypes.BINARY, media_type="image/jpeg")
    def get(self, request: Request, dataset: str, queue_id: int, item_id: int) -> HttpResponseBase:
        """Read it."""
        return picture_of(self.found.item(item_id))


class ItemHeatMap(QueueView):
    """An item's heat map, for those who may see its score."""

    roles = {"GET": Role.REVIEWER}

    @describes("read-item-heat-map", OpenApiTypes.BINARY, media_type="image/png")
    def get(self, request: Request, dataset: str, queue_id: int, item_id: int) -> HttpResponseBase:
        """Read it."""
        return heat_map_for(self.found, self.found.item(item_id))


class Decide(QueueView):
    """Deciding about an item."""

    roles = {"POST": Role.REVIEWER}
    requests = {"POST": DecisionRequest}

    @describes("decide", DecisionShape, request=DecisionRequest)
    def post(self, request: Request, dataset: str, queue_id: int, item_id: int) -> Response:
        """Say what it is. To say the same again changes nothing."""
        item = self.found.item(item_id)
        made = decide(self.user, item, Answer(self.read(request)["answer"]))
        return Response(DecisionShape(made).data)


class UndoDecision(QueueView):
    """Taking back your last decision in a queue."""

    roles = {"POST": Role.REVIEWER}
    requests = {"POST": EmptyRequest}

    @describes("undo-decision", UndoneDecisionShape, request=EmptyRequest)
    def post(self, request: Request, dataset: str, queue_id: int) -> Response:
        """Take it back; null: there is none."""
        item = undo_last(self.user, self.found.queue)
        return Response({"item": item.pk if item else None})


class Accept(QueueView):
    """Having a data set take what reviewers agree on: its next version has it."""

    roles = {"POST": Role.TRAINER}
    requests = {"POST": AcceptRequest}

    @describes("accept-items", AcceptedShape, request=AcceptRequest)
    def post(self, request: Request, dataset: str, queue_id: int) -> Response:
        """Have it take them; at most 1,000 at once."""
        wanted = self.read(request)["into"] or self.visit.dataset.name
        targets = {each.name: each for each in targets_of(self.visit)}
        if wanted not in targets:
            raise ValidationError({"into": ["It is no data set into which you may import."]})
        accepted = accept(self.user, self.found.queue, targets[wanted])
        return Response({"accepted": accepted, "waiting": waiting_items(self.found.queue).count()})


class Intakes(QueueView):
    """What has come into a queue, the newest first."""

    roles = {"GET": Role.VIEWER, "POST": Role.TRAINER}
    requests = {"POST": IntakeRequest}

    @describes_page("list-intakes", IntakeShape)
    def get(self, request: Request, dataset: str, queue_id: int) -> Response:
        """List them."""
        rows = self.found.queue.intakes.select_related("asked_by")
        return answer_page(request, rows, lambda row: IntakeShape(row).data)

    @describes("take-table-in", IntakeShape, status=201, request=IntakeRequest)
    def post(self, request: Request, dataset: str, queue_id: int) -> Response:
        """Have a table taken in."""
        asked = self.read(request)
        return Response(IntakeShape(ask_for_intake(self.found, asked["table"], asked["pictures"])).data, 201)


class OneIntake(QueueView):
    """An intake, and how far it is."""

    roles = {"GET": Role.VIEWER}

    @describes("read-intake", IntakeShape)
    def get(self, request: Request, dataset: str, queue_id: int, intake_id: int) -> Response:
        """Read it."""
        return Response(IntakeShape(get_object_or_404(self.found.queue.intakes, pk=intake_id)).data)


class IntakeProblems(QueueView):
    """The rows that an intake refused, and pictures that nobody can see, the last first."""

    roles = {"GET": Role.VIEWER}

    @describes_page("list-intake-problems", IntakeProblemShape)
    def get(self, request: Request, dataset: str, queue_id: int, intake_id: int) -> Response:
        """List them."""
        found = get_object_or_404(self.found.queue.intakes, pk=intake_id)
        return answer_page(request, found.problems.all(), lambda row: IntakeProblemShape(row).data)


class CancelIntake(QueueView):
    """Cancelling an intake; what it has brought stays."""

    roles = {"POST": Role.TRAINER}
    requests = {"POST": EmptyRequest}

    @describes("cancel-intake", IntakeShape, request=EmptyRequest)
    def post(self, request: Request, dataset: str, queue_id: int, intake_id: int) -> Response:
        """Cancel it; 409 where it has ended by itself."""
        job = get_object_or_404(self.found.queue.intakes, pk=intake_id)
        cancel(self.found, job)
        job.refresh_from_db()
        return Response(IntakeShape(job).data)


def _post_of(asked: dict[str, Any], uploaded: bytes | None) -> Post:
    """A scored file with the picture that was uploaded, or that of its base64 text.

    Raises:
        ScoredFileInvalid: That is none.
    """
    picture = uploaded
    if (text := asked.pop("picture", None)) is not None and (picture := decoded(text)) is None:
        raise ScoredFileInvalid("picture: is no base64")
    return Post(picture=picture, **asked)
