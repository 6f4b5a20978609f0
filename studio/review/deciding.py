"""Deciding: which item a reviewer is shown next, and how a decision is kept.

An item's row is locked while a decision about it is kept, so that reviewers who decide at once are put in an
order, and each decision counts in its place.
"""

import hashlib
from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from logo_detection.errors import LogoDetectionError
from studio.people import audit
from studio.people.models import User
from studio.people.undoing import wait_for_own_undoing
from studio.review.models import Answer, Decision, Item, Queue, Verdict
from studio.review.verdicts import verdict_of

SPREAD = 32
"""Of so many next items, each reviewer begins with another: those who work at once seldom meet at one."""

UNDO_S = 600


class DecisionRefused(LogoDetectionError):
    """A decision cannot be made, or undone. One line."""


def next_item(queue: Queue, reviewer: User) -> Item | None:
    """The item to show to a reviewer; the same until it is decided. None: there is no more."""
    # An open item has one decision at most, so that the first one tells. All of this is in one index.
    waiting = queue.items.filter(verdict=Verdict.OPEN, is_ready=True).exclude(first_by=reviewer)
    some = waiting.order_by("rank").values_list("key", flat=True)[:SPREAD]
    key = min(some, key=lambda each: _place_for(reviewer, each), default=None)
    return None if key is None else queue.items.get(key=key)


def open_disputes(queue: Queue, reviewer: User) -> QuerySet[Item]:
    """The disputes that a reviewer may decide: those between others."""
    own = Decision.objects.filter(by=reviewer, item=OuterRef("pk"))
    return queue.items.filter(~Exists(own), verdict=Verdict.DISPUTED).order_by("rank")


@transaction.atomic
def decide(by: User, item: Item, answer: Answer) -> Decision:
    """Keep a reviewer's decision about an item. To send the same one again changes nothing.

    Raises:
        DecisionRefused: The reviewer has decided otherwise already, or there is nothing to look at.
    """
    locked = Item.objects.select_for_update().get(pk=item.pk)
    former = locked.decisions.filter(by=by).first()
    if former is not None:
        if former.answer != answer:
            raise DecisionRefused("you have decided about this item already: undo that first")
        return former
    if not locked.is_ready:
        raise DecisionRefused("there is nothing to look at yet")
    made = Decision.objects.create(item=locked, by=by, answer=answer)
    _settle(locked)
    return made


@transaction.atomic
def undo_last(by: User, queue: Queue) -> Item | None:
    """Take back a reviewer's last decision in a queue. Returns its item; None: there is no decision.

    Raises:
        DecisionRefused: Somebody has decided after it, it is too old, or the item is in a data set already.
    """
    wait_for_own_undoing(by)
    last = last_decision(by, queue)
    if last is None:
        return None
    locked = Item.objects.select_for_update().get(pk=last.item_id)
    if locked.accepted_at is not None:
        raise DecisionRefused("the item is in a data set already")
    if last.at < timezone.now() - timedelta(seconds=UNDO_S):
        raise DecisionRefused(f"your last decision is more than {UNDO_S // 60} minutes old")
    if locked.decisions.filter(pk__gt=last.pk).exists():
        raise DecisionRefused("somebody has decided about it after you")
    last.delete()
    _settle(locked)
    audit.record(by, "undo decision", queue, f"{locked.filename}: {last.answer}")
    return locked


def last_decision(by: User, queue: Queue) -> Decision | None:
    """A reviewer's last decision in a queue."""
    own = Decision.objects.filter(by=by, item__queue=queue).select_related("item")
    return own.order_by("-pk").first()


def may_see_score(reviewer: User, item: Item) -> bool:
    """Whether a reviewer may see the score of an item, and its heat map: in a blind queue, after deciding."""
    return not item.queue.is_blind or item.decisions.filter(by=reviewer).exists()


def _settle(item: Item) -> None:
    decisions = list(item.decisions.order_by("pk").values_list("by", "answer"))
    item.first_by_id = decisions[0][0] if decisions else None
    item.verdict = verdict_of([Answer(answer) for _, answer in decisions])
    item.save(update_fields=["first_by", "verdict"])


def _place_for(reviewer: User, key: str) -> bytes:
    return hashlib.sha256(f"{reviewer.pk} {key}".encode()).digest()
