"""A worker whose machine's clock is wrong judges money and time limits as every other one does."""

from datetime import timedelta

import pytest

from billing.jobs.ledger import release_held_money
from billing.models import Holding
from billing.tests.sales import balances, deliver, paid_order, vendor
from orders.jobs.checkouts import expire_checkouts
from orders.models import Checkout
from orders.tests.payment_factories import open_checkout
from trustengine.database_time import database_now
from trustengine.jobs.models import Job
from trustengine.jobs.services import enqueue
from trustengine.jobs.tests.processes import worker
from trustengine.row_security import Reason, every_row
from trustengine.testing import PATIENCE, run_due_jobs

pytestmark = pytest.mark.django_db(transaction=True)

DAYS_WRONG = [30, -30]


def run_in_a_worker(function, queue, *, days_wrong):
    job = enqueue(function)
    ahead = timedelta(days=days_wrong).total_seconds()
    with worker(queue, "--burst", TEST_CLOCK_AHEAD_SECONDS=str(ahead)) as process:
        assert process.wait(PATIENCE) == 0
    assert Job.objects.get(pk=job.pk).state == Job.State.DONE


@pytest.mark.parametrize("days_wrong", DAYS_WRONG)
def test_a_worker_whose_clock_is_wrong_releases_what_is_due_only(days_wrong, settings):
    early, due = vendor(), vendor()
    deliver(paid_order(1_000, by=early), days_ago=settings.PAYOUT_HOLD_DAYS - 1)
    order = paid_order(1_000, by=due)
    deliver(order, days_ago=settings.PAYOUT_HOLD_DAYS - 1)
    run_due_jobs()
    deliver(order, days_ago=settings.PAYOUT_HOLD_DAYS + 1)
    Job.objects.all().delete()
    with every_row(Reason.TEST):
        Holding.objects.filter(order=order).update(release_at=database_now() - timedelta(days=1))

    run_in_a_worker(release_held_money, "low", days_wrong=days_wrong)

    assert balances(early) == {"pending": 850}
    assert balances(due) == {"available": 850}


@pytest.mark.parametrize("days_wrong", DAYS_WRONG)
def test_a_worker_whose_clock_is_wrong_expires_what_is_due_only(days_wrong):
    live, late = open_checkout(), open_checkout()
    Checkout.objects.filter(pk=late.pk).update(expires_at=database_now() - timedelta(minutes=1))

    run_in_a_worker(expire_checkouts, "high", days_wrong=days_wrong)

    states = dict(Checkout.objects.values_list("pk", "state"))
    assert states == {live.pk: Checkout.State.OPEN, late.pk: Checkout.State.EXPIRED}
