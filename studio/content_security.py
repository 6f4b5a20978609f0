"""Content security: the header that lets a page load nothing but what the studio itself serves."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    )
)
FORM_TARGET = "_form_target"


def allow_form_to(response: HttpResponse, origin: str) -> None:
    """Let a page's form end at another origin: browsers hold redirects of it against the policy, too."""
    setattr(response, FORM_TARGET, origin)


class ContentSecurityMiddleware:
    """Adds `Content-Security-Policy` to an answer that has none of its own, and `no-store` likewise."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer."""
        response = self._get_response(request)
        target = getattr(response, FORM_TARGET, "")
        response.setdefault("Content-Security-Policy", f"{POLICY} {target}".rstrip())
        response.setdefault("Cache-Control", "no-store")
        return response
