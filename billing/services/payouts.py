"""What becomes of payouts once they are drawn up. Locks: batch → payouts by id → ledger accounts by id.

Money leaves the available accounts when a batch is approved, and the marketplace when a
payout is paid. What fails, comes back or is cancelled is given back to the available
account, and its entries are free for the next batch. Each verb may be repeated: what has
happened is not done again.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef

from billing.errors import PayoutNotCovered, SecondPersonNeeded
from billing.models import LedgerAccount, LedgerTransaction, Payout, PayoutBatch, PayoutDestination, PayoutLine
from billing.services.destinations import with_rest
from billing.services.drafting import PREPARE
from billing.services.duties import in_words, parts_in
from billing.services.ledger import Booking, Line, book_all
from billing.spreadsheets import amount, comma_separated, words
from orders.models import Dispute
from trustengine.accounts.models import User
from trustengine.audit.services import record
from trustengine.database_time import database_now
from trustengine.errors import InvalidInput, InvalidTransition, NotFound, PermissionDenied
from trustengine.jobs.services import publish_many
from trustengine.row_security import Reason, every_row

Kind, Booked = LedgerAccount.Kind, LedgerTransaction.Kind
Batch, State = PayoutBatch.State, Payout.State
MOVED = (Kind.VENDOR_AVAILABLE, Kind.VENDOR_IN_PAYOUT, Kind.VENDOR_RECEIVABLE)
APPROVE = "billing.approve_payout"
COLUMNS = ("payout", "vendor", "payee", "destination", "amount", "currency", "destination_note")
FAILURE = re.compile(r"[a-z][a-z0-9_]{1,39}", re.ASCII)
REFERENCE = re.compile(r"[A-Za-z0-9_.:/-]{0,80}", re.ASCII)


class Ending(NamedTuple):
    """How a payout ends: from which states, which account gives the money to which, and what is told then."""

    verb: str
    begins: tuple[str, ...]
    giver: LedgerAccount.Kind
    taker: LedgerAccount.Kind
    kind: LedgerTransaction.Kind
    event: str


SET_ASIDE = (Kind.VENDOR_AVAILABLE, Kind.VENDOR_IN_PAYOUT, Booked.PAYOUT)
GIVEN_BACK = (Kind.VENDOR_IN_PAYOUT, Kind.VENDOR_AVAILABLE, Booked.PAYOUT_FAILED)
PAID_OUT = (Kind.VENDOR_IN_PAYOUT, Kind.PROCESSOR_CLEARING, Booked.PAYOUT_PAID)
CAME_BACK = (Kind.PROCESSOR_CLEARING, Kind.VENDOR_AVAILABLE, Booked.PAYOUT_FAILED)
ENDINGS = {
    State.PAID: Ending("paid", (State.EXPORTED,), *PAID_OUT, "billing.payout_paid"),
    State.FAILED: Ending("failed", (State.EXPORTED,), *GIVEN_BACK, "billing.payout_failed"),
    State.RETURNED: Ending("returned", (State.PAID,), *CAME_BACK, "billing.payout_returned"),
    State.CANCELLED: Ending("cancelled", (State.DRAFT, State.APPROVED), *GIVEN_BACK, "billing.payout_cancelled"),
}


def approve_payouts(batch_id: UUID, *, actor: User) -> PayoutBatch:
    """Let a draft pass, and set its money aside. Only somebody without a part in what it pays may.

    Parts are drafting it, setting a destination or fee or asking for a refund that is in it:
    see ``billing.services.duties``. Raises PermissionDenied, NotFound, SecondPersonNeeded,
    PayoutNotCovered where refunds, disputes or destinations changed meanwhile,
    InvalidTransition for what is no draft.
    """
    _require(actor, APPROVE)
    with every_row(Reason.PAYOUTS):
        batch = lock_batch(batch_id)
        if batch.created_by_id == actor.pk:
            raise SecondPersonNeeded(parts=["drafted"])
        if batch.approved_by_id == actor.pk and batch.state != Batch.CANCELLED:
            return batch
        if batch.state != Batch.DRAFT:
            raise InvalidTransition("Only a draft can be approved.")
        payouts = _lock_payouts(batch, State.DRAFT)
        if parts := parts_in(batch, payouts, actor):
            raise SecondPersonNeeded(in_words(parts), parts=parts)
        available = _lock_accounts(payouts)
        if uncovered := _uncovered(payouts, available):
            raise PayoutNotCovered(payouts=uncovered)
        now = database_now()
        book_all([_booking(payout, "payout", *SET_ASIDE) for payout in payouts])
        for payout in payouts:
            payout.state, payout.booked_at = State.APPROVED, now
        Payout.objects.bulk_update(payouts, ["state", "booked_at"])
        batch.state, batch.approved_by, batch.approved_at = Batch.APPROVED, actor, now
        batch.save(update_fields=["state", "approved_by", "approved_at"])
        after = {
            "state": batch.state,
            "payouts": len(payouts),
            "amount_cents": sum(each.amount_cents for each in payouts),
        }
        record("payout_batch.approved", batch, actor=actor, before={"state": Batch.DRAFT}, after=after)
        return batch


def export_payouts(batch_id: UUID, *, actor: User) -> str:
    """The file of an approved batch, for the bank or the provider. It is made once: later it is the same, to the byte.

    Raises PermissionDenied, NotFound, InvalidTransition for what has not been approved,
    PayoutNotCovered where a destination changed after the approval: the file would name the former one.
    """
    _require(actor, PREPARE)
    with every_row(Reason.PAYOUTS):
        batch = lock_batch(batch_id)
        if batch.exported_at is None:
            if batch.state != Batch.APPROVED:
                raise InvalidTransition("Only an approved batch can be exported.")
            payouts = _lock_payouts(batch, State.APPROVED)
            if redirected := _redirected(payouts):
                raise PayoutNotCovered(
                    "Destinations have changed since the approval: take these vendors out of the batch.",
                    payouts=[_problem(payout, redirected[payout.pk]) for payout in payouts if payout.pk in redirected],
                )
            batch.export = comma_separated(COLUMNS, map(_row, payouts))
            batch.state, batch.exported_at = Batch.EXPORTED, database_now()
            batch.save(update_fields=["state", "exported_at", "export"])
            Payout.objects.filter(pk__in=[each.pk for each in payouts]).update(state=State.EXPORTED)
        record(
            "payout_batch.exported",
            batch,
            actor=actor,
            after={"state": batch.state, "bytes": len(batch.export.encode())},
        )
        return batch.export


def mark_paid(payout_id: UUID, *, actor: User, reference: str = "") -> Payout:
    """Note that a vendor has been paid. ``reference`` is the bank's: letters, digits and ``_.:/-``.

    Raises PermissionDenied, NotFound, InvalidInput, InvalidTransition unless it was exported.
    """
    if not REFERENCE.fullmatch(reference):
        raise InvalidInput(fields={"reference": "At most 80 letters, digits and _ . : / -"})
    return _end(payout_id, State.PAID, actor=actor, reference=reference)


def mark_batch_paid(batch_id: UUID, *, actor: User) -> int:
    """Note that all of an exported batch that has not ended yet has been paid; how many payouts these were.

    Each in a transaction of its own: the processor's account is everybody's. What was
    interrupted is finished by asking again. Raises what ``mark_paid`` raises, and
    InvalidTransition for a batch that was not exported.
    """
    _require(actor, PREPARE)
    with every_row(Reason.PAYOUTS):
        batch = lock_batch(batch_id)
        if batch.exported_at is None:
            raise InvalidTransition("Only what was exported can have been paid.")
        waiting = list(batch.payouts.filter(state=State.EXPORTED).order_by("pk").values_list("pk", flat=True))
    paid = 0
    for payout_id in waiting:
        try:
            mark_paid(payout_id, actor=actor)
            paid += 1
        except InvalidTransition:  # it has failed since
            continue
    return paid


def mark_failed(payout_id: UUID, *, actor: User, failure: str) -> Payout:
    """Note that a payout did not arrive, with the bank's code: the money is available again.

    Raises PermissionDenied, NotFound, InvalidInput, InvalidTransition unless it was exported and has not ended.
    """
    return _end(payout_id, State.FAILED, actor=actor, failure=_checked(failure))


def mark_returned(payout_id: UUID, *, actor: User, failure: str) -> Payout:
    """Note that a payout came back after it had been paid. Raises what ``mark_failed`` raises."""
    return _end(payout_id, State.RETURNED, actor=actor, failure=_checked(failure))


def cancel_payout(payout_id: UUID, *, actor: User) -> Payout:
    """Take a vendor out of a batch that has not been exported. Raises PermissionDenied, NotFound, InvalidTransition."""
    return _end(payout_id, State.CANCELLED, actor=actor)


def cancel_batch(batch_id: UUID, *, actor: User) -> PayoutBatch:
    """Give up a batch that has not been exported. Raises PermissionDenied, NotFound, InvalidTransition.

    One person may, also after two let it pass: it stops money, and whatever is paid then
    takes two people again. After the approval it asks for the permission to approve.
    """
    _require(actor, PREPARE)
    with every_row(Reason.PAYOUTS):
        batch = lock_batch(batch_id)
        if batch.state == Batch.CANCELLED:
            return batch
        if batch.exported_at is not None:
            raise InvalidTransition("The file has left: note of each payout whether it was paid or failed.")
        if batch.approved_at is not None:
            _require(actor, APPROVE)
        payouts = list(batch.payouts.filter(state__in=Payout.UNDER_WAY).order_by("pk").select_for_update(no_key=True))
        _lock_accounts([each for each in payouts if each.booked_at])
        _finish(payouts, State.CANCELLED)
        before = {"state": batch.state}
        batch.state, batch.ended_at = Batch.CANCELLED, database_now()
        batch.save(update_fields=["state", "ended_at"])
        after = {"state": batch.state, "payouts": len(payouts)}
        record("payout_batch.cancelled", batch, actor=actor, before=before, after=after)
        return batch


def lock_batch(batch_id: UUID) -> PayoutBatch:
    """Inside ``every_row``. Raises NotFound."""
    batch = PayoutBatch.objects.select_for_update(of=("self",), no_key=True).filter(pk=batch_id).first()
    if batch is None:
        raise NotFound
    return batch


def _end(payout_id: UUID, state: Payout.State, *, actor: User, reference: str = "", failure: str = "") -> Payout:
    _require(actor, PREPARE)
    ending = ENDINGS[state]
    with every_row(Reason.PAYOUTS):
        batch_id = Payout.objects.filter(pk=payout_id).values_list("batch", flat=True).first()
        if batch_id is None:
            raise NotFound
        batch = lock_batch(batch_id)
        payout = Payout.objects.select_for_update(of=("self",), no_key=True).get(pk=payout_id)
        if payout.state == state:
            return payout
        if payout.state not in ending.begins:
            raise InvalidTransition(f"What is {payout.state} cannot be {ending.verb}.")
        if payout.state == State.APPROVED:
            _require(actor, APPROVE)
        before = {"state": payout.state}
        _finish([payout], state, reference=reference, failure=failure)
        after = {"state": payout.state, "amount_cents": payout.amount_cents, "currency": payout.currency}
        record(f"payout.{ending.verb}", payout, actor=actor, before=before, after=after, reason=failure)
        _end_with_last(batch)
        return payout


def _finish(payouts: Sequence[Payout], state: Payout.State, *, reference: str = "", failure: str = "") -> None:
    """Move locked payouts to their end, and their money with them; what was not paid lets its lines go."""
    ending, now = ENDINGS[state], database_now()
    moved = [payout for payout in payouts if payout.booked_at]
    key = f"payout_{ending.verb}"
    book_all([_booking(payout, key, ending.giver, ending.taker, ending.kind) for payout in moved])
    for payout in payouts:
        payout.state, payout.settled_at = state, now
        payout.reference, payout.failure = reference or payout.reference, failure
    Payout.objects.bulk_update(payouts, ["state", "settled_at", "reference", "failure"])
    if state != State.PAID:
        PayoutLine.objects.filter(payout__in=[payout.pk for payout in payouts]).update(is_live=False)
    publish_many(ending.event, [{"payout_id": payout.pk, "profile_id": payout.profile_id} for payout in moved])


def _end_with_last(batch: PayoutBatch) -> None:
    """A locked batch ends with the last of its payouts, and says anew how, where one comes back later."""
    states = set(batch.payouts.values_list("state", flat=True))
    if states & set(Payout.UNDER_WAY):
        return
    if states == {State.CANCELLED}:
        ended = Batch.CANCELLED
    elif State.PAID not in states:
        ended = Batch.FAILED
    else:
        ended = Batch.PAID if states <= {State.PAID, State.CANCELLED} else Batch.PARTLY_PAID
    if ended != batch.state:
        before = {"state": batch.state}
        batch.state, batch.ended_at = ended, batch.ended_at or database_now()
        batch.save(update_fields=["state", "ended_at"])
        record("payout_batch.ended", batch, before=before, after={"state": batch.state})


def _lock_payouts(batch: PayoutBatch, state: Payout.State) -> list[Payout]:
    return list(batch.payouts.filter(state=state).order_by("pk").select_for_update(of=("self",), no_key=True))


def _lock_accounts(payouts: Sequence[Payout]) -> dict[UUID | None, int]:
    """Lock what these payouts of one currency move, all at once and by id; what is available to each vendor.

    Debts as well: money that is given back may settle them. Accounts that are made later have larger ids.
    """
    vendors = [payout.profile_id for payout in payouts]
    rows = LedgerAccount.objects.filter(
        profile__in=vendors, currency__in={payout.currency for payout in payouts}, kind__in=MOVED
    )
    locked = list(rows.order_by("pk").select_for_update(of=("self",), no_key=True))
    return {row.profile_id: row.balance_cents for row in locked if row.kind == Kind.VENDOR_AVAILABLE}


def _uncovered(payouts: Iterable[Payout], available: dict[UUID | None, int]) -> list[dict[str, str]]:
    """Which of these drafts cannot be paid as they are, each with a reason."""
    payouts = list(payouts)
    disputes = Dispute.objects.filter(order=OuterRef("entry__transaction__order"), closed_at=None)
    lines = PayoutLine.objects.filter(payout__in=payouts, amount_cents__gt=0).filter(Exists(disputes))
    disputed = set(lines.values_list("payout", flat=True))
    redirected = _redirected(payouts)
    found = []
    for payout in payouts:
        reason = redirected.get(payout.pk, "")
        if available.get(payout.profile_id, 0) < payout.amount_cents:
            reason = "balance"
        elif payout.pk in disputed:
            reason = "disputed"
        if reason:
            found.append(_problem(payout, reason))
    return found


def _redirected(payouts: Sequence[Payout]) -> dict[UUID, str]:
    """Which of these payouts go where their vendors are not paid now, each with a reason."""
    present = with_rest(PayoutDestination.objects.filter(profile__in=[payout.profile_id for payout in payouts]))
    destinations = {row.profile_id: row for row in present}
    found = {}
    for payout in payouts:
        known = destinations.get(payout.profile_id)
        if known is None or known.reference != payout.destination:
            found[payout.pk] = "destination"
        elif known.rests:
            found[payout.pk] = "resting"
    return found


def _problem(payout: Payout, reason: str) -> dict[str, str]:
    return {"payout": str(payout.pk), "payee": payout.payee, "reason": reason}


def _booking(
    payout: Payout,
    key: str,
    giver: LedgerAccount.Kind,
    taker: LedgerAccount.Kind,
    kind: LedgerTransaction.Kind,
) -> Booking:
    def on(account: LedgerAccount.Kind, cents: int) -> Line:
        return Line(account, cents, payout.profile_id if account in LedgerAccount.OF_VENDOR else None)

    lines = [on(giver, -payout.amount_cents), on(taker, payout.amount_cents)]
    return Booking(kind, f"{key}:{payout.pk}", lines, payout.currency)


def _row(payout: Payout) -> tuple[str, ...]:
    return (
        str(payout.pk),
        str(payout.profile_id),
        words(payout.payee),
        words(payout.destination),
        amount(payout.amount_cents, payout.currency),
        payout.currency,
        payout.destination_note,
    )


def _checked(failure: str) -> str:
    if not FAILURE.fullmatch(failure):
        raise InvalidInput(fields={"failure": "A code of small letters, digits and _, such as account_closed."})
    return failure


def _require(actor: User, permission: str) -> None:
    if not actor.has_perm(permission):
        raise PermissionDenied
