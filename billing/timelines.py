"""Usage over time: sums by hour or day, read from the index that leads with profile, meter and time."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone

from trustengine.errors import InvalidInput

SUMS = """
    SELECT date_trunc(%(by)s, occurred_at, %(zone)s) AS at, sum(quantity)::bigint
    FROM billing_usageevent
    WHERE profile_id = %(profile)s AND meter = %(meter)s AND occurred_at >= %(start)s AND occurred_at < %(end)s
    GROUP BY 1 ORDER BY 1
"""


class By(StrEnum):
    HOUR = "hour"
    DAY = "day"


EARLIEST, LATEST = date(1970, 1, 1), date(2999, 12, 31)
LONGEST = {By.HOUR: 31, By.DAY: 366}  # days


@dataclass(frozen=True)
class Timeline:
    """A stretch of days, the last included, of the marketplace's time zone. Raises InvalidInput for too long a one."""

    profile_id: UUID
    meter: str
    first: date
    last: date
    by: By

    def __post_init__(self) -> None:
        days = (self.last - self.first).days + 1
        if not (self.first >= EARLIEST and self.last <= LATEST and 1 <= days <= LONGEST[self.by]):
            raise InvalidInput(fields={"to": f"From 1 to {LONGEST[self.by]} days."})

    @property
    def parameters(self) -> dict[str, Any]:
        zone = timezone.get_default_timezone()
        return {
            "profile": self.profile_id,
            "meter": self.meter,
            "by": self.by.value,
            "zone": timezone.get_default_timezone_name(),
            "start": datetime.combine(self.first, time.min, zone),
            "end": datetime.combine(self.last + timedelta(days=1), time.min, zone),
        }

    def points(self) -> list[dict[str, Any]]:
        """What happened in each hour or day in which anything did, oldest first. Inside of a block that may see it."""
        with connection.cursor() as cursor:
            cursor.execute(SUMS, self.parameters)
            return [{"at": at.astimezone(UTC), "quantity": quantity} for at, quantity in cursor.fetchall()]
