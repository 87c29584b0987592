"""What outside services allow us, and who uses it at the moment. These rows belong to no profile: there is no wall."""

from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models
from django.db.models import Aggregate, Count, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from trustengine.database_time import database_now
from trustengine.identifiers import uuid7

WINDOW = timedelta(minutes=1)
REFUSALS_SHOWN = timedelta(hours=1)
CHARGED = Sum(Coalesce("actual_tokens", "estimate_tokens"))
LARGEST = 1_000_000_000  # a minute's tokens still add up within a bigint, and a column holds each of them


class ProviderEndpointQuerySet(models.QuerySet["ProviderEndpoint"]):
    def with_use(self, at: datetime) -> Self:
        """With calls ``in_use``, ``requests`` and ``tokens`` of the last minute, and ``refused`` in the last hour."""
        leases = CapacityLease.objects.filter(endpoint=OuterRef("pk")).order_by()
        refusals = CapacityRefusals.objects.filter(endpoint=OuterRef("pk"), minute__gt=at - REFUSALS_SHOWN).order_by()
        return self.annotate(
            in_use=_of_each(leases.held(at), Count("pk")),
            requests=_of_each(leases.recent(at), Count("pk")),
            tokens=_of_each(leases.recent(at), CHARGED),
            refused=_of_each(refusals, Sum("refused")),
        )


def _of_each(rows: models.QuerySet[Any], total: Aggregate) -> Coalesce:
    per_endpoint = rows.values("endpoint").annotate(total=total).values("total")
    return Coalesce(Subquery(per_endpoint, output_field=models.BigIntegerField()), 0)


class ProviderEndpoint(models.Model):
    """One address of a provider that costs money or has limits, and what of it we may use. Empty limits are none."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    provider = models.CharField(max_length=40, help_text="Whose service it is, such as moderation.")
    endpoint = models.CharField(max_length=60, help_text="Which part of it, as the code that calls it says.")
    requests_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="In any 60 seconds; empty: no limit."
    )
    tokens_per_minute = models.PositiveIntegerField(
        null=True, blank=True, help_text="In any 60 seconds; empty: no limit."
    )
    tokens_per_call = models.PositiveIntegerField(
        null=True, blank=True, help_text="A call that is estimated to need more is not made at all."
    )
    parallel_calls = models.PositiveIntegerField(
        null=True, blank=True, help_text="Calls under way at a time; empty: no limit."
    )
    lease_seconds = models.PositiveIntegerField(
        default=60, help_text="After which a call that nobody ended is charged as estimated, and makes room."
    )
    is_active = models.BooleanField(default=True, help_text="Off: no calls are made; they wait or go without.")
    cooling_until = models.DateTimeField(
        null=True, blank=True, help_text="Until then the provider has asked to be left alone."
    )
    created_at = models.DateTimeField(default=database_now)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ProviderEndpointQuerySet.as_manager()

    # Of rows from ``with_use`` alone.
    in_use: int
    requests: int
    tokens: int
    refused: int

    class Meta:
        verbose_name = "outside service"
        ordering = ["provider", "endpoint"]
        constraints = [
            models.UniqueConstraint("provider", "endpoint", name="endpoint_once"),
            models.CheckConstraint(
                condition=~Q(provider="") & ~Q(endpoint=""),
                name="endpoint_has_a_name",
                violation_error_message="An endpoint has a provider and a name.",
            ),
            models.CheckConstraint(
                condition=Q(lease_seconds__range=(1, 3_600)),
                name="endpoint_lease_1_to_3600_seconds",
                violation_error_message="A lease lasts between 1 and 3,600 seconds.",
            ),
            models.CheckConstraint(
                condition=(Q(requests_per_minute=None) | Q(requests_per_minute__range=(1, 100_000)))
                & (Q(parallel_calls=None) | Q(parallel_calls__range=(1, 10_000)))
                & (Q(tokens_per_minute=None) | Q(tokens_per_minute__range=(1, LARGEST)))
                & (Q(tokens_per_call=None) | Q(tokens_per_call__range=(1, LARGEST))),
                name="endpoint_limits_in_bounds",
                violation_error_message=(
                    "Limits begin at 1 and end at 100,000 requests, 10,000 parallel calls and 1,000,000,000 tokens."
                    " To make no calls at all, switch the endpoint off."
                ),
            ),
            models.CheckConstraint(
                condition=Q(tokens_per_call=None)
                | Q(tokens_per_minute=None)
                | Q(tokens_per_call__lte=F("tokens_per_minute")),
                name="endpoint_call_fits_a_minute",
                violation_error_message="A single call cannot be allowed more tokens than a minute.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider} · {self.endpoint}"


class CapacityLeaseQuerySet(models.QuerySet["CapacityLease"]):
    def held(self, at: datetime) -> Self:
        """Leases of calls that are under way as far as anybody knows."""
        return self.filter(state=CapacityLease.State.HELD, expires_at__gt=at)

    def overdue(self, at: datetime) -> Self:
        """Leases whose holder has not come back in time."""
        return self.filter(state=CapacityLease.State.HELD, expires_at__lte=at)

    def recent(self, at: datetime) -> Self:
        """Leases of the last 60 seconds, whatever became of them."""
        return self.filter(acquired_at__gt=at - WINDOW)

    def tokens(self) -> int:
        """What they are charged: what was used where that is known, else the estimate."""
        total: int | None = self.aggregate(total=CHARGED)["total"]
        return total or 0


class CapacityLease(models.Model):
    """The right to make one call: a request, its estimated tokens and a place among the parallel ones, for a while."""

    class State(models.TextChoices):
        HELD = "held"
        SETTLED = "settled", "ended, and told what it used"
        RELEASED = "released", "ended without telling"
        EXPIRED = "expired", "never ended"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    endpoint = models.ForeignKey(ProviderEndpoint, models.PROTECT, related_name="leases", db_index=False)
    state = models.CharField(max_length=8, choices=State, default=State.HELD)
    estimate_tokens = models.PositiveIntegerField()
    actual_tokens = models.PositiveIntegerField(null=True, help_text="What it is charged once it has ended.")
    acquired_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    objects = CapacityLeaseQuerySet.as_manager()

    class Meta:
        verbose_name, verbose_name_plural = "call to an outside service", "calls to outside services"
        constraints = [
            models.CheckConstraint(
                condition=Q(state="held", actual_tokens=None, settled_at=None)
                | (~Q(state="held") & Q(actual_tokens__isnull=False, settled_at__isnull=False)),
                name="lease_charged_when_ended",
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("acquired_at")), name="lease_lasts"),
        ]
        indexes = [
            models.Index(fields=["endpoint", "-acquired_at", "-id"], name="lease_of_endpoint"),
            models.Index(fields=["endpoint", "expires_at"], condition=Q(state="held"), name="lease_held"),
            models.Index(fields=["settled_at"], condition=~Q(state="held"), name="lease_prune"),
        ]

    def __str__(self) -> str:
        return f"{self.state} lease of {self.estimate_tokens:,} tokens"


class CapacityRefusals(models.Model):
    """How often an endpoint was refused in one minute: for people to look at, and decided by nothing."""

    endpoint = models.ForeignKey(ProviderEndpoint, models.CASCADE, related_name="refusals", db_index=False)
    minute = models.DateTimeField()
    refused = models.PositiveIntegerField(default=1)

    class Meta:
        verbose_name_plural = "capacity refusals"
        constraints = [models.UniqueConstraint("endpoint", "minute", name="refusals_of_minute_once")]

    def __str__(self) -> str:
        return f"{self.refused:,} in the minute of {self.minute:%Y-%m-%d %H:%M}"
