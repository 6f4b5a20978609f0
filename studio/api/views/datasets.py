"""Data sets, and the members of one."""

from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from studio.api.base import ApiView, DatasetView
from studio.api.description import describes, describes_page, page_of
from studio.api.paging import PageQuery, answer_page
from studio.api.requests import DatasetRequest, MemberRequest
from studio.api.shapes import DatasetShape, MemberShape, OneDatasetShape
from studio.images.access import Visit, visible_datasets, visit_of
from studio.images.membership import make_dataset, set_member
from studio.images.views.datasets import DatasetForm
from studio.images.views.grid import balance_of
from studio.people.models import Role


class Datasets(ApiView):
    """The data sets that you may look at, the newest first."""

    roles = {"GET": Role.NONE, "POST": Role.TRAINER}
    requests = {"POST": DatasetRequest}

    @describes_page("list-datasets", DatasetShape)
    def get(self, request: Request) -> Response:
        """List them."""
        rows = visible_datasets(self.user).select_related("made_by")
        return answer_page(request, rows, lambda row: DatasetShape(row).data)

    @describes("make-dataset", OneDatasetShape, status=201, request=DatasetRequest)
    def post(self, request: Request) -> Response:
        """Make one."""
        asked = self.read(request)
        form = DatasetForm({**asked, "classes": " ".join(asked["classes"])})
        if not form.is_valid():
            raise ValidationError(form.errors)
        values = form.cleaned_data
        made = make_dataset(self.user, values["name"], values["description"], values["classes"])
        return Response(shown(visit_of(self.user, made.name)), 201)


class OneDataset(DatasetView):
    """A data set."""

    roles = {"GET": Role.VIEWER}

    @describes("read-dataset", OneDatasetShape)
    def get(self, request: Request, dataset: str) -> Response:
        """Read it."""
        return Response(shown(self.visit))


class Members(DatasetView):
    """Who may do what in a data set."""

    roles = {"GET": Role.ADMINISTRATOR, "POST": Role.ADMINISTRATOR}
    requests = {"POST": MemberRequest}

    @describes("list-members", page_of(MemberShape), query=PageQuery)
    def get(self, request: Request, dataset: str) -> Response:
        """List them."""
        rows = self.visit.dataset.members.select_related("user")
        return answer_page(request, rows, lambda row: MemberShape(row).data)

    @describes("set-member", request=MemberRequest, status=204)
    def post(self, request: Request, dataset: str) -> Response:
        """Give a user a role; `none` takes it away."""
        asked = self.read(request)
        role = next(role for role in Role if role.label == asked["role"])
        set_member(self.visit, asked["user"], role)
        return Response(status=204)


def shown(visit: Visit) -> dict[str, Any]:
    """A data set, as its visitor sees it."""
    dataset = visit.dataset
    values: dict[str, Any] = OneDatasetShape(
        {
            "name": dataset.name,
            "description": dataset.description,
            "made_at": dataset.made_at,
            "made_by": dataset.made_by,
            "role": visit.role.label,
            "classes": dataset.classes.all(),
            "balance": dict(balance_of(dataset)),
        }
    ).data
    return values
