from datetime import timedelta

import pytest
from django.utils import timezone

from orders.erasure import ERASED, forget_late_payloads
from orders.models import Checkout, CheckoutLine, OrderItem, PaymentEvent, Product
from orders.services import retry_event
from orders.tests.factories import OrderFactory, OrderItemFactory, ProductFactory
from trustengine.accounts.erasing import request_erasure
from trustengine.accounts.errors import ErasureHindered
from trustengine.accounts.models import Membership
from trustengine.accounts.tests.factories import MembershipFactory, UserFactory, VendorFactory
from trustengine.errors import InvalidTransition
from trustengine.testing import run_due_jobs

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner():
    return UserFactory()


@pytest.fixture
def vendor(owner):
    return VendorFactory(owner=owner)


def sell(vendor):
    ProductFactory(vendor=vendor)


def owe(vendor):
    OrderItemFactory(product=ProductFactory(vendor=vendor, is_active=False), fulfilment_status="shipped")


def promise(vendor):
    product = ProductFactory(vendor=vendor, is_active=False)
    checkout = Checkout.objects.create(
        customer=UserFactory().customer_profile,
        payment_intent_id="pi_1",
        amount_cents=1,
        currency="EUR",
        expires_at=timezone.now(),
    )
    CheckoutLine.objects.create(checkout=checkout, product=product, vendor=vendor, quantity=1, unit_price_cents=1)


@pytest.mark.parametrize("bond", [sell, owe, promise])
def test_a_shop_that_sells_or_owes_keeps_its_only_owner(bond, owner, vendor):
    bond(vendor)

    with pytest.raises(ErasureHindered):
        request_erasure(owner, actor=owner)

    assert Membership.objects.filter(user=owner, profile=vendor).exists()
    MembershipFactory(profile=vendor, role=Membership.Role.OWNER)
    assert request_erasure(owner, actor=owner).state == "requested"


@pytest.mark.parametrize("role", [Membership.Role.VIEWER, Membership.Role.MANAGER])
def test_other_members_may_go(role, vendor):
    member = MembershipFactory(profile=vendor, role=role).user
    sell(vendor)

    assert request_erasure(member, actor=member).state == "requested"


def test_a_shop_that_has_been_wound_up_lets_its_owner_go(owner, vendor):
    sell(vendor)
    owe(vendor)
    Product.objects.update(is_active=False)
    OrderItem.objects.update(fulfilment_status="delivered")

    assert request_erasure(owner, actor=owner).state == "requested"


def test_payloads_that_are_still_to_be_processed_are_left_until_they_were():
    user = UserFactory()
    order = OrderFactory(buyer=user)
    fields = {"type": "charge.refunded", "payload": {"name": "Ada"}, "order": order, "made_at": timezone.now()}
    late = PaymentEvent.objects.create(id="evt_late", state="received", **fields)
    other = PaymentEvent.objects.create(id="evt_other", **fields | {"order": OrderFactory()}, state="processed")
    request_erasure(user, actor=None)
    run_due_jobs()
    late.refresh_from_db()
    assert late.payload == {"name": "Ada"}

    PaymentEvent.objects.filter(pk=late.pk).update(state="processed")
    assert forget_late_payloads() == {"payloads": 1}

    late.refresh_from_db()
    other.refresh_from_db()
    assert (late.payload, other.payload) == (ERASED, {"name": "Ada"})
    assert forget_late_payloads() == {"payloads": 0}


def test_a_failed_payload_is_the_operators_for_a_while_and_then_goes_too(settings):
    user = UserFactory()
    order = OrderFactory(buyer=user)
    fields = {"type": "charge.refunded", "payload": {"name": "Ada"}, "order": order, "state": "failed"}
    event = PaymentEvent.objects.create(id="evt_failed", made_at=timezone.now(), **fields)
    request_erasure(user, actor=None)
    run_due_jobs()
    assert forget_late_payloads() == {"payloads": 0}
    PaymentEvent.objects.update(received_at=timezone.now() - timedelta(days=settings.PAYMENT_EVENT_DAYS + 1))

    assert forget_late_payloads() == {"payloads": 1}

    event.refresh_from_db()
    assert (event.payload, event.state) == (ERASED, "failed")
    with pytest.raises(InvalidTransition):
        retry_event(event.pk, actor=None)
