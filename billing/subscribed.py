"""What a profile has subscribed to, and how much of it is used. Inside of a block that may see it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from billing import periods
from billing.meters import METERS
from billing.models import PlanVersion, Subscription, UsagePeriod
from billing.services.calls import METER as CALLS
from billing.services.calls import calls_not_written_down
from billing.terms import default_version, quotas_of
from trustengine.database_time import database_now
from trustengine.errors import NotFound


def subscription_of(profile_id: UUID, *, at: datetime | None = None) -> dict[str, Any]:
    """The plan that holds for a profile, since when, and what is to change. Raises NotFound without any plan."""
    moment = at or database_now()
    row = Subscription.objects.live().filter(profile=profile_id).first()
    if row is None:
        return _told(profile_id, default_version(), None, None)
    if row.is_due(moment):
        since = row.next_at if row.next_version_id else None
        return _told(profile_id, row.next_version_id or default_version(), since, None)
    change = (row.next_at, row.next_version_id or default_version()) if row.next_at else None
    return _told(profile_id, row.version_id, row.valid_from, change)


def usage_of(profile_id: UUID, *, at: datetime | None = None) -> dict[str, Any]:
    """What a profile has used this month of each meter that its plan speaks of, or that it used anyway.

    API calls that are not written down yet are among them, so that nobody is refused at 0 per cent.
    """
    moment = at or database_now()
    month = periods.month_of(moment)
    quotas = quotas_of([profile_id], at=moment)[profile_id]
    rows = UsagePeriod.objects.filter(profile=profile_id, month=month)
    used = dict(rows.values_list("meter", "used"))
    if waiting := calls_not_written_down(profile_id):
        used[CALLS] = used.get(CALLS, 0) + waiting
    end = periods.end_of(month)
    meters = []
    for name, meter in METERS.items():
        quota, count = quotas.get(name), used.get(name, 0)
        if quota is None and not count:
            continue
        meters.append(
            {
                "meter": name,
                "unit": meter.unit,
                "used": count,
                "included": quota.included if quota else 0,
                "limit": quota.limit if quota else None,
                "kind": quota.kind if quota else "soft",
                "percent": quota.percent(count) if quota else 0,
                "resets_at": end,
            }
        )
    return {"profile": profile_id, "period": {"start": periods.start_of(month), "end": end}, "meters": meters}


def _told(
    profile_id: UUID,
    version_id: UUID | None,
    since: datetime | None,
    change: tuple[datetime, UUID | None] | None,
) -> dict[str, Any]:
    wanted = {version_id, change[1] if change else None} - {None}
    versions = PlanVersion.objects.select_related("plan").prefetch_related("meters").in_bulk(list(wanted))
    if version_id not in versions:
        raise NotFound
    following = versions.get(change[1]) if change and change[1] else None
    planned = {"at": change[0], "plan": following} if change and following else None
    return {"profile": profile_id, "plan": versions[version_id], "since": since, "change": planned}
