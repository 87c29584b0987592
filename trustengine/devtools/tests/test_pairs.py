"""Every pair of services on the same rows at once: nobody deadlocks, and every derived value is right afterwards.

A new service is one more line in VERBS. Each of its two threads pauses after every
statement that locks, so that two that take their locks in different orders do meet.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import combinations_with_replacement
from typing import Any

import pytest
from django.db import connection, transaction

from orders.derivations import derive_statuses
from orders.services import transition_item
from orders.tests.factories import OrderItemFactory
from reviews.jobs import fold_votes, recompute_reputation
from reviews.screening import screen
from reviews.services import (
    approve_review,
    cast_vote,
    edit_review,
    hide_review,
    reject_review,
    restore_review,
    submit_review,
    withdraw_review,
    withdraw_vote,
)
from reviews.tests.factories import approved_review, delivered_purchase, moderator
from trustengine.accounts.erasing import advance, request_erasure
from trustengine.accounts.models import Erasure, Membership
from trustengine.accounts.services import remove_member, rename, set_member, suspend_user
from trustengine.accounts.tests.factories import UserFactory
from trustengine.errors import DomainError
from trustengine.jobs.runner import lock_key
from trustengine.operations.reconciling import Findings, Scope, compare
from trustengine.operations.registry import Drift, reconcilers
from trustengine.testing import at_once, run_due_jobs

PAUSE_SECONDS = 0.002
LOCKING = ("FOR UPDATE", "FOR NO KEY UPDATE", "UPDATE ", "INSERT ", "DELETE ", "pg_advisory")


class Scene:
    """An order of two items; a public review of one of them with an edit that waits and a vote; its people."""

    def __init__(self, decider: Any) -> None:
        self.decider = decider
        self.item = delivered_purchase()
        self.order, self.product = self.item.order, self.item.product
        self.author = self.order.customer.user
        self.next_item = OrderItemFactory(order=self.order, product=self.product)
        derive_statuses([self.order.pk])
        self.review = approved_review(self.item)
        edit_review(self.review.pk, author=self.author, changes={"comment": "On second thoughts, fine."})
        self.voter, self.seller = UserFactory(), UserFactory()
        Membership.objects.create(user=self.seller, profile=self.product.vendor, role=Membership.Role.OWNER)
        cast_vote(self.review.pk, voter=self.voter, vote_type="helpful")


def erase(user: Any) -> None:
    erasure = request_erasure(user, actor=None)
    while erasure.state != Erasure.State.DONE:
        erasure = advance(erasure.pk)
        assert erasure.state != Erasure.State.FAILED, erasure.problem


@transaction.atomic
def run_job(handler: Callable[[str], None], key: object) -> None:
    """As a worker runs a coalesced job."""
    lock_key(handler, str(key))
    handler(str(key))


@transaction.atomic
def fix(target: str, key: Any) -> None:
    """As ``reconcile --fix`` does where a value has drifted."""
    reconciler = reconcilers()[target]()
    reconciler.lock(key)
    reconciler.repair(Drift(key, {}, {}))


VERBS: dict[str, Callable[[Scene], Any]] = {
    "submit": lambda at: submit_review(
        author=at.author, product_id=at.product.pk, order_id=at.order.pk, rating=2, comment="Broke after a week."
    ),
    "edit": lambda at: edit_review(at.review.pk, author=at.author, changes={"rating": 1}),
    "withdraw": lambda at: withdraw_review(at.review.pk, author=at.author),
    "approve": lambda at: approve_review(at.review.pk, actor=at.decider),
    "reject": lambda at: reject_review(at.review.pk, actor=at.decider, reason="spam"),
    "hide": lambda at: hide_review(at.review.pk, actor=at.decider, reason="spam"),
    "restore": lambda at: restore_review(at.review.pk, actor=at.decider, reason="no_violation"),
    "screen": lambda at: screen(at.review.pk),
    "vote": lambda at: cast_vote(at.review.pk, voter=at.voter, vote_type=random.choice(["helpful", "unhelpful"])),
    "withdraw vote": lambda at: withdraw_vote(at.review.pk, voter=at.voter),
    "process": lambda at: transition_item(at.next_item.pk, to="processing", actor=at.seller),
    "return": lambda at: transition_item(at.item.pk, to="returned", actor=at.seller),
    "suspend": lambda at: suspend_user(at.author, actor=None, reason="spam"),
    "rename": lambda at: rename(at.author, "Somebody else"),
    "set member": lambda at: set_member(at.product.vendor, at.voter, "manager", actor=at.seller),
    "remove member": lambda at: remove_member(at.product.vendor, at.seller, actor=at.seller),
    "erase the author": lambda at: erase(at.author),
    "erase the voter": lambda at: erase(at.voter),
    "fold": lambda at: run_job(fold_votes, at.review.pk),
    "reputation": lambda at: run_job(recompute_reputation, at.author.pk),
    "fix votes": lambda at: fix("votes", at.review.pk),
    "fix ratings": lambda at: fix("ratings", at.product.pk),
    "fix order status": lambda at: fix("order-status", at.order.pk),
}

# These find their scene as good as new after one another, so that their pairs share one. It saves half a minute.
STEADY = {
    "hide", "restore", "screen", "vote", "withdraw vote", "suspend", "rename", "fold", "reputation",
    "fix votes", "fix ratings", "fix order status",
}  # fmt: skip


@contextmanager
def pausing() -> Iterator[None]:
    def pause(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if any(word in str(sql) for word in LOCKING):
            time.sleep(PAUSE_SECONDS)
        return result

    with connection.execute_wrapper(pause):
        yield


def play(name: str, scene: Scene) -> None:
    with pausing():
        VERBS[name](scene)


@pytest.mark.django_db(transaction=True)
def test_every_pair_of_services_at_once_ends_well(settings):
    settings.VOTES_PER_MINUTE = 1_000
    decider, ends = moderator(), {}
    steady = Scene(decider)

    for pair in combinations_with_replacement(VERBS, 2):
        scene = steady if STEADY.issuperset(pair) else Scene(decider)
        outcomes = at_once(*[partial(play, name, scene) for name in pair])
        errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        ends[pair] = [error for error in errors if not isinstance(error, DomainError)]

    assert {pair: errors for pair, errors in ends.items() if errors} == {}
    run_due_jobs()
    for name, target in reconcilers().items():
        findings = Findings()
        list(compare(target(), scope=Scope(), fix=False, batch_size=500, findings=findings))
        assert not findings.drifted, (name, findings.examples)


@pytest.mark.django_db(transaction=True)
def test_the_pauses_bring_out_locks_in_the_wrong_order():
    first, second = UserFactory(), UserFactory()

    def suspend(*users: Any) -> None:
        with pausing(), transaction.atomic():
            for user in users:
                suspend_user(user, actor=None, reason="spam")

    outcomes = at_once(partial(suspend, first, second), partial(suspend, second, first))

    assert [str(outcome) for outcome in outcomes if outcome is not None] != []
