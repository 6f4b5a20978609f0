"""Pages: one's own tokens, and the applications of OAuth."""

from typing import Any

from django.db import transaction
from django.db.models import Max
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST
from oauth2_provider.models import get_access_token_model, get_application_model, get_refresh_token_model

from studio.api.forms import ApplicationForm, TokenForm
from studio.api.tokens import TokenRefused, draw_token, forget_application, revoke_token
from studio.people import audit
from studio.people.access import requires, user_of
from studio.people.models import Role, User


@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest) -> HttpResponseBase:
    """One's own tokens, and the applications that act for one; a new token is shown once."""
    user, form = user_of(request), TokenForm(request.POST or None)
    if request.method == "GET":
        return render(request, "api/tokens.html", _tokens(user, TokenForm()))
    if form.is_valid():
        values = form.cleaned_data
        try:
            token, text = draw_token(user, values["name"], values["scope"], values["days"])
            return render(request, "api/new_token.html", {"token": token, "text": text}, status=201)
        except TokenRefused as error:
            form.add_error(None, str(error))
    return render(request, "api/tokens.html", _tokens(user, form), status=400)


@require_POST
def revoke(request: HttpRequest, token_id: int) -> HttpResponseBase:
    """Revoke one of one's own tokens, if it is still there."""
    user = user_of(request)
    if token := user.tokens.filter(pk=token_id).first():
        revoke_token(user, token)
    return redirect("tokens")


@require_POST
def forget(request: HttpRequest, application_id: int) -> HttpResponseBase:
    """Let an application act for one no longer."""
    found = get_object_or_404(get_application_model(), pk=application_id)
    forget_application(user_of(request), found.pk, found.name)
    return redirect("tokens")


@require_http_methods(["GET", "POST"])
@requires(Role.ADMINISTRATOR)
def applications(request: HttpRequest) -> HttpResponseBase:
    """All applications; the secret of a new one is shown once."""
    if request.method == "GET":
        return render(request, "api/applications.html", _applications(ApplicationForm()))
    form = ApplicationForm(request.POST)
    if not form.is_valid():
        return render(request, "api/applications.html", _applications(form), status=400)
    is_confidential = form.instance.client_type == form.instance.CLIENT_CONFIDENTIAL
    secret = form.instance.client_secret if is_confidential else ""  # saving leaves its hash alone
    with transaction.atomic():
        made = form.save()
        acts_for = made.user.username if made.user else "whoever allows it"
        audit.record(user_of(request), "add application", made.name, f"acts for {acts_for}")
    return render(request, "api/new_application.html", {"application": made, "secret": secret}, status=201)


@require_POST
@requires(Role.ADMINISTRATOR)
def delete_application(request: HttpRequest, application_id: int) -> HttpResponseBase:
    """Delete an application, and with it all tokens that it has."""
    found = get_object_or_404(get_application_model(), pk=application_id)
    with transaction.atomic():
        audit.record(user_of(request), "delete application", found.name)
        found.delete()
    return redirect("applications")


def _tokens(user: User, form: TokenForm) -> dict[str, Any]:
    access, refresh = get_access_token_model(), get_refresh_token_model()
    acting = {
        *access.objects.filter(user=user).values_list("application_id", flat=True),
        *refresh.objects.filter(user=user, revoked__isnull=True).values_list("application_id", flat=True),
    }
    allowed = get_application_model().objects.filter(pk__in=acting - {None}).order_by("name")
    own = access.objects.filter(user=user).values("application_id").annotate(until=Max("expires"))
    until = {row["application_id"]: row["until"] for row in own}
    return {
        "tokens": user.tokens.order_by("name"),
        "allowed": [(each, until.get(each.pk)) for each in allowed],
        "form": form,
    }


def _applications(form: ApplicationForm) -> dict[str, Any]:
    return {
        "applications": get_application_model().objects.select_related("user").order_by("name"),
        "form": form,
    }
