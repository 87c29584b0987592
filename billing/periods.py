"""Periods of billing: calendar months of the marketplace's time zone, named by their first day."""

from datetime import UTC, date, datetime, time, timedelta

from django.conf import settings
from django.utils import timezone


def month_of(moment: datetime) -> date:
    """The month that a moment falls in."""
    return timezone.localdate(moment, timezone.get_default_timezone()).replace(day=1)


def start_of(month: date) -> datetime:
    """Its first moment."""
    return datetime.combine(month, time.min, timezone.get_default_timezone()).astimezone(UTC)


def end_of(month: date) -> datetime:
    """The first moment of the next one."""
    return start_of(next_month(month))


def next_month(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def former_month(month: date) -> date:
    return (month - timedelta(days=1)).replace(day=1)


def closes_at(month: date) -> datetime:
    """When late events are not counted in it any more."""
    return end_of(month) + timedelta(hours=settings.USAGE_GRACE_HOURS)
