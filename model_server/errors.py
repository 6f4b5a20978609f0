"""Why a whole request is refused, and the one table from outcomes to HTTP statuses.

    RequestError
    ├── HeadMalformed        not HTTP/1.1, or too long a head          (connection)
    ├── RequestMalformed     not what the contract asks for            (parse)
    ├── BodyTooLarge         more bytes than a body may have           (middleware)
    ├── BodyEncoded          compressed, or encoded otherwise          (middleware)
    ├── RouteNotFound        no such route, or one kept closed         (middleware)
    ├── MethodNotAllowed     a route that takes other methods          (middleware)
    ├── ModelUnknown         another model's name                      (KServe's data plane)
    ├── NotExplainable       a model that has no heat maps             (service)
    ├── Overloaded           too many images admitted and unfinished   (admission)
    ├── MemoryExhausted      too many bytes of bodies and files held   (middleware)
    ├── NotReady             there are no warm workers                 (KServe's data plane)
    └── ServerFault          our fault; the log knows more             (middleware)

What costs one file alone is an `ItemError` of `logo_detection.errors`, and no business of this tree.
"""

import re
from collections.abc import Collection, Sequence
from functools import cache
from http import HTTPStatus
from typing import ClassVar

from logo_detection.errors import DeadlineExceeded, InternalError


class RequestError(Exception):
    """A whole request is refused; the message is shown to the caller."""

    retry: ClassVar[bool] = False
    """Whether the same request may succeed a little later."""

    @classmethod
    @cache
    def reason(cls) -> str:
        """The class's name as the log and the metrics have it: `body_too_large`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


class HeadMalformed(RequestError):
    """What came is not the head of an HTTP/1.1 request, or of more bytes than a head may have."""


class RequestMalformed(RequestError):
    """The body is not JSON, or not of the contract's shape."""


class BodyTooLarge(RequestError):
    """More bytes than BODY_MAX_SIZE."""


class BodyEncoded(RequestError):
    """The body has a Content-Encoding other than identity, or a Transfer-Encoding other than chunked."""


class RouteNotFound(RequestError):
    """There is nothing here, or nothing for callers."""


class MethodNotAllowed(RequestError):
    """The route exists, for other methods."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self.allow = ", ".join(allowed)
        super().__init__(f"method not allowed; this route takes {self.allow}")


class ModelUnknown(RequestError):
    """This server has one model, and it has another name."""


class NotExplainable(RequestError):
    """An explanation is asked for, and the model has no heat maps."""


class Overloaded(RequestError):
    """More images than QUEUE_MAX_IMAGES would be admitted and unfinished."""

    retry = True


class MemoryExhausted(RequestError):
    """More bytes than FETCH_MEMORY_MAX would be held, and none came free in time."""

    retry = True


class NotReady(RequestError):
    """Not every worker has warmed up."""

    retry = True


class ServerFault(RequestError):
    """Something unexpected went wrong here."""


STATUS: dict[type[RequestError], HTTPStatus] = {
    HeadMalformed: HTTPStatus.BAD_REQUEST,
    RequestMalformed: HTTPStatus.BAD_REQUEST,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    BodyEncoded: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    RouteNotFound: HTTPStatus.NOT_FOUND,
    MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    ModelUnknown: HTTPStatus.NOT_FOUND,
    NotExplainable: HTTPStatus.BAD_REQUEST,
    Overloaded: HTTPStatus.SERVICE_UNAVAILABLE,
    MemoryExhausted: HTTPStatus.SERVICE_UNAVAILABLE,
    NotReady: HTTPStatus.SERVICE_UNAVAILABLE,
    ServerFault: HTTPStatus.INTERNAL_SERVER_ERROR,
}


def status_of_items(codes: Collection[str | None]) -> HTTPStatus:
    """The status of a parsed request, from its items' error codes (None: it was scored)."""
    if None in codes:
        return HTTPStatus.OK
    if set(codes) == {DeadlineExceeded.code}:
        return HTTPStatus.GATEWAY_TIMEOUT
    if set(codes) == {InternalError.code}:
        return HTTPStatus.INTERNAL_SERVER_ERROR
    return HTTPStatus.UNPROCESSABLE_ENTITY
