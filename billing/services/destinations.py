"""Where vendors' money goes. Locks: the profile → its change → its destination.

The first destination of a vendor holds at once. Each later one is a change: a second person
approves it, and then it rests before anybody is paid to it, so that the vendor's owners, who
get a mail at each step, can object. Until it is approved the one before stays.
"""

import re
from collections.abc import Collection
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.db.models.functions import Now

from billing.errors import SecondPersonNeeded
from billing.jobs.payouts import send_destination_letter
from billing.models import DestinationChange, PayoutDestination
from billing.models.payout import BANK_DATA, REFERENCE
from trustengine.accounts.models import Membership, Profile, User
from trustengine.audit.services import record
from trustengine.errors import InvalidInput, InvalidTransition, NotFound, PermissionDenied
from trustengine.jobs.services import enqueue
from trustengine.row_security import Reason, every_row

PERMISSION = "billing.set_destination"
APPROVE = "billing.approve_destination"
State = DestinationChange.State


def set_destination(profile_id: UUID, reference: str, *, actor: User) -> PayoutDestination:
    """Set where a vendor's payouts go, by a reference of the bank's or provider's.

    The first one holds at once. Another one waits as a ``DestinationChange`` for a second
    person; a change that waited before is withdrawn by it. Setting what holds already
    withdraws a change that waits. Raises PermissionDenied, also for members of the vendor,
    NotFound for what is no vendor, InvalidInput for what looks like an account number.
    """
    if not actor.has_perm(PERMISSION):
        raise PermissionDenied
    reference = _checked(reference)
    with every_row(Reason.PAYOUTS):
        vendor = _lock_vendor(profile_id)
        _refuse_members(vendor, actor)
        known = PayoutDestination.objects.filter(profile=vendor).first()
        waiting = DestinationChange.objects.filter(profile=vendor, state=State.PROPOSED).first()
        if known is None:
            return _set_first(vendor, reference, actor)
        if waiting is not None:
            if waiting.reference == reference and waiting.proposed_by_id == actor.pk:
                return known
            _end(waiting, State.WITHDRAWN, actor)
        if known.reference != reference:
            change = DestinationChange.objects.create(
                profile=vendor, before=known.reference, reference=reference, proposed_by=actor
            )
            record(
                "payout_destination.proposed",
                change,
                actor=actor,
                before={"reference": known.reference},
                after={"reference": reference, "vendor": vendor.pk},
            )
            enqueue(send_destination_letter, change_id=change.pk, step="proposed")
        return known


def approve_destination(change_id: UUID, *, actor: User) -> DestinationChange:
    """Let a changed destination hold: it is paid to once it has rested ``PAYOUT_DESTINATION_REST_HOURS``.

    Only somebody else than who set it may, and no member of the vendor. Raises PermissionDenied,
    NotFound, SecondPersonNeeded, InvalidTransition for what does not wait.
    """
    if not actor.has_perm(APPROVE):
        raise PermissionDenied
    with every_row(Reason.PAYOUTS):
        change = _lock_change(change_id)
        if change.proposed_by_id == actor.pk:
            raise SecondPersonNeeded(
                "You set this destination: somebody else has to approve it.", parts=["destination"]
            )
        _refuse_members(change.profile, actor)
        if change.state == State.APPROVED and change.decided_by_id == actor.pk:
            return change
        if change.state != State.PROPOSED:
            raise InvalidTransition(f"This change was {change.state}: it does not wait any more.")
        row = PayoutDestination.objects.select_for_update(of=("self",), no_key=True).get(profile=change.profile_id)
        before = {"reference": row.reference}
        rest = timedelta(hours=settings.PAYOUT_DESTINATION_REST_HOURS)
        PayoutDestination.objects.filter(pk=row.pk).update(
            reference=change.reference, set_by=change.proposed_by, set_at=Now(), usable_from=Now() + rest
        )
        _end(change, State.APPROVED, actor)
        row.refresh_from_db()
        after = {"reference": row.reference, "vendor": row.profile_id, "usable_from": row.usable_from}
        record("payout_destination.set", row, actor=actor, before=before, after=after)
        enqueue(send_destination_letter, change_id=change.pk, step="approved")
        return change


def refuse_destination(change_id: UUID, *, actor: User) -> DestinationChange:
    """Take back a change that waits: whoever set it withdraws it, an approver refuses it.

    Raises PermissionDenied, NotFound, InvalidTransition for what does not wait.
    """
    with every_row(Reason.PAYOUTS):
        if not (actor.has_perm(APPROVE) or actor.has_perm(PERMISSION)):
            raise PermissionDenied
        change = _lock_change(change_id)
        own = change.proposed_by_id == actor.pk
        if not own and not actor.has_perm(APPROVE):
            raise PermissionDenied
        ended = State.WITHDRAWN if own else State.REFUSED
        if change.state == ended and change.decided_by_id == actor.pk:
            return change
        if change.state != State.PROPOSED:
            raise InvalidTransition(f"This change was {change.state}: it does not wait any more.")
        _end(change, ended, actor)
        return change


def with_rest(destinations: QuerySet[PayoutDestination]) -> QuerySet[Any]:
    """Annotate ``rests``: whether a changed destination is not paid to yet, by the database's clock."""
    rests = ExpressionWrapper(Q(usable_from__isnull=False, usable_from__gt=Now()), output_field=BooleanField())
    return destinations.annotate(rests=rests)


def setters_of(pairs: Collection[tuple[UUID, str]]) -> set[tuple[UUID, UUID]]:
    """Return (vendor, user) of all who ever set one of these destinations. Inside ``every_row``."""
    wanted, profiles = set(pairs), [profile for profile, _ in pairs]
    found = set()
    changes = DestinationChange.objects.filter(profile__in=profiles).values_list("profile", "reference", "proposed_by")
    present = PayoutDestination.objects.filter(profile__in=profiles).values_list("profile", "reference", "set_by")
    for profile, reference, user in [*changes, *present]:
        if (profile, reference) in wanted:
            found.add((profile, user))
    return found


def _set_first(vendor: Profile, reference: str, actor: User) -> PayoutDestination:
    row = PayoutDestination.objects.create(profile=vendor, reference=reference, set_by=actor)
    change = DestinationChange.objects.create(
        profile=vendor, reference=reference, proposed_by=actor, state=State.APPROVED
    )
    record("payout_destination.set", row, actor=actor, before={}, after={"reference": reference, "vendor": vendor.pk})
    enqueue(send_destination_letter, change_id=change.pk, step="set")
    return row


def _end(change: DestinationChange, state: DestinationChange.State, actor: User) -> None:
    """Decide a change that waits, at the database's time."""
    DestinationChange.objects.filter(pk=change.pk).update(state=state, decided_by=actor, decided_at=Now())
    change.refresh_from_db()
    record(
        f"payout_destination.{state}",
        change,
        actor=actor,
        before={"state": State.PROPOSED},
        after={"state": state, "vendor": change.profile_id},
    )


def _lock_vendor(profile_id: UUID) -> Profile:
    vendor = Profile.objects.vendors().select_for_update(of=("self",), no_key=True).filter(pk=profile_id).first()
    if vendor is None:
        raise NotFound
    return vendor


def _lock_change(change_id: UUID) -> DestinationChange:
    profile_id = DestinationChange.objects.filter(pk=change_id).values_list("profile", flat=True).first()
    if profile_id is None:
        raise NotFound
    vendor = _lock_vendor(profile_id)
    change = DestinationChange.objects.select_for_update(of=("self",), no_key=True).get(pk=change_id)
    change.profile = vendor
    return change


def _refuse_members(vendor: Profile, actor: User) -> None:
    if Membership.objects.filter(profile=vendor, user=actor).exists():
        raise PermissionDenied("You are a member of this vendor: somebody else decides where its money goes.")


def _checked(reference: str) -> str:
    reference = reference.strip()
    if not re.fullmatch(REFERENCE, reference, re.ASCII):
        raise InvalidInput(fields={"reference": "4 to 120 letters, digits and _ . : / -"})
    if re.fullmatch(BANK_DATA, reference):
        problem = "This looks like an account number: give the reference under which the bank or provider knows it."
        raise InvalidInput(fields={"reference": problem})
    return reference
