from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter, RangeDateFilter
from unfold.utils import parse_date_str

from trustengine.admin.days import start_of


class DayRangeFilter(RangeDateFilter):
    """From one day of the marketplace's calendar to another, both included.

    Unfold's own compares with moments that have no time zone, and leaves the last day out.
    """

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first, last = self._day("from"), self._day("to")
        if first:
            queryset = queryset.filter(**{f"{self.field_path}__gte": start_of(first)})
        if last and last < date.max:
            queryset = queryset.filter(**{f"{self.field_path}__lt": start_of(last + timedelta(days=1))})
        return queryset

    def _day(self, end: str) -> date | None:
        """The day given for an end, or None for what is no day."""
        given = self.used_parameters.get(f"{self.parameter_name}_{end}")
        day = parse_date_str(given) if isinstance(given, str) else None
        return day.date() if isinstance(day, datetime) else day


class ReportsFilter(DropdownFilter):
    """Content by how many reports of it were not withdrawn. For models with ``report_count``."""

    title = "reports"
    parameter_name = "reports"
    least = (1, 3, 10)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*((str(count), f"{count} or more") for count in self.least), ("0", "None")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen == "0":
            return queryset.filter(report_count=0)
        return queryset.filter(report_count__gte=int(chosen)) if chosen in map(str, self.least) else queryset
