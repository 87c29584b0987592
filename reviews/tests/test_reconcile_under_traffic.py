"""A reconcile that runs while everything moves must find nothing wrong: what is late is not wrong."""

import random
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from django.core.management import call_command

from orders.models import OrderItem
from orders.services import transition_item
from orders.tests.factories import OrderItemFactory, ProductFactory
from orders.tests.test_reconcile_order_status import reconcile
from reviews.models import ReviewVote
from reviews.services import approve_review, cast_vote, hide_review, reject_review, restore_review
from reviews.tests.factories import approved_review, delivered_purchase, moderator, pending_review
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import UserFactory
from trustengine.jobs.runner import drain_all
from trustengine.testing import at_once

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 4


class Traffic:
    """People and workers at one product, each in a thread, until ``over``."""

    def __init__(self) -> None:
        self.over = threading.Event()
        product = ProductFactory()
        self.reviews = [approved_review(delivered_purchase(product=product)).pk for _ in range(3)]
        self.waiting = [pending_review(delivered_purchase(product=product)).pk for _ in range(30)]
        self.unwanted = [pending_review().pk for _ in range(15)]
        self.moderator, self.voters = moderator(), [UserFactory() for _ in range(60)]
        order = OrderItemFactory(product=product).order
        self.items = [OrderItemFactory(order=order, product=product).pk for _ in range(30)]
        self.seller = UserFactory()
        Membership.objects.create(user=self.seller, profile=product.vendor, role=Membership.Role.OWNER)
        call_command("reconcile", "order-status", "--fix")  # the factories leave orders as they were placed

    def vote(self) -> None:
        for voter in self._while_it_lasts(self.voters):
            for vote_type in ("helpful", "unhelpful", "helpful"):
                cast_vote(random.choice(self.reviews[1:]), voter=voter, vote_type=vote_type)

    def decide(self) -> None:
        for review in self._while_it_lasts(self.waiting):
            approve_review(review, actor=self.moderator)
            hide_review(review, actor=self.moderator, reason="spam")
            restore_review(review, actor=self.moderator, reason="no_violation")

    def reject(self) -> None:
        for review in self._while_it_lasts(self.unwanted):
            reject_review(review, actor=self.moderator, reason="spam")

    def fulfil(self) -> None:
        for item in self._while_it_lasts(self.items):
            for step in ("processing", "shipped", "delivered"):
                transition_item(item, to=step, actor=self.seller)

    def work(self) -> None:
        while not self.over.is_set():
            drain_all()
            time.sleep(0.01)

    def _while_it_lasts(self, things: list) -> Iterator:
        for thing in things:
            if self.over.is_set():
                return
            yield thing


def comparing(over: threading.Event) -> Callable[[], list[tuple[int, dict]]]:
    targets = ("votes", "ratings", "reputation", "order-status", "jobs")

    def compare() -> list[tuple[int, dict]]:
        try:
            return [reconcile(*targets, "--batch-size", str(1 + number % 4)) for number in range(ROUNDS)]
        finally:
            over.set()

    return compare


def test_traffic_is_never_taken_for_drift():
    traffic = Traffic()

    *others, comparisons = at_once(
        traffic.vote, traffic.decide, traffic.reject, traffic.fulfil, traffic.work, comparing(traffic.over)
    )

    assert others == [None] * 5
    assert [found for code, found in comparisons if code] == []
    assert ReviewVote.objects.exists()
    assert OrderItem.objects.filter(pk__in=traffic.items, fulfilment_status="delivered").exists()
    drain_all()
    assert reconcile()[0] == 0
