"""Console pages of rows behind the wall of ``trustengine.row_security``: staff see them by Django's permissions."""

from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from trustengine.admin import EvidenceAdmin
from trustengine.row_security import Reason, every_row


class WalledAdmin(EvidenceAdmin):
    """Shows walled rows. Its answers are rendered inside of the block, because a template reads rows as well."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        with every_row(Reason.CONSOLE):
            return _rendered(super().changelist_view(request, extra_context))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        with every_row(Reason.CONSOLE), transaction.atomic():
            page: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
            return _rendered(page)


def _rendered(page: HttpResponse) -> HttpResponse:
    return page.render() if hasattr(page, "render") and callable(page.render) else page
