"""Whatever happens to orders, in whatever order it is told: the books stay right."""

from datetime import timedelta
from fractions import Fraction

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as tuned
from hypothesis import strategies as st

from billing.models import Holding, LedgerEntry, LedgerTransaction
from billing.services.bookkeeping import book_orders, release_due
from billing.services.ledger import Line, book
from billing.tests.sales import (
    Kind,
    assert_books_balance,
    balances,
    close,
    days_pass,
    deliver,
    dispute,
    order_of,
    refund,
    refund_fails,
    vendor,
)
from orders.models import OrderItem
from orders.services.settling import left_cents
from trustengine.row_security import Reason, every_row

STEPS = st.sampled_from(
    [
        "order",
        "deliver",
        "days",
        "refund",
        "refund rest",
        "refund fails",
        "return",
        "dispute",
        "win",
        "lose",
        "decide again",
        "book one",
        "book",
        "release",
        "draft",
        "pay",
        "fail",
    ]
)


class Marketplace:
    """Two vendors' orders, and payouts as batches book them. What is paid out is written down beside the books."""

    def __init__(self):
        self.vendors = [vendor(fee_bps=1_234), vendor()]
        self.orders, self.open_disputes, self.closed_disputes, self.payouts = [], [], [], []
        self.paid_out = {one.pk: 0 for one in self.vendors}

    def do(self, step, number, cents):
        if step == "order":
            self.orders.append(order_of(cents, cents // 3 + 1, by=self.vendors[number % 2]))
        elif step in {"draft", "pay", "fail"}:
            self.pay_out(step, number)
        elif step == "book":
            book_orders([order.pk for order in self.orders])
        elif step == "release":
            release_due(batches=3)
        elif self.orders:
            self.happen(step, self.orders[number % len(self.orders)], number, cents)

    def happen(self, step, order, number, cents):
        items = list(order.items.order_by("pk"))
        item = items[number % len(items)]
        if step == "deliver":
            deliver(order)
        elif step == "days":
            days_pass(number, *self.orders)
            with every_row(Reason.TEST):  # the clock cannot be turned, so what it has written is
                for held in Holding.objects.all():
                    held.release_at -= timedelta(days=number)
                    held.save()
        elif step == "refund" and min(cents, left_cents(item)):
            refund(order, {item: min(cents, left_cents(item))})
        elif step == "refund rest" and left_cents(item):
            refund(order, {item: left_cents(item)})
        elif step == "refund fails":
            refund_fails(order, number)
        elif step == "return":
            OrderItem.objects.filter(pk=item.pk).update(fulfilment_status="returned", returned_at=timezone.now())
        elif step == "book one":
            book_orders([order.pk])
        else:
            self.question(step, order, number, cents)

    def question(self, step, order, number, cents):
        """What the bank does."""
        if step == "dispute":
            self.open_disputes.append(dispute(order, None if number % 3 == 0 else cents))
        elif step in {"win", "lose"} and self.open_disputes:
            self.closed_disputes.append(self.open_disputes.pop(0))
            close(self.closed_disputes[-1], {"win": "won", "lose": "lost"}[step])
        elif step == "decide again" and self.closed_disputes:
            closed = self.closed_disputes[number % len(self.closed_disputes)]
            close(closed, "won" if closed.outcome == "lost" else "lost")

    def pay_out(self, step, number):
        to = self.vendors[number % 2]
        available = balances(to).get("available", 0)
        key = f"payout:{len(self.payouts)}:{step}:{timezone.now().timestamp()}"
        of = LedgerTransaction.Kind
        if step == "draft" and available:
            self.payouts.append((to, available))
            self.move(of.PAYOUT, key, Kind.VENDOR_AVAILABLE, Kind.VENDOR_IN_PAYOUT, to, to, available)
        elif step != "draft" and self.payouts:
            to, amount = self.payouts.pop(0)
            if step == "pay":
                self.paid_out[to.pk] += amount
                self.move(of.PAYOUT_PAID, key, Kind.VENDOR_IN_PAYOUT, Kind.PROCESSOR_CLEARING, to, None, amount)
            else:
                self.move(of.PAYOUT_FAILED, key, Kind.VENDOR_IN_PAYOUT, Kind.VENDOR_AVAILABLE, to, to, amount)

    def move(self, kind, key, source, target, debtor, creditor, amount):
        lines = [Line(source, -amount, debtor.pk), Line(target, amount, creditor and creditor.pk)]
        assert book(kind, key, lines, currency="EUR")

    def check(self):
        """At any moment, however far behind the books are."""
        assert_books_balance()
        for one in self.vendors:
            left = balances(one)
            assert left.get("available", 0) >= 0
            assert left.get("pending", 0) >= 0
            assert not (left.get("available") and left.get("receivable")), "what is owed is settled first"

    def check_quiet(self):
        """When all has been booked: against a recount that knows neither the planner nor the entries."""
        book_orders([order.pk for order in self.orders])
        assert book_orders([order.pk for order in self.orders]) == []
        self.check()
        for one in self.vendors:
            earned = sum(self.earned(item) for item in OrderItem.objects.filter(order__in=self.orders, vendor=one))
            assert sum(balances(one).values()) + self.paid_out[one.pk] == earned
        with every_row(Reason.TEST):
            released = LedgerTransaction.objects.filter(kind="item_released")
            assert released.count() == released.values("entries__item").distinct().count()

    def earned(self, item):
        """Its price less what went back, less the fee of what did not."""
        if not item.price_cents:
            return 0
        bps = 1_234 if item.vendor_id == self.vendors[0].pk else 1_500
        fee = round(Fraction(item.price_cents * bps, 10_000))  # half to even
        with every_row(Reason.TEST):
            entries = LedgerEntry.objects.filter(item=item, account__kind=Kind.PROCESSOR_CLEARING)
            called_back = sum(
                entries.filter(transaction__kind__in=["chargeback", "chargeback_won"]).values_list(
                    "amount_cents", flat=True
                )
            )
        back = min(item.price_cents, item.refunded_cents + called_back)
        return item.price_cents - back - (fee - round(Fraction(fee * back, item.price_cents)))


@pytest.mark.django_db
@tuned(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
@given(steps=st.lists(st.tuples(STEPS, st.integers(0, 9), st.integers(0, 5_000)), min_size=5, max_size=25))
def test_any_history_leaves_books_that_balance_and_pays_nobody_twice(steps):
    with transaction.atomic():
        place = Marketplace()
        place.do("order", 0, 1_000)
        for step in steps:
            place.do(*step)
            place.check()
        place.check_quiet()
        transaction.set_rollback(True)


def disputes_after_a_payout(place):
    for step in [("order", 0, 1_000), ("deliver", 0, 0), ("days", 8, 0), ("book", 0, 0), ("draft", 0, 0)]:
        place.do(*step)


@pytest.mark.django_db
@pytest.mark.parametrize("end", ["pay", "fail"])
def test_money_called_back_while_a_payout_is_under_way_is_paid_for_once(end):
    place = Marketplace()
    disputes_after_a_payout(place)
    [one, _] = place.vendors
    earned = balances(one)["in_payout"]

    for step in [("dispute", 0, 0), ("lose", 0, 0), ("book", 0, 0)]:
        place.do(*step)
        place.check()
    assert balances(one) == {"in_payout": earned, "receivable": -earned}
    place.do(end, 0, 0)

    assert balances(one) == ({"receivable": -earned} if end == "pay" else {})
    place.check_quiet()


@pytest.mark.django_db
def test_the_sums_do_not_depend_on_when_the_books_were_brought_up_to_date():
    ends = []
    for eager in (True, False):
        with transaction.atomic():
            place = Marketplace()
            for step in [
                ("order", 0, 999), ("order", 1, 2_222), ("refund", 1, 333), ("deliver", 0, 0), ("deliver", 1, 0),
                ("days", 9, 0), ("refund", 2, 100), ("dispute", 1, 700), ("lose", 0, 0), ("refund rest", 0, 0),
            ]:  # fmt: skip
                place.do(*step)
                if eager:
                    place.do("book", 0, 0)
            place.check_quiet()
            ends.append([balances(one) for one in [*place.vendors, None]])
            transaction.set_rollback(True)

    assert ends[0] == ends[1]
