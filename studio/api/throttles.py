"""Throttles: how many requests a user, a token, or an address may send in a minute.

They are counted in a cache that all processes of the studio share.
"""

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from studio.api.authentication import Credential
from studio.django_settings import STUDIO


class UserThrottle(SimpleRateThrottle):
    """All requests of a user, by whatever they come."""

    rate = f"{STUDIO.api_requests_per_minute}/min"

    def get_cache_key(self, request: Request, _: Any) -> str | None:
        """None: strangers get no further than this in any case."""
        return f"api-user-{request.user.pk}" if request.user.is_authenticated else None


class TokenThrottle(SimpleRateThrottle):
    """Those that come by one token, or by one application for one user."""

    rate = f"{STUDIO.api_token_requests_per_minute}/min"

    def get_cache_key(self, request: Request, _: Any) -> str | None:
        """None: a browser's session."""
        return f"api-{request.auth.key}" if isinstance(request.auth, Credential) else None


class AddressThrottle(SimpleRateThrottle):
    """Strangers who ask for tokens of OAuth, or revoke them."""

    rate = f"{STUDIO.api_token_requests_per_minute}/min"

    def get_cache_key(self, request: Any, _: Any) -> str:
        """By the address that the request came from."""
        return f"api-address-{request.META.get('REMOTE_ADDR', '')}"
