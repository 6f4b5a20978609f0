"""The first address, the description, and what is nowhere."""

from typing import Any

from django.http import Http404
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from studio.api.authentication import ceiling
from studio.api.base import ApiView
from studio.api.description import describes
from studio.api.shapes import RootShape
from studio.people.models import Role

ADDRESSES = ("datasets", "recipes", "models", "gate", "score", "audit", "schema")


class Root(ApiView):
    """Who you are, and where to go on."""

    roles = {"GET": Role.NONE}
    least_scope = Role.NONE

    @describes("root", RootShape)
    def get(self, request: Request) -> Response:
        """Tell it."""
        shown = {
            "user": self.user.username,
            "role": Role(min(self.user.role, ceiling(request))).label,
            "through": self.user.through,
            "addresses": {name: reverse(f"api-{name}") for name in ADDRESSES},
        }
        return Response(RootShape(shown).data)


class Schema(SpectacularAPIView):
    """The description of the API."""

    # Anybody who is logged in may read it, by any scope: it says no more than the documentation.
    http_method_names = ("get", "head")


@extend_schema(exclude=True)
class Nowhere(ApiView):
    """Any other address."""

    roles = dict.fromkeys(("GET", "POST", "PUT"), Role.NONE)
    least_scope = Role.NONE

    def get(self, request: Request, **_: Any) -> Response:
        """Say that there is nothing."""
        raise Http404

    post = put = get
