"""Routes: what is served, and by which methods. Whatever else KServe has is closed.

KServe's own patterns are looser than the contract: they take `GET /v1/models/x:predict` for a model
named `x:predict`, and answer 405 where there is nothing at all.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from model_server.errors import MethodNotAllowed, RequestError, RouteNotFound

API_VERSION = "1.1"
READ = ("GET", "HEAD")
POST = ("POST",)
MODEL = "[^/:]+"  # MODEL_NAME has no colon
VERSION = "(/versions/[^/]+)?"


@dataclass(frozen=True, slots=True)
class Route:
    """A pattern of whole paths, and its methods."""

    path: re.Pattern[str]
    methods: tuple[str, ...]


ROUTES = (
    Route(re.compile(f"/v1/models/{MODEL}:predict"), POST),  # first, as what is asked for most
    Route(re.compile("/"), READ),
    Route(re.compile("/metrics"), READ),
    Route(re.compile(r"/openapi\.json"), READ),
    Route(re.compile("/v1/models"), READ),
    Route(re.compile(f"/v1/models/{MODEL}"), READ),
    Route(re.compile(f"/v1/models/{MODEL}:explain"), POST),
    Route(re.compile(f"/v2/models/{MODEL}{VERSION}/infer"), POST),
    Route(re.compile("/v2"), READ),
    Route(re.compile("/v2/health/(live|ready)"), READ),
    Route(re.compile(f"/v2/models/{MODEL}{VERSION}"), READ),
    Route(re.compile(f"/v2/models/{MODEL}{VERSION}/ready"), READ),
)


def routes_with(paths: Iterable[str]) -> tuple[Route, ...]:
    """All routes, and those of more files that are only read."""
    more = (Route(re.compile(re.escape(path)), READ) for path in paths)
    return (*ROUTES, *more)


def refusal(routes: Sequence[Route], method: str, path: str) -> RequestError | None:
    """Why a request goes no further than its first line, if it does not."""
    route = next((route for route in routes if route.path.fullmatch(path)), None)
    if route is None:
        return RouteNotFound("not found")
    if method not in route.methods:
        return MethodNotAllowed(route.methods)
    return None
