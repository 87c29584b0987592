"""The last days in the marketplace's calendar, for small charts."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from django.utils import timezone

from trustengine.database_time import database_today

DAYS = 14


def last_days(count: int = DAYS) -> list[date]:
    """The days up to today, oldest first."""
    today = database_today()
    return [today - timedelta(days=back) for back in range(count - 1, -1, -1)]


def start_of(day: date) -> datetime:
    """The moment a day begins where the marketplace is."""
    return timezone.make_aware(datetime.combine(day, time.min))


def labels(days: list[date]) -> list[str]:
    return [f"{day:%d %b}" for day in days]


def filled(days: list[date], counts: Mapping[date, int]) -> list[int]:
    """One number for each day, 0 where nothing happened."""
    return [counts.get(day, 0) for day in days]
