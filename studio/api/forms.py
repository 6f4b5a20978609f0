"""Forms of the pages about tokens and applications."""

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from oauth2_provider.models import get_application_model

from studio.api.scopes import DEFAULT, DESCRIPTIONS
from studio.django_settings import STUDIO
from studio.people.models import User

Application = get_application_model()
LOOPBACK = ("127.0.0.1", "[::1]", "localhost")
GRANTS = (
    (Application.GRANT_AUTHORIZATION_CODE, "acts for whoever allows it (authorization code)"),
    (Application.GRANT_CLIENT_CREDENTIALS, "acts for one user (client credentials)"),
)
CLIENT_TYPES = (
    (Application.CLIENT_PUBLIC, "public: it cannot keep a secret"),
    (Application.CLIENT_CONFIDENTIAL, "confidential: it gets a secret"),
)


class TokenForm(forms.Form):
    """A new token."""

    name = forms.CharField(max_length=60, help_text="As the audit log tells it.")
    scope = forms.ChoiceField(
        choices=[(name, f"{name}: {told}") for name, told in DESCRIPTIONS.items()],
        initial=DEFAULT,
        help_text="Each allows what those before it do, and none more than your role.",
    )
    days = forms.IntegerField(
        min_value=1, max_value=STUDIO.api_token_days_max, initial=min(90, STUDIO.api_token_days_max)
    )


class ApplicationForm(forms.ModelForm):  # type: ignore[type-arg]  # it has none when it runs
    """A new application."""

    authorization_grant_type = forms.ChoiceField(label="It", choices=GRANTS)
    client_type = forms.ChoiceField(label="Kind", choices=CLIENT_TYPES)
    redirect_uris = forms.CharField(
        required=False,
        max_length=2000,
        label="Redirect addresses",
        help_text="Blanks between; https, or http on the user's own machine. They have to match exactly.",
    )
    user = forms.ModelChoiceField(
        User.objects.filter(is_active=True).order_by("username"),
        required=False,
        label="Acts for",
        help_text="Where it acts for one user: best one of its own, with no higher role than it needs.",
    )

    class Meta:
        model = Application
        fields = ("name", "authorization_grant_type", "client_type", "redirect_uris", "user")

    def clean_name(self) -> str:
        """It is told to users, so that there has to be one."""
        name: str = self.cleaned_data["name"].strip()
        if not name:
            raise ValidationError("Name it.")
        if Application.objects.filter(name=name).exists():
            raise ValidationError("There is one of that name already.")
        return name

    def clean_redirect_uris(self) -> str:
        """Unencrypted ones on the user's own machine alone; the model checks the rest."""
        text: str = self.cleaned_data["redirect_uris"]
        for uri in text.split():
            host = urlsplit(uri).netloc.rpartition(":")[0] or urlsplit(uri).netloc
            if urlsplit(uri).scheme.lower() == "http" and host not in LOOPBACK:
                raise ValidationError(f"{uri}: http is for the user's own machine alone.")
        return text

    def clean(self) -> dict[str, Any]:
        """What acts for one user has a user and a secret, and what acts for many has neither user."""
        values = super().clean() or self.cleaned_data
        is_for_one = values.get("authorization_grant_type") == Application.GRANT_CLIENT_CREDENTIALS
        if is_for_one != bool(values.get("user")):
            self.add_error("user", "Name a user where it acts for one, and nobody else.")
        if is_for_one and values.get("client_type") != Application.CLIENT_CONFIDENTIAL:
            self.add_error("client_type", "What acts for one user has to keep a secret.")
        if not is_for_one and values.get("redirect_uris") == "":
            self.add_error("redirect_uris", "Name an address to which it may send people back.")
        return values

    def _post_clean(self) -> None:
        """The model's own checks come last, as they tell of no field."""
        if not self.errors:
            super()._post_clean()  # type: ignore[misc]  # the stubs leave it out
