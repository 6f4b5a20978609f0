"""Throttle: after so many failed log-ins, further ones are refused unread until the window has passed.

Ten times as many are allowed to one name from all addresses, and from one address for all names: so a
stranger cannot easily lock out a user, and a proxy's address does not lock out everybody.
"""

from datetime import timedelta

from django.utils import timezone

from studio.people.models import MAX_NAME_CHARS, LogInFailure
from studio.settings import Settings

WIDE = 10


def is_throttled(name: str, address: str, settings: Settings) -> bool:
    """Whether a log-in by that name from that address is refused."""
    most = settings.log_in_failures_max
    recent = LogInFailure.objects.filter(at__gte=_begin(settings))
    by_name, by_address = recent.filter(name=name[:MAX_NAME_CHARS]), recent.filter(address=address)
    return (
        by_name.filter(address=address).count() >= most
        or by_name.count() >= WIDE * most
        or by_address.count() >= WIDE * most
    )


def count_failure(name: str, address: str, settings: Settings) -> None:
    """Count a failed log-in, and forget those before the window."""
    LogInFailure.objects.filter(at__lt=_begin(settings)).delete()
    LogInFailure.objects.create(name=name[:MAX_NAME_CHARS], address=address, at=timezone.now())


def _begin(settings: Settings) -> object:
    return timezone.now() - timedelta(seconds=settings.log_in_window_s)
