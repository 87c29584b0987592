"""Filters that lists share: true or false, whole numbers, and a stretch of time."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import extend_schema_field

from trustengine.errors import InvalidInput

DAY = re.compile(r"(19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}", re.ASCII)
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class TrueOrFalse(forms.NullBooleanField):
    """true or false. Anything else is refused: left aside, it would show what was not asked for."""

    widget = forms.TextInput
    words: ClassVar[dict[str, bool]] = {"true": True, "1": True, "false": False, "0": False}

    def to_python(self, value: Any) -> bool | None:  # type: ignore[override]
        if value in (None, ""):
            return None
        if str(value).lower() not in self.words:
            raise forms.ValidationError("true or false.", code="invalid")
        return self.words[str(value).lower()]


class TrueOrFalseFilter(django_filters.BooleanFilter):
    field_class = TrueOrFalse

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"widget": forms.TextInput, **kwargs})


class WholeNumberFilter(django_filters.NumberFilter):
    field_class = forms.IntegerField


class Moment(forms.Field):
    """A day of the marketplace's calendar, or a moment by RFC 3339 with its zone.

    ``is_end`` reads a day as its end, so that the last day is included.
    """

    def __init__(self, *args: Any, is_end: bool = False, **kwargs: Any) -> None:
        self.is_end = is_end
        super().__init__(*args, **kwargs)

    def to_python(self, value: Any) -> datetime | None:  # type: ignore[override]
        text = str(value or "").strip()
        if not text:
            return None
        try:
            if DAY.fullmatch(text):
                day = date.fromisoformat(text) + timedelta(days=self.is_end)
                return timezone.make_aware(datetime.combine(day, time.min))
            found = parse_datetime(text.replace(" ", "+")) if text.isascii() else None  # a plus sign not encoded
        except (ValueError, OverflowError):
            found = None
        if found is None or found.tzinfo is None or not EARLIEST <= found <= LATEST:
            raise forms.ValidationError(
                "A day, such as 2026-05-17, or a moment, such as 2026-05-17T08:00:00Z.", code="invalid"
            )
        return found


@extend_schema_field({"type": "string", "example": "2026-05-17"})
class MomentFilter(django_filters.Filter):
    field_class = Moment


def by_time(field_name: str, *, of: str) -> type[django_filters.FilterSet]:
    """A base for filter sets with ``from`` and ``to``: days, both included, or moments. ``of`` says of what."""
    first = MomentFilter(
        field_name=field_name, lookup_expr="gte", label=f"{of} on this day or later; a day, or a moment by RFC 3339."
    )
    last = MomentFilter(
        field_name=field_name, lookup_expr="lt", is_end=True, label=f"{of} on this day or before; or before a moment."
    )
    return type("ByTime", (TimeOrdered,), {"from": first, "to": last, "__module__": __name__})


class TimeOrdered(django_filters.FilterSet):
    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first, last = (self.form.cleaned_data.get(name) for name in ("from", "to"))
        if first and last and first >= last:
            raise InvalidInput(fields={"to": "Not before the first day."})
        return super().filter_queryset(queryset)
