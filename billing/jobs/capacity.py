"""Capacity of outside services, minute by minute."""

from datetime import timedelta

from django.conf import settings

from billing.models import CapacityLease, CapacityRefusals
from billing.services.capacity import expire_leases as expire
from trustengine.database_time import database_now
from trustengine.jobs.registry import job, scheduled

FORGOTTEN_AT_ONCE = 10_000


@scheduled("* * * * *")
@job(queue="low")
def expire_leases() -> dict[str, int]:
    """Charge and free the leases of calls that nobody ended."""
    return {"expired": expire()}


@scheduled("17 * * * *")
@job(queue="low")
def forget_leases() -> dict[str, int]:
    """Delete leases and counts of refusals that are older than ``CAPACITY_LEASE_DAYS``, the oldest first."""
    before = database_now() - timedelta(days=settings.CAPACITY_LEASE_DAYS)
    ended = CapacityLease.objects.exclude(state=CapacityLease.State.HELD).filter(settled_at__lt=before)
    oldest = list(ended.order_by("settled_at").values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])
    leases, _ = CapacityLease.objects.filter(pk__in=oldest).delete()
    refusals, _ = CapacityRefusals.objects.filter(minute__lt=before).delete()
    return {"leases": leases, "refusals": refusals}
