"""OAuth: the page on which a user lets an application act for them, and what applications get tokens from.

The toolkit does the protocol, under the settings of `studio.django_settings`: authorization code with PKCE by
S256, and client credentials; no other grant.
"""

from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, JsonResponse
from oauth2_provider.views import AuthorizationView, RevokeTokenView, TokenView

from studio.api.throttles import AddressThrottle
from studio.content_security import allow_form_to
from studio.people import audit
from studio.people.access import user_of


class Authorize(AuthorizationView):
    """Asks the user, and sends the browser back to the application."""

    template_name = "api/authorize.html"

    def render_to_response(self, context: Any, **more: Any) -> Any:
        """Show the page, whose form may lead to the application that the toolkit has found in order."""
        response = super().render_to_response(context, **more)
        if "application" in context:
            parts = urlsplit(context["redirect_uri"])
            allow_form_to(response, f"{parts.scheme}://{parts.netloc}")
        return response

    def form_valid(self, form: Any) -> HttpResponse:
        """Do as the user said, and tell it."""
        response: HttpResponse = super().form_valid(form)
        if form.cleaned_data.get("allow") and response.status_code == 302:
            values = form.cleaned_data
            audit.record(user_of(self.request), "allow application", values["client_id"], values["scope"])
        return response


class Token(TokenView):
    """Gives applications tokens."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        """Give one, unless the address has asked too often."""
        answer: HttpResponse = _refused(request) or super().post(request, *args, **named)
        return answer


class Revoke(RevokeTokenView):
    """Revokes what an application has."""

    http_method_names = ("post",)

    def post(self, request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        """Revoke it, unless the address has asked too often."""
        answer: HttpResponse = _refused(request) or super().post(request, *args, **named)
        return answer


def _refused(request: HttpRequest) -> HttpResponse | None:
    throttle = AddressThrottle()
    if throttle.allow_request(request, None):
        return None
    told = {"error": "slow_down", "error_description": "too many requests from this address"}
    return JsonResponse(told, status=429, headers={"Retry-After": f"{throttle.wait() or 60:.0f}"})
