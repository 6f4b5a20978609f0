"""Pages: the data sets, and the members of one."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from logo_detection.artifact import OUT_OF_DOMAIN
from studio.images.access import Visit, in_dataset, visible_datasets
from studio.images.membership import NameTaken, make_dataset, set_member
from studio.images.models import DEFAULT_CLASSES, MAX_CLASSES, Dataset, is_plain_name
from studio.people.access import requires, user_of
from studio.people.models import Role, User


class DatasetForm(forms.ModelForm):  # type: ignore[type-arg]  # it has none when it runs
    """A new data set."""

    classes = forms.CharField(
        initial=" ".join(DEFAULT_CLASSES),
        max_length=600,
        help_text=f"At most {MAX_CLASSES}, spaces between; {OUT_OF_DOMAIN} is what is none of the others.",
    )

    class Meta:
        model = Dataset
        fields = ("name", "description")

    def clean_classes(self) -> list[str]:
        """Distinct plain names, `out_of_domain` among them."""
        names = self.cleaned_data["classes"].split()
        for name in names:
            is_plain_name(name)
        if len(set(names)) != len(names) or not 2 <= len(names) <= MAX_CLASSES or OUT_OF_DOMAIN not in names:
            raise ValidationError(f"two to {MAX_CLASSES} different names, and {OUT_OF_DOMAIN} is one of them")
        return list(names)


class MemberForm(forms.Form):
    """A user's role in a data set."""

    user = forms.ModelChoiceField(
        User.objects.filter(is_active=True).order_by("username"), to_field_name="username"
    )
    role = forms.TypedChoiceField(choices=Role.choices, coerce=int)


@require_GET
def home(request: HttpRequest) -> HttpResponseBase:
    """The data sets that the user may look at."""
    return render(request, "images/datasets.html", _home(request, DatasetForm()))


@require_POST
@requires(Role.TRAINER)
def add_dataset(request: HttpRequest) -> HttpResponseBase:
    """Make a data set."""
    form = DatasetForm(request.POST)
    if form.is_valid():
        values = form.cleaned_data
        try:
            made = make_dataset(user_of(request), values["name"], values["description"], values["classes"])
            return redirect("dataset", made.name)
        except NameTaken as error:
            form.add_error("name", str(error))
    return render(request, "images/datasets.html", _home(request, form), status=400)


@require_http_methods(["GET", "POST"])
@in_dataset(Role.ADMINISTRATOR)
def members(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Who may do what in a data set."""
    form = MemberForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        set_member(visit, form.cleaned_data["user"], Role(form.cleaned_data["role"]))
        return redirect("members", visit.dataset.name)
    listed = visit.dataset.members.select_related("user").order_by("user__username")
    status = 200 if request.method == "GET" else 400
    return render(
        request, "images/members.html", {"visit": visit, "form": form, "members": listed}, status=status
    )


def _home(request: HttpRequest, form: DatasetForm) -> dict[str, Any]:
    user = user_of(request)
    return {"datasets": visible_datasets(user), "form": form, "may_add": user.role >= Role.TRAINER}
