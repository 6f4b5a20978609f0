"""Authentication: whose request it is, by a personal token or one of OAuth. Browsers have their session."""

from dataclasses import dataclass

from oauth2_provider.models import get_access_token_model
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from studio.api.scopes import ceiling_of
from studio.api.tokens import PREFIX, digest_of, find_token
from studio.people.models import Role, User

SCHEME = "Bearer"
MAX_TOKEN_CHARS = 200
REFUSED = "The token is unknown, has expired, or has been revoked."
"""One message for all: who tries learns nothing from it."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request acts by where it is no browser's session.

    Attributes:
        name: For the audit log.
        key: Tells it from all others.
        ceiling: The highest role that it may use; its owner's own may be lower.
    """

    name: str
    key: str
    ceiling: Role


class TokenAuthentication(BaseAuthentication):
    """By the header `Authorization: Bearer TOKEN`, and by nothing in an address."""

    def authenticate(self, request: Request) -> tuple[User, Credential] | None:
        """The user and the credential; None: no token was sent.

        Raises:
            AuthenticationFailed: One was sent that is not valid.
        """
        scheme, _, sent = get_authorization_header(request).partition(b" ")
        if scheme.lower() != SCHEME.lower().encode():
            return None
        text = sent.strip().decode("latin-1")
        if not 0 < len(text) <= MAX_TOKEN_CHARS:
            raise AuthenticationFailed(REFUSED)
        user, credential = _by_personal_token(text) if text.startswith(PREFIX) else _by_oauth(text, request)
        user.through = credential.name
        return user, credential

    def authenticate_header(self, _: Request) -> str:
        """What strangers are told to send."""
        return f'{SCHEME} realm="studio"'


def ceiling(request: Request) -> Role:
    """The highest role that a request may use."""
    return request.auth.ceiling if isinstance(request.auth, Credential) else Role.ADMINISTRATOR


def _by_personal_token(text: str) -> tuple[User, Credential]:
    token = find_token(text)
    if token is None:
        raise AuthenticationFailed(REFUSED)
    return _checked(token.user, [token.scope], f"token {token.name}", f"personal-{token.pk}")


def _by_oauth(text: str, request: Request) -> tuple[User, Credential]:
    """A token that acts for a user, or by client credentials for the user whom its application acts for."""
    tokens = get_access_token_model().objects.select_related("user", "application__user")
    token = tokens.filter(token_checksum=digest_of(text)).first()
    if token is None or token.is_expired() or token.application is None:
        raise AuthenticationFailed(REFUSED)
    if not token.allows_audience(request.build_absolute_uri(request.path)):
        raise AuthenticationFailed(REFUSED)
    name, key = f"application {token.application}", f"application-{token.application_id}"
    return _checked(token.user or token.application.user, token.scope.split(), name, key)


def _checked(user: User | None, scopes: list[str], name: str, key: str) -> tuple[User, Credential]:
    highest = ceiling_of(scopes)
    if user is None or not user.is_active or highest is None:
        raise AuthenticationFailed(REFUSED)
    return user, Credential(name, f"{key}-{user.pk}", highest)
