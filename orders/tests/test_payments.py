"""From events to orders: paid, failed, late, in any order, and in vain."""

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from orders.jobs.payments import process_payment
from orders.models import CartItem, Checkout, Dispute, Order, PaymentEvent
from orders.services import retry_event, stock, wake_waiting_events
from orders.services.payment_events import HANDLERS
from orders.tests.factories import ProductFactory
from orders.tests.payment_factories import event_body, open_checkout, paid_order, post, tell
from trustengine.accounts.tests.factories import UserFactory
from trustengine.audit.models import Entry
from trustengine.errors import InvalidTransition, NotFound
from trustengine.jobs import registry
from trustengine.jobs.models import Job
from trustengine.testing import at_once, run_due_jobs

SUCCEEDED = "payment_intent.succeeded"
FAILED = "payment_intent.payment_failed"


def shelf(product):
    product.refresh_from_db()
    return product.stock, product.reserved


def expire(checkout):
    """As the checkout's expiry does."""
    stock.free(checkout)
    checkout.state = Checkout.State.EXPIRED
    checkout.save()


@pytest.fixture
def published(monkeypatch):
    """What is told to subscribers of these events, as (event, arguments)."""
    told = []
    monkeypatch.setattr("orders.services.placing.publish", lambda event, **payload: told.append((event, payload)))
    monkeypatch.setattr(
        "orders.services.days.publish_many", lambda event, payloads: told.extend((event, each) for each in payloads)
    )
    return told


@pytest.mark.django_db
def test_a_payment_makes_the_order_and_sells_what_was_held(published):
    buyer, tracked, endless = UserFactory(), ProductFactory(price_cents=1_500, stock=5), ProductFactory(price_cents=200)
    checkout = open_checkout(buyer, bought={tracked: 2, endless: 3})
    assert shelf(tracked) == (5, 2)

    event = tell(SUCCEEDED, checkout, amount_received=3_600, currency="eur")

    order = Order.objects.get()
    checkout.refresh_from_db()
    assert (checkout.state, checkout.order, checkout.paid_cents) == ("paid", order, 3_600)
    assert (order.customer, order.currency, order.status) == (buyer.customer_profile, "EUR", "confirmed")
    assert order.day == timezone.localdate()
    items = {(i.product, i.vendor, i.quantity, i.unit_price_cents, i.fulfilment_status) for i in order.items.all()}
    assert items == {
        (tracked, tracked.vendor, 2, 1_500, "pending"),
        (endless, endless.vendor, 3, 200, "pending"),
    }
    assert (shelf(tracked), shelf(endless)) == ((3, 0), (None, 0))
    assert (event.state, event.outcome, event.checkout, event.order) == (
        "processed",
        "The order was made.",
        checkout,
        order,
    )
    assert Entry.objects.filter(verb="order.placed", object_id=str(order.pk)).count() == 1
    assert ("orders.order_placed", {"order_id": order.pk}) in published
    days = {payload["vendor_day"] for event, payload in published if event == "orders.day_changed"}
    assert days == {f"{vendor.pk}:{order.day}:EUR" for vendor in (tracked.vendor, endless.vendor)}


@pytest.mark.django_db
def test_what_was_bought_leaves_the_cart_and_what_came_after_stays():
    buyer, bought, more, other = UserFactory(), ProductFactory(), ProductFactory(), ProductFactory()
    for product, quantity in ((bought, 2), (more, 3), (other, 1)):
        CartItem.objects.create(customer=buyer.customer_profile, product=product, quantity=quantity)
    elsewhere = CartItem.objects.create(customer=UserFactory().customer_profile, product=bought, quantity=1)

    paid_order(open_checkout(buyer, bought={bought: 2, more: 1}))

    left = CartItem.objects.filter(customer=buyer.customer_profile).values_list("product", "quantity")
    assert set(left) == {(more.pk, 2), (other.pk, 1)}
    assert CartItem.objects.filter(pk=elsewhere.pk).exists()


@pytest.mark.django_db
def test_the_day_of_an_order_is_the_marketplaces(settings):
    settings.TIME_ZONE = settings.MARKETPLACE_TIME_ZONE = "Pacific/Kiritimati"
    with timezone.override("Pacific/Kiritimati"):
        order = paid_order()

        assert order.day == timezone.localdate(order.placed_at)


@pytest.mark.django_db
def test_the_same_payment_told_again_by_other_events_changes_nothing():
    checkout = open_checkout()
    paid_order(checkout)
    before = set(Entry.objects.values_list("pk", flat=True))

    again = tell(SUCCEEDED, checkout)
    late_failure = tell(FAILED, checkout)

    assert (again.state, late_failure.state) == ("ignored", "ignored")
    assert Order.objects.count() == 1
    checkout.refresh_from_db()
    assert checkout.state == "paid"
    assert set(Entry.objects.values_list("pk", flat=True)) == before


@pytest.mark.django_db
@pytest.mark.parametrize("type_", [FAILED, "payment_intent.canceled"])
def test_a_failed_payment_frees_the_stock_once(type_):
    product = ProductFactory(stock=5)
    checkout = open_checkout(bought={product: 2})

    first, second = tell(type_, checkout), tell(type_, checkout)

    checkout.refresh_from_db()
    assert (first.state, second.state, checkout.state) == ("processed", "ignored", "failed")
    assert shelf(product) == (5, 0)
    assert not Order.objects.exists()
    assert Entry.objects.filter(verb="checkout.failed").count() == 1


@pytest.mark.django_db
def test_a_success_that_arrives_with_an_earlier_failure_makes_the_order():
    checkout = open_checkout()
    post(event_body(FAILED, checkout.payment_intent_id))
    post(event_body(SUCCEEDED, checkout.payment_intent_id))

    run_due_jobs()

    assert Order.objects.count() == 1
    assert set(PaymentEvent.objects.values_list("type", "state")) == {(SUCCEEDED, "processed"), (FAILED, "ignored")}


@pytest.mark.django_db
def test_an_event_of_an_unknown_payment_waits_is_tried_again_and_ends_as_failed(settings):
    post(event_body(SUCCEEDED, "pi_unknown", "evt_early"))
    run_due_jobs()
    event = PaymentEvent.objects.get()
    assert (event.state, event.attempts) == ("waiting", 1)
    [later] = Job.objects.filter(state="ready", kind="orders.process_payment")
    assert later.run_at > timezone.now()

    PaymentEvent.objects.update(received_at=timezone.now() - timedelta(days=settings.PAYMENT_EVENT_DAYS, minutes=1))
    Job.objects.filter(pk=later.pk).update(run_at=timezone.now())
    run_due_jobs()

    event.refresh_from_db()
    assert (event.state, event.attempts) == ("failed", 2)
    assert not Job.objects.filter(state="ready", kind="orders.process_payment").exists()


@pytest.mark.django_db
def test_several_waiting_events_of_a_payment_have_one_later_job():
    for number in range(5):
        post(event_body(SUCCEEDED, "pi_unknown", f"evt_{number}"))
        run_due_jobs()

    assert Job.objects.filter(state="ready", kind="orders.process_payment").count() == 1


@pytest.mark.django_db
def test_an_event_that_came_before_its_checkout_is_processed_as_soon_as_that_exists():
    post(event_body(SUCCEEDED, "pi_early"))
    run_due_jobs()

    open_checkout(payment_intent_id="pi_early")
    wake_waiting_events("pi_early")
    run_due_jobs()

    assert Order.objects.count() == 1
    assert PaymentEvent.objects.get().state == "processed"


@pytest.mark.django_db
def test_a_refund_that_comes_before_its_payment_waits_for_the_order():
    checkout = open_checkout()
    early = tell("charge.refunded", checkout, amount_refunded=checkout.amount_cents)
    assert early.state == "waiting"

    order = paid_order(checkout)

    early.refresh_from_db()
    assert early.state == "processed"
    order.refresh_from_db()
    assert order.status == "refunded"


@pytest.mark.django_db
def test_a_poisonous_event_fails_alone_and_can_be_tried_again(monkeypatch):
    checkout = open_checkout()

    def broken(checkout, event, about):
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setitem(HANDLERS, FAILED, broken)
        post(event_body(FAILED, checkout.payment_intent_id, "evt_poison"))
        post(event_body(SUCCEEDED, checkout.payment_intent_id, "evt_fine"))
        run_due_jobs()

    poison, fine = PaymentEvent.objects.get(pk="evt_poison"), PaymentEvent.objects.get(pk="evt_fine")
    assert (poison.state, fine.state) == ("failed", "processed")
    assert "ZeroDivisionError" in poison.outcome

    retry_event("evt_poison", actor=None)
    run_due_jobs()
    poison.refresh_from_db()
    assert (poison.state, poison.attempts) == ("ignored", 2)
    with pytest.raises(InvalidTransition):
        retry_event("evt_poison", actor=None)
    with pytest.raises(NotFound):
        retry_event("evt_unknown", actor=None)


@pytest.mark.django_db
def test_a_dispute_is_opened_and_closed_once_and_told():
    checkout = open_checkout()
    early = tell("charge.dispute.created", checkout, id="dp_1", amount=1_000, reason="fraudulent")
    assert early.state == "waiting"
    order = paid_order(checkout)

    dispute = Dispute.objects.get()
    assert (dispute.order, dispute.amount_cents, dispute.reason, dispute.closed_at) == (
        order,
        1_000,
        "fraudulent",
        None,
    )
    assert "Known" in tell("charge.dispute.created", checkout, id="dp_1").outcome
    tell("charge.dispute.closed", checkout, id="dp_1", status="won")
    assert tell("charge.dispute.closed", checkout, id="dp_1", status="won").state == "ignored"

    dispute.refresh_from_db()
    assert dispute.outcome == "won"
    assert dispute.closed_at
    verbs = Entry.objects.filter(object_id=str(order.pk), verb__contains="dispute").values_list("verb", flat=True)
    assert sorted(verbs) == ["order.dispute_closed", "order.payment_disputed"]


@pytest.mark.django_db(transaction=True)
def test_events_of_one_payment_at_once_make_one_order():
    checkout = open_checkout()
    for _ in range(4):
        post(event_body(SUCCEEDED, checkout.payment_intent_id))

    from trustengine.jobs.runner import drain

    kind = registry.handler_of(process_payment).kind
    at_once(*[partial(drain, kind, linger=0)] * 4)

    assert Order.objects.count() == 1
    assert not PaymentEvent.objects.filter(state="failed").exists()
