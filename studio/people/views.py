"""Pages about people: log-in, one's own password, users and their roles, the audit log."""

from typing import Any

from django.contrib.auth import views as auth_views
from django.contrib.auth.forms import AuthenticationForm
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from studio.people import audit
from studio.people.access import requires, user_of
from studio.people.accounts import add_user, draw_new_password
from studio.people.forms import AddUserForm, ChangeUserForm, LogInForm
from studio.people.models import AuditEntry, Role, User

ENTRIES_PER_PAGE = 100


class LogIn(auth_views.LoginView):
    """The one page that strangers see."""

    form_class = LogInForm
    template_name = "people/log_in.html"
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Log in."""
        response = super().form_valid(form)
        audit.record(user_of(self.request), "log in", self.request.META.get("REMOTE_ADDR", ""))
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        """Say what was wrong, with the status that says it to programs."""
        throttled = any(error.code == "throttled" for error in form.non_field_errors().as_data())
        return self.render_to_response(self.get_context_data(form=form), status=429 if throttled else 400)


class ChangePassword(auth_views.PasswordChangeView):
    """One's own password."""

    template_name = "people/password.html"
    success_url = reverse_lazy("home")

    def form_valid(self, form: Any) -> HttpResponse:
        """Change it."""
        with transaction.atomic():
            audit.record(user_of(self.request), "change own password", user_of(self.request).username)
            return super().form_valid(form)


@require_GET
@requires(Role.ADMINISTRATOR)
def people(request: HttpRequest) -> HttpResponseBase:
    """All users."""
    return render(request, "people/people.html", _listed(AddUserForm()))


@require_POST
@requires(Role.ADMINISTRATOR)
def add_person(request: HttpRequest) -> HttpResponseBase:
    """Add a user, and show the password once."""
    form = AddUserForm(request.POST)
    if not form.is_valid():
        return render(request, "people/people.html", _listed(form), status=400)
    user, password = add_user(user_of(request), form.cleaned_data["username"], form.cleaned_data["role"])
    return render(request, "people/new_password.html", {"person": user, "password": password}, status=201)


@require_http_methods(["GET", "POST"])
@requires(Role.ADMINISTRATOR)
def person(request: HttpRequest, person_id: int) -> HttpResponseBase:
    """A user's role, and whether they may log in."""
    found = get_object_or_404(User, pk=person_id)
    form = ChangeUserForm(request.POST or None, instance=found)
    if request.method == "GET" or not form.is_valid():
        status = 200 if request.method == "GET" else 400
        return render(request, "people/person.html", {"person": found, "form": form}, status=status)
    if found == user_of(request):
        form.add_error(None, "Nobody changes their own role: ask another administrator.")
        return render(request, "people/person.html", {"person": found, "form": form}, status=400)
    with transaction.atomic():
        form.save()
        details = f"{Role(found.role).label}, {'active' if found.is_active else 'not active'}"
        audit.record(user_of(request), "change user", found.username, details)
    return redirect("people")


@require_POST
@requires(Role.ADMINISTRATOR)
def new_password(request: HttpRequest, person_id: int) -> HttpResponseBase:
    """Draw a new password for a user, and show it once."""
    found = get_object_or_404(User, pk=person_id)
    password = draw_new_password(user_of(request), found)
    return render(request, "people/new_password.html", {"person": found, "password": password})


@require_GET
@requires(Role.ADMINISTRATOR)
def audit_log(request: HttpRequest) -> HttpResponseBase:
    """The audit log, the newest entries first."""
    pages = Paginator(AuditEntry.objects.order_by("-pk"), ENTRIES_PER_PAGE)
    return render(request, "people/audit.html", {"page": pages.get_page(request.GET.get("page"))})


def _listed(form: AddUserForm) -> dict[str, Any]:
    return {"people": User.objects.order_by("username"), "form": form}
