"""Nobody approves a batch who had a part in what it pays: a walk over all parts."""

from functools import partial

import pytest

from billing.errors import SecondPersonNeeded
from billing.models import PayoutBatch, PayoutDestination
from billing.services.bookkeeping import release_due
from billing.services.destinations import approve_destination, set_destination
from billing.services.drafting import draft_payouts
from billing.services.duties import WORDS
from billing.services.payouts import approve_payouts, mark_failed
from billing.tests import sales
from billing.tests.payout_factories import exported, finance, payable_vendor, payouts_of
from billing.tests.test_destinations import changed, rest_is_over
from orders.models import Refund, VendorTerms
from orders.services.refunding import Wanted, request_refunds
from orders.services.terms import set_fee
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import StaffFactory
from trustengine.errors import DomainError
from trustengine.row_security import Reason, every_row
from trustengine.testing import at_once, run_due_jobs

pytestmark = pytest.mark.django_db


def sold_and_released(vendor, cents=10_000):
    """An order that was paid, delivered and released, so that its money may be paid out."""
    order = sales.paid_order(cents, by=vendor)
    sales.deliver(order, days_ago=30)
    run_due_jobs()
    release_due(batches=5)
    return order


def drafted_it(vendor, person):
    draft_payouts("EUR", actor=person)


def set_its_destination(vendor, person):
    change = changed(vendor, by=person)
    approve_destination(change.pk, actor=finance())
    rest_is_over(vendor)


def set_it_before_it_was_changed_to_and_fro(vendor, person):
    set_its_destination(vendor, person)
    for reference in ("acct_other", "acct_changed"):
        approve_destination(changed(vendor, reference).pk, actor=finance())
        rest_is_over(vendor)


def set_the_fee(vendor, person):
    set_fee(vendor.pk, fee_bps=0, actor=person)
    sold_and_released(vendor)


def set_the_fee_and_somebody_set_it_back(vendor, person):
    set_the_fee(vendor, person)
    set_fee(vendor.pk, fee_bps=1_500, actor=finance())


def asked_for_a_refund(vendor, person):
    order = sold_and_released(vendor)
    item = order.items.get()
    request_refunds([Wanted(order, {item.pk: 1_000}, Refund.Reason.OPERATOR)], actor=person)


def noted_that_it_had_not_arrived(vendor, person):
    (payout,) = payouts_of(exported())
    mark_failed(payout.pk, actor=person, failure="account_closed")


def is_a_member(vendor, person):
    Membership.objects.create(user=person, profile=vendor, role="owner")


PARTS = {
    "drafted": [drafted_it],
    "destination": [set_its_destination, set_it_before_it_was_changed_to_and_fro],
    "fee": [set_the_fee, set_the_fee_and_somebody_set_it_back],
    "refund": [asked_for_a_refund],
    "not_arrived": [noted_that_it_had_not_arrived],
    "member": [is_a_member],
}
WALK = [pytest.param(part, did, id=did.__name__) for part, ways in PARTS.items() for did in ways]


def test_the_walk_is_over_all_parts():
    assert set(PARTS) == set(WORDS)


@pytest.mark.parametrize("make", [finance, partial(StaffFactory, is_superuser=True)], ids=["finance", "superuser"])
@pytest.mark.parametrize(("part", "did"), WALK)
def test_whoever_had_a_part_does_not_approve(part, did, make, client):
    vendor, person = payable_vendor(5_000), make()
    did(vendor, person)
    with every_row(Reason.TEST):
        batch = PayoutBatch.objects.filter(state="draft").first()
    batch = batch or draft_payouts("EUR", actor=finance())

    with pytest.raises(SecondPersonNeeded) as refusal:
        approve_payouts(batch.pk, actor=person)

    assert part in refusal.value.extra["parts"]
    client.force_login(person)
    page = client.get(f"/admin/billing/payoutbatch/{batch.pk}/change/").content.decode()
    assert WORDS[part][1:] in page
    assert approve_payouts(batch.pk, actor=finance()).state == "approved"


def test_a_fee_that_was_set_back_before_the_first_sale_is_no_part():
    vendor, person = payable_vendor(), finance()
    VendorTerms.objects.get_or_create(profile=vendor)
    set_fee(vendor.pk, fee_bps=0, actor=person)
    set_fee(vendor.pk, fee_bps=1_000, actor=finance())
    sold_and_released(vendor)

    assert approve_payouts(draft_payouts("EUR", actor=finance()).pk, actor=person).state == "approved"


def test_parts_in_other_vendors_money_do_not_count():
    payable_vendor(5_000)
    other, person = payable_vendor(), finance()
    changed(other, by=person)
    set_fee(other.pk, fee_bps=0, actor=person)

    assert approve_payouts(draft_payouts("EUR", actor=finance()).pk, actor=person).state == "approved"


def test_whoever_set_the_first_destination_does_not_approve():
    vendor, person = payable_vendor(5_000), finance()
    with every_row(Reason.TEST):
        PayoutDestination.objects.filter(profile=vendor).delete()
    set_destination(vendor.pk, "acct_first", actor=person)

    with pytest.raises(SecondPersonNeeded):
        approve_payouts(draft_payouts("EUR", actor=finance()).pk, actor=person)


@pytest.mark.django_db(transaction=True)
def test_of_two_approvals_at_once_the_one_with_a_part_never_wins():
    vendor, person, second = payable_vendor(5_000), finance(), finance()
    set_its_destination(vendor, person)
    batch = draft_payouts("EUR", actor=finance())

    outcomes = at_once(*[partial(approve_payouts, batch.pk, actor=who) for who in (person, second, person, second)])

    assert [isinstance(each, DomainError) for each in outcomes] == [True, False, True, False]
    with every_row(Reason.TEST):
        assert PayoutBatch.objects.get(pk=batch.pk).approved_by_id == second.pk
