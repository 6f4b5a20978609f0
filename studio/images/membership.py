"""Making data sets, and saying who may do what in one."""

from collections.abc import Sequence

from django.db import IntegrityError, transaction

from logo_detection.errors import LogoDetectionError
from studio.images.access import Visit
from studio.images.models import DEFAULT_CLASSES, Dataset, LabelClass, Membership
from studio.people import audit
from studio.people.models import Role, User


class NameTaken(LogoDetectionError):
    """There is something of that name already. One line."""


@transaction.atomic
def make_dataset(
    by: User, name: str, description: str = "", classes: Sequence[str] = DEFAULT_CLASSES
) -> Dataset:
    """Make an empty data set; whoever makes it is its administrator.

    Raises:
        NameTaken: There is a data set of that name, perhaps since a moment ago.
    """
    try:
        with transaction.atomic():
            dataset = Dataset.objects.create(name=name, description=description, made_by=by)
    except IntegrityError as error:
        raise NameTaken(f"There is a data set {name!r} already.") from error
    for key, label in enumerate(classes, 1):
        LabelClass.objects.create(dataset=dataset, name=label, key=key)
    Membership.objects.create(dataset=dataset, user=by, role=Role.ADMINISTRATOR)
    audit.record(by, "make data set", name, ", ".join(classes))
    return dataset


@transaction.atomic
def set_member(visit: Visit, user: User, role: Role) -> None:
    """Give a user a role in a data set; NONE takes it away."""
    if role == Role.NONE:
        Membership.objects.filter(dataset=visit.dataset, user=user).delete()
    else:
        Membership.objects.update_or_create(dataset=visit.dataset, user=user, defaults={"role": role})
    audit.record(visit.user, "set member", visit.dataset, f"{user.username}: {role.label}")
