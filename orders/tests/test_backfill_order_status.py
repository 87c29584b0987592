"""``backfill order-status`` puts history right: what arrived long ago and was left confirmed."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from orders.models import Order, OrderItem
from orders.tests.factories import OrderFactory, OrderItemFactory
from trustengine.audit.models import Entry
from trustengine.jobs.models import Job
from trustengine.operations.models import Run, RunChange
from trustengine.operations.runs import begin
from trustengine.operations.tests.backfilling import backfill

pytestmark = pytest.mark.django_db

FIRST, LAST = datetime(2024, 2, 29, 8, 1, 2, 345_678, tzinfo=UTC), datetime(2024, 3, 1, 23, 59, 59, 999_999, tzinfo=UTC)


def history() -> dict[str, Order]:
    """Orders as the earlier system left them: their items moved on, they did not."""
    orders: dict[str, Order] = {
        name: OrderFactory() for name in ("delivered", "partly", "cancelled", "refunded", "right")
    }

    def item(name, status, **moments):
        OrderItemFactory(order=orders[name], fulfilment_status=status, **moments)

    item("delivered", "delivered", delivered_at=FIRST)
    item("delivered", "delivered", delivered_at=LAST)
    item("partly", "delivered", delivered_at=FIRST)
    item("partly", "cancelled", cancelled_at=LAST)
    item("cancelled", "cancelled", cancelled_at=LAST)
    item("refunded", "delivered", delivered_at=FIRST, refunded_at=LAST)
    item("right", "shipped")
    item("right", "pending")
    return orders


def stored() -> dict[object, tuple[str, datetime | None]]:
    return {order: (status, at) for order, status, at in Order.objects.values_list("pk", "status", "delivered_at")}


def test_delivered_items_make_their_order_delivered_on_the_latest_of_their_dates():
    orders = history()

    code, told = backfill("order-status")

    assert (code, told["checked"], told["changed"], told["unchanged"]) == (0, 5, 4, 1)
    assert {name: stored()[order.pk] for name, order in orders.items()} == {
        "delivered": ("delivered", LAST),
        "partly": ("delivered", FIRST),
        "cancelled": ("cancelled", None),
        "refunded": ("refunded", None),
        "right": ("confirmed", None),
    }


def test_each_change_is_recorded_with_the_values_before_and_after():
    orders = history()
    _, told = backfill("order-status")

    entry = Entry.objects.get(object_id=orders["delivered"].pk)
    assert (entry.before["status"], entry.after["status"], entry.reason) == (
        "confirmed",
        "delivered",
        f"run {told['run']}",
    )
    assert Entry.objects.count() == RunChange.objects.filter(run=told["run"]).count() == 4


def test_a_dry_run_shows_the_same_and_writes_nothing():
    history()
    before = stored()

    code, told = backfill("order-status", "--dry-run")

    assert (code, told["changed"], told["run"]) == (0, 4, None)
    assert stored() == before
    for model in (Run, RunChange, Entry, Job):
        assert not model.objects.exists()


def test_an_interrupted_run_goes_on_where_it_stopped():
    history()
    first = min(stored())
    run = begin("backfill", "order-status")
    Run.objects.filter(pk=run.pk).update(state="interrupted", position=str(first), finished_at=timezone.now())

    code, told = backfill("order-status", "--resume", str(run.pk))

    assert (code, told["run"], told["state"]) == (0, str(run.pk), "done")
    assert stored()[first] == ("confirmed", None)  # it had been gone through before
    assert told["changed"] == 3


def test_a_revert_brings_back_exactly_what_was_there_also_what_was_wrong():
    orders = history()
    odd = datetime(1999, 12, 31, 23, 59, 59, 1, tzinfo=UTC)
    Order.objects.filter(pk=orders["partly"].pk).update(status="refunded", delivered_at=odd)
    before = stored()
    _, told = backfill("order-status")
    assert stored() != before

    code, reverted = backfill("order-status", "--revert", told["run"])

    assert (code, reverted["changed"], reverted["kept"]) == (0, 4, 0)
    assert stored() == before


def test_what_has_moved_on_since_the_run_is_kept_by_its_revert():
    orders = history()
    _, told = backfill("order-status")
    OrderItem.objects.filter(order=orders["delivered"]).update(refunded_at=LAST)
    Order.objects.filter(pk=orders["delivered"].pk).update(status="refunded", delivered_at=None)

    _, reverted = backfill("order-status", "--revert", told["run"])

    assert (reverted["changed"], reverted["kept"]) == (3, 1)
    assert stored()[orders["delivered"].pk] == ("refunded", None)
