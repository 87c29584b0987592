from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db.models import ProtectedError
from django.utils import timezone

from orders.models import Order, OrderItem
from reviews.models import ProductRating, Reputation
from reviews.tests.factories import approved_review
from trustengine.audit.models import Entry
from trustengine.jobs.models import Job
from trustengine.operations.backfilling import backfills
from trustengine.operations.models import Run, RunChange
from trustengine.operations.runs import begin
from trustengine.operations.tests.backfilling import (
    DELIVERED,
    WRONG,
    backfill,
    delivered_orders,
    statuses,
    wrong_orders,
)
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db


def test_order_statuses_are_written_anew_and_the_run_says_who_did_what():
    wrong, right = wrong_orders(5), delivered_orders(2)

    code, told = backfill("order-status", "--batch-size", "2")

    assert code == 0
    assert {name: told[name] for name in ("checked", "changed", "unchanged", "pending", "state", "dry_run")} == {
        "checked": len(wrong) + len(right),
        "changed": len(wrong),
        "unchanged": len(right),
        "pending": 0,
        "state": "done",
        "dry_run": False,
    }
    assert statuses() == {("delivered", DELIVERED)}
    run = Run.objects.get(pk=told["run"])
    assert (run.command, run.target, run.state, run.arguments) == (
        "backfill",
        "order-status",
        "done",
        {"batch_size": 2},
    )
    assert "@" in run.who
    assert run.finished_at is not None
    assert run.counts == {"checked": 7, "changed": 5, "unchanged": 2, "pending": 0}


def test_every_changed_order_leaves_an_entry_that_names_the_run():
    order = wrong_orders(1)[0]

    _, told = backfill("order-status")

    entry = Entry.objects.get(verb="backfill.order_status_changed")
    assert (entry.object_type, entry.object_id, entry.reason) == ("orders.order", str(order.pk), f"run {told['run']}")
    assert entry.before["status"] == "shipped"
    assert entry.after["status"] == "delivered"


def test_a_second_run_finds_nothing_to_change():
    wrong_orders(3)
    backfill("order-status")

    code, told = backfill("order-status")

    assert (code, told["changed"], told["unchanged"]) == (0, 0, 3)


def test_only_orders_placed_on_the_given_days_are_touched():
    orders = wrong_orders(5)  # on five days in a row
    first, last = (str(orders[number].day) for number in (1, 3))

    _, told = backfill("order-status", "--from", first, "--to", last)

    assert told["checked"] == told["changed"] == 3
    assert set(Order.objects.filter(status="delivered")) == set(orders[1:4])
    assert Run.objects.get().arguments == {"since": first, "until": last, "batch_size": 500}


def test_a_dry_run_tells_what_would_change_and_writes_nothing():
    wrong_orders(3)

    code, told = backfill("order-status", "--dry-run", "--batch-size", "1")

    assert (code, told["run"], told["changed"], len(told["examples"])) == (0, None, 3, 3)
    assert statuses() == {("shipped", WRONG)}
    for model in (Run, RunChange, Entry, Job):
        assert not model.objects.exists()


def test_a_revert_puts_back_exactly_what_was_there_before():
    wrong_orders(5)
    _, told = backfill("order-status")

    code, reverted = backfill("order-status", "--revert", told["run"], "--batch-size", "2")

    assert (code, reverted["checked"], reverted["changed"], reverted["kept"]) == (0, 5, 5, 0)
    assert statuses() == {("shipped", WRONG)}
    original, revert = Run.objects.get(pk=told["run"]), Run.objects.get(pk=reverted["run"])
    assert (original.state, revert.state, revert.reverts) == ("reverted", "done", original)
    assert Entry.objects.filter(verb="backfill.order_status_reverted").count() == 5


def test_a_revert_keeps_what_has_changed_since_the_run():
    orders = wrong_orders(3)
    _, told = backfill("order-status")
    OrderItem.objects.filter(order=orders[1]).update(fulfilment_status="cancelled")
    Order.objects.filter(pk=orders[1].pk).update(status="cancelled", delivered_at=None)
    Order.objects.filter(pk=orders[2].pk).update(delivered_at=DELIVERED + timedelta(microseconds=1))

    code, reverted = backfill("order-status", "--revert", told["run"])

    assert (code, reverted["changed"], reverted["kept"]) == (0, 1, 2)
    assert {order.pk: order.status for order in Order.objects.all()} == {
        orders[0].pk: "shipped",
        orders[1].pk: "cancelled",
        orders[2].pk: "delivered",
    }


def test_a_rehearsed_revert_leaves_the_run_revertible():
    wrong_orders(2)
    _, told = backfill("order-status")

    code, rehearsed = backfill("order-status", "--revert", told["run"], "--dry-run")

    assert (code, rehearsed["changed"], rehearsed["run"]) == (0, 2, None)
    assert statuses() == {("delivered", DELIVERED)}
    assert backfill("order-status", "--revert", told["run"])[1]["changed"] == 2


def test_a_run_is_reverted_once():
    wrong_orders(1)
    _, told = backfill("order-status")
    _, reverted = backfill("order-status", "--revert", told["run"])

    assert backfill("order-status", "--revert", told["run"])[0] == 2
    assert backfill("order-status", "--resume", told["run"])[0] == 2
    assert backfill("order-status", "--revert", reverted["run"])[0] == 2


def test_an_interrupted_run_goes_on_with_its_own_arguments():
    orders = wrong_orders(6)
    started = begin("backfill", "order-status", arguments={"until": str(orders[3].day)})
    Run.objects.update(state="interrupted", finished_at=timezone.now(), position=str(orders[0].pk))
    Run.objects.update(counts={"checked": 1, "changed": 1})

    code, told = backfill("order-status", "--resume", str(started.pk))

    assert (code, told["run"], told["checked"], told["changed"]) == (0, str(started.pk), 4, 4)
    assert set(Order.objects.filter(status="delivered")) == set(orders[1:4])
    assert Run.objects.count() == 1


def test_a_run_that_is_worked_on_is_not_taken_over():
    running = begin("backfill", "order-status")

    code, told = backfill("order-status", "--resume", str(running.pk))

    assert code == 1
    assert "another process" in told["problem"]


def test_star_counters_are_written_anew():
    review = approved_review(rating=4)
    ProductRating.objects.update(stars_1=3)

    code, told = backfill("ratings")

    assert (code, told["changed"]) == (0, 1)
    rating = ProductRating.objects.get(product=review.product_id)
    assert (rating.stars_1, rating.stars_4) == (0, 1)


def test_reputations_are_written_anew_unless_a_job_is_on_its_way_to_them():
    review = approved_review()
    assert backfill("reputation")[1]["pending"] == 1
    run_due_jobs()
    Reputation.objects.update(score=100)

    code, told = backfill("reputation", "--from", str(timezone.localdate()))

    assert (code, told["changed"], told["pending"]) == (0, 1, 0)
    assert Reputation.objects.get(user=review.author_id).score == 52


def test_an_unknown_target_is_refused_with_the_list_of_targets():
    with pytest.raises(CommandError) as refusal:
        call_command("backfill", "moon")

    assert refusal.value.returncode == 2
    for name in backfills():
        assert name in str(refusal.value)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--resume", "0190d6c5-7b1c-7f6e-8f7d-000000000000"),
        ("--revert", "0190d6c5-7b1c-7f6e-8f7d-000000000000"),
        ("--from", "2026-02-02", "--to", "2026-02-01"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments):
    assert backfill("order-status", *arguments)[0] == 2


def test_a_finished_run_cannot_be_resumed_and_the_refusal_names_those_that_can():
    _, told = backfill("order-status")
    unfinished = begin("backfill", "order-status")

    code, refusal = backfill("order-status", "--resume", told["run"])

    assert code == 2
    assert str(unfinished.pk) in refusal["problem"]


def test_a_run_of_another_target_or_one_that_keeps_no_values_is_not_reverted():
    _, told = backfill("ratings")

    assert backfill("order-status", "--revert", told["run"])[0] == 2
    assert backfill("ratings", "--revert", told["run"])[0] == 2


@pytest.mark.parametrize(
    "arguments",
    [(), ("order-status", "--from", "lately"), ("order-status", "--resume", "17"), ("ratings", "--batch-size", "0")],
)
def test_bad_arguments_end_with_2(arguments, capsys):
    from trustengine.operations.management.commands.backfill import Command

    with pytest.raises(SystemExit) as leaving:
        Command().run_from_argv(["manage.py", "backfill", *arguments])

    assert leaving.value.code == 2
    assert "error" in capsys.readouterr().err


def test_what_a_run_has_changed_cannot_be_deleted_with_it():
    wrong_orders(1)
    backfill("order-status")

    with pytest.raises(ProtectedError):
        Run.objects.all().delete()
