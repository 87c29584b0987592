"""The admin site, its home page, and base classes for pages that show evidence.

Apps register what the home page shows (``home_panel``) and what the sidebar lists
(``sidebar``); this module knows none of them.
"""

from typing import Any

from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite


class ConsoleSite(UnfoldAdminSite):
    """TrustEngine's admin site."""


class EvidenceAdmin(ModelAdmin):
    """Rows to search and read. They change through services, which actions call, never through a form."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def home_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the home page shows."""
    return context


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar's groups of links that this person may follow."""
    return []
