"""Plans, subscriptions and what was used, for tests."""

from billing.models import PlanMeter, PlanVersion, UsageEvent, UsagePeriod
from billing.services.plans import change_draft, create_plan, publish_version
from billing.services.subscriptions import subscribe
from billing.services.usage import Event
from trustengine.row_security import Reason, every_row


def published(code: str = "shop", price_cents: int = 2_900, **limits: object) -> PlanVersion:
    """A plan's first version; ``uploaded_bytes=1_000`` is a hard limit, ``api_calls=("soft", 50)`` a soft one."""
    version = create_plan(code=code, name=code.title(), actor=None)
    meters = []
    for meter, limit in limits.items():
        kind, most = limit if isinstance(limit, tuple) else (PlanMeter.Kind.HARD, limit)
        meters.append({"meter": meter, "included": 0, "limit": most, "kind": kind})
    change_draft(version.pk, terms={"price_cents": price_cents}, meters=meters, actor=None)
    return publish_version(version.pk, actor=None)


def limited(profile: object, **limits: object) -> PlanVersion:
    """A profile's own plan with these limits."""
    version = published(f"plan-{profile.pk}"[:40], **limits)  # type: ignore[attr-defined]
    subscribe(profile.pk, version.pk, actor=None)  # type: ignore[attr-defined]
    return version


def event(profile: object, event_id: str = "1", quantity: int = 1, meter: str = "api_calls", **more: object) -> Event:
    return Event(profile.pk, more.pop("source", "test"), event_id, meter, quantity, **more)  # type: ignore[attr-defined,arg-type]


def used(profile: object, meter: str = "api_calls") -> int:
    """What the months of a profile say, all together."""
    with every_row(Reason.TEST):
        return sum(UsagePeriod.objects.filter(profile=profile, meter=meter).values_list("used", flat=True))


def reserved_of(profile: object, meter: str = "uploaded_bytes") -> int:
    """What is spoken for at present."""
    with every_row(Reason.TEST):
        return sum(UsagePeriod.objects.filter(profile=profile, meter=meter).values_list("reserved", flat=True))


def told(profile: object) -> int:
    """How many events there are of a profile."""
    with every_row(Reason.TEST):
        return UsageEvent.objects.filter(profile_id=profile.pk).count()  # type: ignore[attr-defined]
