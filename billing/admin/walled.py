"""Pages about rows behind the wall: staff sees every row, within Django's permissions, until the page is written."""

from typing import Any, TypeVar

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from trustengine.admin import EvidenceAdmin
from trustengine.row_security import Reason, every_row

Page = TypeVar("Page", bound=HttpResponse)


def written(page: Page) -> Page:
    """The page with its text: templates read rows while they are rendered, so that happens here and not later."""
    return page.render() if hasattr(page, "render") else page


class WalledAdmin(EvidenceAdmin):
    """Lists and rows from behind the wall."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        with every_row(Reason.CONSOLE):
            return written(super().changelist_view(request, {**self.list_context(request), **(extra_context or {})}))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        with every_row(Reason.CONSOLE), transaction.atomic():
            row = self.get_object(request, object_id) if object_id else None
            context = self.row_context(row, request) if row is not None and self.has_view_permission(request) else {}
            page: HttpResponse = super().changeform_view(
                request, object_id, form_url, {**(extra_context or {}), **context}
            )
            return written(page)

    def list_context(self, request: HttpRequest) -> dict[str, Any]:
        """What stands above the list."""
        return {}

    def row_context(self, row: Any, request: HttpRequest) -> dict[str, Any]:
        """What a row's page shows."""
        return {}


class WalledEvidence(WalledAdmin):
    """Rows that are read as they are, with a page of their own instead of a form."""

    list_display_links: Any = None
    sortable_by: Any = ()
    fields: Any = ()
