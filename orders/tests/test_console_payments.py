"""Payments, stuck orders and notices in the console."""

from datetime import timedelta

import pytest
from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orders.gauges import stuck_orders
from orders.models import CheckoutLine, Notice, Order, PaymentEvent
from orders.services import transition_item
from orders.tests.factories import CheckoutFactory, OrderFactory, OrderItemFactory, PaymentEventFactory, ProductFactory
from trustengine.accounts.tests.factories import StaffFactory, UserFactory, VendorFactory
from trustengine.audit.models import Entry

pytestmark = pytest.mark.django_db

ORDERS, EVENTS, CHECKOUTS, NOTICES = (
    f"/admin/orders/{name}/" for name in ("order", "paymentevent", "checkout", "notice")
)
LONG_AGO = timezone.now() - timedelta(hours=3)


@pytest.fixture
def console(client):
    client.force_login(StaffFactory(groups=["Finance"]))
    return client


def text(answer):
    assert answer.status_code == 200
    return answer.content.decode()


def page(row):
    return reverse(f"admin:orders_{row._meta.model_name}_change", args=[quote(row.pk)])


def listed(console, address, **query):
    answer = console.get(address, query)
    assert answer.status_code == 200
    return set(answer.context["cl"].result_list)


def event(number=1, **fields):
    given = {"id": f"evt_{number}", "payment_intent_id": f"pi_{number}", "received_at": LONG_AGO}
    return PaymentEventFactory(**given | fields)


def checkout(number=1, **fields):
    given = {"payment_intent_id": f"pi_{number}", "expires_at": LONG_AGO, "created_at": LONG_AGO}
    return CheckoutFactory(**given | fields)


def left_behind() -> Order:
    item = OrderItemFactory(delivered=True)
    OrderItemFactory(order=item.order, fulfilment_status="shipped", refunded_at=timezone.now())
    return item.order


def stuck() -> dict[str, float]:
    return {kind: count for (kind,), count in stuck_orders().items()}


def test_the_timeline_tells_which_item_went_from_where_to_where_and_by_whom(console):
    owner = StaffFactory(username="olga")
    product = ProductFactory(title="Moka pot", vendor=VendorFactory(owner=owner))
    item = OrderItemFactory(product=product, fulfilment_status="processing")
    transition_item(item.pk, to="shipped", actor=owner)

    content = " ".join(text(console.get(page(item.order))).split())

    assert '<span class="te-strong">Moka pot</span> <span class="te-pill te-info">processing</span> →' in content
    assert "by olga" in content
    assert "because of Moka pot" in content


def test_an_event_tells_what_became_of_it_and_its_payload_to_those_alone_who_may_see_people(client):
    told = event(outcome="No checkout has this payment.", state="waiting", order=OrderFactory())
    for groups, may_see in ((["Finance"], False), (["Finance", "Senior moderators"], True)):
        client.force_login(StaffFactory(groups=groups))
        content = text(client.get(page(told)))
        assert "No checkout has this payment." in content
        assert page(told.order) in content
        assert ("ada@example.org" in content) is may_see


def test_what_an_event_says_of_people_cannot_be_guessed_by_filters(console):
    event()

    for lookup in ("payload__icontains", "payload__data__object__receipt_email__startswith"):
        answer = console.get(EVENTS, {lookup: "ada"})
        assert answer.status_code == 400 or answer.headers.get("Location")


def test_an_id_that_looks_like_an_escape_of_the_admins_leads_to_its_page(console):
    told = event(id="evt_3Fabc_5F", state="failed", order=OrderFactory())

    address = page(told)
    assert address in text(console.get(EVENTS))
    assert address in text(console.get(page(told.order)))
    assert "evt_3Fabc_5F" in text(console.get(address))
    assert console.post(f"{EVENTS}{told.pk}/retry/").headers["Location"] == address


def test_an_event_that_failed_is_tried_again_from_its_page_and_from_the_list(console):
    failed, waiting, done = event(1, state="failed"), event(2, state="waiting"), event(3, state="processed")

    assert "Try again" in text(console.get(page(failed)))
    assert console.post(f"{EVENTS}{failed.pk}/retry/").status_code == 302
    chosen = {"action": "try_again", "_selected_action": [waiting.pk, done.pk]}
    answer = console.post(EVENTS, chosen, follow=True).content.decode()

    assert "1 event will be tried again." in answer
    assert "Only an event that failed or waits can be tried again." in answer
    assert [PaymentEvent.objects.get(pk=row.pk).state for row in (failed, waiting, done)] == [
        "received",
        "received",
        "processed",
    ]
    assert set(Entry.objects.filter(verb="payment_event.retried").values_list("object_id", flat=True)) == {
        failed.pk,
        waiting.pk,
    }


def test_who_may_only_look_does_not_try_again(client):
    client.force_login(StaffFactory(permissions=["orders.view_paymentevent"]))
    failed = event(state="failed")

    assert "Try again" not in text(client.get(page(failed)))
    assert client.post(f"{EVENTS}{failed.pk}/retry/").status_code == 403
    client.post(EVENTS, {"action": "try_again", "_selected_action": [failed.pk]})
    assert PaymentEvent.objects.get().state == "failed"


def test_trying_again_takes_a_post_and_an_event(console):
    assert console.get(f"{EVENTS}evt_1/retry/").status_code == 405
    assert console.post(f"{EVENTS}evt_1/retry/").status_code == 404


def test_a_checkout_shows_its_lines_its_events_and_its_order(console):
    made = checkout(state="paid", order=(order := OrderFactory()))
    product = ProductFactory(title="Grinder")
    CheckoutLine.objects.create(
        checkout=made, product=product, vendor=product.vendor, quantity=2, unit_price_cents=1_999, held=0
    )
    told = event(checkout=made)

    content = text(console.get(page(made)))

    assert "Grinder" in content
    assert page(told) in content
    assert page(order) in content
    assert page(made) in text(console.get(page(order)))


def test_events_and_checkouts_are_found_by_their_payment_and_their_order(console):
    made = checkout(7, state="paid", order=OrderFactory())
    told, _ = event(7, checkout=made, order=made.order), event(8)

    assert listed(console, EVENTS, q="pi_7") == listed(console, EVENTS, q=made.order_id) == {told}
    assert listed(console, EVENTS, q="evt_7") == {told}
    assert listed(console, CHECKOUTS, q="pi_7") == listed(console, CHECKOUTS, q=made.order_id) == {made}


def test_orders_left_behind_by_their_items_are_listed_counted_and_gauged(console):
    order, fine = left_behind(), OrderItemFactory().order
    OrderFactory()  # without items: nothing of it could have arrived

    assert listed(console, ORDERS, stuck="status") == {order}
    assert listed(console, ORDERS, stuck="nonsense") >= {order, fine}
    assert 'te-some">1<' in text(console.get(ORDERS))
    assert "was left behind" in text(console.get(page(order)))
    assert "was left behind" not in text(console.get(page(fine)))
    assert stuck()["status"] == 1


@pytest.mark.parametrize("state", ["received", "waiting", "failed"])
def test_payment_events_without_an_outcome_are_stuck_after_a_while(console, state):
    old = event(1, state=state)
    event(2, state=state, received_at=timezone.now())
    event(3, state="processed")

    assert listed(console, EVENTS, stuck="payment") == {old}
    assert stuck()["payment"] == 1


def test_paid_without_an_order_and_reservations_past_their_time_are_stuck(console):
    due, overdue = checkout(1, state="refund_due"), checkout(2)
    checkout(3, expires_at=timezone.now() + timedelta(minutes=5))
    checkout(4, state="expired")

    assert listed(console, CHECKOUTS, stuck="refund") == {due}
    assert listed(console, CHECKOUTS, stuck="reservation") == {overdue}
    assert (stuck()["refund"], stuck()["reservation"]) == (1, 1)


def test_the_home_page_says_what_is_stuck_and_how_orders_stand(console):
    left_behind()
    checkout(state="refund_due")

    content = text(console.get("/admin/"))

    assert "Orders left behind by their items" in content
    assert "Paid without an order" in content
    assert "Orders by status" in content
    assert f"{CHECKOUTS}?stuck=refund" in content


def test_where_nothing_is_stuck_all_says_so(console):
    OrderItemFactory()

    assert "Everything has moved on." in text(console.get("/admin/"))
    assert stuck() == {"status": 0, "payment": 0, "refund": 0, "reservation": 0}


@pytest.mark.django_db(transaction=True)
def test_a_scrape_tells_what_is_stuck():
    left_behind()

    metrics = Client().get("/metrics").content.decode()

    assert 'trustengine_stuck_orders{kind="status"} 1.0' in metrics
    assert 'trustengine_stuck_orders{kind="payment"} 0.0' in metrics


def test_notices_are_listed_without_naming_customers(console):
    order = OrderFactory(buyer=(customer := UserFactory(email="ada@example.org")))
    notice = Notice.objects.create(
        kind="shipped", order=order, recipient=customer, state="skipped", outcome="opted_out"
    )

    content = text(console.get(NOTICES))

    assert listed(console, NOTICES, q=order.pk) == {notice}
    assert "skipped: opted out" in content
    assert "ada@example.org" not in content


@pytest.mark.parametrize("address", [EVENTS, CHECKOUTS, NOTICES])
def test_the_number_of_queries_does_not_grow_with_the_rows(console, django_assert_max_num_queries, address):
    def fill(first):
        for number in range(first, first + 3):
            order = OrderFactory()
            event(number, checkout=checkout(number, state="paid", order=order), order=order)
            Notice.objects.create(kind="shipped", order=order, recipient=order.customer.user)

    fill(1)
    console.get(address)
    with django_assert_max_num_queries(20) as before:
        console.get(address)
    fill(11)
    with django_assert_max_num_queries(len(before)):
        console.get(address)


@pytest.mark.parametrize("address", [EVENTS, CHECKOUTS, NOTICES])
def test_moderators_of_reviews_have_no_business_with_payments(client, address):
    client.force_login(StaffFactory(groups=["Moderators"]))

    assert client.get(address).status_code == 403
