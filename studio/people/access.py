"""Access: which role a page asks for. `LoginRequiredMiddleware` has turned strangers away before."""

from collections.abc import Callable
from functools import wraps

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from studio.people.models import Role, User

View = Callable[..., HttpResponseBase]
"""Given the request, and what its address names."""


def user_of(request: HttpRequest) -> User:
    """Who asks.

    Raises:
        PermissionDenied: Nobody is logged in.
    """
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def requires(role: Role) -> Callable[[View], View]:
    """A view for those who have this role, or a higher one, over all data sets; others get 403."""

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, **named: object) -> HttpResponseBase:
            if user_of(request).role < role:
                raise PermissionDenied
            return view(request, **named)

        return checked

    return decorate
