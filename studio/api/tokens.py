"""Tokens: personal ones are drawn, found by what a request sends, and revoked."""

import hashlib
import secrets
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from oauth2_provider.models import get_access_token_model, get_grant_model, get_refresh_token_model

from logo_detection.errors import LogoDetectionError
from studio.api.models import PersonalToken
from studio.people import audit
from studio.people.models import User

PREFIX = "studio_"
"""Of every personal token, so that people and scanners of secrets know one when they see it."""
TOKEN_BYTES = 32
MAX_TOKENS = 20
"""Of a user."""
USE_IS_TOLD_EVERY = timedelta(hours=1)


class TokenRefused(LogoDetectionError):
    """No token is drawn. One line that says why."""


@transaction.atomic
def draw_token(by: User, name: str, scope: str, days: int) -> tuple[PersonalToken, str]:
    """Draw a token for a user. Returns its row, and the token, which is kept nowhere.

    Raises:
        TokenRefused: The user has one of that name, or MAX_TOKENS.
    """
    if by.tokens.filter(name=name).exists():
        raise TokenRefused(f"There is a token {name!r} already.")
    if by.tokens.count() >= MAX_TOKENS:
        raise TokenRefused(f"There are {MAX_TOKENS} tokens already.")
    text = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    expires_at = timezone.now() + timedelta(days=days)
    token = PersonalToken.objects.create(
        user=by, name=name, digest=digest_of(text), scope=scope, expires_at=expires_at
    )
    audit.record(by, "draw token", name, f"{scope}, for {days} days")
    return token, text


def find_token(text: str) -> PersonalToken | None:
    """The token that a request has sent, with its user; None: there is none, or it has expired."""
    now = timezone.now()
    found = PersonalToken.objects.select_related("user").filter(digest=digest_of(text), expires_at__gt=now)
    token = found.first()
    if token is not None:
        not_told = Q(used_at__isnull=True) | Q(used_at__lt=now - USE_IS_TOLD_EVERY)
        PersonalToken.objects.filter(not_told, pk=token.pk).update(used_at=now)
    return token


@transaction.atomic
def revoke_token(by: User, token: PersonalToken) -> None:
    """Revoke a token; its next request is a stranger's."""
    audit.record(by, "revoke token", token.name)
    token.delete()


@transaction.atomic
def forget_application(by: User, application_id: int, name: str) -> None:
    """Revoke all that a user has allowed an application to do for them."""
    own = {"user": by, "application_id": application_id}
    for model in (get_refresh_token_model(), get_access_token_model(), get_grant_model()):
        model.objects.filter(**own).delete()
    audit.record(by, "forget application", name)


def digest_of(text: str) -> str:
    """What is kept of a token: it is random and long, so that nobody finds it by trying."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()
