"""Which terms hold for a profile, and what its limits make of what it has used.

Versions in use are published, and what is published stays: their limits are read once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from billing.models import PlanMeter, PlanVersion, Subscription
from trustengine.database_time import database_now

Kind = PlanMeter.Kind


@dataclass(frozen=True)
class Quota:
    """What a plan says of one meter. Without a limit, what is included is what per cents are of."""

    meter: str
    included: int
    limit: int | None
    kind: str

    @property
    def cap(self) -> int:
        return self.included if self.limit is None else self.limit

    @property
    def is_hard(self) -> bool:
        return self.kind == Kind.HARD

    def percent(self, used: int) -> int:
        """Whole per cents used, rounded down: 100 only where all of it is."""
        used = max(0, used)
        return used * 100 // self.cap if self.cap else 100 * bool(used or self.is_hard)


Quotas = Mapping[str, Quota]


def quotas_of(profiles: Iterable[UUID], *, at: datetime | None = None) -> dict[UUID, Quotas]:
    """The quotas of each of these profiles, by meter. Where their subscriptions may be seen: inside of a block."""
    return {profile: quotas(version) for profile, version in versions_of(profiles, at=at).items()}


def versions_of(profiles: Iterable[UUID], *, at: datetime | None = None) -> dict[UUID, UUID | None]:
    """The id of the plan's version that holds for each profile; None where there is not even a default."""
    moment = at or database_now()
    wanted = set(profiles)
    rows = Subscription.objects.live().filter(profile__in=wanted)
    found: dict[UUID, UUID | None] = {}
    for row in rows.only("profile", "version", "next_version", "next_at"):
        version = row.next_version_id if row.is_due(moment) else row.version_id
        if version:
            found[row.profile_id] = version
    if missing := wanted - found.keys():
        found |= dict.fromkeys(missing, default_version())
    return found


def default_version() -> UUID | None:
    """The version that profiles without a subscription have."""
    return PlanVersion.objects.filter(is_default=True).values_list("pk", flat=True).first()


@lru_cache(maxsize=1_000)
def quotas(version: UUID | None) -> Quotas:
    """A published version's quotas by meter."""
    rows = PlanMeter.objects.filter(version=version)
    return {row.meter: Quota(row.meter, row.included, row.limit, row.kind) for row in rows}
