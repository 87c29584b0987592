"""Services on the same rows at once, pair by pair: nobody deadlocks, and every derived value is right afterwards.

A new service is one more line in VERBS, and where it needs something of its own on the
scene, in NEEDS. Played alone first, it tells which tables it locks; it is paired with
whatever shares two of these, as it takes two to lock in different orders. Each of the two
threads pauses after every statement that locks, so that those who do are bound to meet.
"""

import os
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from itertools import combinations_with_replacement
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connection, transaction
from django.utils import timezone

from billing.jobs.ledger import book_order
from billing.models import Holding
from billing.services.bookkeeping import book_orders, release_due
from orders.derivations import derive_statuses
from orders.jobs.payments import process_payment, send_refunds
from orders.models import OrderItem
from orders.services import (
    cancel_order,
    close_if_overdue,
    lock_order,
    put_in_cart,
    refund_items,
    start_checkout,
    transition_item,
)
from orders.services.days import mark_days_of
from orders.tests.factories import CheckoutFactory, OrderItemFactory, ProductFactory
from orders.tests.payment_factories import event_body, open_checkout, post
from reports.services.appeals import appeal
from reports.services.cases import follow
from reports.services.deciding import undo
from reports.services.reporting import submit_report, withdraw_report
from reports.tests.factories import decided, reported
from reviews.jobs import fold_votes, follow_standing, recompute_reputation
from reviews.screening import screen
from reviews.services import (
    approve_reply,
    approve_review,
    cast_vote,
    edit_review,
    hide_review,
    lift_restriction,
    open_quarantine,
    reject_review,
    release_quarantine,
    restore_review,
    restrict_review,
    submit_review,
    withdraw_review,
    withdraw_vote,
    write_reply,
)
from reviews.services.quarantine import sweep
from reviews.services.refunds import follow_refunded_items
from reviews.tests.factories import approved_review, delivered_purchase, moderator
from trustengine.accounts.erasing import advance, request_erasure
from trustengine.accounts.models import Erasure, Membership
from trustengine.accounts.services import remove_member, rename, set_member, suspend_user
from trustengine.accounts.tests.factories import UserFactory
from trustengine.errors import DomainError
from trustengine.jobs.runner import lock_key
from trustengine.operations.reconciling import Findings, Scope, compare
from trustengine.operations.registry import Drift, reconcilers
from trustengine.row_security import Reason, every_row
from trustengine.testing import at_once, run_due_jobs

PAUSE_SECONDS = 0.002
LOCKING = ("FOR UPDATE", "FOR NO KEY UPDATE", "UPDATE ", "INSERT ", "DELETE ", "pg_advisory")
TABLES = re.compile(
    r'(?:(?<!FOR )(?<!KEY )UPDATE|INTO|DELETE FROM)\s+"?(\w+)|FROM\s+"?(\w+)"?(?=.*FOR (?:NO KEY )?UPDATE)',
    re.IGNORECASE | re.DOTALL,
)
ADDED_ONLY = {"audit_entry", "audit_unsealed", "jobs_job"}  # whose rows nobody waits for


class Scene:
    """An order of two items; a public review of one of them with an edit that waits and a vote; its people."""

    def __init__(self, decider: Any, *verbs: str) -> None:
        self.decider = decider
        self.item = delivered_purchase(product=ProductFactory(stock=50))
        self.order, self.product = self.item.order, self.item.product
        self.author = self.order.customer.user
        self.next_item = OrderItemFactory(order=self.order, product=self.product)
        derive_statuses([self.order.pk])
        paid = {"state": "paid", "amount_cents": 2 * 1_999, "customer": self.order.customer}
        CheckoutFactory(order=self.order, **paid)
        book_orders([self.order.pk])
        mark_days_of([self.order.pk])
        self.review = approved_review(self.item)
        edit_review(self.review.pk, author=self.author, changes={"comment": "On second thoughts, fine."})
        self.voter, self.seller = UserFactory(), UserFactory()
        Membership.objects.create(user=self.seller, profile=self.product.vendor, role=Membership.Role.OWNER)
        cast_vote(self.review.pk, voter=self.voter, vote_type="helpful")
        for need in dict.fromkeys(need for verb in verbs for need in NEEDS.get(verb, ())):
            getattr(self, f"add_{need}")()

    def add_second_owner(self) -> None:
        Membership.objects.create(user=UserFactory(), profile=self.product.vendor, role=Membership.Role.OWNER)

    def add_cart(self) -> None:
        put_in_cart(self.product.pk, quantity=1, actor=self.author)

    def add_overdue(self) -> None:
        past = timezone.now() - timedelta(minutes=1)
        self.overdue = open_checkout(self.author, bought={self.product: 2}, expires_at=past)

    def add_paid(self) -> None:
        self.paid = open_checkout(self.author, bought={self.product: 1})
        told = {"amount_received": self.paid.amount_cents, "currency": "eur"}
        assert post(event_body("payment_intent.succeeded", self.paid.payment_intent_id, **told)).status_code == 200

    def add_new_order(self) -> None:
        self.new_item = OrderItemFactory(order__buyer=self.author, product=self.product)

    def add_held(self) -> None:
        """Money that was to be released yesterday."""
        delivered = timezone.now() - timedelta(days=configured.PAYOUT_HOLD_DAYS + 1)
        OrderItem.objects.filter(pk=self.item.pk).update(delivered_at=delivered)
        derive_statuses([self.order.pk])
        with every_row(Reason.TEST):
            Holding.objects.filter(order=self.order).update(release_at=timezone.now() - timedelta(days=1))

    def add_reply(self) -> None:
        if not hasattr(self, "reply"):
            self.reply = write_reply(self.review.pk, member=self.seller, text="Thank you.").reply
            approve_reply(self.reply.pk, actor=self.decider)
            write_reply(self.review.pk, member=self.seller, text="Thank you very much.")

    def add_report(self) -> None:
        self.report = reported(self.review)

    def add_decision(self) -> None:
        """Its reply, too, was reported, and hidden."""
        self.add_reply()
        about = {"content_type": "reply", "content_id": self.reply.pk, "reason": "spam"}
        made = submit_report(reporter=UserFactory(), **about)
        self.decision = decided(made.case, "hide", "spam", self.decider)


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


def refund(at: Scene) -> None:
    with transaction.atomic():
        order = lock_order(at.order.pk)
        items = OrderItem.objects.filter(order=order).select_for_update(of=("self",), no_key=True).order_by("pk")
        made = refund_items(order, [each for each in items if each.pk == at.item.pk], reason="operator")
    if made is not None:
        send_refunds([str(made.pk)])


def quarantine(at: Scene) -> Any:
    opened = open_quarantine(at.product.pk, actor=at.decider, reason="burst", since=timezone.now() - timedelta(days=1))
    with transaction.atomic():
        sweep(opened.pk)
    return opened


def restrict(at: Scene) -> Any:
    return restrict_review(at.review.pk, actor=at.decider, ground="manipulated_rating", reason="fake")


def hide(at: Scene) -> Any:
    return hide_review(at.review.pk, actor=at.decider, reason="spam")


def suspend_voter(at: Scene) -> None:
    suspend_user(at.voter, actor=None, reason="spam")
    run_job(follow_standing, at.voter.pk)


VERBS: dict[str, Callable[[Scene], Any]] = {
    "submit": lambda at: submit_review(
        author=at.author, product_id=at.product.pk, order_id=at.order.pk, rating=2, comment="Broke after a week."
    ),
    "edit": lambda at: edit_review(at.review.pk, author=at.author, changes={"rating": 1}),
    "withdraw": lambda at: withdraw_review(at.review.pk, author=at.author),
    "approve": lambda at: approve_review(at.review.pk, actor=at.decider),
    "reject": lambda at: reject_review(at.review.pk, actor=at.decider, reason="spam"),
    "hide": hide,
    "hide and restore": lambda at: hide(at) and restore_review(at.review.pk, actor=at.decider, reason="no_violation"),
    "restrict": restrict,
    "restrict and lift": lambda at: restrict(at) and lift_restriction(at.review.pk, actor=at.decider),
    "open a quarantine": quarantine,
    "release a quarantine": lambda at: release_quarantine(quarantine(at).pk, actor=at.decider),
    "write a reply": lambda at: write_reply(at.review.pk, member=at.seller, text=f"Thanks {random.random()}!"),
    "approve a reply": lambda at: approve_reply(at.reply.pk, actor=at.decider),
    "report": lambda at: submit_report(
        reporter=at.voter, content_type="review", content_id=at.review.pk, reason="spam", description="Spam."
    ),
    "withdraw a report": lambda at: withdraw_report(at.report.pk, reporter=at.report.reporter),
    "decide": lambda at: decided(at.report.case, "hide", "spam", at.decider),
    "undo": lambda at: undo(at.decision.pk, moderator=at.decider),
    "appeal": lambda at: appeal(at.decision.pk, appellant=at.seller, text="It was no spam."),
    "follow the case": lambda at: follow("review", at.review.pk),
    "screen": lambda at: screen(at.review.pk),
    "vote": lambda at: cast_vote(at.review.pk, voter=at.voter, vote_type=random.choice(["helpful", "unhelpful"])),
    "withdraw vote": lambda at: withdraw_vote(at.review.pk, voter=at.voter),
    "process": lambda at: transition_item(at.next_item.pk, to="processing", actor=at.seller),
    "return": lambda at: transition_item(at.item.pk, to="returned", actor=at.seller),
    "put in cart": lambda at: put_in_cart(at.product.pk, quantity=2, actor=at.author),
    "check out": lambda at: start_checkout(actor=at.author),
    "expire": lambda at: close_if_overdue(at.overdue.pk),
    "process a payment": lambda at: run_job(process_payment, at.paid.payment_intent_id),
    "cancel": lambda at: cancel_order(at.new_item.order_id, actor=at.author),
    "refund": refund,
    "mark refunded": lambda at: follow_refunded_items([at.item.pk]),
    "suspend the voter": suspend_voter,
    "suspend": lambda at: suspend_user(at.author, actor=None, reason="spam"),
    "rename": lambda at: rename(at.author, "Somebody else"),
    "set member": lambda at: set_member(at.product.vendor, at.voter, "manager", actor=at.seller),
    "remove member": lambda at: remove_member(at.product.vendor, at.seller, actor=at.seller),
    "erase the author": lambda at: erase(at.author),
    "erase the voter": lambda at: erase(at.voter),
    "erase the reporter": lambda at: erase(at.report.reporter),
    "fold": lambda at: run_job(fold_votes, at.review.pk),
    "reputation": lambda at: run_job(recompute_reputation, at.author.pk),
    "fix votes": lambda at: fix("votes", at.review.pk),
    "fix ratings": lambda at: fix("ratings", at.product.pk),
    "fix order status": lambda at: fix("order-status", at.order.pk),
    "fix the ledger": lambda at: fix("ledger", at.order.pk),
    "book": lambda at: run_job(book_order, at.order.pk),
    "release": lambda at: release_due(batches=2),
}

NEEDS = {
    "remove member": ["second_owner"],
    "check out": ["cart"],
    "expire": ["overdue"],
    "process a payment": ["paid"],
    "release": ["held"],
    "cancel": ["new_order"],
    "approve a reply": ["reply"],
    "withdraw a report": ["report"],
    "decide": ["report"],
    "undo": ["decision"],
    "appeal": ["decision"],
    "erase the reporter": ["report"],
    "erase the author": ["report", "reply"],
}

# These find their scene as good as new after one another, so that their pairs share one. It saves half a minute.
STEADY = {
    "hide", "hide and restore", "screen", "vote", "withdraw vote", "suspend", "rename", "fold", "reputation",
    "restrict", "restrict and lift", "open a quarantine", "write a reply", "put in cart", "follow the case",
    "fix votes", "fix ratings", "fix order status", "fix the ledger", "book", "mark refunded",
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


def tables_locked_by(name: str, decider: Any) -> set[str]:
    """The tables in which a service locks or writes rows when it finds all that it needs, and nobody else is there."""
    seen: set[str] = set()

    def note(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        seen.update(part for found in TABLES.findall(str(sql)) for part in found)
        return execute(sql, params, many, context)

    scene = Scene(decider, name)
    with connection.execute_wrapper(note):
        VERBS[name](scene)
    return (seen - ADDED_ONLY) & set(connection.introspection.table_names())


@pytest.mark.django_db(transaction=True)
def test_every_pair_of_services_at_once_ends_well(settings):
    """A third of the pairs a day, all of them within three; ``PAIRS=all`` plays all at once, in some minutes."""
    settings.VOTES_PER_MINUTE = settings.REPORTS_PER_MINUTE = settings.REVIEW_WRITES_PER_MINUTE = 1_000
    decider, ends = moderator(), {}
    steady = Scene(decider)
    tables = {name: tables_locked_by(name, decider) for name in VERBS}
    pairs = [
        (one, other)
        for one, other in combinations_with_replacement(VERBS, 2)
        if one == other or len(tables[one] & tables[other]) > 1
    ]
    if os.environ.get("PAIRS") != "all":
        pairs = pairs[timezone.localdate().toordinal() % 3 :: 3]

    for pair in pairs:
        scene = steady if STEADY.issuperset(pair) else Scene(decider, *pair)
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
