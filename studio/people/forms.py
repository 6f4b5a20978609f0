"""Forms about people."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from studio.django_settings import STUDIO
from studio.people import audit
from studio.people.models import Role, User
from studio.people.throttle import count_failure, is_throttled

TOO_MANY = "Too many log-ins have failed. Try again later."


class LogInForm(AuthenticationForm):
    """Name and password, throttled."""

    def clean(self) -> dict[str, Any]:
        """Check the password, unless too many were wrong lately."""
        name = self.cleaned_data.get("username", "")
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        if is_throttled(name, address, STUDIO):
            raise ValidationError(TOO_MANY, code="throttled")
        try:
            return super().clean()
        except ValidationError:
            count_failure(name, address, STUDIO)
            audit.record(name or "nobody", "fail to log in", address)
            raise


class AddUserForm(forms.ModelForm):  # type: ignore[type-arg]  # it has none when it runs
    """A new user, whose first password the studio draws."""

    class Meta:
        model = User
        fields = ("username", "role")


class ChangeUserForm(forms.ModelForm):  # type: ignore[type-arg]  # it has none when it runs
    """What an administrator may change of a user."""

    role = forms.TypedChoiceField(choices=Role.choices, coerce=int)

    class Meta:
        model = User
        fields = ("role", "is_active")
