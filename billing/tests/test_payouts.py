"""What becomes of a batch: two people, one file, and money that is never in two places."""

import csv
import io
from functools import partial

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing.errors import PayoutNotCovered, SecondPersonNeeded
from billing.models import LedgerAccount, LedgerTransaction, Payout, PayoutBatch, PayoutLine
from billing.services.destinations import approve_destination
from billing.services.drafting import draft_payouts
from billing.services.payouts import (
    approve_payouts,
    cancel_batch,
    cancel_payout,
    export_payouts,
    mark_batch_paid,
    mark_failed,
    mark_paid,
    mark_returned,
)
from billing.tests.payout_factories import (
    approved,
    balances,
    drafted,
    exported,
    finance,
    payable_vendor,
    payouts_of,
    release,
    take_back,
)
from billing.tests.test_destinations import changed
from orders.models import Dispute
from orders.tests.factories import OrderItemFactory, ProductFactory
from trustengine.accounts.tests.factories import StaffFactory
from trustengine.audit.models import Entry
from trustengine.errors import InvalidInput, InvalidTransition, NotFound, PermissionDenied
from trustengine.identifiers import uuid7
from trustengine.row_security import Reason, every_row
from trustengine.testing import at_once

pytestmark = pytest.mark.django_db
VERBS = [
    approve_payouts,
    cancel_batch,
    cancel_payout,
    export_payouts,
    mark_batch_paid,
    mark_paid,
    partial(mark_failed, failure="account_closed"),
    partial(mark_returned, failure="account_closed"),
]


def fresh(row):
    with every_row(Reason.TEST):
        return type(row).objects.get(pk=row.pk)


def in_books():
    """What stands in the books, over all accounts of vendors: it never grows by paying out."""
    with every_row(Reason.TEST):
        rows = LedgerAccount.objects.values_list("kind", "balance_cents")
        return sum(cents for _, cents in rows), dict(rows)


def live_lines():
    with every_row(Reason.TEST):
        return PayoutLine.objects.filter(is_live=True).count()


def test_money_goes_from_available_to_in_payout_to_the_processor():
    vendor = payable_vendor(5_000)
    batch = drafted()

    approve_payouts(batch.pk, actor=finance())
    assert balances(vendor) == {"in_payout": 5_000}
    export_payouts(batch.pk, actor=finance())
    (payout,) = payouts_of(batch)
    assert (payout.state, fresh(batch).state) == ("exported", "exported")

    mark_paid(payout.pk, actor=finance(), reference="SEPA-2026-0001")

    assert balances(vendor) == {}
    total, accounts = in_books()
    assert (total, accounts["processor_clearing"]) == (0, 0)
    paid = fresh(payout)
    assert (paid.state, paid.reference, fresh(batch).state) == ("paid", "SEPA-2026-0001", "paid")
    assert list(Entry.objects.filter(verb__startswith="payout").order_by("at").values_list("verb", flat=True)) == [
        "payout_batch.drafted",
        "payout_batch.approved",
        "payout_batch.exported",
        "payout.paid",
        "payout_batch.ended",
    ]


def test_whoever_drafted_a_batch_cannot_approve_it():
    payable_vendor(5_000)
    person = finance()
    batch = draft_payouts("EUR", actor=person)

    with pytest.raises(SecondPersonNeeded):
        approve_payouts(batch.pk, actor=person)
    with every_row(Reason.TEST), pytest.raises(IntegrityError, match="approved_by_another"), transaction.atomic():
        PayoutBatch.objects.filter(pk=batch.pk).update(state="approved", approved_by=person, approved_at=timezone.now())


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: getattr(verb, "func", verb).__name__)
def test_every_verb_asks_for_its_permission(verb):
    payable_vendor(5_000)
    batch = exported()
    (payout,) = payouts_of(batch)

    for row in (batch, payout):
        with pytest.raises(PermissionDenied):
            verb(row.pk, actor=StaffFactory(groups=["Operators"]))
    with pytest.raises(NotFound):
        verb(uuid7(), actor=finance())


def test_a_draft_that_a_refund_has_overtaken_is_not_approved():
    vendor, other = payable_vendor(5_000), payable_vendor(3_000)
    batch = drafted()
    take_back(vendor, 1)

    with pytest.raises(PayoutNotCovered) as refusal:
        approve_payouts(batch.pk, actor=finance())

    assert [(row["payee"], row["reason"]) for row in refusal.value.extra["payouts"]] == [(str(vendor), "balance")]
    assert balances(vendor) == {"available": 4_999}
    assert balances(other) == {"available": 3_000}
    with every_row(Reason.TEST):
        overtaken = batch.payouts.get(profile=vendor)
    cancel_payout(overtaken.pk, actor=finance())
    approve_payouts(batch.pk, actor=finance())
    assert balances(other) == {"in_payout": 3_000}


def test_a_draft_is_not_approved_over_a_dispute_nor_to_another_destination():
    vendor = payable_vendor()
    item = OrderItemFactory(product=ProductFactory(vendor=vendor), delivered=True)
    release(vendor, 4_000, order=item.order, item=item)
    batch = drafted()
    Dispute.objects.create(id="dp_1", order=item.order, amount_cents=4_000, opened_at=timezone.now())

    with pytest.raises(PayoutNotCovered) as refusal:
        approve_payouts(batch.pk, actor=finance())
    assert refusal.value.extra["payouts"][0]["reason"] == "disputed"

    Dispute.objects.update(closed_at=timezone.now(), outcome="won")
    approve_destination(changed(vendor, "acct_another").pk, actor=finance())
    with pytest.raises(PayoutNotCovered) as refusal:
        approve_payouts(batch.pk, actor=finance())
    assert refusal.value.extra["payouts"][0]["reason"] == "destination"


def test_an_export_is_the_same_to_the_byte_whatever_happens_later():
    vendor = payable_vendor(123_456, display_name='=HYPERLINK("http://x","Kitchen")')
    payable_vendor(10_005, display_name="Ünü, Söhne")
    batch = approved()

    first = export_payouts(batch.pk, actor=finance())
    type(vendor).objects.filter(pk=vendor.pk).update(display_name="Renamed")
    mark_batch_paid(batch.pk, actor=finance())

    assert export_payouts(batch.pk, actor=finance()) == first
    rows = {row["vendor"]: row for row in csv.DictReader(io.StringIO(first, newline=""))}
    assert rows[str(vendor.pk)]["amount"] == "1234.56"
    assert rows[str(vendor.pk)]["payee"].startswith("'=HYPERLINK")
    assert {row["currency"] for row in rows.values()} == {"EUR"}
    assert Entry.objects.filter(verb="payout_batch.exported").count() == 2


@pytest.mark.parametrize(("currency", "text"), [("JPY", "123456"), ("KWD", "123.456"), ("EUR", "1234.56")])
def test_amounts_have_the_digits_of_their_currency(currency, text):
    payable_vendor(123_456, currency=currency)

    content = export_payouts(approved(currency).pk, actor=finance())

    (row,) = csv.DictReader(io.StringIO(content, newline=""))
    assert row["amount"] == text


def test_what_failed_is_given_back_and_the_batch_says_so():
    vendor, other = payable_vendor(5_000), payable_vendor(3_000)
    batch = exported()
    failed, paid = sorted(payouts_of(batch), key=lambda payout: payout.amount_cents != 5_000)

    mark_failed(failed.pk, actor=finance(), failure="account_closed")
    assert fresh(batch).state == "exported"
    mark_paid(paid.pk, actor=finance())

    assert balances(vendor) == {"available": 5_000}
    assert balances(other) == {}
    assert (fresh(batch).state, fresh(failed).failure, live_lines()) == ("partly_paid", "account_closed", 1)


def test_a_payout_that_comes_back_after_it_was_paid_is_available_again():
    vendor = payable_vendor(5_000)
    batch = exported()
    (payout,) = payouts_of(batch)
    with pytest.raises(InvalidTransition):
        mark_returned(payout.pk, actor=finance(), failure="account_closed")
    mark_paid(payout.pk, actor=finance())

    mark_returned(payout.pk, actor=finance(), failure="account_closed")

    assert balances(vendor) == {"available": 5_000}
    assert (fresh(payout).state, fresh(batch).state) == ("returned", "failed")
    assert in_books()[1]["processor_clearing"] == -5_000
    (again,) = payouts_of(exported())
    assert again.amount_cents == 5_000


def test_repeating_a_verb_changes_nothing():
    vendor, person, second = payable_vendor(5_000), finance(), finance()
    batch = draft_payouts("EUR", actor=person)
    for _ in range(2):
        approve_payouts(batch.pk, actor=second)
    for _ in range(2):
        export_payouts(batch.pk, actor=person)
    (payout,) = payouts_of(batch)
    for _ in range(2):
        mark_paid(payout.pk, actor=person)
    assert mark_batch_paid(batch.pk, actor=person) == 0
    for _ in range(2):
        mark_returned(payout.pk, actor=person, failure="no_account")

    assert balances(vendor) == {"available": 5_000}
    with every_row(Reason.TEST):
        assert LedgerTransaction.objects.filter(kind__startswith="payout").count() == 3
    assert Entry.objects.filter(verb__in=["payout_batch.approved", "payout.paid", "payout.returned"]).count() == 3


def test_what_has_left_cannot_be_cancelled_and_what_has_not_cannot_be_paid():
    payable_vendor(5_000)
    batch = drafted()
    (payout,) = payouts_of(batch)
    for call in (
        partial(export_payouts, batch.pk),
        partial(mark_paid, payout.pk),
        partial(mark_batch_paid, batch.pk),
        partial(mark_failed, payout.pk, failure="late"),
    ):
        with pytest.raises(InvalidTransition):
            call(actor=finance())

    approve_payouts(batch.pk, actor=finance())
    export_payouts(batch.pk, actor=finance())

    for call in (partial(cancel_batch, batch.pk), partial(cancel_payout, payout.pk)):
        with pytest.raises(InvalidTransition):
            call(actor=finance())


@pytest.mark.parametrize("text", ["Account closed!", "a", "=1+1", "x" * 41, "ümlaut", "line\nbreak"])
def test_failures_and_references_are_codes(text):
    payable_vendor(5_000)
    (payout,) = payouts_of(exported())

    with pytest.raises(InvalidInput):
        mark_failed(payout.pk, actor=finance(), failure=text)
    with pytest.raises(InvalidInput):
        mark_paid(payout.pk, actor=finance(), reference=f"{text} !")


@pytest.mark.django_db(transaction=True)
def test_two_approvals_at_once_set_the_money_aside_once():
    vendor = payable_vendor(5_000)
    batch = drafted()
    people = [finance(), finance()]

    outcomes = at_once(*[partial(approve_payouts, batch.pk, actor=person) for person in [*people, *people]])

    assert sum(isinstance(outcome, InvalidTransition) for outcome in outcomes) == 2
    assert sum(isinstance(outcome, PayoutBatch) for outcome in outcomes) == 2  # one person, twice
    assert balances(vendor) == {"in_payout": 5_000}


@pytest.mark.django_db(transaction=True)
def test_approving_and_cancelling_at_once_end_in_one_of_both():
    vendors = [payable_vendor(5_000) for _ in range(3)]
    batch = drafted()

    at_once(
        partial(approve_payouts, batch.pk, actor=finance()),
        partial(cancel_batch, batch.pk, actor=finance()),
        partial(approve_payouts, batch.pk, actor=finance()),
        partial(cancel_batch, batch.pk, actor=finance()),
    )

    assert fresh(batch).state == "cancelled"  # an approval that came first is cancelled with the batch
    assert [balances(vendor) for vendor in vendors] == [{"available": 5_000}] * 3
    assert live_lines() == 0


@pytest.mark.django_db(transaction=True)
def test_a_payout_that_is_paid_and_failed_at_once_is_one_of_both():
    vendor = payable_vendor(5_000)
    batch = exported()
    (payout,) = payouts_of(batch)
    person = finance()
    paid, failed = partial(mark_paid, payout.pk), partial(mark_failed, payout.pk, failure="account_closed")

    outcomes = at_once(*[partial(call, actor=person) for call in (paid, failed, paid, failed)])

    assert sum(isinstance(outcome, InvalidTransition) for outcome in outcomes) == 2
    state = fresh(payout).state
    assert balances(vendor) == ({} if state == "paid" else {"available": 5_000})
    assert live_lines() == (state == "paid")
    assert in_books()[0] == 0


@pytest.mark.django_db(transaction=True)
def test_an_approval_and_refunds_at_once_never_pay_what_is_not_there():
    vendor = payable_vendor(5_000)
    batch = drafted()
    person = finance()

    outcomes = at_once(
        *[partial(take_back, vendor, 1_000)] * 3, *[partial(approve_payouts, batch.pk, actor=person)] * 2
    )

    errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert all(isinstance(error, PayoutNotCovered | IntegrityError) for error in errors), errors
    if any(isinstance(error, PayoutNotCovered) for error in errors):
        assert "in_payout" not in balances(vendor)
    else:
        assert balances(vendor)["in_payout"] == 5_000
    assert in_books()[0] == 0


@pytest.mark.django_db(transaction=True)
def test_exports_at_once_hand_out_one_file():
    for _ in range(3):
        payable_vendor(5_000)
    batch = approved()
    person = finance()

    outcomes = at_once(*[partial(export_payouts, batch.pk, actor=person)] * 4)

    assert len(set(outcomes)) == 1
    assert outcomes[0].count("\r\n") == 4


@pytest.mark.django_db(transaction=True)
def test_a_whole_batch_is_paid_by_two_people_at_once_without_paying_anybody_twice():
    vendors = [payable_vendor(5_000 + n) for n in range(4)]
    batch = exported()
    people = [finance(), finance()]

    at_once(*[partial(mark_batch_paid, batch.pk, actor=person) for person in people])

    assert [balances(vendor) for vendor in vendors] == [{}] * 4
    assert in_books()[1]["processor_clearing"] == 0
    assert fresh(batch).state == "paid"
    with every_row(Reason.TEST):
        assert set(Payout.objects.values_list("state", flat=True)) == {"paid"}
