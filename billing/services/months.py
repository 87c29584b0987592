"""What happens to whole months of usage: they close, and those of erased people go. Locks: periods."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import F, Q, Sum

from billing import periods
from billing.models import UsageAlert, UsageEvent, UsagePeriod, UsageReservation
from trustengine.database_time import database_now
from trustengine.row_security import Reason, every_row

MARGIN = timedelta(minutes=5)  # what was received in time has committed by then: time-outs see to it


def close_months(now: datetime | None = None) -> int:
    """Close the months that late events are not counted in any more; returns how many rows."""
    moment = (now or database_now()) - MARGIN
    month = periods.month_of(moment)
    while moment < periods.closes_at(month):
        month = periods.former_month(month)
    with every_row(Reason.METERING):
        ended = UsagePeriod.objects.filter(state=UsagePeriod.State.OPEN, month__lte=month)
        return ended.update(state=UsagePeriod.State.CLOSED)


def delete_usage_of(profile_id: UUID, limit: int) -> int:
    """Forget up to ``limit`` events of a profile; fewer than that mean that nothing is left.

    Its periods go down in the same transaction, so that they agree with their events at every commit.
    """
    with every_row(Reason.PEOPLE):
        events = UsageEvent.objects.filter(profile_id=profile_id)
        keys = list(events.order_by("source", "event_id").values_list("source", "event_id")[:limit])
        if keys:
            source, event_id = keys[-1]
            batch = events.filter(Q(source__lt=source) | Q(source=source, event_id__lte=event_id))
            sums = batch.values("meter", "month").annotate(total=Sum("quantity")).order_by("meter", "month")
            for row in list(sums):
                period = UsagePeriod.objects.filter(profile=profile_id, meter=row["meter"], month=row["month"])
                period.update(used=F("used") - row["total"], updated_at=database_now())
            batch.delete()
        if len(keys) < limit:
            for model in (UsageAlert, UsageReservation, UsagePeriod):
                model.objects.filter(profile=profile_id).delete()
        return len(keys)
