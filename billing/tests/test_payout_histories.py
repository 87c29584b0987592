"""Any history of payouts: no entry is paid twice, and books, lines and statements agree."""

from functools import partial
from itertools import combinations_with_replacement

import pytest
from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.balances import balances_after
from billing.models import (
    DestinationChange,
    LedgerAccount,
    LedgerEntry,
    Payout,
    PayoutBatch,
    PayoutDestination,
    PayoutLine,
)
from billing.services.destinations import approve_destination, set_destination
from billing.services.drafting import draft_payouts, free_entries, redraw_payouts
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
from billing.statements import statement_of
from billing.tests.payout_factories import finance, payable_vendor, release, take_back
from trustengine.devtools.tests.test_pairs import pausing
from trustengine.errors import DomainError
from trustengine.row_security import Reason, every_row
from trustengine.testing import at_once

Kind = LedgerAccount.Kind


def redirect(vendor, reference, first, second):
    """Change a destination by two people, and let its rest pass."""
    set_destination(vendor.pk, reference, actor=first)
    with every_row(Reason.TEST):
        for change in DestinationChange.objects.filter(profile=vendor, state="proposed"):
            approve_destination(change.pk, actor=second)
        PayoutDestination.objects.filter(profile=vendor).update(usable_from=None)


class Scene:
    """Two vendors, two people of finance, and batches in every state."""

    def __init__(self):
        self.people = finance(), finance()
        self.vendors = payable_vendor(50_000), payable_vendor(9_000)

    def do(self, verb, number=0, cents=700):
        """Play a verb on the batch, payout or vendor of this number, the latest being 0; False if it was refused."""
        vendor = self.vendors[number % 2]
        with every_row(Reason.TEST):
            batches, payouts = list(PayoutBatch.objects.order_by("-pk")), list(Payout.objects.order_by("-pk"))
        batch = batches[number % len(batches)].pk if batches else vendor.pk
        payout = payouts[number % len(payouts)].pk if payouts else vendor.pk
        first, second = self.people
        calls = {
            "release": partial(release, vendor, cents),
            "take back": partial(take_back, vendor, cents),
            "owe": partial(take_back, vendor, cents, kind=Kind.VENDOR_RECEIVABLE),
            "draft": partial(draft_payouts, "EUR", actor=first),
            "redraw": partial(redraw_payouts, batch, actor=first),
            "approve": partial(approve_payouts, batch, actor=second),
            "export": partial(export_payouts, batch, actor=first),
            "cancel": partial(cancel_batch, batch, actor=second),
            "cancel one": partial(cancel_payout, payout, actor=second),
            "pay": partial(mark_paid, payout, actor=first),
            "pay all": partial(mark_batch_paid, batch, actor=first),
            "fail": partial(mark_failed, payout, actor=first, failure="account_closed"),
            "return": partial(mark_returned, payout, actor=first, failure="account_closed"),
            "redirect": partial(redirect, vendor, f"acct_{cents}", first, second),
        }
        try:
            with transaction.atomic():
                calls[verb]()
        except DomainError:
            return False
        except IntegrityError as error:  # more was to be taken back than is there: that becomes a debt
            if "ledger_never_pays_what_is_not_there" not in str(error):
                raise
            return False
        return True


VERBS = [
    "release", "take back", "owe", "draft", "redraw", "approve", "export", "cancel", "cancel one", "pay", "pay all",
    "fail", "return", "redirect",
]  # fmt: skip
LOCKING = [verb for verb in VERBS if verb not in {"owe", "redirect"}]
STEP = st.tuples(st.sampled_from(VERBS), st.integers(0, 3), st.integers(1, 6_000))


def prove(vendors):
    """What holds after every history."""
    with every_row(Reason.TEST):
        assert LedgerEntry.objects.aggregate(total=Sum("amount_cents", default=0))["total"] == 0
        for payout in Payout.objects.all():
            assert payout.lines.aggregate(total=Sum("amount_cents"))["total"] == payout.amount_cents
            assert set(payout.lines.values_list("is_live", flat=True)) == {payout.state in Payout.LIVE}
        live = PayoutLine.objects.filter(is_live=True)
        assert live.count() == live.values("entry").distinct().count()
        for vendor in vendors:
            _prove_one(vendor)


def _prove_one(vendor):
    accounts = {row.kind: row for row in LedgerAccount.objects.filter(profile=vendor)}
    balance = {kind: row.balance_cents for kind, row in accounts.items()}
    payouts = Payout.objects.filter(profile=vendor)

    def paying(*states):
        return payouts.filter(state__in=states).aggregate(total=Sum("amount_cents", default=0))["total"]

    free = free_entries().filter(profile=vendor).aggregate(total=Sum("amount_cents", default=0))["total"]
    assert balance[Kind.VENDOR_AVAILABLE] == free + paying("draft") >= 0
    assert balance.get(Kind.VENDOR_IN_PAYOUT, 0) == paying("approved", "exported")
    statement = statement_of(vendor, currency="EUR", first=timezone.localdate().replace(day=1))
    assert statement.closing_cents == statement.opening_cents + sum(statement.totals.values()) == sum(balance.values())
    assert statement.totals["payouts_cents"] + statement.totals["payouts_returned_cents"] == -paying("paid")
    for row in accounts.values():
        entries = list(row.entries.order_by("-booked_at", "-pk"))
        after = balances_after(entries)
        assert entries == [] or after[entries[0].pk] == row.balance_cents
        assert entries == [] or after[entries[-1].pk] == entries[-1].amount_cents


@pytest.mark.django_db
@settings(
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(STEP, min_size=6, max_size=14))
def test_any_history_of_payouts_adds_up(steps):
    with transaction.atomic():
        scene = Scene()
        for verb, number, cents in [("draft", 0, 1), *steps]:
            scene.do(verb, number, cents)
        prove(scene.vendors)
        transaction.set_rollback(True)


def test_the_histories_reach_every_verb(db):
    """A history of which each step is taken: so none of the verbs above is refused always."""
    scene = Scene()
    history = "owe draft redraw approve cancel draft cancel draft approve export pay return draft cancel draft approve"
    rest = ["export", "fail", "pay all", "release", "take back", "redirect"]
    taken = {verb for verb in [*history.split(), *rest] if scene.do(verb)}

    scene.do("release", 1, 5_000)
    taken |= {verb for verb in ("draft", "cancel one") if scene.do(verb)}
    prove(scene.vendors)
    assert taken == set(VERBS)


@pytest.mark.django_db(transaction=True)
def test_every_pair_of_verbs_at_once_ends_well():
    """Threads pause where they lock, so that those who lock in different orders would meet, and deadlock."""
    scene = Scene()
    problems = {}

    def play(verb, number):
        with pausing():
            return scene.do(verb, number)

    for pair in combinations_with_replacement(LOCKING, 2):
        prepare(scene)
        outcomes = at_once(*[partial(play, verb, 0) for verb in pair])
        problems[pair] = [outcome for outcome in outcomes if isinstance(outcome, Exception)]

    assert {pair: errors for pair, errors in problems.items() if errors} == {}
    prove(scene.vendors)


def prepare(scene):
    """Have something to take for every verb: the latest batch goes a step further with every pair."""
    for vendor in scene.vendors:
        release(vendor, 3_000)
    with every_row(Reason.TEST):
        latest = PayoutBatch.objects.order_by("-pk").first()
    state = latest.state if latest else "cancelled"
    following = {"draft": "approve", "approved": "export"}
    scene.do(following.get(state, "draft"))
