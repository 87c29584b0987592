"""Backfills that are stopped, killed and fought over: real processes on this test's database."""

import re
import signal
from functools import partial

import pytest

from orders.models import Order
from trustengine.audit.models import Entry
from trustengine.operations.models import Run, RunChange
from trustengine.operations.tests.backfilling import (
    DELIVERED,
    WRONG,
    backfill,
    backfill_process,
    statuses,
    stopped_midway,
    wrong_orders,
)
from trustengine.testing import at_once

pytestmark = pytest.mark.django_db(transaction=True)

ORDERS = 300


def some_changes() -> bool:
    return RunChange.objects.count() >= 5


def killed_midway() -> Run:
    """The run of a process that was killed while it went through many small batches."""
    with backfill_process("order-status", "--batch-size", "1") as process:
        code, output, _ = stopped_midway(process, signal.SIGKILL, once=some_changes)
    run = Run.objects.get()
    assert code == -signal.SIGKILL
    assert f"run {run.pk}" in output  # said at the beginning
    return run


def test_a_killed_run_says_exactly_what_it_has_done_and_goes_on_from_there():
    wrong_orders(ORDERS)

    run = killed_midway()

    changed = Order.objects.filter(status="delivered").count()
    assert run.state == "running"
    assert 5 <= changed < ORDERS
    assert run.counts["checked"] == run.counts["changed"] == RunChange.objects.count() == changed

    code, told = backfill("order-status", "--resume", str(run.pk), "--batch-size", "50")

    assert (code, told["checked"], told["changed"], told["state"]) == (0, ORDERS, ORDERS, "done")
    assert statuses() == {("delivered", DELIVERED)}
    assert RunChange.objects.count() == Entry.objects.filter(verb="backfill.order_status_changed").count() == ORDERS


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_asked_to_stop_finishes_its_batch_and_tells_how_to_go_on(number):
    wrong_orders(ORDERS)

    with backfill_process("order-status", "--batch-size", "2") as process:
        code, output, errors = stopped_midway(process, number, once=some_changes)

    run = Run.objects.get()
    assert (code, run.state) == (1, "interrupted"), errors
    assert f"backfill order-status --resume {run.pk}" in output
    assert run.counts["changed"] == RunChange.objects.count() == Order.objects.filter(status="delivered").count()


def test_of_two_who_resume_a_dead_run_one_wins():
    wrong_orders(ORDERS)
    run = killed_midway()

    outcomes = at_once(*[partial(backfill, "order-status", "--resume", str(run.pk), "--batch-size", "10")] * 2)

    assert sorted(code for code, _ in outcomes) in ([0, 1], [0, 2])  # 2 where the winner was done by then
    run.refresh_from_db()
    assert (run.state, run.counts["checked"], run.counts["changed"]) == ("done", ORDERS, ORDERS)
    assert RunChange.objects.count() == ORDERS


def test_a_killed_run_can_be_reverted_but_then_no_longer_resumed():
    wrong_orders(ORDERS)
    run = killed_midway()

    code, told = backfill("order-status", "--revert", str(run.pk))

    assert (code, told["changed"]) == (0, run.counts["changed"])
    assert statuses() == {("shipped", WRONG)}
    assert backfill("order-status", "--resume", str(run.pk))[0] == 2


@pytest.mark.parametrize("again", ["--revert", "--resume"])
def test_a_killed_revert_goes_on_whether_it_is_asked_for_again_or_resumed(again):
    wrong_orders(ORDERS)
    _, told = backfill("order-status")
    with backfill_process("order-status", "--revert", told["run"], "--batch-size", "1") as process:
        stopped_midway(process, signal.SIGKILL, once=lambda: Order.objects.filter(status="shipped").count() >= 5)
    revert = str(Run.objects.get(reverts=told["run"]).pk)
    assert backfill("order-status", "--resume", told["run"])[0] == 2  # only ever one of the two directions

    code, reverted = backfill("order-status", again, told["run"] if again == "--revert" else revert)

    assert (code, reverted["changed"], reverted["kept"]) == (0, ORDERS, 0)
    assert statuses() == {("shipped", WRONG)}
    assert Run.objects.get(pk=told["run"]).state == "reverted"


def test_lines_without_a_terminal_tell_the_run_and_the_counts():
    wrong_orders(2)

    with backfill_process("order-status") as process:
        output, errors = process.communicate(timeout=30)

    assert process.returncode == 0, errors
    assert re.match(r"run [0-9a-f-]{36}\n", output)
    assert "order-status: 2 checked, 2 changed, 0 unchanged, 0 pending" in output
