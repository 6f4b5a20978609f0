"""Claims: a runner takes a piece of work, says again and again that it lives, and finishes it.

Every step is one UPDATE with a condition, so that two runners never work on one row. Work whose runner has
not said for `stale_s` seconds that it lives is taken over by another; the former one, should it still live,
learns from its next heartbeat that the work is no longer its own, and leaves it.
"""

import secrets
from datetime import timedelta
from typing import TypeVar

from django.db.models import Q
from django.utils import timezone

from logo_detection.errors import LogoDetectionError
from studio.background.models import MAX_MESSAGE_CHARS, OPEN_STATES, State, Work

W = TypeVar("W", bound=Work)

HEARTBEAT_S = 2.0
STALE_S = 30.0


class Lost(LogoDetectionError):
    """Another runner has taken this work over."""


class Cancelled(LogoDetectionError):
    """Somebody has asked to cancel this work."""


class WorkRefused(LogoDetectionError):
    """Work cannot be cancelled, or go on, as it stands. One line."""


def claim_next(kind: type[W], stale_s: float = STALE_S) -> W | None:
    """Take the oldest piece of work that waits, or whose runner is gone. None: there is none."""
    now = timezone.now()
    is_gone = Q(state=State.RUNNING, heartbeat__lt=now - timedelta(seconds=stale_s))
    free = kind._default_manager.filter(Q(state=State.WAITING) | is_gone).order_by("pk")
    for work in free[:10]:
        token = secrets.token_hex(16)
        mine = kind._default_manager.filter(pk=work.pk, state=work.state, claim=work.claim)
        if mine.update(state=State.RUNNING, claim=token, heartbeat=now, started_at=work.started_at or now):
            work.refresh_from_db()
            return work
    return None


def beat(work: Work) -> None:
    """Say that the runner lives.

    Raises:
        Lost: The work is no longer its own.
        Cancelled: It shall end.
    """
    manager = type(work)._default_manager
    if not manager.filter(pk=work.pk, claim=work.claim, state=State.RUNNING).update(heartbeat=timezone.now()):
        raise Lost(f"{type(work).__name__} {work.pk} has been taken over")
    if manager.filter(pk=work.pk, cancel_asked=True).exists():
        raise Cancelled(f"{type(work).__name__} {work.pk} is cancelled")


def finish(work: Work, state: State, message: str = "") -> bool:
    """Write down what came of it. Returns whether the work was still the runner's own."""
    mine = type(work)._default_manager.filter(pk=work.pk, claim=work.claim, state=State.RUNNING)
    ended = mine.update(state=state, message=message[:MAX_MESSAGE_CHARS], ended_at=timezone.now())
    return ended == 1


def give_back(work: Work) -> None:
    """Let another runner go on with it: this one ends."""
    mine = type(work)._default_manager.filter(pk=work.pk, claim=work.claim, state=State.RUNNING)
    mine.update(state=State.WAITING, claim="")


def ask_to_cancel(work: Work) -> bool:
    """Cancel what waits now, and what runs soon. To ask for it again changes nothing.

    Returns:
        Whether this has asked for it.

    Raises:
        WorkRefused: It has ended by itself.
    """
    manager = type(work)._default_manager
    waiting = manager.filter(pk=work.pk, state=State.WAITING)
    if waiting.update(state=State.CANCELLED, ended_at=timezone.now()):
        return True
    if manager.filter(pk=work.pk, state__in=OPEN_STATES, cancel_asked=False).update(cancel_asked=True):
        return True
    now = manager.get(pk=work.pk)
    if now.state in (State.DONE, State.FAILED):
        raise WorkRefused(f"{_named(now)} is {now.state} already: there is nothing to cancel.")
    return False


def reopen(work: Work) -> bool:
    """Let a runner go on with what failed or was cancelled. To ask for it again changes nothing.

    Returns:
        Whether this has asked for it.

    Raises:
        WorkRefused: It is done, or is about to end, as somebody has cancelled it.
    """
    manager = type(work)._default_manager
    ended = manager.filter(pk=work.pk, state__in=(State.FAILED, State.CANCELLED))
    if ended.update(state=State.WAITING, claim="", cancel_asked=False, ended_at=None, message=""):
        return True
    now = manager.get(pk=work.pk)
    if now.state == State.DONE:
        raise WorkRefused(f"{_named(now)} is done already: only what has failed or was cancelled goes on.")
    if now.cancel_asked:
        raise WorkRefused(f"{_named(now)} is about to end, as it was cancelled: it can go on once it has.")
    return False


def _named(work: Work) -> str:
    return f"{type(work).__name__} {work.pk}"
