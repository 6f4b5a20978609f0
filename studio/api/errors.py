"""Errors: each of them has one shape, and domain errors their status.

{"error": "in one line", "code": "invalid", "fields": {"label": ["…"]}}
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response

from logo_detection.errors import ArtifactError, LogoDetectionError
from release.errors import GateClosed
from studio.background.claims import WorkRefused
from studio.disk_full import DISK_FULL, STATUS, is_disk_full
from studio.images.candidates import ImportRefused
from studio.images.labelling import LabellingRefused, NotTheirs
from studio.images.membership import NameTaken
from studio.images.selection import SelectionInvalid
from studio.images.versions import VersionRefused
from studio.publishing.active import ActivationRefused
from studio.publishing.publication import PublicationRefused
from studio.results.asking import ComparisonRefused
from studio.review.accepting import AcceptingRefused
from studio.review.deciding import DecisionRefused
from studio.review.posting import TooManyWaiting
from studio.review.scored_files import ScoredFileInvalid
from studio.runs.asking import TooManyRuns
from studio.trying.scoring import Busy
from training.errors import RecipeInvalid

LOG = logging.getLogger(__name__)

# The first that fits counts: a subclass stands before its class.
REFUSALS: Mapping[type[LogoDetectionError], tuple[int, str]] = {
    ImportRefused: (400, "import_refused"),
    SelectionInvalid: (400, "selection_invalid"),
    TooManyWaiting: (503, "too_many_waiting"),
    ScoredFileInvalid: (400, "scored_file_invalid"),
    RecipeInvalid: (400, "recipe_invalid"),
    WorkRefused: (409, "work_refused"),
    NotTheirs: (403, "not_theirs"),
    LabellingRefused: (409, "labelling_refused"),
    NameTaken: (409, "name_taken"),
    VersionRefused: (409, "version_refused"),
    TooManyRuns: (409, "too_many_runs"),
    ComparisonRefused: (409, "comparison_refused"),
    GateClosed: (409, "gate_closed"),
    PublicationRefused: (409, "publication_refused"),
    ActivationRefused: (409, "activation_refused"),
    ArtifactError: (409, "artifact_invalid"),
    DecisionRefused: (409, "decision_refused"),
    AcceptingRefused: (409, "accepting_refused"),
    Busy: (503, "busy"),
}


class BodyTooLarge(exceptions.APIException):
    status_code = 413
    default_code = "too_large"


class Conflict(exceptions.APIException):
    status_code = 409
    default_code = "conflict"


class PreconditionFailed(exceptions.APIException):
    status_code = 412
    default_detail = "It has changed since: read it again."
    default_code = "precondition_failed"


def answer_error(error: Exception, _: Mapping[str, Any]) -> Response:
    """The answer to a request that raised something."""
    if isinstance(error, exceptions.APIException):
        return _answer_api_exception(error)
    if isinstance(error, Http404):
        return refusal(404, "not_found", "There is no such thing, or you may not look at it.")
    if isinstance(error, PermissionDenied):
        return refusal(403, "permission_denied", "Your role does not allow this.")
    if isinstance(error, RequestDataTooBig):
        return refusal(413, "too_large", str(error))
    if isinstance(error, SuspiciousOperation):
        return refusal(400, "malformed", "The request is malformed.")
    for kind, (status, code) in REFUSALS.items():
        if isinstance(error, kind):
            retry_after_s = 10 if status == 503 else None
            return refusal(status, code, _in_one_line(str(error)), retry_after_s=retry_after_s)
    LOG.error("a request to the API failed", exc_info=error)
    if is_disk_full(error):
        return refusal(STATUS, "disk_full", DISK_FULL)
    return refusal(500, "internal", "Something went wrong here: the log of the studio knows what.")


def refusal(
    status: int,
    code: str,
    message: str,
    fields: Mapping[str, list[str]] | None = None,
    retry_after_s: float | None = None,
) -> Response:
    """An answer in the one shape."""
    headers = {} if retry_after_s is None else {"Retry-After": f"{retry_after_s:.0f}"}
    return Response({"error": message, "code": code, "fields": fields or {}}, status, headers=headers)


def _answer_api_exception(error: exceptions.APIException) -> Response:
    if isinstance(error, exceptions.ValidationError):
        fields = dict(_flat(error.detail, ""))
        name, told = next(iter(fields.items()))
        return refusal(400, "invalid", f"{name}: {told[0]}" if name else told[0], fields)
    code = error.get_codes()
    retry_after_s = getattr(error, "wait", None)
    answer = refusal(error.status_code, str(code), str(error.detail), retry_after_s=retry_after_s)
    if challenge := getattr(error, "auth_header", None):
        answer["WWW-Authenticate"] = challenge
    return answer


def _flat(detail: Any, name: str) -> Iterator[tuple[str, list[str]]]:
    """What is wrong by the place of the field: `images.0.filename`; that with all of them has no name."""
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            own = "" if key == "non_field_errors" else str(key)
            yield from _flat(inner, ".".join(filter(None, (name, own))))
    elif isinstance(detail, list) and any(isinstance(inner, Mapping | list) for inner in detail):
        for number, inner in enumerate(detail):
            yield from _flat(inner, f"{name}.{number}".lstrip("."))
    else:
        texts = detail if isinstance(detail, list) else [detail]
        if texts:
            yield name, [str(text) for text in texts]


def _in_one_line(text: str) -> str:
    """A closed gate has a line for each miss, after one that ends with a colon."""
    first, *misses = (" ".join(line.split()) for line in text.splitlines())
    return f"{first} {'; '.join(misses)}".rstrip()
