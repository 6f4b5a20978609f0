"""The gate's thresholds: `release`'s own, or what an administrator has set in their place."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from django.db import transaction

from release.gate import Thresholds, thresholds_of
from studio.people import audit
from studio.people.models import User
from studio.publishing.models import GateSetting

DEFAULTS: Mapping[str, float | None] = asdict(Thresholds())


@dataclass(frozen=True, slots=True)
class ShownThreshold:
    """A threshold as a page shows it: None is one that is not looked at."""

    name: str
    value: float | None
    default: float | None

    @property
    def is_changed(self) -> bool:
        return self.value != self.default


def current_thresholds() -> Thresholds:
    """Those that count now."""
    newest = GateSetting.objects.order_by("-pk").first()
    return thresholds_of(newest.values if newest else {})


def shown_thresholds() -> list[ShownThreshold]:
    """Those that count now, each beside its default."""
    return [
        ShownThreshold(name, value, DEFAULTS[name]) for name, value in asdict(current_thresholds()).items()
    ]


@transaction.atomic
def set_thresholds(by: User, values: Mapping[str, float | None], why: str) -> GateSetting:
    """Set all of them; those that are the defaults are no change.

    Raises:
        ThresholdsInvalid: See `release.gate.thresholds_of`.
    """
    changed = {name: value for name, value in values.items() if value != DEFAULTS.get(name)}
    thresholds_of(changed)
    setting = GateSetting.objects.create(values=changed, why=why, set_by=by)
    told = ", ".join(f"{name} = {_text(value)}" for name, value in changed.items()) or "the defaults"
    audit.record(by, "set gate", "gate", f"{told}: {why}")
    return setting


def _text(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"
