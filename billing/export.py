"""What billing holds about a person: as a customer. What vendors use is their vendors'."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from billing.models import Subscription, UsageAlert, UsageEvent, UsagePeriod
from trustengine.accounts.exporting import BATCH, Row, exporter, in_batches
from trustengine.accounts.models import Profile, User
from trustengine.row_security import Reason, every_row


@exporter("billing.usage_events", "billing.UsageEvent")
def usage_events(user: User) -> Iterator[Row]:
    """By source and name there, their key beside the profile."""
    names = ("source", "event_id", "meter", "quantity", "occurred_at", "received_at", "month", "adjusts")
    after = Q()
    while True:
        with every_row(Reason.PEOPLE):
            rows = UsageEvent.objects.filter(after, profile_id__in=_profiles(user))
            batch = list(rows.order_by("source", "event_id").values(*names)[:BATCH])
        yield from batch
        if len(batch) < BATCH:
            return
        source, event_id = batch[-1]["source"], batch[-1]["event_id"]
        after = Q(source__gt=source) | Q(source=source, event_id__gt=event_id)


@exporter("billing.usage", "billing.UsagePeriod", "billing.UsageReservation")
def usage(user: User) -> Iterator[Row]:
    """By month; what is reserved is the sum of the reservations."""
    rows = UsagePeriod.objects.filter(profile__in=_profiles(user))
    yield from _all(rows.values("id", "meter", "month", "used", "reserved", "state"))


@exporter("billing.usage_alerts", "billing.UsageAlert")
def usage_alerts(user: User) -> Iterator[Row]:
    rows = UsageAlert.objects.filter(profile__in=_profiles(user))
    yield from _all(rows.values("id", "meter", "month", "percent", "used", "cap", "created_at", "told_at"))


@exporter("billing.subscriptions", "billing.Subscription")
def subscriptions(user: User) -> Iterator[Row]:
    rows = Subscription.objects.filter(profile__in=_profiles(user))
    names = ("id", "version__plan__code", "version__number", "valid_from", "valid_to", "next_at")
    yield from _all(rows.values(*names))


def _profiles(user: User) -> list[UUID]:
    return list(Profile.objects.filter(user=user).values_list("pk", flat=True))


def _all(rows: "QuerySet[Any, Any]") -> list[Row]:
    """Few enough to be read at once: some for each month."""
    with every_row(Reason.PEOPLE):
        return list(in_batches(rows))
