"""Taking an order back, and an item that its vendor takes back: shelf, money, status, all once."""

from functools import partial

import pytest

from orders.errors import ProviderAway, ProviderRefused
from orders.models import OrderItem, Refund
from orders.payments import ProviderRefund
from orders.payments.local import LocalProvider
from orders.services import cancel_order, transition_item
from orders.tests.factories import OrderFactory, OrderItemFactory, ProductFactory
from orders.tests.payment_factories import event_body, open_checkout, paid_order, post, tell
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory, VendorFactory
from trustengine.audit.models import Entry
from trustengine.errors import InvalidTransition
from trustengine.jobs.models import Job
from trustengine.testing import api_client_for, at_once, run_due_jobs


@pytest.fixture
def sale():
    return make_sale()


def make_sale():
    """A paid order of two pieces of one product of an owner's, with all who take part."""

    class Sale:
        buyer, owner = UserFactory(), UserFactory()
        product = ProductFactory(vendor=VendorFactory(owner=owner), price_cents=1_000, stock=5)
        checkout = open_checkout(buyer, bought={product: 2})
        order = paid_order(checkout)
        item = order.items.get()

    return Sale


def cancel(order, user):
    return api_client_for(user).post(f"/api/v1/orders/{order.pk}/cancel/")


def shelf(product):
    product.refresh_from_db()
    return product.stock, product.reserved


@pytest.mark.django_db
def test_a_customer_cancels_an_order_and_gets_the_money_back(sale):
    assert shelf(sale.product) == (3, 0)

    answer = cancel(sale.order, sale.buyer)

    assert answer.status_code == 200
    assert answer.json()["status"] == "cancelled"
    assert [item["fulfilment_status"] for item in answer.json()["items"]] == ["cancelled"]
    assert shelf(sale.product) == (5, 0)
    refund = Refund.objects.get()
    assert (refund.state, refund.amount_cents, refund.requested_by) == ("requested", 2_000, sale.buyer)
    assert refund.reason == "customer_cancelled"

    run_due_jobs()

    sale.item.refresh_from_db()
    sale.order.refresh_from_db()
    assert (sale.item.refunded_cents, sale.item.refunded_at is not None) == (2_000, True)
    assert sale.order.status == "cancelled"
    verbs = set(Entry.objects.filter(actor_id=sale.buyer.pk).values_list("verb", flat=True))
    assert verbs == {"order_item.moved", "order.status_derived", "refund.requested"}
    assert cancel(sale.order, sale.buyer).json()["code"] == "INVALID_TRANSITION"


@pytest.mark.django_db
def test_who_may_cancel(sale):
    viewer = MembershipFactory(profile=sale.order.customer, role=Membership.Role.VIEWER).user
    for user, status, code in (
        (None, 401, "AUTH_REQUIRED"),
        (UserFactory(), 404, "NOT_FOUND"),
        (sale.owner, 404, "NOT_FOUND"),
        (viewer, 403, "PERMISSION_DENIED"),
    ):
        answer = cancel(sale.order, user)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    sale.buyer.suspended_at = sale.order.placed_at
    sale.buyer.save()
    assert cancel(sale.order, sale.buyer).json()["code"] == "ACCOUNT_SUSPENDED"


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["shipped", "delivered", "cancelled", "returned"])
def test_once_any_item_is_neither_pending_nor_processing_it_is_too_late(state):
    order = OrderFactory()
    OrderItemFactory(order=order)
    OrderItemFactory(order=order, fulfilment_status=state)

    answer = cancel(order, order.customer.user)

    assert (answer.status_code, answer.json()["code"]) == (409, "INVALID_TRANSITION")
    assert not Refund.objects.exists()


@pytest.mark.django_db
def test_an_order_whose_money_no_provider_knows_is_recorded_as_refunded():
    item = OrderItemFactory(fulfilment_status="processing", unit_price_cents=700, quantity=2)

    assert cancel(item.order, item.order.customer.user).status_code == 200
    run_due_jobs()

    item.refresh_from_db()
    assert item.refunded_cents == 1_400
    assert Refund.objects.get().provider == ""


@pytest.mark.django_db
def test_an_item_that_its_vendor_cancels_goes_back_on_the_shelf_and_is_refunded(sale):
    transition_item(sale.item.pk, to="cancelled", actor=sale.owner)
    transition_item(sale.item.pk, to="cancelled", actor=sale.owner)
    run_due_jobs()

    assert shelf(sale.product) == (5, 0)
    sale.item.refresh_from_db()
    assert sale.item.refunded_cents == 2_000
    assert [refund.reason for refund in Refund.objects.all()] == ["vendor_cancelled"]


@pytest.mark.django_db
def test_what_was_refunded_before_is_not_refunded_again(sale):
    tell("charge.refunded", sale.checkout, amount_refunded=500)

    cancel(sale.order, sale.buyer)
    run_due_jobs()

    sale.item.refresh_from_db()
    assert sale.item.refunded_cents == 2_000
    assert sorted(Refund.objects.values_list("amount_cents", flat=True)) == [500, 1_500]


@pytest.mark.django_db
def test_a_provider_that_is_away_is_asked_again_under_the_same_key(sale, monkeypatch):
    keys = []

    def refund(self, *, key, **about):
        keys.append(key)
        if len(keys) == 1:
            raise ProviderAway
        return ProviderRefund("re_1", succeeded=True)

    monkeypatch.setattr(LocalProvider, "refund", refund)
    cancel(sale.order, sale.buyer)
    run_due_jobs(failing=True)
    assert Refund.objects.get().state == "sent"

    Job.objects.filter(kind="orders.send_refunds").update(run_at=sale.order.placed_at)
    run_due_jobs()

    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert Refund.objects.get().state == "succeeded"


@pytest.mark.django_db
def test_a_refund_that_the_provider_refuses_is_told_and_may_be_asked_for_again(sale, monkeypatch):
    def refuse(self, **about):
        raise ProviderRefused(reason="charge_already_refunded")

    with monkeypatch.context() as patched:
        patched.setattr(LocalProvider, "refund", refuse)
        cancel(sale.order, sale.buyer)
        run_due_jobs()

    refund = Refund.objects.get()
    assert (refund.state, refund.failure) == ("failed", "charge_already_refunded")
    sale.item.refresh_from_db()
    assert sale.item.refunded_cents == 0


@pytest.mark.django_db(transaction=True)
def test_cancelling_twice_at_once_restocks_and_refunds_once():
    sale = make_sale()

    outcomes = at_once(*[partial(cancel_order, sale.order.pk, actor=sale.buyer)] * 6)

    assert sum(isinstance(outcome, InvalidTransition) for outcome in outcomes) == 5
    run_due_jobs()
    assert shelf(sale.product) == (5, 0)
    assert Refund.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_cancelling_and_shipping_at_once_one_wins():
    for _ in range(6):
        sale = make_sale()
        transition_item(sale.item.pk, to="processing", actor=sale.owner)

        outcomes = at_once(
            partial(cancel_order, sale.order.pk, actor=sale.buyer),
            partial(transition_item, sale.item.pk, to="shipped", actor=sale.owner),
        )

        run_due_jobs()
        sale.item.refresh_from_db()
        sale.order.refresh_from_db()
        refused = [isinstance(outcome, InvalidTransition) for outcome in outcomes]
        if sale.item.fulfilment_status == "cancelled":
            assert refused == [False, True]
            assert (shelf(sale.product), sale.order.status, sale.item.refunded_cents) == ((5, 0), "cancelled", 2_000)
        else:
            assert refused == [True, False]
            assert (shelf(sale.product), sale.order.status, sale.item.refunded_cents) == ((3, 0), "shipped", 0)


@pytest.mark.django_db(transaction=True)
def test_a_refund_from_outside_and_a_cancellation_at_once_come_to_the_price():
    for amount in (500, 2_000):
        sale = make_sale()
        post(event_body("charge.refunded", sale.checkout.payment_intent_id, amount_refunded=amount))

        at_once(partial(cancel_order, sale.order.pk, actor=sale.buyer), run_due_jobs)
        run_due_jobs()

        sale.item.refresh_from_db()
        assert sale.item.refunded_cents == 2_000
        assert shelf(sale.product) == (5, 0)
        assert OrderItem.objects.get(pk=sale.item.pk).refunded_at
