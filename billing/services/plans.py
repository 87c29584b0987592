"""Drafting, publishing and retiring versions of plans. Locks: the plan, then its versions by number."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from billing.meters import METERS
from billing.models import Plan, PlanMeter, PlanVersion
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.errors import InvalidTransition, NotFound, PermissionDenied

State = PlanVersion.State
EDIT = "billing.edit_plan"
TERMS = ("price_cents", "currency", "description", "internal_price_cents", "internal_note")
GIGABYTE = 10**9
# Generous, and soft: who just installs this is stopped by nothing.
BUILT_IN = {
    "reviews_collected": 10_000,
    "uploaded_bytes": 50 * GIGABYTE,
    "uploaded_pages": 100_000,
    "api_calls": 5_000_000,
    "moderation_tokens": 10_000_000,
}


@transaction.atomic
def create_plan(*, code: str, name: str, actor: User | None) -> PlanVersion:
    """A new plan, with an empty draft. Raises PermissionDenied, and InvalidTransition for a code in use."""
    _require_editor(actor)
    if Plan.objects.filter(code=code).exists():
        raise InvalidTransition("There is a plan with this code already.")
    plan = Plan.objects.create(code=code, name=name)
    version = PlanVersion.objects.create(plan=plan, number=1, currency=settings.MARKETPLACE_CURRENCY, created_by=actor)
    record("plan.created", plan, actor=actor, after={"code": code, "version": 1})
    return version


@transaction.atomic
def draft_version(plan_id: UUID, *, copy_of: UUID | None = None, actor: User | None) -> PlanVersion:
    """Begin the next version, from a copy of an earlier one, by default the latest; or the draft that there is.

    Raises NotFound, PermissionDenied.
    """
    _require_editor(actor)
    plan = _lock_plan(plan_id)
    versions = list(plan.versions.order_by("-number"))
    if versions and versions[0].state == State.DRAFT:
        return versions[0]
    source = next((version for version in versions if version.pk == copy_of or copy_of is None), None)
    if source is None:
        raise NotFound
    terms = {name: getattr(source, name) for name in TERMS}
    draft = PlanVersion.objects.create(plan=plan, number=versions[0].number + 1, created_by=actor, **terms)
    PlanMeter.objects.bulk_create(
        PlanMeter(version=draft, meter=row.meter, included=row.included, limit=row.limit, kind=row.kind)
        for row in source.meters.all()
    )
    record("plan.drafted", plan, actor=actor, after={"version": draft.number, "copy_of": source.number})
    return draft


@transaction.atomic
def change_draft(
    version_id: UUID, *, terms: Mapping[str, Any], meters: Sequence[Mapping[str, Any]], actor: User | None
) -> PlanVersion:
    """Write a draft anew: its terms, and the meters it speaks of.

    Raises NotFound, PermissionDenied, InvalidTransition for what is published.
    """
    _require_editor(actor)
    version = _lock_version(version_id)
    _require_draft(version)
    before = {name: getattr(version, name) for name in ("price_cents", "currency", "internal_price_cents")}
    for name in TERMS:
        setattr(version, name, terms.get(name, getattr(version, name)))
    version.save(update_fields=TERMS)
    version.meters.all().delete()
    PlanMeter.objects.bulk_create(PlanMeter(version=version, **meter) for meter in meters)
    after = {name: getattr(version, name) for name in before}
    record("plan.draft_changed", version.plan, actor=actor, before=before, after=after | {"meters": list(meters)})
    return version


@transaction.atomic
def discard_draft(version_id: UUID, *, actor: User | None) -> None:
    """Throw a draft away; a plan of which nothing is left goes with it. Raises as ``change_draft`` does."""
    _require_editor(actor)
    version = _lock_version(version_id)
    _require_draft(version)
    plan = version.plan
    record("plan.draft_discarded", plan, actor=actor, before={"version": version.number})
    version.delete()
    if not plan.versions.exists():
        plan.delete()


@transaction.atomic
def publish_version(version_id: UUID, *, actor: User | None) -> PlanVersion:
    """Offer a draft from now on, in place of the plan's earlier version. Nobody who has that one is moved.

    An earlier version that is the default stays published, until another is the default.
    Raises NotFound, PermissionDenied, InvalidTransition.
    """
    _require_editor(actor)
    version = _lock_version(version_id)
    _require_draft(version)
    now = database_now()
    version.plan.versions.filter(state=State.PUBLISHED, is_default=False).update(state=State.RETIRED, retired_at=now)
    version.state, version.published_at, version.published_by = State.PUBLISHED, now, actor
    version.save(update_fields=["state", "published_at", "published_by"])
    record("plan.published", version.plan, actor=actor, after={"version": version.number})
    return version


@transaction.atomic
def retire_version(version_id: UUID, *, actor: User | None) -> PlanVersion:
    """Offer a version no more; who has it keeps it. Idempotent.

    Raises NotFound, PermissionDenied, InvalidTransition for a draft and for the default.
    """
    _require_editor(actor)
    version = _lock_version(version_id)
    if version.state == State.RETIRED:
        return version
    if version.is_default or version.state == State.DRAFT:
        raise InvalidTransition("The default plan is needed." if version.is_default else "A draft is discarded.")
    version.state, version.retired_at = State.RETIRED, database_now()
    version.save(update_fields=["state", "retired_at"])
    record("plan.retired", version.plan, actor=actor, after={"version": version.number})
    return version


@transaction.atomic
def make_default(version_id: UUID, *, actor: User | None) -> PlanVersion:
    """From now on a published version holds for all profiles without a subscription. Idempotent.

    Raises NotFound, PermissionDenied, InvalidTransition.
    """
    _require_editor(actor)
    version = _lock_version(version_id)
    if version.is_default:
        return version
    if version.state != State.PUBLISHED:
        raise InvalidTransition("Only a published version can be the default.")
    former = PlanVersion.objects.filter(is_default=True).first()
    PlanVersion.objects.filter(is_default=True).update(is_default=False)
    version.is_default = True
    version.save(update_fields=["is_default"])
    before = {"version_id": former.pk} if former else {}
    record("plan.made_default", version.plan, actor=actor, before=before, after={"version_id": version.pk})
    return version


@transaction.atomic
def make_default_plan() -> PlanVersion | None:
    """The built-in plan, published and the default, where there is no default yet; None where there is one."""
    if PlanVersion.objects.filter(is_default=True).exists():
        return None
    plan, _ = Plan.objects.get_or_create(code="standard", defaults={"name": "Standard"})
    version = PlanVersion.objects.create(
        plan=plan,
        number=plan.versions.count() + 1,
        currency=settings.MARKETPLACE_CURRENCY,
        description="For everybody who has not chosen another plan.",
    )
    PlanMeter.objects.bulk_create(
        PlanMeter(version=version, meter=name, included=BUILT_IN[name], limit=BUILT_IN[name]) for name in METERS
    )
    version.state, version.published_at, version.is_default = State.PUBLISHED, database_now(), True
    version.save(update_fields=["state", "published_at", "is_default"])
    return version


def _lock_plan(plan_id: UUID) -> Plan:
    plan = Plan.objects.select_for_update(of=("self",), no_key=True).filter(pk=plan_id).first()
    if plan is None:
        raise NotFound
    return plan


def _lock_version(version_id: UUID) -> PlanVersion:
    """A version, with its plan locked, so that steps of one plan take turns."""
    plan = PlanVersion.objects.filter(pk=version_id).values_list("plan", flat=True).first()
    if plan is None:
        raise NotFound
    _lock_plan(plan)
    version = PlanVersion.objects.select_related("plan").filter(pk=version_id).first()
    if version is None:
        raise NotFound
    return version


def _require_draft(version: PlanVersion) -> None:
    if version.state != State.DRAFT:
        raise InvalidTransition("What has been published stays as it is. Draft a new version.")


def _require_editor(actor: User | None) -> None:
    if actor is not None and not actor.has_perm(EDIT):
        raise PermissionDenied
