from datetime import UTC, datetime

import pytest

from orders.models import Order, OrderItem
from orders.services import transition_item
from orders.tests.factories import OrderFactory, OrderItemFactory, ProductFactory
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import UserFactory, VendorFactory
from trustengine.audit.models import Entry
from trustengine.errors import InvalidTransition, NotFound, PermissionDenied

MONDAY, TUESDAY = datetime(2026, 3, 2, 9, tzinfo=UTC), datetime(2026, 3, 3, 9, tzinfo=UTC)


def order_of(*items: dict[str, object]) -> Order:
    order = OrderFactory()
    for fields in items:
        OrderItemFactory(order=order, **fields)
    return order


def derived(order: Order) -> tuple[str, datetime | None]:
    row = Order.objects.with_derived_status().get(pk=order.pk)
    return row.derived_status, row.derived_delivered_at


def item(status: str, *, delivered: datetime | None = None, refunded: datetime | None = None) -> dict[str, object]:
    return {"fulfilment_status": status, "delivered_at": delivered, "refunded_at": refunded}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], ("confirmed", None)),
        ([item("pending")], ("confirmed", None)),
        ([item("processing"), item("shipped")], ("confirmed", None)),
        ([item("shipped"), item("delivered", delivered=MONDAY)], ("shipped", None)),
        ([item("delivered", delivered=MONDAY), item("delivered", delivered=TUESDAY)], ("delivered", TUESDAY)),
        ([item("delivered", delivered=MONDAY), item("returned", delivered=TUESDAY)], ("delivered", TUESDAY)),
        ([item("cancelled"), item("cancelled")], ("cancelled", None)),
        ([item("cancelled"), item("delivered", delivered=MONDAY)], ("delivered", MONDAY)),
        ([item("cancelled", refunded=MONDAY)], ("cancelled", None)),
        ([item("delivered", delivered=MONDAY, refunded=TUESDAY)], ("refunded", None)),
        ([item("cancelled"), item("shipped", refunded=TUESDAY)], ("refunded", None)),
        ([item("pending", refunded=TUESDAY), item("delivered", delivered=MONDAY)], ("delivered", MONDAY)),
        (
            [item("delivered", delivered=TUESDAY, refunded=TUESDAY), item("delivered", delivered=MONDAY)],
            ("delivered", MONDAY),
        ),
    ],
)
def test_the_status_of_an_order_follows_from_its_items(items, expected):
    assert derived(order_of(*items)) == expected


def vendor_item(role: str = Membership.Role.MANAGER, **fields: object) -> tuple[OrderItem, object]:
    vendor, member = VendorFactory(), UserFactory()
    Membership.objects.create(user=member, profile=vendor, role=role)
    return OrderItemFactory(product=ProductFactory(vendor=vendor), **fields), member


@pytest.mark.django_db
def test_each_step_of_fulfilment_sets_its_date_and_the_order_follows():
    item, member = vendor_item()

    for step in ("processing", "shipped", "delivered"):
        outcome = transition_item(item.pk, to=step, actor=member, tracking_number="X1" if step == "shipped" else "")
        assert outcome.changed

    item.refresh_from_db()
    order = item.order
    order.refresh_from_db()
    assert item.shipped_at
    assert item.tracking_number == "X1"
    assert (order.status, order.delivered_at) == ("delivered", item.delivered_at)


@pytest.mark.django_db
def test_repeating_the_present_state_changes_nothing():
    item, member = vendor_item(fulfilment_status="shipped")
    entries = Entry.objects.count()

    assert not transition_item(item.pk, to="shipped", actor=member).changed
    assert Entry.objects.count() == entries


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("present", "to"),
    [("pending", "shipped"), ("shipped", "cancelled"), ("delivered", "pending"), ("returned", "delivered")],
)
def test_a_step_that_is_not_open_is_refused(present, to):
    item, member = vendor_item(fulfilment_status=present)

    with pytest.raises(InvalidTransition):
        transition_item(item.pk, to=to, actor=member)


@pytest.mark.django_db
def test_only_those_who_manage_the_vendor_move_its_items():
    item, viewer = vendor_item(Membership.Role.VIEWER)

    with pytest.raises(PermissionDenied):
        transition_item(item.pk, to="processing", actor=viewer)
    with pytest.raises(NotFound):
        transition_item(item.pk, to="processing", actor=UserFactory(is_superuser=True))


@pytest.mark.django_db
def test_the_audit_names_the_item_that_changed_the_order():
    item, member = vendor_item(fulfilment_status="processing")

    transition_item(item.pk, to="shipped", actor=member)

    entry = Entry.objects.get(verb="order.status_derived")
    assert entry.actor_id == member.pk
    assert (entry.before["status"], entry.after["status"], entry.after["item"]) == (
        "confirmed",
        "shipped",
        str(item.pk),
    )
