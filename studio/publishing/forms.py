"""Forms about artifact versions and the gate."""

import math
from dataclasses import fields
from typing import Any

from django import forms

from release.gate import RECALL_RATES, Thresholds
from studio.publishing.models import MAX_VERSION_CHARS, is_version

MAX_CLASS_IMAGES = 1_000_000


class PublishForm(forms.Form):
    """The version that a run's artifact gets."""

    version = forms.CharField(max_length=MAX_VERSION_CHARS, validators=[is_version])
    note = forms.CharField(max_length=300, required=False)


class GateForm(forms.Form):
    """The gate's thresholds, and why they are these."""

    why = forms.CharField(max_length=300, help_text="Stands in the audit log.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in fields(Thresholds):
            is_count = field.name == "min_class_images"
            self.fields[field.name] = forms.FloatField(
                label=field.name,
                min_value=0,
                max_value=MAX_CLASS_IMAGES if is_count else 1,
                required=field.name not in RECALL_RATES,
                help_text=_help(field.name, field.default),
            )
        self.order_fields([field.name for field in fields(Thresholds)])

    def thresholds(self) -> dict[str, float | None]:
        """As they were filled in; None: it is not looked at."""
        return {field.name: self.cleaned_data[field.name] for field in fields(Thresholds)}


def _help(name: str, default: Any) -> str:
    if name in RECALL_RATES:
        return "Empty: it is not looked at, as by default."
    assert math.isfinite(default)  # noqa: S101  the gate's defaults are numbers
    return f"{default:g} by default."
