"""The nightly comparison: recorded per target, in slices, an alert where drift remains."""

import logging
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from orders.models import Order
from orders.tests.factories import ProductFactory
from trustengine.audit.models import Entry
from trustengine.jobs.models import Job
from trustengine.jobs.registry import handler_of, schedules
from trustengine.jobs.services import enqueue
from trustengine.operations import jobs
from trustengine.operations.jobs import reconcile_nightly, reconcile_slice
from trustengine.operations.models import Run
from trustengine.operations.registry import Reconciler, reconcilers
from trustengine.operations.runs import claim, last_drift
from trustengine.operations.tests.backfilling import delivered_orders, wrong_orders
from trustengine.operations.tests.running import run_command
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db


def a_night() -> None:
    enqueue(reconcile_nightly)
    run_due_jobs()


def of_orders() -> Run:
    return Run.objects.filter(target="order-status").latest("started_at")


def test_it_stands_in_the_cron_table_of_the_queue_low():
    schedule = next(each for each in schedules() if each.name == "operations.reconcile_nightly")

    assert schedule.handler.queue == handler_of(reconcile_slice).queue == "low"


def test_every_target_is_compared_and_nothing_is_changed():
    wrong = wrong_orders(3)

    a_night()

    assert set(Run.objects.values_list("target", "state", "who")) == {
        (target, "done", "nightly job") for target in reconcilers()
    }
    assert of_orders().counts == {"checked": 3, "drifted": 3, "fixed": 0, "pending": 0}
    assert of_orders().examples[0]["expected"]["status"] == "delivered"
    assert Order.objects.filter(status="shipped").count() == len(wrong)


def test_the_targets_of_the_setting_are_fixed_and_each_fix_is_audited(settings, caplog):
    settings.RECONCILE_FIX = ["order-status"]
    wrong = wrong_orders(3)
    product = ProductFactory(reserved=7)  # drift of another target

    with caplog.at_level(logging.WARNING):
        a_night()

    assert of_orders().counts == {"checked": 3, "drifted": 3, "fixed": 3, "pending": 0}
    assert of_orders().arguments == {"fix": True}
    assert Order.objects.filter(status="delivered").count() == len(wrong)
    entries = Entry.objects.filter(object_type="orders.order", object_id__in=[str(order.pk) for order in wrong])
    assert entries.values("object_id").distinct().count() == len(wrong)
    assert "reconcile_fixed" in caplog.text
    stock = Run.objects.get(target="stock")
    assert (stock.counts["drifted"], stock.counts["fixed"], stock.arguments) == (1, 0, {})
    product.refresh_from_db()
    assert product.reserved == 7


def test_every_target_that_can_be_fixed_leaves_an_audit_entry_of_its_own():
    """``leave_trace`` is replaced only where the fix itself records, which the test before this one sees."""
    replaced = {name for name, target in reconcilers().items() if target.leave_trace is not Reconciler.leave_trace}

    assert replaced == {"order-status", "ledger"}


@pytest.mark.parametrize(
    ("targets", "problem"), [("votes, ratings", ""), ("votes,banana", "“banana”"), ("Votes", "“Votes”")]
)
def test_an_unknown_target_of_the_setting_stops_the_start(targets, problem, tmp_path):
    done = run_command("check", RECONCILE_FIX=targets, DATA_DIR=str(tmp_path))

    assert done.returncode == (2 if problem else 0), done.stderr
    if problem:
        assert done.stderr.startswith(f"error: RECONCILE_FIX: {problem}")


def test_drift_is_an_error_in_the_log_and_its_absence_is_not(caplog):
    delivered_orders(1)
    call_command("reconcile", "metrics", "--fix", verbosity=0)  # of orders that no event has told of
    with caplog.at_level(logging.ERROR):
        a_night()
    assert "reconcile_drift" not in caplog.text

    wrong_orders(2)
    with caplog.at_level(logging.ERROR):
        a_night()

    alert = next(record for record in caplog.records if "reconcile_drift" in record.getMessage())
    assert alert.levelno == logging.ERROR
    assert "order-status" in alert.getMessage()


def test_a_slice_leaves_the_rest_to_the_next_and_nothing_is_compared_twice(monkeypatch):
    wrong_orders(7)
    monkeypatch.setattr(jobs, "BATCH", 2)
    monkeypatch.setattr(jobs, "SLICE_SECONDS", 0)

    a_night()

    assert (of_orders().state, of_orders().counts["checked"], of_orders().counts["drifted"]) == ("done", 7, 7)
    of_run = [job for job in Job.objects.filter(kind="operations.reconcile_slice") if job.args == _args(of_orders())]
    assert len(of_run) == 4


def test_a_slice_that_is_delivered_again_after_the_end_changes_nothing():
    wrong_orders(1)
    a_night()
    before = of_orders()

    reconcile_slice(str(before.pk))

    assert of_orders().counts == before.counts
    assert Job.objects.filter(state="ready").count() == 0


def test_a_slice_that_is_overtaken_writes_nothing_more(monkeypatch):
    delivered_orders(2)
    run = Run.objects.create(command="reconcile", target="order-status", who="nightly job")
    compare = jobs.compare

    def overtaken(*args, **kwargs):
        for last in compare(*args, **kwargs):
            claim(Run.objects.get(pk=run.pk))  # another worker, to which the job was delivered again
            yield last

    monkeypatch.setattr(jobs, "compare", overtaken)
    reconcile_slice(str(run.pk))

    run.refresh_from_db()
    assert (run.state, run.position, run.counts) == ("running", "", {})


def test_a_night_that_still_goes_on_is_not_joined_by_another_and_a_forgotten_one_is_given_up():
    enqueue(reconcile_nightly)
    reconcile_nightly()
    assert Run.objects.filter(target="jobs").count() == 1

    Run.objects.update(heartbeat_at=timezone.now() - timedelta(days=1))
    reconcile_nightly()

    assert sorted(Run.objects.filter(target="jobs").values_list("state", flat=True)) == ["failed", "running"]


def test_the_last_drift_is_that_of_the_last_whole_comparison():
    wrong_orders(2)
    assert last_drift() == {}
    a_night()
    assert last_drift()["order-status"][0] == 2

    for arguments in (["--id", str(Order.objects.first().pk), "--fix"], ["--since", "2199-01-01"]):
        call_command("reconcile", "order-status", *arguments)
    assert last_drift()["order-status"][0] == 2

    call_command("reconcile", "order-status", "--fix")
    drifted, at = last_drift()["order-status"]
    assert drifted == 0
    assert timezone.now() - at < timedelta(minutes=1)


def test_the_command_records_its_runs_but_not_a_look_at_one_key():
    order = delivered_orders(1)[0]

    call_command("reconcile", "order-status", "--id", str(order.pk))
    assert not Run.objects.exists()
    call_command("reconcile", "order-status", "jobs", "--fix", "--since", "2026-01-01")

    assert list(Run.objects.order_by("target").values_list("target", "state")) == [
        ("jobs", "done"),
        ("order-status", "done"),
    ]
    assert of_orders().arguments["fix"] is True
    assert of_orders().arguments["since"].startswith("2026-01-01")


def _args(run: Run) -> dict[str, str]:
    return {"run_id": str(run.pk)}
