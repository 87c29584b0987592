"""The whole way of a vendor's money: sold, delivered, held, released, refunded, paid out, called back, and told of."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.gauges.payouts import unsettled_payouts
from billing.models import PayoutBatch
from billing.services.bookkeeping import release_due
from billing.services.destinations import set_destination
from billing.services.drafting import draft_payouts
from billing.services.payouts import approve_payouts, export_payouts, mark_batch_paid, mark_failed, mark_paid
from billing.statements import statement_of
from billing.tests.payout_factories import exported, finance, payable_vendor, payouts_of
from billing.tests.sales import (
    assert_books_balance,
    balances,
    close,
    days_pass,
    deliver,
    dispute,
    paid_order,
    refund,
    vendor,
)
from trustengine.row_security import Reason, every_row
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db


def pay_out():
    batch = draft_payouts("EUR", actor=finance())
    approve_payouts(batch.pk, actor=finance())
    export_payouts(batch.pk, actor=finance())
    (payout,) = payouts_of(batch)
    return payout


def released(*orders):
    run_due_jobs()
    days_pass(8, *orders)
    run_due_jobs()
    release_due(batches=5)


def test_what_was_sold_is_paid_out_and_every_step_stands_in_the_statement():
    seller = vendor(fee_bps=1_000)
    set_destination(seller.pk, "acct_1Q8hKd", actor=finance())
    order, other = paid_order(10_000, 4_000, by=seller), paid_order(6_000, by=seller)
    for each in (order, other):
        deliver(each)
    refund(order, {order.items.order_by("unit_price_cents")[0]: 1_000})
    released(order, other)
    assert balances(seller) == {"available": 17_100}

    first = pay_out()
    mark_failed(first.pk, actor=finance(), failure="account_closed")
    second = pay_out()
    assert second.amount_cents == 17_100
    mark_paid(second.pk, actor=finance())
    assert balances(seller) == {}
    close(dispute(other, 6_000), "lost")
    run_due_jobs()

    with every_row(Reason.TEST):
        told = statement_of(seller, currency="EUR", first=timezone.localdate().replace(day=1))
    assert told.totals == {
        "gross_sales_cents": 20_000,
        "fees_cents": -2_000,
        "refunds_cents": -1_000,
        "chargebacks_cents": -6_000,
        "fees_returned_cents": 700,
        "payouts_cents": -17_100,
        "payouts_returned_cents": 0,
        "corrections_cents": 0,
    }
    assert (told.opening_cents, told.closing_cents) == (0, -5_400)
    assert balances(seller) == {"receivable": -5_400}
    assert_books_balance()


def test_a_dispute_after_the_release_keeps_the_money_out_of_the_next_batch():
    seller = vendor(fee_bps=1_000)
    set_destination(seller.pk, "acct_1Q8hKd", actor=finance())
    calm, disputed = paid_order(5_000, by=seller), paid_order(3_000, by=seller)
    for each in (calm, disputed):
        deliver(each)
    released(calm, disputed)
    opened = dispute(disputed, 3_000)
    run_due_jobs()

    assert pay_out().amount_cents == 4_500

    close(opened, "won")
    run_due_jobs()
    assert pay_out().amount_cents == 2_700


def test_a_batch_of_which_nobody_hears_is_watched():
    payable_vendor(5_000)
    assert unsettled_payouts() == 0
    batch = exported()
    with every_row(Reason.TEST):
        PayoutBatch.objects.update(exported_at=timezone.now() - timedelta(days=6))

    assert unsettled_payouts() > 5 * 86_400

    mark_batch_paid(batch.pk, actor=finance())
    assert unsettled_payouts() == 0
