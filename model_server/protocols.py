"""The protocols: how each turns a body into items to score, and their results into an answer.

What lies between is the same for all of them: admission, the service, the deadline, the log, the metrics.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus

import orjson

from model_server.answers import Latency, render_response
from model_server.schema import Item, ItemResult, PredictRequest, parse_request
from model_server.v2_rest import InferRequest, parse_infer, render_infer

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a caller is sent."""

    status: HTTPStatus
    body: bytes
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})


Render = Callable[[Sequence[ItemResult], Latency], Answer]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A request of whatever protocol: its items, and what makes an answer of their results."""

    items: tuple[Item, ...]
    render: Render


Parse = Callable[[bytes | bytearray, Headers], Parsed]
"""Turns a body and the request's headers, in lower case, into a request; raises RequestMalformed."""


def parse_v1(body: bytes | bytearray, _: Headers, *, labels: Sequence[str], max_items: int) -> Parsed:
    """KServe's V1: see `schema` and `answers`."""
    request = parse_request(body, labels, max_items)
    return Parsed(request.items, partial(_render_v1, request=request, labels=labels))


def _render_v1(
    results: Sequence[ItemResult], latency: Latency, request: PredictRequest, labels: Sequence[str]
) -> Answer:
    status, document = render_response(results, latency, request, labels)
    return Answer(status, orjson.dumps(document))


def parse_v2(
    body: bytes | bytearray,
    headers: Headers,
    *,
    labels: Sequence[str],
    max_items: int,
    model: Mapping[str, str],
) -> Parsed:
    """The Open Inference Protocol over REST: see `v2_rest` and `v2`."""
    request = parse_infer(body, headers, labels, max_items)
    return Parsed(request.items, partial(_render_v2, request=request, labels=labels, model=model))


def _render_v2(
    results: Sequence[ItemResult],
    _: Latency,
    request: InferRequest,
    labels: Sequence[str],
    model: Mapping[str, str],
) -> Answer:
    return Answer(*render_infer(results, request, labels, model))
