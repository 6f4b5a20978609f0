"""Characters that turn text round, or cannot be seen: in names of strangers they would pass one for another.

Those that join letters (U+200C, U+200D) stay: some scripts and emoji need them.
"""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

HIDDEN = re.compile("[\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


class HiddenCharactersMiddleware:
    """Writes them out in all pages, by their numbers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        response = self._get_response(request)
        is_page = response.get("Content-Type", "").startswith("text/html")
        if is_page and not response.streaming:
            response.content = written_out(response.content.decode()).encode()
        return response


def written_out(text: str) -> str:
    """A text in which they can be seen."""
    return HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
