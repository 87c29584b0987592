"""The marketplace's clock: on which of its days something happened, and when on that day.

The time of day is kept in ticks of a quarter of a minute: so few orders share one, also on
a busy day, that it can be counted anew whenever one of them changes.
"""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

SECONDS_OF_TICK = 15
TICKS_OF_HOUR = 3_600 // SECONDS_OF_TICK
TICKS_OF_DAY = 24 * TICKS_OF_HOUR


def day_of(moment: datetime) -> date:
    """The marketplace's calendar day of a moment."""
    return _local(moment).date()


def tick_of(moment: datetime) -> int:
    """The tick of that day, 0 to 5,759, as the clock shows it: those of a repeated hour are the same."""
    local = _local(moment)
    return (local.hour * 3_600 + local.minute * 60 + local.second) // SECONDS_OF_TICK


def placement(moment: datetime) -> dict[str, Any]:
    """The columns of an order that was placed then: ``placed_at``, ``day`` and ``tick``."""
    return {"placed_at": moment, "day": day_of(moment), "tick": tick_of(moment)}


def _local(moment: datetime) -> datetime:
    return moment.astimezone(ZoneInfo(settings.MARKETPLACE_TIME_ZONE))
