"""Access to data sets: who may do what in which."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase

from studio.images.models import Dataset, Membership
from studio.people.access import View, user_of
from studio.people.models import Role, User


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody who is in a data set, and the role that they have there."""

    user: User
    dataset: Dataset
    role: Role

    @property
    def may_label(self) -> bool:
        return self.role >= Role.LABELLER

    @property
    def may_review(self) -> bool:
        return self.role >= Role.REVIEWER

    @property
    def may_train(self) -> bool:
        return self.role >= Role.TRAINER

    @property
    def may_administer(self) -> bool:
        return self.role >= Role.ADMINISTRATOR


def role_in(user: User, dataset: Dataset) -> Role:
    """The higher of a user's role over all data sets and in this one."""
    own = Membership.objects.filter(user=user, dataset=dataset).values_list("role", flat=True).first()
    return Role(max(user.role, own or Role.NONE))


def visible_datasets(user: User) -> QuerySet[Dataset]:
    """The data sets that a user may look at, by name."""
    everything = Dataset.objects.order_by("name")
    if user.role >= Role.VIEWER:
        return everything
    return everything.filter(Q(members__user=user, members__role__gte=Role.VIEWER))


def in_dataset(role: Role) -> Callable[[View], View]:
    """A view in a data set, for those who have this role there, or a higher one.

    Whoever may not look at the data set gets the 404 of one that is not there; others who may not do this get
    403. The view is given the visit in place of the data set's name.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, dataset: str, **named: object) -> HttpResponseBase:
            visit = visit_of(user_of(request), dataset)
            if visit.role < role:
                raise PermissionDenied
            return view(request, visit, **named)

        return checked

    return decorate


def visit_of(user: User, name: str) -> Visit:
    """Somebody's visit to the data set of that name.

    Raises:
        Http404: There is none, or none that the user may look at.
    """
    found = None if "\0" in name else Dataset.objects.filter(name=name).first()
    role = role_in(user, found) if found else Role.NONE
    if found is None or role < Role.VIEWER:
        raise Http404
    return Visit(user, found, role)
