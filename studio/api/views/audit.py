"""The audit log."""

from rest_framework.request import Request
from rest_framework.response import Response

from studio.api.base import ApiView
from studio.api.description import describes_page
from studio.api.paging import answer_page
from studio.api.shapes import AuditShape
from studio.people.models import AuditEntry, Role


class AuditLog(ApiView):
    """The audit log, the newest entries first."""

    roles = {"GET": Role.ADMINISTRATOR}

    @describes_page("list-audit-entries", AuditShape)
    def get(self, request: Request) -> Response:
        """List them."""
        return answer_page(request, AuditEntry.objects.all(), lambda row: AuditShape(row).data)
