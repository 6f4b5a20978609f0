"""Rendering: an answer as a page, for people who look at the API in a browser.

It needs no script: links lead to what can be read, and a form sends what can be sent.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.template import loader
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer

# Ours, of characters that no address of another host and no markup has.
_ADDRESS = re.compile(r'"(/api/[A-Za-z0-9_./?=&%:,-]*)"')


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of a form.

    Attributes:
        name: As the body has it.
        kind: `text`, `file`, or `choice`.
        help: What it means.
        choices: Of a choice.
        is_required: Whether a request needs it.
    """

    name: str
    kind: str
    help: str
    choices: Sequence[str]
    is_required: bool


class PageRenderer(BaseRenderer):
    media_type = "text/html"
    format = "html"
    charset = "utf-8"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> str:
        """The page."""
        context = renderer_context or {}
        view, request, response = context["view"], context["request"], context["response"]
        may_post = request.user.is_authenticated and "POST" in getattr(view, "requests", {})
        page = {
            "name": view.get_view_name(),
            "description": view.get_view_description(),
            "status": f"{response.status_code} {response.status_text}",
            "content": with_links(JSONRenderer().render(data, renderer_context={"indent": 2}).decode()),
            "may_post": may_post,
            "fields": list(fields_of(view.requests["POST"]())) if may_post else [],
            "path": request.path,
        }
        return loader.render_to_string("api/page.html", page, request=request._request)


def with_links(text: str) -> SafeString:
    """JSON as markup, in which the addresses of the API are links, and all else is text."""
    pieces = _ADDRESS.split(text)
    parts = (_link(piece) if number % 2 else piece for number, piece in enumerate(pieces))
    return format_html_join("", "{}", ((part,) for part in parts))


def fields_of(request: serializers.Serializer) -> Iterator[FormField]:
    """The fields of a request that a form of a browser can send."""
    for name, field in request.fields.items():
        child = field.child if isinstance(field, serializers.ListField) else field
        if isinstance(child, serializers.BaseSerializer | serializers.DictField):
            continue
        kind, choices = "text", tuple[str, ...]()
        if isinstance(child, serializers.FileField):
            kind = "file"
        elif isinstance(child, serializers.ChoiceField):
            kind, choices = "choice", tuple(str(choice) for choice in child.choices)
        yield FormField(name, kind, str(field.help_text or ""), choices, field.required)


def _link(path: str) -> SafeString:
    return format_html('"<a href="{}">{}</a>"', path, path)
