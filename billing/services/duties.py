"""Separation of duties: who had a part in what a batch pays, and so cannot approve it.

It is judged over everything that decides where money goes, not over the batch alone:
destinations, fees, refunds, and who said that an earlier payout had not arrived.
"""

from collections.abc import Collection, Iterable
from uuid import UUID

from django.db.models import Min, QuerySet

from billing.models import LedgerEntry, LedgerTransaction, Payout, PayoutBatch, PayoutLine
from billing.services.destinations import setters_of
from orders.models import RefundLine
from trustengine.accounts.models import Membership, User
from trustengine.audit.models import Entry

FEE_SET = "vendor_terms.fee_set"
NOT_ARRIVED = ("payout.failed", "payout.returned")
WORDS = {
    "drafted": "you drew this batch up",
    "destination": "you set a destination in it",
    "fee": "you set a fee that its sales were booked with",
    "refund": "you asked for a refund that is in it",
    "not_arrived": "you noted that an earlier payout of its entries had not arrived",
    "member": "you are a member of a vendor that it pays",
}


def parts_in(batch: PayoutBatch, payouts: Collection[Payout], actor: User) -> list[str]:
    """Return the parts that a person had in these payouts of a batch, as keys of ``WORDS``. Inside ``every_row``."""
    vendors = {payout.profile_id for payout in payouts}
    pairs = [(payout.profile_id, payout.destination) for payout in payouts]
    found = {
        "drafted": batch.created_by_id == actor.pk,
        "destination": any(user == actor.pk for _, user in setters_of(pairs)),
        "fee": any(_set_fee_of(vendor, payouts, actor) for vendor in _fees_set_by(actor, vendors)),
        "refund": RefundLine.objects.filter(
            refund__requested_by=actor, item__in=_entries_of(payouts).filter(item__isnull=False).values("item")
        ).exists(),
        "not_arrived": _noted_as_not_arrived(payouts, actor),
        "member": Membership.objects.filter(user=actor, profile__in=vendors).exists(),
    }
    return [part for part in WORDS if found[part]]


def in_words(parts: Iterable[str]) -> str:
    """Say why this person cannot approve a batch."""
    named = ", and ".join(WORDS[part] for part in parts)
    return f"{named[:1].upper()}{named[1:]}: somebody else has to approve it."


def _entries_of(payouts: Collection[Payout]) -> QuerySet[LedgerEntry]:
    return LedgerEntry.objects.filter(payout_lines__payout__in=[payout.pk for payout in payouts])


def _fees_set_by(actor: User, vendors: Collection[UUID]) -> set[UUID]:
    """Return the vendors, of these, whose fee this person ever set. The audit log is append-only."""
    entries = Entry.objects.filter(verb=FEE_SET, actor_id=actor.pk, object_id__in=[str(each) for each in vendors])
    return {UUID(found) for found in entries.values_list("object_id", flat=True).distinct()}


def _set_fee_of(vendor: UUID, payouts: Collection[Payout], actor: User) -> bool:
    """Whether this person set the fee that was in force when the first sale was booked, or one after it."""
    entries = _entries_of([payout for payout in payouts if payout.profile_id == vendor])
    orders = entries.filter(transaction__order__isnull=False).values("transaction__order")
    sales = LedgerTransaction.objects.filter(kind=LedgerTransaction.Kind.ORDER_PAID, order__in=orders)
    moments = [sales.aggregate(at=Min("booked_at"))["at"], entries.aggregate(at=Min("booked_at"))["at"]]
    first = min((moment for moment in moments if moment), default=None)
    changes = Entry.objects.filter(verb=FEE_SET, object_id=str(vendor)).order_by("-position")
    for actor_id, at in changes.values_list("actor_id", "at"):
        if actor_id == actor.pk:
            return True
        if first is not None and at <= first:
            return False
    return False


def _noted_as_not_arrived(payouts: Collection[Payout], actor: User) -> bool:
    lines = PayoutLine.objects.filter(is_live=False, entry__in=_entries_of(payouts).values("pk"))
    states = [Payout.State.FAILED, Payout.State.RETURNED]
    earlier = lines.filter(payout__state__in=states).values_list("payout", flat=True).distinct()
    return Entry.objects.filter(
        verb__in=NOT_ARRIVED, actor_id=actor.pk, object_id__in=[str(each) for each in earlier]
    ).exists()
