"""Who is paid in a batch, with which money, and who is passed over."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing.errors import NothingDue
from billing.models import LedgerAccount, Payout, PayoutBatch, PayoutDestination, PayoutLine
from billing.services.destinations import set_destination
from billing.services.drafting import draft_payouts, redraw_payouts
from billing.services.payouts import cancel_batch, mark_failed
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
from orders.models import Dispute
from orders.tests.factories import OrderItemFactory, ProductFactory, VendorFactory
from trustengine.accounts.tests.factories import StaffFactory
from trustengine.audit.models import Entry
from trustengine.errors import InvalidInput, InvalidTransition, PermissionDenied
from trustengine.row_security import Reason, every_row
from trustengine.testing import at_once

pytestmark = pytest.mark.django_db
Kind = LedgerAccount.Kind


def amounts(batch):
    return {payout.profile_id: payout.amount_cents for payout in payouts_of(batch)}


def skips(batch):
    with every_row(Reason.TEST):
        return {skip.profile_id: (skip.reason, skip.amount_cents) for skip in batch.skips.all()}


def test_a_draft_pays_each_vendor_what_is_available_net_of_what_was_taken_back():
    first, second = payable_vendor(5_000), payable_vendor(3_000)
    release(first, 2_500)
    take_back(first, 700)

    batch = drafted()

    assert amounts(batch) == {first.pk: 6_800, second.pk: 3_000}
    assert batch.state == "draft"
    assert balances(first) == {"available": 6_800}  # until somebody approves it
    with every_row(Reason.TEST):
        assert sorted(PayoutLine.objects.filter(profile=first).values_list("amount_cents", flat=True)) == [
            -700,
            2_500,
            5_000,
        ]
    entry = Entry.objects.get(verb="payout_batch.drafted")
    assert (entry.actor_id, entry.after["amount_cents"]) == (batch.created_by_id, 9_800)


def test_who_is_passed_over_is_told_with_the_reason(settings):
    settings.PAYOUT_MINIMUM_CENTS = 1_000
    paid, small = payable_vendor(1_000), payable_vendor(999)
    nowhere = VendorFactory()
    release(nowhere, 4_000)

    batch = drafted()

    assert amounts(batch) == {paid.pk: 1_000}
    assert skips(batch) == {small.pk: ("below_minimum", 999), nowhere.pk: ("no_destination", 4_000)}


def test_money_of_an_order_under_dispute_waits(settings):
    vendor = payable_vendor()
    item = OrderItemFactory(product=ProductFactory(vendor=vendor), delivered=True)
    release(vendor, 4_000, order=item.order, item=item)
    dispute = Dispute.objects.create(id="dp_1", order=item.order, amount_cents=4_000, opened_at=timezone.now())
    other = payable_vendor(2_000)

    batch = drafted()
    assert amounts(batch) == {other.pk: 2_000}
    assert skips(batch) == {vendor.pk: ("disputed", 4_000)}

    Dispute.objects.filter(pk=dispute.pk).update(closed_at=timezone.now() + timedelta(days=1), outcome="won")
    assert amounts(drafted()) == {vendor.pk: 4_000}


def test_what_a_later_refund_took_away_is_taken_from_the_next_batch():
    vendor = payable_vendor(5_000)
    drafted()
    release(vendor, 2_000)
    take_back(vendor, 2_600)

    with pytest.raises(NothingDue) as refusal:
        drafted()

    assert refusal.value.extra["skipped"] == {str(vendor.pk): "negative"}


def test_who_owes_settles_first():
    vendor = payable_vendor(5_000)
    take_back(vendor, 1_200, kind=Kind.VENDOR_RECEIVABLE)

    batch = drafted()

    assert amounts(batch) == {vendor.pk: 3_800}
    assert balances(vendor) == {"available": 3_800}


def test_currencies_are_paid_apart():
    vendor = payable_vendor(5_000)
    release(vendor, 7_000, currency="USD")

    assert amounts(drafted(currency="USD")) == {vendor.pk: 7_000}
    assert amounts(drafted()) == {vendor.pk: 5_000}


def test_nothing_due_writes_nothing():
    vendor = payable_vendor(10)
    take_back(vendor, 5, kind=Kind.VENDOR_RECEIVABLE)

    with pytest.raises(NothingDue):
        drafted()

    with every_row(Reason.TEST):
        assert not PayoutBatch.objects.exists()
    assert balances(vendor) == {"available": 10, "receivable": -5}
    assert not Entry.objects.filter(verb="payout_batch.drafted").exists()


def test_only_those_who_may_draft_and_only_in_a_currency():
    payable_vendor(5_000)

    with pytest.raises(PermissionDenied):
        draft_payouts("EUR", actor=StaffFactory())
    with pytest.raises(InvalidInput):
        draft_payouts("EURO", actor=finance())


def test_what_is_in_one_batch_is_in_no_other():
    payable_vendor(5_000)
    batch = drafted()

    with pytest.raises(NothingDue):
        drafted()

    (payout,) = payouts_of(batch)
    with every_row(Reason.TEST):
        line = payout.lines.get()
        other = PayoutBatch.objects.create(currency="EUR", created_by=finance())
        copy = Payout.objects.create(
            batch=other, profile=payout.profile, payee="x", destination="acct_1", currency="EUR", amount_cents=5_000
        )
        with pytest.raises(IntegrityError, match="payout_line_entry_in_one_live_batch"), transaction.atomic():
            copy.lines.create(entry=line.entry, profile=payout.profile, amount_cents=5_000)
        copy.lines.create(entry=line.entry, profile=payout.profile, amount_cents=5_000, is_live=False)


@pytest.mark.django_db(transaction=True)
def test_two_drafts_at_once_pay_nobody_twice():
    vendors = [payable_vendor(5_000 + n) for n in range(4)]
    people = [finance(), finance()]

    outcomes = at_once(*[partial(draft_payouts, "EUR", actor=people[n % 2]) for n in range(4)])

    assert sum(isinstance(outcome, PayoutBatch) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, NothingDue) for outcome in outcomes) == 3
    with every_row(Reason.TEST):
        assert Payout.objects.count() == PayoutLine.objects.count() == len(vendors)


@pytest.mark.django_db(transaction=True)
def test_refunds_and_releases_meanwhile_leave_no_entry_half_taken():
    vendor = payable_vendor(50_000)
    person = finance()
    steps = [partial(take_back, vendor, 100), partial(release, vendor, 300)] * 3

    *_, batch = at_once(*steps, partial(draft_payouts, "EUR", actor=person))

    (payout,) = payouts_of(batch)
    with every_row(Reason.TEST):
        taken = sum(payout.lines.values_list("amount_cents", flat=True))
    assert taken == payout.amount_cents
    assert balances(vendor) == {"available": 50_600}


def test_the_entries_of_what_failed_or_was_cancelled_are_free_for_the_next_batch():
    vendor = payable_vendor(5_000)
    cancel_batch(drafted().pk, actor=finance())
    cancel_batch(approved().pk, actor=finance())
    (payout,) = payouts_of(exported())
    mark_failed(payout.pk, actor=finance(), failure="account_closed")
    release(vendor, 250)

    assert amounts(drafted()) == {vendor.pk: 5_250}
    assert balances(vendor) == {"available": 5_250}


def test_a_draft_is_drawn_up_anew_from_what_is_there_now():
    vendor = payable_vendor(5_000)
    batch = drafted()
    take_back(vendor, 3_000)

    again = redraw_payouts(batch.pk, actor=finance())

    assert amounts(again) == {vendor.pk: 2_000}
    with every_row(Reason.TEST):
        assert PayoutBatch.objects.get(pk=batch.pk).state == "cancelled"
    with pytest.raises(NothingDue):
        approved()
    with pytest.raises(InvalidTransition):
        redraw_payouts(batch.pk, actor=finance())


@pytest.mark.parametrize(
    "number", ["DE89370400440532013000", "de89 3704 0044 0532 0130 00", "4111111111111111", "12", ""]
)
def test_an_account_number_is_no_destination(number):
    vendor = VendorFactory()

    with pytest.raises(InvalidInput):
        set_destination(vendor.pk, number, actor=finance())
    with every_row(Reason.TEST), pytest.raises(IntegrityError), transaction.atomic():
        PayoutDestination.objects.create(profile=vendor, reference=number, set_by=finance())


def test_a_destination_is_set_by_whom_may_and_leaves_a_trace():
    vendor = VendorFactory()
    with pytest.raises(PermissionDenied):
        set_destination(vendor.pk, "acct_1Q8hKd", actor=StaffFactory())

    for reference in ("acct_1Q8hKd", "acct_1Q8hKd", "acct_other"):
        set_destination(vendor.pk, reference, actor=finance())

    entries = Entry.objects.filter(verb__startswith="payout_destination.").order_by("at")
    assert list(entries.values_list("verb", "after__reference")) == [
        ("payout_destination.set", "acct_1Q8hKd"),
        ("payout_destination.proposed", "acct_other"),
    ]


def test_a_draft_costs_the_same_however_many_are_paid(django_assert_max_num_queries):
    for _ in range(12):
        release(payable_vendor(5_000), 300)
    person = finance()
    person.has_perm("billing.prepare_payout")

    with django_assert_max_num_queries(20):
        draft_payouts("EUR", actor=person)
