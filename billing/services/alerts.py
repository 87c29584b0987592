"""Telling a profile's owners that a quota runs out: at 50, 80 and 100 per cent, each once in a month."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from billing.jobs.usage import send_usage_alert
from billing.models import UsageAlert
from billing.terms import Quotas
from trustengine.database_time import database_now
from trustengine.identifiers import uuid7
from trustengine.jobs.services import enqueue, publish

# The constraint decides who tells it, of all that pass a mark at once.
NOTE = """
    INSERT INTO billing_usagealert (id, profile_id, meter, month, percent, used, cap, created_at)
    SELECT * FROM unnest(
        %s::uuid[], %s::uuid[], %s::text[], %s::date[], %s::smallint[], %s::bigint[], %s::bigint[], %s::timestamptz[]
    ) AS noted ORDER BY 2, 3, 4, 5
    ON CONFLICT (profile_id, meter, month, percent) DO NOTHING
    RETURNING id, profile_id, meter, month, percent
"""


class Moved(NamedTuple):
    """A period as it stands after something was counted in it."""

    profile_id: UUID
    meter: str
    month: date
    used: int
    reserved: int

    @property
    def key(self) -> tuple[UUID, str, date]:
        return self.profile_id, self.meter, self.month


def warn(moved: Sequence[Moved], quotas: Mapping[UUID, Quotas]) -> None:
    """Note the marks that these periods have reached, and have the highest new one of each told by mail."""
    now = database_now()
    reached = []
    for each in moved:
        quota = quotas[each.profile_id].get(each.meter)
        if quota is None or not quota.cap:
            continue
        percent = quota.percent(each.used)
        marks = [mark for mark in UsageAlert.PERCENTS if percent >= mark]
        reached += [(uuid7(), *each.key, mark, each.used, quota.cap, now) for mark in marks]
    if not reached:
        return
    with connection.cursor() as cursor:
        cursor.execute(NOTE, [list(column) for column in zip(*reached, strict=True)])
        noted = cursor.fetchall()
    highest: dict[tuple[UUID, str, date], tuple[int, UUID]] = {}
    for alert, profile, meter, month, percent in noted:
        key = (profile, meter, month)
        highest[key] = max(highest.get(key, (0, alert)), (percent, alert))
    for (profile, meter, _), (percent, alert) in sorted(highest.items()):
        enqueue(send_usage_alert, alert_id=alert)
        publish("billing.usage_alert", profile_id=profile, meter=meter, percent=percent)
