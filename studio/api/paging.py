"""Paging: lists with the newest row first, some at a time, each page beginning before a row."""

from collections.abc import Callable
from typing import Any

from django.db.models import Model, QuerySet
from django.http import QueryDict
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

MAX_SIZE = 200
MAX_KEY = 2**63 - 1


@extend_schema_serializer(component_name="PageQuery")
class PageQuery(serializers.Serializer):
    """Which part of a list."""

    before = serializers.IntegerField(
        min_value=1, max_value=MAX_KEY, required=False, help_text="The key before which the page begins."
    )
    size = serializers.IntegerField(min_value=1, max_value=MAX_SIZE, default=100, help_text="Of the page.")


def read_query(request: Request, kind: type[serializers.Serializer]) -> dict[str, Any]:
    """What the query of an address asks for.

    Raises:
        ValidationError: A field of it is not valid.
    """
    query = kind(data=request.query_params)
    query.is_valid(raise_exception=True)
    values: dict[str, Any] = query.validated_data
    return values


def answer_page(
    request: Request, rows: QuerySet[Any], shown: Callable[[Any], dict[str, Any]] | type
) -> Response:
    """A page of rows, each as `shown` has it, and the address of the next page, if there is one."""
    wanted = read_query(request, PageQuery)
    size: int = wanted["size"]
    if before := wanted.get("before"):
        rows = rows.filter(pk__lt=before)
    found: list[Model] = list(rows.order_by("-pk")[: size + 1])
    results = [shown(row) for row in found[:size]]
    following = address(request, before=found[size - 1].pk, size=size) if len(found) > size else None
    return Response({"results": results, "next": following})


def address(request: Request, **changed: object) -> str:
    """The address of a request with another query, without a host: a proxy may have changed that."""
    query: QueryDict = request.query_params.copy()
    for name, value in changed.items():
        query[name] = str(value)
    return f"{request.path}?{query.urlencode()}"
