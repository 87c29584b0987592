"""Bases for pages that show rows and change nothing."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from trustengine.search import first_words


class BoundedPaginator(Paginator):
    """Counts up to a bound: who has more rows than that filters, and nobody waits for the exact number.

    An exact count of a large table reads all of it, on every page.
    """

    BOUND = 10_000
    template_name = "console/pagination.html"

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return rows.order_by()[: self.BOUND].count() if hasattr(rows, "order_by") else len(rows)

    @property
    def is_bounded(self) -> bool:
        """Whether there may be more rows than are counted."""
        return self.count >= self.BOUND


class ConsoleChangeList(ChangeList):
    """Says "n results" only where something has been searched or filtered."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.query and not self.has_active_filters:
            self.full_result_count = self.result_count


class EvidenceAdmin(ModelAdmin):
    """Rows to search and read. They change through services, which actions call, never through a form."""

    paginator: type[Paginator] = BoundedPaginator
    list_per_page = 50
    list_filter_submit = True
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    page_title = ""  # what the list is called, where the plural of its model does not say it
    search_ids: Sequence[str] = ("id",)  # columns that a search for a whole id is answered from, by their indexes

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        page: HttpResponse = super().changelist_view(request, {"page_title": self.page_title, **(extra_context or {})})
        return page

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ConsoleChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        number = as_uuid(search_term)
        if number is None:
            found_by_words: tuple[QuerySet[Any], bool] = super().get_search_results(
                request, queryset, first_words(search_term)
            )
            return found_by_words
        found = Q()
        for column in self.search_ids:
            found |= Q(**{column: number})
        return queryset.filter(found), any("__" in column for column in self.search_ids)


def as_uuid(text: str) -> UUID | None:
    """The id that somebody typed or pasted, or None if it is something else."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None
