"""The description of the API, as OpenAPI has it."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers

from studio.api.paging import PageQuery
from studio.api.requests import EmptyRequest
from studio.api.scopes import DESCRIPTIONS
from studio.api.shapes import ErrorShape

STATUSES = {
    400: "The request is malformed, or says what cannot be.",
    401: "No token, or one that is not valid.",
    403: "The role or the scope does not allow this.",
    404: "There is no such thing, or the caller may not look at it.",
    405: "There is no such method here.",
    406: "There is no such representation.",
    409: "The state of things does not allow this.",
    412: "It has changed since: read it again.",
    413: "The body is too large.",
    415: "The body is neither JSON nor multipart.",
    429: "Too many requests within a minute.",
    503: "Busy.",
}
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag that was read: 412 where it has changed.",
)


class TokenScheme(OpenApiAuthenticationExtension):
    """A token in a header, however it was got."""

    target_class = "studio.api.authentication.TokenAuthentication"
    name = ("token", "oauth2")

    def get_security_definition(self, _: Any) -> list[dict[str, Any]]:
        """A personal token, or one of OAuth."""
        scopes = dict(DESCRIPTIONS)
        flows = {
            "authorizationCode": {
                "authorizationUrl": "/oauth/authorize",
                "tokenUrl": "/oauth/token",
                "refreshUrl": "/oauth/token",
                "scopes": scopes,
            },
            "clientCredentials": {"tokenUrl": "/oauth/token", "scopes": scopes},
        }
        return [{"type": "http", "scheme": "bearer"}, {"type": "oauth2", "flows": flows}]


def describes(
    name: str,
    answer: Any = None,
    *,
    status: int = 200,
    media_type: str = "",
    request: Any = None,
    query: Any = None,
    refusals: tuple[int, ...] = (),
    headers: tuple[OpenApiParameter, ...] = (),
) -> Callable[..., Any]:
    """Describe an operation: what it answers, what it is sent, and with which statuses it may refuse.

    Args:
        name: Of the operation.
        answer: What it answers; None: nothing.
        status: With which status.
        media_type: Of the answer, where it is a file.
        request: What it is sent.
        query: What its address may have.
        refusals: Statuses beside the usual ones.
        headers: What it may be sent beside the body.
    """
    usual = (400, 401, 403, 404, 405, 406, 429) if request is None else tuple(STATUSES)
    responses: dict[Any, Any] = {
        each: OpenApiResponse(ErrorShape, STATUSES[each]) for each in {*usual, *refusals}
    }
    responses[(status, media_type) if media_type else status] = answer
    queries = [] if query is None else [query]
    described: Callable[..., Any] = extend_schema(
        operation_id=name,
        request=request if request is not EmptyRequest else None,
        responses=responses,
        parameters=[*queries, *headers],
    )
    return described


def describes_page(name: str, shape: type[serializers.Serializer]) -> Callable[..., Any]:
    """Describe an operation that answers with a page of a list."""
    return describes(name, page_of(shape), query=PageQuery)


def page_of(shape: type[serializers.Serializer]) -> Any:
    """A page of a list of such rows."""
    return inline_serializer(
        f"{shape.__name__.removesuffix('Shape')}Page",
        {
            "results": shape(many=True),
            "next": serializers.CharField(allow_null=True, help_text="The next page's address."),
        },
    )
