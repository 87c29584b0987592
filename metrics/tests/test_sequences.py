"""Whatever is done to orders and reviews, in whatever order, the days equal a recount."""

from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from metrics.tests.recount import assert_exact
from orders.models import Checkout, OrderItem
from orders.services import cancel_order, transition_item
from orders.services.terms import set_fee
from orders.tests.factories import ProductFactory
from orders.tests.payment_factories import open_checkout, paid_order, tell
from reviews.services import approve_review, hide_review, submit_review
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory
from trustengine.errors import DomainError
from trustengine.testing import run_due_jobs

VERBS = ["place", "move", "move", "move", "cancel", "refund", "fee", "review", "hide", "sum up"]
STEPS = st.lists(st.tuples(st.sampled_from(VERBS), st.integers(0, 11)), min_size=4, max_size=16)
FULFILMENT = OrderItem.Fulfilment.values


class Story:
    """A small marketplace, to which one step after another is done. What is not allowed is left undone."""

    def __init__(self):
        self.products = [ProductFactory(price_cents=price, stock=90) for price in (1_001, 999, 3_333)]
        self.owners = [MembershipFactory(profile=each.vendor, role="owner").user for each in self.products]
        self.items, self.reviews = [], []

    def do(self, verb, number):
        with suppress(DomainError):
            getattr(self, verb.replace(" ", "_"))(number)

    def place(self, number):
        bought = dict.fromkeys(self.products[: 1 + number % 3], 1 + number % 3)
        order = paid_order(open_checkout(UserFactory(), bought=bought))
        self.items += list(order.items.order_by("pk"))

    def move(self, number):
        if self.items:
            item = self.items[number % len(self.items)]
            item.refresh_from_db()
            open_to = sorted(OrderItem.TRANSITIONS[item.fulfilment_status]) or FULFILMENT
            owner = next(o for p, o in zip(self.products, self.owners, strict=True) if p.vendor_id == item.vendor_id)
            transition_item(item.pk, to=open_to[number % len(open_to)], actor=owner)

    def cancel(self, number):
        if self.items:
            order = self.items[number % len(self.items)].order
            cancel_order(order.pk, actor=order.customer.user)

    def refund(self, number):
        if self.items:
            checkout = Checkout.objects.get(order=self.items[number % len(self.items)].order_id)
            cents = checkout.amount_cents if number % 3 == 0 else 1 + number * 97 % checkout.amount_cents
            tell("charge.refunded", checkout, amount=checkout.amount_cents, amount_refunded=cents, currency="eur")

    def fee(self, number):
        set_fee(self.products[number % 3].vendor_id, fee_bps=[None, 0, 333, 1_250][number % 4], actor=None)

    def review(self, number):
        if self.items:
            item = self.items[number % len(self.items)]
            author = item.order.customer.user
            given = {"rating": 1 + number % 5, "title": "", "comment": ""}
            made = submit_review(author=author, product_id=item.product_id, order_id=item.order_id, **given).review
            self.reviews.append(approve_review(made.pk, actor=None))

    def hide(self, number):
        if self.reviews:
            hide_review(self.reviews[number % len(self.reviews)].pk, actor=None, reason="spam")

    def sum_up(self, number):
        run_due_jobs()


class AnySequence(TestCase):
    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(STEPS)
    def test_of_steps_leaves_the_days_exact(self, steps):
        story = Story()
        for verb, number in steps:
            story.do(verb, number)
        run_due_jobs()

        assert_exact()
