"""The marketplace's clock: on which of its days, and in which minute of it, something happened."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings


def day_of(moment: datetime) -> date:
    """The marketplace's calendar day of a moment."""
    return _local(moment).date()


def minute_of(moment: datetime) -> int:
    """The minute of that day, 0 to 1,439, as the clock shows it: a repeated hour's are the same."""
    local = _local(moment)
    return local.hour * 60 + local.minute


def placement(moment: datetime) -> dict[str, Any]:
    """The columns of an order that was placed then: ``placed_at``, ``day`` and ``minute``."""
    return {"placed_at": moment, "day": day_of(moment), "minute": minute_of(moment)}


def _local(moment: datetime) -> datetime:
    return moment.astimezone(ZoneInfo(settings.MARKETPLACE_TIME_ZONE))
