"""Pages: one picture is scored, and shown with its heat map."""

import base64
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from logo_detection.errors import ItemError
from studio.content_security import POLICY
from studio.django_settings import STUDIO
from studio.images.inspection import Inspected, encode_jpeg, inspected_of
from studio.people.access import requires
from studio.people.models import Role
from studio.trying.scoring import Busy, scorer_of_process, task_of, too_large

PICTURES_IN_PAGE = POLICY.replace("img-src 'self'", "img-src 'self' data:")
"""Of the page that shows pictures which are kept nowhere: they stand in it."""


class TrialForm(forms.Form):
    """A picture."""

    picture = forms.FileField(help_text="Nothing of it is kept.")


@require_GET
@requires(Role.VIEWER)
def form(request: HttpRequest) -> HttpResponseBase:
    """The form."""
    return _answer(request, TrialForm())


@require_POST
@requires(Role.VIEWER)
def score(request: HttpRequest) -> HttpResponseBase:
    """Score the picture."""
    filled = TrialForm(request.POST, request.FILES)
    if not filled.is_valid():
        return _answer(request, filled, 400)
    file = filled.cleaned_data["picture"]
    try:
        if (task := task_of(file, STUDIO.file_max_size)) is None:
            raise too_large(STUDIO.file_max_size)
        found = scorer_of_process().score([task], STUDIO.score_timeout_s, is_shown=True)
        seen = inspected_of(found.outcomes[0], found.labels)
        if isinstance(seen, ItemError):
            raise seen
    except Busy as error:
        filled.add_error(None, str(error))
        return _answer(request, filled, 503)
    except ItemError as error:
        filled.add_error("picture", error.message)
        return _answer(request, filled, 422)
    return _answer(request, TrialForm(), name=file.name, model=found.model, **_shown(seen))


def _shown(seen: Inspected) -> dict[str, Any]:
    """What the page shows of a file."""
    overlay = seen.overlay
    return {
        "seen": seen,
        "scores": sorted(seen.scores.items(), key=lambda item: -item[1]),
        "picture": _uri(encode_jpeg(seen.preview), "image/jpeg"),
        "overlay": _uri(overlay, "image/png") if overlay else "",
    }


def _uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _answer(request: HttpRequest, shown: TrialForm, status: int = 200, **more: Any) -> HttpResponse:
    response = render(request, "trying/try.html", {"form": shown, **more}, status=status)
    response["Content-Security-Policy"] = PICTURES_IN_PAGE
    return response
