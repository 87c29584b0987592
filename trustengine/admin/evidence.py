"""Bases for pages that show rows and change nothing."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path
from django.core.exceptions import FieldDoesNotExist
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.db.models.constants import LOOKUP_SEP
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
    """Rows to search and read. They change through services, which actions call, never through a form.

    An address of the list answers nothing that its page hides: see ``lookup_allowed``.
    """

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

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Whether an address may filter by this: only by what the list offers as a filter.

        Django allows every column of the list's own model, and so lets an address ask what the
        page hides: ``?subject__startswith=a`` counts, letter by letter, whom nobody may name.
        """
        if request is None:
            return False
        offered = self.get_list_filter(request)
        own = {each.parameter_name for each in offered if isinstance(each, type) and hasattr(each, "parameter_name")}
        if lookup in own or not self._is_answerable(lookup, request):
            return True  # a filter's own parameter, or nothing that the rows have: it is ignored
        columns = [each[0] if isinstance(each, tuple | list) else each for each in offered]
        named = {column: self._endings(column) for column in columns if isinstance(column, str)}
        return lookup in named or any(
            lookup.startswith(f"{column}__") and lookup.removeprefix(f"{column}__") in endings
            for column, endings in named.items()
        )

    def _is_answerable(self, lookup: str, request: HttpRequest) -> bool:
        """Whether rows can be filtered by the first part of a lookup at all."""
        name = lookup.partition(LOOKUP_SEP)[0]
        if name == "pk" or name in self.get_queryset(request).query.annotations:
            return True
        try:
            self.opts.get_field(name)
        except FieldDoesNotExist:
            return False
        return True

    def _endings(self, column: str) -> set[str]:
        """How a filter of this column may go on: by its value, or by the key of the row that it names."""
        field = get_fields_from_path(self.model, column)[-1]
        endings = {"exact", "in", "isnull", "isempty", "gt", "gte", "lt", "lte"}
        if not field.is_relation or field.related_model is None:
            return endings
        key = str(field.related_model._meta.pk.name)
        return {"exact", "in", "isnull", key, *(f"{key}__{ending}" for ending in ("exact", "in", "isnull"))}

    def get_search_ids(self, request: HttpRequest) -> Sequence[str]:
        """The columns that this viewer may search for a whole id."""
        return self.search_ids

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
        columns = self.get_search_ids(request)
        for column in columns:
            found |= Q(**{column: number})
        return queryset.filter(found), any("__" in column for column in columns)


def as_uuid(text: str) -> UUID | None:
    """The id that somebody typed or pasted, or None if it is something else."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None
