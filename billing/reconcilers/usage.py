"""Months of usage against the events and reservations that they are made of."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from billing.models import UsagePeriod, UsageReservation
from trustengine.accounts.models import Profile
from trustengine.bulk import Among
from trustengine.database_time import database_now
from trustengine.operations.registry import Drift, Reconciler, Values, reconciler
from trustengine.row_security import Reason, every_row

WRONG = """
    WITH told AS (
        SELECT profile_id, meter, month, sum(quantity)::bigint AS used
        FROM billing_usageevent WHERE profile_id = ANY(%(profiles)s) GROUP BY 1, 2, 3
    ), held AS (
        SELECT period_id, sum(quantity)::bigint AS reserved
        FROM billing_usagereservation WHERE profile_id = ANY(%(profiles)s) GROUP BY 1
    ), kept AS (
        SELECT p.profile_id, p.meter, p.month, p.used, p.reserved, coalesce(held.reserved, 0) AS held
        FROM billing_usageperiod p LEFT JOIN held ON held.period_id = p.id
        WHERE p.profile_id = ANY(%(profiles)s)
    )
    SELECT profile_id, meter, month, coalesce(told.used, 0), coalesce(kept.held, 0), kept.used, kept.reserved
    FROM told FULL JOIN kept USING (profile_id, meter, month)
    WHERE coalesce(told.used, 0) IS DISTINCT FROM kept.used OR kept.held IS DISTINCT FROM kept.reserved
    ORDER BY 1, 2, 3
"""


@reconciler("usage")
class Usage(Reconciler):
    """UsagePeriod.used against the events counted in it, and .reserved against its reservations, profile by profile."""

    about = "accounts.profile"

    def rows(self) -> QuerySet[Profile]:
        return Profile.objects.all()

    def changed(self, since: datetime) -> QuerySet[Profile]:
        with every_row(Reason.RECONCILING):
            moved = UsagePeriod.objects.filter(updated_at__gte=since)
            profiles = list(moved.order_by().values_list("profile", flat=True).distinct())
        return Profile.objects.filter(Among("pk", profiles))

    def drifted(self, ids: Sequence[UUID]) -> Iterable[Drift]:
        with every_row(Reason.RECONCILING), connection.cursor() as cursor:
            cursor.execute(WRONG, {"profiles": list(ids)})
            rows = cursor.fetchall()
        expected: dict[UUID, Values] = {}
        found: dict[UUID, Values] = {}
        for profile, meter, month, told, held, used, reserved in rows:
            name = f"{meter} {month}"
            expected.setdefault(profile, {})[name] = {"used": told, "reserved": held}
            found.setdefault(profile, {})[name] = {"used": used, "reserved": reserved}
        for profile, values in expected.items():
            yield Drift(profile, expected=values, found=found[profile])

    def lock(self, key: UUID) -> None:
        """What whoever counts for this profile locks: its reservations, then its months."""
        with every_row(Reason.RECONCILING):
            list(UsageReservation.objects.filter(profile=key).order_by("pk").select_for_update())
            rows = UsagePeriod.objects.filter(profile=key).order_by("meter", "month")
            list(rows.select_for_update(of=("self",), no_key=True))

    def repair(self, drift: Drift) -> None:
        with every_row(Reason.RECONCILING):
            for name, values in sorted(drift.expected.items()):
                meter, month = name.split()
                UsagePeriod.objects.update_or_create(
                    profile_id=drift.key,
                    meter=meter,
                    month=date.fromisoformat(month),
                    defaults={**values, "updated_at": database_now()},
                )
