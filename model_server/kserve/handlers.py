"""Handlers: what KServe's application answers where a request was refused, or something went wrong."""

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from model_server.errors import RequestError, RequestMalformed, ServerFault
from model_server.http.request_context import current_request
from model_server.http.request_middleware import render_refusal


def add_handlers(app: FastAPI) -> None:
    """Answer every error in the one shape that docs/api.md has, with no exception's text in it."""
    app.add_exception_handler(RequestError, _refuse)
    app.add_exception_handler(HTTPException, _no_such_route)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(Exception, _fault)


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)  # noqa: S101  registered for these alone
    if context := current_request.get(None):  # a probe has none
        context.refused = error.reason()
    status, headers, body = render_refusal(error)
    return Response(body, status, {name.decode(): value.decode() for name, value in headers})


async def _fault(request: Request, _: Exception) -> Response:
    return await _refuse(
        request, ServerFault("internal error")
    )  # the middleware sees the exception, and logs it


async def _no_such_route(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    body = orjson.dumps({"error": str(error.detail).lower()})
    return Response(body, error.status_code, error.headers, media_type="application/json")


async def _malformed(request: Request, _: Exception) -> Response:
    return await _refuse(
        request, RequestMalformed("the request does not have the shape that this route expects")
    )
