"""What all addresses of the API have in common: who may call them, how much they may send, and ETags."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from django.http import QueryDict
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import parse_etags
from rest_framework.exceptions import PermissionDenied
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from studio.api.authentication import ceiling
from studio.api.errors import BodyTooLarge, PreconditionFailed
from studio.api.scopes import scope_of
from studio.django_settings import STUDIO
from studio.images.access import Visit, visit_of
from studio.people.models import Role, User


class ApiView(APIView):
    """An address.

    Attributes:
        roles: By method, the role over all data sets that it takes; NONE: whoever is logged in.
        least_scope: The role whose scope a token needs even where its owner needs no role.
        requests: By method, what a request says; a page of the API shows it as a form.
        body_max_size: Bytes.
    """

    roles: ClassVar[Mapping[str, Role]]
    least_scope: ClassVar[Role] = Role.VIEWER
    requests: ClassVar[Mapping[str, type[Serializer]]] = {}
    body_max_size: ClassVar[int] = STUDIO.api_body_max_size
    http_method_names = ("get", "head", "post", "put")

    def initial(self, request: Request, *args: Any, **named: Any) -> None:
        """Turn away who may not, before anything of the body is read."""
        super().initial(request, *args, **named)
        if self._content_length(request) > self.body_max_size:
            raise BodyTooLarge(f"A request may have {self.body_max_size:,} bytes here.")
        needed = self.needed(request.method)
        if needed is None:
            return  # answered with 405
        if ceiling(request) < max(needed, self.least_scope):
            scope = scope_of(max(needed, self.least_scope))
            raise PermissionDenied(f"The token lacks the scope {scope!r}.", code="insufficient_scope")
        if self.role_of(request, **named) < needed:
            raise PermissionDenied("Your role does not allow this.")

    def needed(self, method: str) -> Role | None:
        """The role that a method takes; None: there is no such method here."""
        return self.roles.get("GET" if method == "HEAD" else method)

    def role_of(self, request: Request, **_: Any) -> Role:
        """The role of who calls."""
        return Role(min(self.user.role, ceiling(request)))

    @property
    def user(self) -> User:
        """Who calls."""
        user = self.request.user
        assert isinstance(user, User)  # noqa: S101  strangers have been turned away
        return user

    def read(self, request: Request) -> dict[str, Any]:
        """What the body says.

        Raises:
            ValidationError: A field of it is not valid.
        """
        found = self.requests[request.method](data=_filled_in(request.data))
        found.is_valid(raise_exception=True)
        values: dict[str, Any] = found.validated_data
        return values

    def finalize_response(self, request: Request, response: Any, *args: Any, **named: Any) -> Any:
        """Add an ETag to what was read, and leave the body out for whoever has it."""
        answer = super().finalize_response(request, response, *args, **named)
        patch_vary_headers(answer, ["Authorization", "Cookie"])
        is_json = isinstance(getattr(answer, "accepted_renderer", None), JSONRenderer)
        if request.method in ("GET", "HEAD") and answer.status_code == 200 and is_json:
            answer["ETag"] = etag_of(answer.data)
            answer["Cache-Control"] = "private, no-cache"
            return get_conditional_response(request, etag=answer["ETag"], response=answer)
        return answer

    @staticmethod
    def _content_length(request: Request) -> int:
        text = request.META.get("CONTENT_LENGTH") or "0"
        return int(text) if text.isascii() and text.isdigit() else 0


def _filled_in(data: Any) -> Any:
    """A body without the fields that a browser's form sends though nobody has filled them in."""
    if not isinstance(data, QueryDict):
        return data
    kept = QueryDict(mutable=True)
    for name, values in data.lists():
        if values != [""]:
            kept.setlist(name, values)
    return kept


class DatasetView(ApiView):
    """An address in a data set: `roles` are those in it. A stranger to it finds nothing here."""

    visit: Visit

    def role_of(self, request: Request, **named: Any) -> Role:
        """The role of who calls in the data set."""
        found = visit_of(self.user, named["dataset"])
        self.visit = replace(found, role=Role(min(found.role, ceiling(request))))
        return self.visit.role


def etag_of(data: Any) -> str:
    """The ETag of what an answer says."""
    return f'"{hashlib.sha256(JSONRenderer().render(data)).hexdigest()[:32]}"'


def check_match(request: Request, data: Any) -> None:
    """Hold what a request has read against what there is now.

    Raises:
        PreconditionFailed: It has `If-Match`, and that is another.
    """
    wanted = parse_etags(request.headers.get("If-Match", ""))
    if wanted and wanted != ["*"] and etag_of(data) not in wanted:
        raise PreconditionFailed


def with_etag(data: Any, status: int = 200) -> Response:
    """An answer to a change: what there is now, with its ETag."""
    return Response(data, status, headers={"ETag": etag_of(data)})
