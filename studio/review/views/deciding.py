"""Pages: the next item, disputes, and what reviewers decide about them."""

from pathlib import Path
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from studio.django_settings import STUDIO
from studio.images.store import FileStore
from studio.images.views.grid import refused
from studio.people.models import Role
from studio.review.access import QueueVisit, in_queue
from studio.review.deciding import (
    DecisionRefused,
    decide,
    last_decision,
    may_see_score,
    next_item,
    open_disputes,
    undo_last,
)
from studio.review.models import Answer, Item, Verdict
from studio.review.taking_in import heat_map_of
from studio.review.verdicts import NEEDED

MAX_AGE_S = 24 * 60 * 60
SHOWN = 20
SETTLED = (Verdict.YES, Verdict.NO, Verdict.UNSURE)


@require_GET
@in_queue(Role.REVIEWER)
def review(request: HttpRequest, found: QueueVisit) -> HttpResponseBase:
    """The next item to decide about, and the one before it."""
    reviewer = found.visit.user
    item = next_item(found.queue, reviewer)
    context = {
        "visit": found.visit,
        "queue": found.queue,
        "item": item,
        "sees_score": item is not None and may_see_score(reviewer, item),
        "last": last_decision(reviewer, found.queue),
        "disputes": open_disputes(found.queue, reviewer).count(),
    }
    return render(request, "review/review.html", context)


@require_POST
@in_queue(Role.REVIEWER)
def decide_item(request: HttpRequest, found: QueueVisit, item_id: int) -> HttpResponseBase:
    """Decide about an item; goes back to the queue, or to the disputes."""
    item = found.item(item_id)
    answer = request.POST.get("answer", "")
    if answer not in Answer:
        return refused(request, found.visit, f"answer: is one of {', '.join(Answer)}")
    try:
        decide(found.visit.user, item, Answer(answer))
    except DecisionRefused as error:
        return refused(request, found.visit, str(error), 409)
    page = "review-disputes" if request.POST.get("page") == "disputes" else "review-queue"
    return redirect(page, found.visit.dataset.name, found.queue.pk)


@require_POST
@in_queue(Role.REVIEWER)
def undo(request: HttpRequest, found: QueueVisit) -> HttpResponseBase:
    """Take back one's last decision in the queue."""
    try:
        undo_last(found.visit.user, found.queue)
    except DecisionRefused as error:
        return refused(request, found.visit, str(error), 409)
    return redirect("review-queue", found.visit.dataset.name, found.queue.pk)


@require_GET
@in_queue(Role.REVIEWER)
def disputes(request: HttpRequest, found: QueueVisit) -> HttpResponseBase:
    """Disputes between others, to be decided, without what they said; and settled ones, with it."""
    waiting = open_disputes(found.queue, found.visit.user)
    items = list(waiting[:SHOWN])
    context: dict[str, Any] = {
        "visit": found.visit,
        "queue": found.queue,
        "items": [(item, may_see_score(found.visit.user, item)) for item in items],
        "more": waiting.count() - len(items),
        "page": Paginator(_settled_disputes(found), SHOWN).get_page(request.GET.get("page")),
    }
    return render(request, "review/disputes.html", context)


@require_GET
@in_queue(Role.REVIEWER)
def picture(_: HttpRequest, found: QueueVisit, item_id: int) -> HttpResponseBase:
    """An item's picture."""
    return picture_of(found.item(item_id))


@require_GET
@in_queue(Role.REVIEWER)
def heat_map(_: HttpRequest, found: QueueVisit, item_id: int) -> HttpResponseBase:
    """An item's heat map, for those who may see its score."""
    return heat_map_for(found, found.item(item_id))


def picture_of(item: Item) -> HttpResponseBase:
    """An item's picture; 404 where there is none."""
    if item.file_id is None:
        raise Http404
    return _sent(FileStore(STUDIO.data).preview(item.file_id), "image/jpeg")


def heat_map_for(found: QueueVisit, item: Item) -> HttpResponseBase:
    """An item's heat map; 404 where there is none, or for those who may not see its score yet."""
    if item.file_id is None or not item.heat_map_by or not may_see_score(found.visit.user, item):
        raise Http404
    store, target = FileStore(STUDIO.data), found.queue.positive.name
    return _sent(heat_map_of(store, item.file_id, item.heat_map_by, target), "image/png")


def _settled_disputes(found: QueueVisit) -> QuerySet[Item]:
    """Items about which more than two had to decide, and are done."""
    items = found.queue.items.filter(verdict__in=SETTLED).annotate(count=Count("decisions"))
    return items.filter(count__gt=NEEDED).prefetch_related("decisions__by").order_by("-pk")


def _sent(path: Path, kind: str) -> HttpResponseBase:
    try:
        response = FileResponse(path.open("rb"), content_type=kind)
    except FileNotFoundError:
        raise Http404 from None
    response["Cache-Control"] = f"private, max-age={MAX_AGE_S}, immutable"
    return response
