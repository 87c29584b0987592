import json
from io import StringIO

import pytest
from django.core.management import call_command

from orders.models import Order
from orders.tests.factories import OrderItemFactory
from trustengine.audit.models import Entry

pytestmark = pytest.mark.django_db


def reconcile(*arguments: str) -> tuple[int, dict]:
    """The exit code, and what was found per target."""
    output, code = StringIO(), 0
    try:
        call_command("reconcile", *arguments, "--json", stdout=output)
    except SystemExit as leaving:
        code = int(leaving.code or 0)
    return code, json.loads(output.getvalue())["targets"]


@pytest.fixture
def wrong_orders() -> list[Order]:
    items = [OrderItemFactory(delivered=True) for _ in range(5)]
    Order.objects.update(status=Order.Status.CANCELLED, delivered_at=None)
    return [item.order for item in items]


def test_every_wrong_order_is_found_past_the_first_batch_and_nothing_is_changed(wrong_orders):
    code, found = reconcile("order-status", "--batch-size", "2")

    assert (code, found["order-status"]["checked"], found["order-status"]["drifted"]) == (1, 5, 5)
    assert found["order-status"]["examples"][0]["expected"]["status"] == "delivered"
    assert set(Order.objects.values_list("status", flat=True)) == {"cancelled"}


def test_a_fix_makes_orders_agree_with_their_items_and_leaves_a_trace(wrong_orders):
    code, found = reconcile("order-status", "--fix", "--batch-size", "2")

    assert (code, found["order-status"]["fixed"]) == (0, 5)
    assert set(Order.objects.values_list("status", flat=True)) == {"delivered"}
    assert Entry.objects.filter(verb="order.status_derived", object_id=wrong_orders[0].pk).exists()
    assert reconcile("order-status") == (
        0,
        {"order-status": {"checked": 5, "drifted": 0, "fixed": 0, "pending": 0, "examples": []}},
    )


def test_a_delivery_date_that_is_missing_is_drift(wrong_orders):
    Order.objects.update(status="delivered")

    assert reconcile("order-status")[1]["order-status"]["drifted"] == 5


def test_one_key_can_be_reconciled_alone(wrong_orders):
    code, found = reconcile("order-status", "--fix", "--id", str(wrong_orders[3].pk))

    assert (code, found["order-status"]["checked"], found["order-status"]["fixed"]) == (0, 1, 1)
    assert Order.objects.filter(status="cancelled").count() == 4


def test_only_what_changed_since_a_date_is_compared(wrong_orders):
    for item in wrong_orders[0].items.all():
        type(item).objects.filter(pk=item.pk).update(updated_at="2020-01-01T00:00Z")
    Order.objects.filter(pk=wrong_orders[0].pk).update(updated_at="2020-01-01T00:00Z")

    assert reconcile("order-status", "--since", "2020-01-02")[1]["order-status"]["checked"] == 4
    assert reconcile("order-status", "--since", "2019-12-31")[1]["order-status"]["checked"] == 5
